"""Figures of change and agreement: Sankey of categories, agreement matrix, decision curves, FROC, flow of cases and reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from reader_app.export import words
from reader_app.export.content import WorkbookContent, changes
from reader_app.export.figures import DIM, INK, ONE_COLUMN, TWO_COLUMNS, _look, new
from reader_app.export.palette import CATEGORY_COLORS
from reader_app.export.resultrows import Results, Row, of_all_types, of_first_kind
from reader_app.study.assessment import CATEGORIES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def sankey(content: WorkbookContent) -> Figure | None:
    """Return, for each aided round, how categories before the aid flow into those after it (all readers)."""
    found = changes(content)
    rounds = sorted({item.read.round_no for item in found})
    if not rounds:
        return None
    figure = new(ONE_COLUMN + 10 if len(rounds) == 1 else TWO_COLUMNS, 88)
    panels = figure.subplots(1, len(rounds), squeeze=False)[0]
    for axes, round_no in zip(panels, rounds, strict=True):
        flows = Counter((item.before, item.after) for item in found if item.read.round_no == round_no)
        axes.set_title(content.round_title(round_no))
        _flow(axes, flows)
    return figure


def _flow(axes: Axes, flows: Counter[tuple[str, str]]) -> None:
    """Draw one Sankey: higher suspicion above, bands as wide as the number of answers."""
    from matplotlib.patches import PathPatch, Rectangle
    from matplotlib.path import Path

    total = sum(flows.values())
    gap, bar = 0.025 * total, 0.06
    names = [name for name in CATEGORIES if any(name in pair for pair in flows)]
    bottoms: list[dict[str, float]] = []
    for side in (0, 1):
        at, bottom = 0.0, {}
        for name in names:
            size = sum(count for pair, count in flows.items() if pair[side] == name)
            bottom[name] = at
            at += size + (gap if size else 0)
            if size:
                x = 0.0 if side == 0 else 1.0 - bar
                axes.add_patch(
                    Rectangle((x, bottom[name]), bar, size, facecolor=f"#{CATEGORY_COLORS[name]}", edgecolor=DIM, linewidth=0.4)
                )
                where, align = (-0.03, "right") if side == 0 else (1.03, "left")
                axes.text(
                    where,
                    bottom[name] + size / 2,
                    f"{name}   {size}",
                    ha=align,
                    va="center",
                    fontsize=7.5,
                )
        bottoms.append(bottom)
    left, right = ({**bottom} for bottom in bottoms)
    for before in names:
        for after in names:
            size = flows[before, after]
            if not size:
                continue
            y0, y1 = left[before], right[after]
            left[before] += size
            right[after] += size
            path = Path(
                [
                    *((bar, y0), (0.5, y0), (0.5, y1), (1 - bar, y1)),
                    *((1 - bar, y1 + size), (0.5, y1 + size), (0.5, y0 + size), (bar, y0 + size), (bar, y0)),
                ],
                [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY],
            )
            alpha, above = (0.75, 2) if before != after else (0.35, 1)
            axes.add_patch(
                PathPatch(
                    path,
                    facecolor=f"#{CATEGORY_COLORS[before]}",
                    alpha=alpha,
                    edgecolor="none",
                    zorder=above,
                )
            )
    axes.text(0, -0.045 * total, "before", ha="left", va="top", color=DIM, fontsize=7.5)
    axes.text(1, -0.045 * total, "after the aid", ha="right", va="top", color=DIM, fontsize=7.5)
    axes.set(xlim=(-0.22, 1.22), ylim=(-0.1 * total, total + gap * len(names)))
    axes.axis("off")


def agreement(content: WorkbookContent) -> Figure | None:
    """Return the matrix of pairwise kappa, models included, one panel for each condition."""
    results = Results(content)
    rows = of_all_types(results.rows("agreement", "cohen"))
    rows = [
        row for row in of_first_kind(rows, "weights", ("quadratic", "linear", "none")) if row.get("on") in (None, "assessment")
    ]
    conditions = [name for name in results.conditions(rows) if any(row.get("condition") == name for row in rows)]
    if not rows or not conditions:
        return None
    weights = rows[0].get("weights")
    people = list(dict.fromkeys(str(name) for row in rows for name in (row["a"], row["b"])))
    size = min(52.0, (TWO_COLUMNS - 12) / min(3, len(conditions)))
    across = min(3, len(conditions))
    down = -(-len(conditions) // across)
    figure = new(max(ONE_COLUMN, size * across + 12), size * down + 14)
    panels = figure.subplots(down, across, squeeze=False).ravel()
    for axes, condition in zip(panels, conditions, strict=False):
        _matrix(axes, [row for row in rows if row.get("condition") == condition], people, results)
        axes.set_title(words.condition(condition))
    for axes in panels[len(conditions) :]:
        axes.axis("off")
    figure.supxlabel(f"Cohen’s kappa, weights: {weights or 'none'}", fontsize=7.5, color=DIM)
    return figure


def _matrix(axes: Axes, rows: Sequence[Row], people: Sequence[str], results: Results) -> None:
    from matplotlib import colormaps

    shades = colormaps["Blues"]
    for row in rows:
        found = (row["kappa"] or {}).get("estimate")
        value = None if found is None else float(found)
        ink = "white" if value is not None and value > 0.62 else INK
        a, b = people.index(str(row["a"])), people.index(str(row["b"]))
        for x, y in ((a, b), (b, a)):
            color = "#F3F4F6" if value is None else shades(min(1.0, max(0.0, 0.05 + 0.8 * value)))
            axes.fill_between([x - 0.48, x + 0.48], y - 0.48, y + 0.48, color=color, linewidth=0)
            shown = "n. e." if value is None else f"{value:.2f}"
            axes.text(x, y, shown, ha="center", va="center", fontsize=7, color=ink)
    titles = [results.titles.get(name, name) for name in people]
    axes.set_xticks(range(len(people)), titles, rotation=90 if max(map(len, titles)) > 6 else 0)
    axes.set_yticks(range(len(people)), titles)
    axes.set(xlim=(-0.5, len(people) - 0.5), ylim=(len(people) - 0.5, -0.5), aspect="equal")
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def decision(content: WorkbookContent) -> Figure | None:
    """Return decision curves: models thick, readers thin, everybody and nobody biopsied in grey."""
    results = Results(content)
    rows = of_all_types(results.rows("decision_curve"))
    if not rows:
        return None
    look = _look(results)
    figure = new(ONE_COLUMN + 40, 72)
    axes = figure.add_subplot()
    palette = ("#2F5FB3", "#C8661B", "#2A8C6E", "#8A4FA3")
    predictors = list(dict.fromkeys(str(row["predictor"]) for row in rows))
    models = [name for name in predictors if name in results.titles]
    named: set[str] = set()
    for name in predictors:
        own = sorted((row for row in rows if str(row["predictor"]) == name), key=lambda row: float(row["threshold"]))
        x = [row["threshold"] for row in own]
        y = [row["net_benefit"] for row in own]
        if name in models:
            place = models.index(name)
            axes.plot(
                x,
                y,
                color=palette[place % 4],
                linewidth=1.8,
                linestyle=("-", (0, (4, 1.5)))[place % 2],
                label=results.titles[name],
                zorder=3,
            )
            continue
        condition = name.partition(", ")[2]
        color = look.get(condition, (DIM, "-", "o"))[0]
        label = f"Readers, {words.condition(condition).lower()}" if condition in look and condition not in named else None
        named.add(condition)
        axes.plot(x, y, color=color, linewidth=0.6, alpha=0.7, label=label)
    first = sorted((row for row in rows if str(row["predictor"]) == predictors[0]), key=lambda row: float(row["threshold"]))
    axes.plot(
        [row["threshold"] for row in first],
        [row["treat_all"] for row in first],
        color=DIM,
        linewidth=1.0,
        label="Everybody biopsied",
    )
    axes.axhline(0, color=INK, linewidth=0.8, linestyle=(0, (4, 2)), label="Nobody biopsied")
    best = max((float(row["net_benefit"]) for row in rows if row["net_benefit"] is not None), default=0.5)
    axes.set(xlabel="Threshold probability", ylabel="Net benefit", xlim=(0, 1), ylim=(-0.1, best * 1.15 + 0.02))
    figure.legend(loc="outside right center")
    return figure


def froc(content: WorkbookContent) -> Figure | None:
    """Return FROC curves of each reader and condition."""
    results = Results(content)
    rows = [
        row for row in of_first_kind(of_all_types(results.rows("froc")), "fom", ("froc", "wafroc", "afroc")) if row.get("points")
    ]
    if not rows:
        return None
    fom = rows[0].get("fom")
    figure = new(ONE_COLUMN + 40, 72)
    axes = figure.add_subplot()
    look = _look(results, rows)
    pooled = any(row.get("reader_id") is None for row in rows)
    named: set[str] = set()
    for row in rows:
        condition = str(row["condition"])
        mean = row.get("reader_id") is None
        label = None if condition in named or (pooled and not mean) else words.condition(condition)
        named |= {condition} if label else set()
        x, y = zip(*((point[0], point[1]) for point in row["points"]), strict=True)
        axes.plot(
            x, y, color=look[condition][0], linewidth=2.0 if mean else 0.8, alpha=1 if mean or not pooled else 0.55, label=label
        )
    x_title = "False marks per case" if fom == "froc" else "False positive fraction"
    axes.set(xlabel=x_title, ylabel="Share of lesions hit", ylim=(0, 1.01), xlim=(0, None))
    figure.legend(loc="outside right center")
    return figure


def embedding(content: WorkbookContent) -> Figure | None:
    """Return the t-SNE maps of the models' embeddings, one panel a model; benign and malignant told apart by colour and shape."""
    results = Results(content)
    rows = results.rows("embedding")
    if not rows:
        return None
    figure = new(min(TWO_COLUMNS, 82.0 * len(rows) + 6), 84)
    for axes, row in zip(figure.subplots(1, len(rows), squeeze=False)[0], rows, strict=True):
        for value, name, color, marker in ((0, "benign", "#0072B2", "o"), (1, "malignant", "#D55E00", "^")):
            own = [point for point in row["points"] if point[3] == value]
            x, y = [point[1] for point in own], [point[2] for point in own]
            axes.scatter(x, y, s=13, c=color, marker=marker, linewidths=0.3, edgecolors="white", label=f"{name} ({len(own)})")
        axes.set_title(str(results.model(row)))
        axes.set(xticks=[], yticks=[], xlabel=str(row.get("method", "")))
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, -0.24), ncols=2)
    return figure


