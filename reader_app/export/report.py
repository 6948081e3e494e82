"""The report: one HTML file that needs nothing else, the same as PDF, and its figures as SVG and PNG."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path

from reader_app.export import figures, htmlpage, reportcontent, words
from reader_app.export.atomic import refuse, write_checked
from reader_app.export.checklists import FILL_IN, Checklist, answer
from reader_app.export.content import WorkbookContent
from reader_app.export.htmlpage import heading, paragraph, section, table
from reader_app.export.reportcontent import CAPTIONS, FIGURES, Block, Facts, Guideline, Picture, Text


def write_report(path: Path, content: WorkbookContent) -> list[Path]:
    """Write the report and, beside it, the PDF and the figures.

    Parameters
    ----------
    path : Path
        The HTML file; ``NAME.pdf`` and the folder ``NAME-figures`` stand beside it.

    Returns
    -------
    list of Path
        Everything written; each file was read back before it took its place.

    Raises
    ------
    EnvironmentFault
        If a file cannot be written: one sentence; older files are untouched.
    NotAsWritten
        If the page read back is not sound or loads something from outside.
    """
    from reader_app.export.reportpdf import write_pdf

    drawn = draw(content)
    page = compose(content, {name: one.svg.decode("utf-8") for name, one in drawn.items()})
    written = [write_checked(path, lambda target: _save(target, page), lambda target: _check(target, page)).path]
    written.append(write_pdf(path.with_suffix(".pdf"), content, drawn))
    folder = path.with_name(f"{path.stem}-figures")
    folder.mkdir(exist_ok=True)
    for name, one in drawn.items():
        written.append(_write_bytes(folder / f"{name}.svg", one.svg))
        written.append(_write_bytes(folder / f"{name}.png", one.png))
    return written


@dataclass(frozen=True, slots=True)
class Drawn:
    """A figure as it is published: caption, vector and raster form, size in millimetres."""

    caption: str
    svg: bytes
    png: bytes
    width_mm: float
    height_mm: float


def draw(content: WorkbookContent) -> dict[str, Drawn]:
    """Return the figures that there is data for."""
    found: dict[str, Drawn] = {}
    for name, make, caption in FIGURES:
        with figures.style():
            figure = make(content)
            if figure is not None and content.interim:
                figure.suptitle("INTERIM – some rounds are not finished", fontsize=7, color="#8A5A00", x=0.99, ha="right")
        if figure is not None:
            width, height = figure.get_size_inches() * 25.4
            vector = figures.picture(figure, "svg")
            figure.set_layout_engine("none")  # everything has its place now
            found[name] = Drawn(caption, vector, figures.picture(figure, "png"), width, height)
    return found


def _save(target: Path, text: str) -> None:
    target.write_text(text, encoding="utf-8", newline="\n", errors="replace")


def _check(target: Path, meant: str) -> str:
    text = target.read_text(encoding="utf-8")
    faults = [] if text == meant.encode("utf-8", "replace").decode("utf-8") else ["text"]
    refuse(target, faults + htmlpage.inspect(text).faults)
    return f"{len(text):,} characters"


def _write_bytes(path: Path, data: bytes) -> Path:
    def write(target: Path) -> None:
        target.write_bytes(data)

    def check(target: Path) -> str:
        refuse(path, [] if target.read_bytes() == data else ["bytes"])
        return f"{len(data):,} bytes"

    return write_checked(path, write, check).path


# --- composing ----------------------------------------------------------------------------------------------------------------


def compose(content: WorkbookContent, drawings: dict[str, str]) -> str:
    """Return the page.

    Parameters
    ----------
    drawings : dict of str to str
        The figures as SVG, by name.
    """
    numbered = {name: number for number, name in enumerate(drawings, start=1)}
    parts = reportcontent.sections(content, drawings)
    titles = {part.anchor: part.title for part in parts}

    def html(block: Block) -> str:
        if isinstance(block, Text):
            return paragraph(block.text)
        if isinstance(block, Facts):
            return htmlpage.cards(block.entries)
        if isinstance(block, Picture):
            return htmlpage.figure(drawings[block.name], f"Figure {numbered[block.name]}. {CAPTIONS[block.name]}")
        if isinstance(block, Guideline):
            return _checklist(block.checklist, titles)
        if block.folded:
            return _fold(block.title, table(block.table))
        return (heading(block.title) if block.title else "") + table(block.table)

    body = "".join(section(part.anchor, part.title, *(html(block) for block in part.blocks)) for part in parts)
    banner = "".join(f'<p class="notice">{escape(note)}</p>' for note in content.notes)
    if content.interim:
        banner += f'<p class="interim">{escape(reportcontent.INTERIM)}</p>'
    banner += f'<p class="runhead">{escape(("INTERIM – do not report · " if content.interim else "") + words.NOTICE)}</p>'
    contents = [(part.anchor, part.title) for part in parts]
    title, about = content.study.title, content.study.description
    return htmlpage.page(title, about, banner, contents, body, reportcontent.foot(content))


def _fold(title: str, inner: str) -> str:
    """Return a part that is folded on screen; printing opens nothing, so the PDF and the workbook hold it too."""
    return f"<details><summary>{escape(title)}</summary>{inner}</details>"


def _checklist(checklist: Checklist, titles: dict[str, str]) -> str:
    rows = ""
    for item in checklist.items:
        where = answer(item, titles)
        shown = f'<a href="#{where}">{escape(titles[where])}</a>' if where else f'<span class="dim">{FILL_IN}</span>'
        rows += f"<tr><td>{escape(item.number)}</td><td>{escape(item.asks)}</td><td>{shown}</td></tr>"
    head = "".join(f'<th scope="col">{name}</th>' for name in ("Item", "Asks for", "Where"))
    return (
        f"{heading(checklist.name)}{paragraph(checklist.source, 'dim')}"
        f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    )
