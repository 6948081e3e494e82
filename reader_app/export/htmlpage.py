"""Small pieces of HTML: everything from outside is escaped, nothing is loaded from anywhere, no script."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from html import escape
from html.parser import HTMLParser

from reader_app.export import words
from reader_app.export.layout import NOT_ESTIMABLE, Column, Kind, Table, Value, used

CSS = """
:root { color-scheme: light; --ink:#1f2937; --dim:#5f6773; --line:#d9dde3; --soft:#f3f5f8; --blue:#2f5fb3; --amber:#8a5a00; }
* { box-sizing: border-box; }
body { margin: 0; color: var(--ink); background: #fff;
  font: 15px/1.55 "Inter","Segoe UI","Helvetica Neue",Arial,"Noto Sans CJK SC",sans-serif; }
header, main, footer { max-width: 1240px; margin: 0 auto; padding: 0 32px; }
header { padding-top: 40px; }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 6px; letter-spacing: -0.01em; }
h2 { font-size: 21px; margin: 52px 0 6px; padding-top: 14px; border-top: 1px solid var(--line); }
h3 { font-size: 15px; margin: 26px 0 6px; }
p { margin: 6px 0 12px; max-width: 78ch; }
.dim, caption, figcaption { color: var(--dim); }
.notice { color: var(--amber); font-weight: 600; }
.interim { background: #fff4d6; border: 1px solid #e3bd62; color: #6b4700; padding: 10px 14px; border-radius: 6px;
  font-weight: 600; }
nav { margin: 22px 0 0; padding: 12px 16px; background: var(--soft); border-radius: 6px; columns: 3; column-gap: 28px; }
nav a { display: block; color: var(--blue); text-decoration: none; padding: 1px 0; }
nav a:hover { text-decoration: underline; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 18px 0; }
.card { border: 1px solid var(--line); border-radius: 6px; padding: 12px 14px; }
.card b { display: block; font-size: 24px; line-height: 1.2; font-variant-numeric: tabular-nums; }
.card span { color: var(--dim); font-size: 13px; }
.wide { overflow-x: auto; margin: 10px 0 4px; }
table { border-collapse: collapse; font-size: 13px; line-height: 1.4; font-variant-numeric: tabular-nums; }
th { text-align: left; vertical-align: bottom; background: var(--soft); border-bottom: 1.5px solid #9aa6b5; padding: 6px 10px;
  font-weight: 600; }