def flow(content: WorkbookContent) -> Figure:
    """Return the flow of cases, readers and reads: what was planned, what was read, what is missing."""
    truth, valid = content.truth(), content.valid()
    known = Counter(words.truth(truth.get(case.case_id, "")) or "without reference standard" for case in content.cases)
    parts = ", ".join(f"{count} {name}" for name, count in sorted(known.items()))
    boxes = [
        (f"{len(content.cases)} cases in the study", parts),
        (f"{len(content.readers)} readers", _group_words(content)),
    ]
    done = Counter(read.round_no for read in valid)
    people = {number_: {read.reader_id for read in valid if read.round_no == number_} for number_ in done}
    again = Counter(read.round_no for read in valid if read.interrupted)
    for number_, a_round in sorted(content.rounds().items()):
        if content.given is not None:
            read = f"{done[number_]} reads by {len(people.get(number_, ()))} readers"
            boxes.append((content.round_title(number_), read))
            continue
        planned = len(content.cases) * len(content.readers) if a_round.cases.kind == "all" else None
        read = f"{done[number_]} reads by {len(people.get(number_, ()))} readers"
        if planned is not None:
            read += f"; {planned - done[number_]} of {planned} missing"
        else:
            read += f"; cases: {words.case_rule(a_round.cases)}"
        if again[number_]:
            read += f"; {again[number_]} interrupted and shown again"
        boxes.append((f"Round {number_}: {a_round.title} ({words.round_condition(a_round).lower()})", read))
    pooled = sum(done.values())
    judged = sum(1 for read in valid if truth.get(read.case_id))
    boxes.append((f"{pooled} reads", f"{judged} with a reference standard, used for accuracy"))
    if len(valid) < len(content.reads):
        training = sum(read.training for read in content.reads)
        void = len(content.reads) - len(valid) - training
        boxes.append(("Not counted", f"{training} training reads, {void} declared void"))
    return _boxes(boxes)


