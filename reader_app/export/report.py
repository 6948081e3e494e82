"""The report: one HTML file that needs nothing else, the same as PDF, and its figures as SVG and PNG.

Sections appear only when there is something to say; a checklist points only to sections that are really there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from reader_app.export import figures, figures_change, htmlpage, reportparts, sheets_features, words
from reader_app.export.atomic import refuse, write_checked
from reader_app.export.checklists import CHECKLISTS, FILL_IN, answer
from reader_app.export.content import WorkbookContent
from reader_app.export.htmlpage import heading, paragraph, section, table
from reader_app.export.layout import Column, Kind, Table
from reader_app.export.resultrows import Results
from reader_app.export.sheets_reads import aids_sheet
from reader_app.export.sheets_results import aid_use_table, net_table
from reader_app.export.sheets_roc import mrmc_sheet
from reader_app.export.sheets_study import readme_sheet, study_sheet
from reader_app.export.sheets_times import times_sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Figures in the order of the report: name, function, caption.
FIGURES: tuple[tuple[str, Callable[[WorkbookContent], Figure | None], str], ...] = (
    ("flow", figures_change.flow, "Flow of cases, readers and reads."),
    ("accuracy", figures.accuracy, "Sensitivity and specificity of each reader and condition, with intervals."),
    (
        "roc",
        figures.roc,
        "ROC curves. Thin: single readers; thick: mean of the readers (vertical average); dashed black: models.",
    ),
    ("forest", figures.forest, "Difference of AUC by reader with intervals; blue: all readers."),
    ("froc", figures_change.froc, "Free-response curves. Thin: single readers; thick: all readers."),
    ("agreement", figures_change.agreement, "Pairwise agreement of BI-RADS categories."),
    ("sankey", figures_change.sankey, "BI-RADS categories before and after the aid, all readers; strong bands: changed."),
    ("times", figures.times, "Reading times: median, quartiles, 1.5 interquartile ranges; logarithmic scale."),
    (
        "embedding",
        figures_change.embedding,
        "Map of the models’ embeddings (t-SNE): cases that are alike to the model lie together; axes have no unit.",
    ),
    ("decision", figures_change.decision, "Decision curves: net benefit of biopsy at or above each threshold."),
)


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
        if figure is not None:
            if content.interim:
                figure.suptitle("INTERIM – some rounds are not finished", fontsize=7, color="#8A5A00", x=0.99, ha="right")
            width, height = figure.get_size_inches() * 25.4
            found[name] = Drawn(caption, figures.picture(figure, "svg"), figures.picture(figure, "png"), width, height)
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
    captions = {name: caption for name, _, caption in FIGURES}
    numbered = {name: number for number, name in enumerate(drawings, start=1)}

    def drawing(name: str) -> str:
        if name not in drawings:
            return ""
        return htmlpage.figure(drawings[name], f"Figure {numbered[name]}. {captions[name]}")

    parts = [entry for entry in _sections(content, drawing) if any(entry[2])]
    titles = {anchor: title for anchor, title, _ in parts}
    parts.append(("checklists", "Reporting guidelines", (_checklists(titles),)))
    body = "".join(section(anchor, title, *inner) for anchor, title, inner in parts)
    banner = "".join(f'<p class="notice">{escape(note)}</p>' for note in content.notes)
    if content.interim:
        banner += '<p class="interim">INTERIM – some rounds are not finished. These figures must not be reported.</p>'
    stamp = content.written_utc.replace("T", " ").replace("Z", " UTC")
    version = content.versions.get("reader-app", "")
    foot = f"{words.NOTICE}. Written {stamp} by reader-app {version}.".replace("  ", " ")
    if content.interim:
        foot = "INTERIM. " + foot
    contents = [(anchor, title) for anchor, title, _ in parts]
    return htmlpage.page(content.study.title, content.study.description, banner, contents, body, foot)


Drawing = Callable[[str], str]
Part = tuple[str, str, tuple[str, ...]]


def _sections(content: WorkbookContent, drawing: Drawing) -> list[Part]:
    results = Results(content)
    rounds, settings, readers = study_sheet(content).tables
    models, _ = aids_sheet(content).tables
    mrmc_tests, _, _, components = mrmc_sheet(content).tables
    time_tests = [entry for entry in times_sheet(content).tables if entry.name in ("times_paired", "times_model")]
    limit = content.positive_from()
    found: list[Part] = [
        ("glance", "At a glance", (_glance(content),)),
        ("flow", "Flow of cases and reads", (drawing("flow"), table(reportparts.reading_progress(content)))),
        (
            "design",
            "Design",
            (heading("Rounds"), table(rounds), heading("Settings"), table(settings), heading("Readers"), table(readers)),
        ),
        ("baseline", "Cases", _cases(content)),
    ]
    if any(model_row for model_row in models.rows):
        cohorts = sheets_features.cohorts(content)
        found.append(("aids", "Models", (table(models), _titled(cohorts), drawing("embedding"))))
    accuracy = table(reportparts.accuracy(results))
    if accuracy:
        text = f"A case is called positive from BI-RADS {limit}. Intervals ({results.coverage}): {_methods_used(results)}. "
        text += "PPV and NPV hold at this study's prevalence."
        tests = _fold("McNemar: the same cases under two conditions", table(reportparts.mcnemar(results)))
        found.append(("accuracy", "Accuracy", (paragraph(text), drawing("accuracy"), accuracy, tests)))
    curves, other_curves = reportparts.split(results.rows("roc"))
    areas = table(reportparts.areas(results, curves))
    if areas:
        pairs, other_pairs = reportparts.split(results.rows("roc_paired"))
        folded = (
            _fold("Differences between conditions, by reader", table(reportparts.differences(results, pairs))),
            _fold("Areas from BI-RADS and from the call", table(reportparts.areas(results, other_curves))),
            _fold("Differences of those", table(reportparts.differences(results, other_pairs))),
        )
        found.append(("roc", "ROC", (drawing("roc"), drawing("forest"), areas, *folded)))
    primary, others = reportparts.mrmc_rows(results)
    multi = table(reportparts.mrmc(results, primary))
    if multi:
        more = (
            _fold("Other analyses and endpoints", table(reportparts.mrmc(results, others))),
            _fold("Tests of any difference, and variance components", table(mrmc_tests) + table(components)),
        )
        found.append(("mrmc", "Multi-reader multi-case analysis", (paragraph(_MRMC), multi, *more)))
    local, merit = table(reportparts.localisation(results)), table(reportparts.merit(results))
    if local or merit:
        found.append(("localisation", "Localisation", (drawing("froc"), local, merit)))
    agreed = table(reportparts.agreement(results))
    if agreed:
        found.append(("agreement", "Agreement", (drawing("agreement"), _fold("All coefficients", agreed))))
    found.append(("change", "Change with the aid", _change(results, drawing)))
    found.append(("times", "Reading times", (drawing("times"), table(reportparts.times(results)), *(map(_titled, time_tests)))))
    found.append(("decision", "Decision curves", (drawing("decision"),)))
    found.append(("deviations", "Deviations from the protocol", (_deviations(content),)))
    found.append(("log", "Analysis log", (_log(content),)))
    return found


def _cases(content: WorkbookContent) -> tuple[str, ...]:
    """Return the baseline table and the features against pathology and BI-RADS, each set of tests folded."""
    folded = (_fold(own.title, paragraph(own.note) + table(own)) for own in sheets_features.printed(content))
    return (table(reportparts.baseline(content)), *folded)


_MRMC = (
    "Do the findings hold for other readers and other cases? “readers and cases”: both are samples; “cases”: these very readers, "
    "other cases; “readers”: other readers, these very cases. Negative variance components are reported as they are."
)


def _titled(source: Table) -> str:
    inner = table(source)
    return heading(source.title) + inner if inner else ""


def _fold(title: str, inner: str) -> str:
    """Return a part that is folded on screen; printing opens nothing, so the PDF and the workbook hold it too."""
    return f"<details><summary>{escape(title)}</summary>{inner}</details>" if inner else ""


def _methods_used(results: Results) -> str:
    from reader_app.export.resultrows import method_word

    names = ("sensitivity", "specificity", "ppv", "npv", "accuracy", "f1")
    used = {
        method_word(row[name].get("method"))
        for row in results.rows("accuracy")
        for name in names
        if isinstance(row.get(name), dict)
    }
    return "; ".join(sorted(name for name in used if name)) or "not stated"


def _glance(content: WorkbookContent) -> str:
    truth = content.truth()
    malignant = sum(value == "1" for value in truth.values())
    entries = [
        (str(len(content.cases)), "cases"),
        (f"{malignant} / {len(truth) - malignant}", "malignant / benign by the reference standard"),
        (str(len(content.readers)), "readers"),
        (str(len(content.study.rounds)), "rounds"),
        (str(len(content.reads)), "reads"),
        (str(sum(len(items) for items in content.deviations.values())), "protocol deviations found"),
    ]
    return htmlpage.cards(entries)


def _change(results: Results, drawing: Drawing) -> tuple[str, ...]:
    rows = reportparts.forward(results, results.rows("reclassification"))
    restratified = table(reportparts.restratification(results, rows))
    co_decision = table(reportparts.restratification(results, results.rows("co_decision")))
    use, net = table(aid_use_table(results)), table(net_table(results))
    return (
        drawing("sankey"),
        heading("Re-stratification") + restratified if restratified else "",
        heading("Co-decision: what the models together would have made of the category") + co_decision if co_decision else "",
        heading("Advice followed and overruled") + use if use else "",
        _fold("Net reclassification", net),
    )


def _deviations(content: WorkbookContent) -> str:
    counted = table(reportparts.deviations(content))
    text = "Found in the logs by an independent auditor; every single one stands in the workbook."
    return paragraph(text) + counted if counted else paragraph("The independent auditor found no deviation in the logs.")


def _log(content: WorkbookContent) -> str:
    parts = []
    for entry in readme_sheet(content, []).tables:
        if entry.name in ("options", "versions", "hashes", "logs"):
            parts.append(heading(entry.title) + table(entry))
        elif entry.name == "warnings":
            parts.append(_fold(f"{entry.title} ({len(entry.rows)})", table(entry)))
    return "".join(parts)


def _checklists(titles: dict[str, str]) -> str:
    text = (
        "Where this report answers an item, and what is left to the investigator. Nothing is ticked: a section shows what the "
        "logs and tables hold, not that the study was done well. Items are paraphrased; the published lists are the authority."
    )
    parts = [paragraph(text)]
    for checklist in CHECKLISTS:
        rows = ""
        for item in checklist.items:
            where = answer(item, titles)
            shown = f'<a href="#{where}">{escape(titles[where])}</a>' if where else f'<span class="dim">{FILL_IN}</span>'
            rows += f"<tr><td>{escape(item.number)}</td><td>{escape(item.asks)}</td><td>{shown}</td></tr>"
        head = "".join(f'<th scope="col">{name}</th>' for name in ("Item", "Asks for", "Where"))
        parts.append(
            f"{heading(checklist.name)}{paragraph(checklist.source, 'dim')}"
            f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
        )
    return "".join(parts)


def report_tables(content: WorkbookContent) -> list[Table]:
    """Return the tables of the printed report, each with its title."""
    results = Results(content)
    rows = reportparts.forward(results, results.rows("reclassification"))
    named = [
        ("Rounds", study_sheet(content).tables[0]),
        ("Readers", study_sheet(content).tables[2]),
        ("Cases", reportparts.baseline(content)),
        *((own.title, own) for own in sheets_features.printed(content)),
        (f"Accuracy, positive from BI-RADS {content.positive_from()}", reportparts.accuracy(results)),
        ("Area under the ROC curve", reportparts.areas(results, reportparts.split(results.rows("roc"))[0])),
        ("Multi-reader multi-case analysis", reportparts.mrmc(results, reportparts.mrmc_rows(results)[0])),
        ("Models by cohort", sheets_features.cohorts(content)),
        ("Lesions hit", reportparts.localisation(results)),
        ("Re-stratification", reportparts.restratification(results, rows)),
        ("Reading times", reportparts.times(results)),
        ("Deviations from the protocol", reportparts.deviations(content)),
        ("Versions", _two_columns(list(content.versions.items()))),
        ("Hashes (SHA-256)", _two_columns(list(content.hashes.items()))),
    ]
    return [Table(entry.name, title, entry.columns, entry.rows) for title, entry in named if entry.rows]


def _two_columns(rows: list[tuple[str, str]]) -> Table:
    return Table("pairs", "", (Column("Item", "", Kind.TEXT), Column("Value", "", Kind.TEXT)), rows)
