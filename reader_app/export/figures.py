"""Figures of the report: vector, publication size, colour-blind safe, readable in grey. One function for each.

Every function returns a matplotlib ``Figure`` or None when the results hold nothing to draw. Sizes are millimetres on paper (85
is one column of most journals, 175 both). Conditions keep their colour in all figures (:mod:`reader_app.export.palette`), and are
told apart by dash and marker as well.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from reader_app import paths
from reader_app.export import words
from reader_app.export.content import WorkbookContent
from reader_app.export.palette import colors
from reader_app.export.resultrows import Results, Row, number, of_all_types, of_first_kind
from reader_app.study.readtable import active_seconds

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ONE_COLUMN, TWO_COLUMNS = 85.0, 175.0
INK, DIM, LINE = "#1F2937", "#6B7280", "#D1D5DB"
_DASHES = ("-", "-", (0, (4, 1.5)), (0, (1, 1)), (0, (5, 1, 1, 1)))
_MARKERS = ("o", "s", "^", "D", "v", "P")
_FONTS = ("Reader Sans", "Reader Sans CJK", "DejaVu Sans")


@contextmanager
def style() -> Iterator[None]:
    """Set the one style of all figures; the user's own matplotlib settings come back afterwards."""
    import matplotlib
    from matplotlib import font_manager

    known = set(font_manager.fontManager.get_font_names())
    for file in sorted(paths.resource("fonts").glob("*.otf")):
        if font_manager.FontProperties(fname=str(file)).get_name() not in known:
            font_manager.fontManager.addfont(str(file))
    families = [name for name in _FONTS if name in set(font_manager.fontManager.get_font_names())]
    settings: Any = {
        "font.family": families,
        "font.size": 8,
        "axes.titlesize": 8.5,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.labelsize": 8,
        "axes.labelcolor": INK,
        "axes.edgecolor": DIM,
        "axes.linewidth": 0.6,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "text.color": INK,
        "xtick.color": DIM,
        "ytick.color": DIM,
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
        "xtick.labelsize": 7.5,
        "ytick.labelsize": 7.5,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
        "legend.frameon": False,
        "legend.fontsize": 7.5,
        "svg.fonttype": "path",  # the same on every machine, CJK included
        "svg.hashsalt": "reader-app",
        "pdf.fonttype": 3,  # the shipped fonts are OpenType with PostScript outlines
    }
    log = logging.getLogger("matplotlib.font_manager")
    before = log.level
    log.setLevel(logging.ERROR)  # it would tell for each family which weight stands in for "bold"
    try:
        with matplotlib.rc_context(settings):
            yield
    finally:
        log.setLevel(before)