def _group_words(content: WorkbookContent) -> str:
    groups = Counter(reader.group for reader in content.readers if reader.group)
    return ", ".join(f"{count} {name}" for name, count in groups.items()) or "one group"


def _boxes(boxes: Sequence[tuple[str, str]]) -> Figure:
    from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

    height = 12.0
    figure = new(TWO_COLUMNS - 30, (height + 6) * len(boxes))
    axes = figure.add_subplot()
    for place, (title, text) in enumerate(boxes):
        top = -place * 1.5
        style: Any = {"boxstyle": "round,pad=0,rounding_size=0.03", "linewidth": 0.7, "edgecolor": "#94A3B8"}
        axes.add_patch(FancyBboxPatch((0, top - 1), 6, 1, facecolor="#EEF2F7" if place < 2 else "white", **style))
        axes.text(3, top - 0.34, title, ha="center", va="center", fontsize=8.5, fontweight="bold")
        axes.text(3, top - 0.7, text, ha="center", va="center", fontsize=7.5, color=DIM)
        if place:
            arrow: Any = {"arrowstyle": "-|>", "mutation_scale": 7, "linewidth": 0.7, "color": "#94A3B8"}
            axes.add_patch(FancyArrowPatch((3, top + 0.5), (3, top + 0.02), **arrow))
    axes.set(xlim=(-0.05, 6.05), ylim=(-1.5 * len(boxes) + 0.4, 0.05))
    axes.axis("off")
    return figure