td { border-bottom: 1px solid var(--line); padding: 5px 10px; vertical-align: top; overflow-wrap: break-word; max-width: 46ch; }
td.s { white-space: nowrap; }
td.n, th.n { text-align: right; }
td.n { white-space: nowrap; overflow-wrap: normal; }
tr.all td { font-weight: 600; background: #fafbfc; }
td.ne { color: var(--dim); font-style: italic; }
td.hash { overflow-wrap: anywhere; min-width: 30ch; font-family: ui-monospace, Consolas, monospace; font-size: 11.5px; }
figure { margin: 18px 0; }
figure svg { max-width: 100%; height: auto; display: block; }
details { margin: 10px 0; }
.runhead { display: none; }
summary { cursor: pointer; color: var(--blue); }
footer { margin-top: 60px; padding-bottom: 40px; color: var(--dim); font-size: 13px; }
@media print {
  @page { margin: 16mm 14mm; }
  body { font-size: 10pt; } nav { display: none; }
  .runhead { display: block; position: fixed; top: -11mm; left: 0; font-size: 8pt; color: var(--amber); }
  h2 { break-after: avoid; } figure, tr { break-inside: avoid; }
  table { font-size: 8.5pt; } header, main, footer { padding: 0; max-width: none; }
}
@media (max-width: 760px) { nav { columns: 1; } header, main, footer { padding: 0 16px; } }
"""


def text_of(value: Value, kind: Kind) -> str:
    """Return a value as a person reads it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if kind is Kind.PERCENT:
        return f"{100 * value:.1f} %"
    if kind is Kind.SECONDS:
        return f"{value:.1f}"
    if kind is Kind.P:
        return p_value(value)
    if kind is Kind.INTEGER or (isinstance(value, int) and kind is Kind.TEXT):
        return f"{value:g}" if isinstance(value, float) else str(value)
    if kind is Kind.FINE:
        return f"{value:.6f}"
    return f"{value:.3f}"


def p_value(value: float) -> str:
    """Return a p-value as journals print it."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def table(source: Table, caption: str = "") -> str:
    """Return a table; columns without any value are left out as in the workbook, rows about all readers stand out."""
    if not source.rows:
        return ""
    places = used(source)
    columns = [source.columns[place] for place in places]
    head = "".join(f'<th{_align(column)} scope="col">{escape(column.title)}</th>' for column in columns)
    body = "".join(
        f"<tr{' class=all' if row and row[0] == 'All readers' else ''}>"
        + "".join(_cell(row[place], source.columns[place]) for place in places)
        + "</tr>"
        for row in source.rows
    )
    named = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f'<div class="wide"><table>{named}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _align(column: Column) -> str:
    return "" if column.kind in (Kind.TEXT, Kind.TIME) else ' class="n"'


def _cell(value: Value, column: Column) -> str:
    if value == NOT_ESTIMABLE:
        return f'<td class="ne">{NOT_ESTIMABLE}</td>'
    shown = text_of(value, column.kind)
    if any(len(word) > 40 for word in shown.split()):
        return f'<td class="hash">{escape(shown)}</td>'
    if _align(column) or len(shown) > 28:
        return f"<td{_align(column)}>{escape(shown)}</td>"
    return f'<td class="s">{escape(shown)}</td>'


def section(anchor: str, title: str, *parts: str) -> str:
    """Return a section with its heading; empty parts are left out."""
    return f'<section id="{anchor}"><h2>{escape(title)}</h2>{"".join(part for part in parts if part)}</section>'


def paragraph(text: str, kind: str = "") -> str:
    """Return a paragraph of plain text."""
    return f"<p{f' class={kind!r}' if kind else ''}>{escape(text)}</p>"


def heading(text: str) -> str:
    """Return a small heading."""
    return f"<h3>{escape(text)}</h3>"


def figure(svg: str, caption: str) -> str:
    """Return a figure: the drawing itself, not a link to it."""
    drawing = svg[svg.index("<svg") :]
    size = re.search(r'width="([0-9.]+)pt" height="[0-9.]+pt"', drawing)
    if size:  # on screen a third larger than on paper, never wider than the page
        width = f'style="width:{1.33 * float(size.group(1)):.0f}pt"'
        drawing = drawing.replace(size.group(), width, 1)
    return f"<figure>{drawing}<figcaption>{escape(caption)}</figcaption></figure>"


def cards(entries: Sequence[tuple[str, str]]) -> str:
    """Return a row of numbers with what they count."""
    return (
        '<div class="cards">'
        + "".join(f'<div class="card"><b>{escape(n)}</b><span>{escape(t)}</span></div>' for n, t in entries)
        + "</div>"
    )


def page(title: str, subtitle: str, banner: str, contents: Sequence[tuple[str, str]], body: str, foot: str) -> str:
    """Return a whole page that forbids itself to load anything.

    Parameters
    ----------
    banner : str
        HTML under the title (already escaped).
    contents : sequence of (anchor, title)
    """
    links = "".join(f'<a href="#{anchor}">{escape(name)}</a>' for anchor, name in contents)
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)}</title>'
        f"<style>{CSS}</style></head><body><header><h1>{escape(title)}</h1>{paragraph(subtitle, 'dim') if subtitle else ''}"
        f'<p class="notice">{escape(words.NOTICE)}</p>{banner}<nav aria-label="Contents">{links}</nav></header>'
        f"<main>{body}</main><footer>{escape(foot)}</footer></body></html>\n"
    )


class Inspector(HTMLParser):
    """Reads a page back: its text, whether every element is closed, and whether anything is loaded from outside."""

    _EMPTY = frozenset({"meta", "br", "hr", "img", "link", "input"})
    _LOADS = frozenset({"src", "srcset", "data", "action", "poster", "background"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.faults: list[str] = []
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element: what it loads, where it points."""
        if tag in ("script", "iframe", "object", "embed", "link", "base", "form"):
            self.faults.append(f"element {tag}")
        for name, value in attrs:
            target = (value or "").strip()
            if name in self._LOADS or name.startswith("on"):
                self.faults.append(f"attribute {name}")
            if name in ("href", "xlink:href") and not target.startswith("#"):
                self.faults.append(f"link to {target[:40]!r}")
            if name == "id":
                self.ids.add(target)
            if name == "href" and tag == "a":
                self.links.append(target[1:])
        if tag not in self._EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element that closes itself."""
        self.handle_starttag(tag, attrs)
        if tag not in self._EMPTY:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        """Check that elements close in order."""
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        """Keep the text."""
        if not self.open or self.open[-1] != "style":
            self.text.append(data)


def inspect(page_text: str) -> Inspector:
    """Parse a page and return what was found; ``faults`` is empty for a sound, self-contained page."""
    found = Inspector()
    found.feed(page_text)
    found.close()
    found.faults += [f"<{tag}> is not closed" for tag in found.open]
    found.faults += [f"a link to #{name} goes nowhere" for name in found.links if name not in found.ids]
    return found