def new(width_mm: float, height_mm: float) -> Figure:
    """Return an empty figure without any window behind it."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width_mm / 25.4, height_mm / 25.4), layout="constrained")


def picture(figure: Figure, kind: str) -> bytes:
    """Return a figure as the bytes of an "svg", "png" (300 dpi) or "pdf" file; the same figure gives the same bytes."""
    stream = io.BytesIO()
    metadata: dict[str, Any] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind, {})
    with style():
        figure.savefig(stream, format=kind, dpi=300, metadata=metadata, facecolor="white")
    return stream.getvalue()


def _look(results: Results, rows: Sequence[Row] = ()) -> dict[str, tuple[str, Any, str]]:
    """Return colour, dash and marker of each condition."""
    found = colors(results.conditions(rows))
    look = {
        name: (f"#{color}", _DASHES[place % len(_DASHES)], _MARKERS[place % len(_MARKERS)])
        for place, (name, color) in enumerate(found.items())
    }
    look["model"] = (f"#{found['model']}", (0, (4, 2)), "*")
    return look


def _square(axes: Axes) -> None:
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "0.25", "0.5", "0.75", "1"])
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "0.25", "0.5", "0.75", "1"])


def roc(content: WorkbookContent) -> Figure | None:
    """Return ROC curves: every reader thin, the mean of the readers thick, models dashed."""
    results = Results(content)
    rows = [
        row
        for row in of_first_kind(of_all_types(results.rows("roc")), "score", ("score", "assessment", "call"))
        if row.get("points")
    ]
    if not rows:
        return None
    figure = new(ONE_COLUMN + 15, ONE_COLUMN + 30)
    axes = figure.add_subplot()
    look = _look(results, rows)
    pooled = any(row.get("reader_id") is None for row in rows)
    for row in sorted(rows, key=lambda entry: entry.get("reader_id") is None):
        x, y = zip(*((point[0], point[1]) for point in row["points"]), strict=True)
        color, dash, _ = look[str(row["condition"])]
        model, mean = row["condition"] == "model", row.get("reader_id") is None
        label = f"{results.reader(row)}, {results.condition(row).lower()}" if mean or model or not pooled else None
        area = number((row.get("auc") or {}).get("estimate"))
        if label and area is not None:
            label += f" (AUC {area:.3f})"
        strong = mean or model
        axes.plot(
            x,
            y,
            color=color,
            linestyle=dash if strong else "-",
            linewidth=2.0 if mean else 1.2 if model else 0.6,
            alpha=1.0 if strong or not pooled else 0.55,
            zorder=3 if strong else 2,
            label=label,
        )
    axes.plot([0, 1], [0, 1], color=LINE, linewidth=0.6, zorder=1)
    _square(axes)
    axes.set(xlabel="1 − specificity", ylabel="Sensitivity")
    figure.legend(loc="outside lower left")
    return figure


def accuracy(content: WorkbookContent) -> Figure | None:
    """Return sensitivity and specificity of each reader and condition with their intervals."""
    results = Results(content)
    rows = of_all_types(results.rows("accuracy"))
    if not rows:
        return None
    who = list(dict.fromkeys(row.get("reader_id") for row in rows))
    who.sort(key=lambda reader: reader is None)
    conditions = [name for name in results.conditions(rows) if any(row["condition"] == name for row in rows)]
    look = _look(results, rows)
    figure = new(TWO_COLUMNS, 22 + 4.0 * len(who) * max(1.0, len(conditions) * 0.62))
    panels = figure.subplots(1, 2, sharey=True)
    step = 0.72 / max(1, len(conditions))
    for axes, name in zip(panels, ("sensitivity", "specificity"), strict=True):
        for row in rows:
            found: Mapping[str, Any] = row.get(name) or {}
            value = found.get("estimate")
            if value is None:
                continue
            color, _, marker = look[str(row["condition"])]
            y = who.index(row.get("reader_id")) + (conditions.index(row["condition"]) - (len(conditions) - 1) / 2) * step
            lower, upper = found.get("lower"), found.get("upper")
            if lower is not None and upper is not None:
                axes.plot([lower, upper], [y, y], color=color, linewidth=1.0, solid_capstyle="butt")
            axes.plot([value], [y], marker=marker, color=color, markersize=4.2, linestyle="none")
        axes.set(title=name.capitalize(), xlim=(-0.02, 1.02))
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0 %", "25 %", "50 %", "75 %", "100 %"])
        axes.grid(axis="x", color=LINE, linewidth=0.4)
        axes.set_axisbelow(True)
    panels[0].set_yticks(range(len(who)), [words.reader(reader, results.titles) for reader in who])
    panels[0].set_ylim(len(who) - 0.5, -0.5)
    _key(figure, results, conditions, look)
    return figure


def _key(figure: Figure, results: Results, conditions: Sequence[str], look: Mapping[str, tuple[str, Any, str]]) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=look[name][0], marker=look[name][2], markersize=4.2, linewidth=1.0, label=words.condition(name))
        for name in conditions
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(5, len(handles)))


def forest(content: WorkbookContent) -> Figure | None:
    """Return the difference of AUC of each reader with its interval, and the multi-reader result below."""
    results = Results(content)
    rows = of_first_kind(of_all_types(results.rows("roc_paired")), "score", ("score", "assessment", "call"))
    rows = [row for row in rows if row.get("model_id") is None and (row.get("difference") or {}).get("estimate") is not None]
    pair = _main_pair(results, rows)
    if pair is None:
        return None
    entries: list[tuple[str, Mapping[str, Any], bool]] = [
        (results.reader(row), row["difference"], row.get("reader_id") is None)
        for row in sorted(rows, key=lambda row: row.get("reader_id") is None)
        if (row["condition_a"], row["condition_b"]) == pair
    ]
    wanted = ("or", "readers_and_cases", rows[0].get("score"), "auc")
    for row in of_all_types(results.rows("mrmc")):
        if tuple(row.get(name) for name in ("analysis", "generalise", "score", "endpoint")) != wanted:
            continue
        for entry in row.get("differences") or ():
            same = (entry["condition_a"], entry["condition_b"]) == pair
            if same and (entry.get("difference") or {}).get("estimate") is not None:
                entries.append(("Readers and cases", entry["difference"], True))
    figure = new(TWO_COLUMNS, 24 + 5.2 * len(entries))
    axes = figure.add_subplot()
    sign = 1 if pair[1] == "unaided" else -1  # the reading with the aid stands first, whichever way the tables compare
    for place, (_, found, strong) in enumerate(entries):
        ends = [sign * found[name] for name in ("lower", "upper") if found.get(name) is not None]
        shown = sign * found["estimate"]
        color = "#2F5FB3" if strong else INK
        if len(ends) == 2:
            axes.plot(ends, [place, place], color=color, linewidth=1.6 if strong else 1.0, solid_capstyle="butt")
        axes.plot([shown], [place], marker="D" if strong else "s", color=color, markersize=5 if strong else 4)
        text = f"{shown:+.3f}" + (f" ({min(ends):+.3f} to {max(ends):+.3f})" if len(ends) == 2 else "")
        axes.annotate(text, (1.02, place), xycoords=("axes fraction", "data"), va="center", fontsize=7.5)
    axes.axvline(0, color=DIM, linewidth=0.6)
    axes.set_yticks(range(len(entries)), [name for name, _, _ in entries])
    axes.set_ylim(len(entries) - 0.5, -0.5)
    a, b = (words.condition(name).lower() for name in pair[::-sign])
    axes.set(xlabel=f"Difference of AUC, {b} minus {a} (right: better {b})")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    return figure


def _main_pair(results: Results, rows: Sequence[Row]) -> tuple[str, str] | None:
    """Return the first condition against the last one that readers finished: "final" where it exists."""
    pairs = list(dict.fromkeys((str(row["condition_a"]), str(row["condition_b"])) for row in rows))
    order = results.conditions()
    first = [pair for pair in pairs if order and pair[0] == order[0]]
    final = [pair for pair in first if pair[1] == "final"]
    return next(iter(final or first or pairs), None)


def times(content: WorkbookContent) -> Figure | None:
    """Return box plots of reading times by reader and round, on a logarithmic scale."""
    groups: dict[tuple[str, int], list[float]] = {}
    for read in content.valid():
        seconds = active_seconds(read)
        if seconds > 0:
            groups.setdefault((read.reader_id, read.round_no), []).append(seconds)
    if not groups:
        return None
    readers = list(dict.fromkeys(reader for reader, _ in groups))
    rounds = sorted({round_no for _, round_no in groups})
    shades = colors([str(round_no) for round_no in rounds])
    figure = new(TWO_COLUMNS if len(readers) > 4 else ONE_COLUMN + 45, 75)
    axes = figure.add_subplot()
    step = 0.76 / len(rounds)
    for place, round_no in enumerate(rounds):
        where = [n + (place - (len(rounds) - 1) / 2) * step for n, reader in enumerate(readers) if (reader, round_no) in groups]
        data = [groups[reader, round_no] for reader in readers if (reader, round_no) in groups]
        color = f"#{shades[str(round_no)]}"
        axes.boxplot(
            data,
            positions=where,
            widths=step * 0.78,
            manage_ticks=False,
            patch_artist=True,
            boxprops={"facecolor": f"{color}33", "edgecolor": color, "linewidth": 0.8},
            medianprops={"color": color, "linewidth": 1.6},
            whiskerprops={"color": color, "linewidth": 0.8},
            capprops={"color": color, "linewidth": 0.8},
            flierprops={"marker": ".", "markersize": 2.5, "markeredgecolor": color, "alpha": 0.6},
        )
        axes.plot([], [], color=color, linewidth=4, alpha=0.7, label=content.round_title(round_no))
    axes.set_yscale("log")
    _log_ticks(axes)
    axes.set_xticks(range(len(readers)), readers)
    axes.set(ylabel="Reading time (s)", xlim=(-0.6, len(readers) - 0.4))
    axes.grid(axis="y", color=LINE, linewidth=0.4)
    axes.set_axisbelow(True)
    figure.legend(loc="outside lower center", ncols=min(3, len(rounds)))
    return figure


def _log_ticks(axes: Axes) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    low, high = axes.get_ylim()
    ticks = [value for value in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000) if low <= value <= high]
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())
