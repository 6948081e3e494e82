"""The sheets ``Accuracy``, ``Localisation``, ``Reclassification`` and ``Decision curve``."""

from __future__ import annotations

import math

from reader_app.export import sheets_features, words
from reader_app.export.content import WorkbookContent
from reader_app.export.layout import Chart, Column, Kind, Series, Sheet, Table, Value
from reader_app.export.palette import CONDITION_COLORS, MODEL_COLOR
from reader_app.export.resultrows import (
    CONDITION,
    FROM_TO,
    HOLM,
    METHOD,
    MODEL,
    READER,
    SCOPE,
    P,
    Results,
    Row,
    asked,
    estimate,
    methods,
    number,
    text,
)

_ACCURACY = (
    ("sensitivity", "Sensitivity", "Share of malignant called positive."),
    ("specificity", "Specificity", "Share of benign called negative."),
    ("ppv", "PPV", "Share of malignant among positive calls, at this study's prevalence."),
    ("npv", "NPV", "Share of benign among negative calls, at this study's prevalence."),
    ("accuracy", "Accuracy", "Share of right calls."),
)


_MERIT = (
    "What sums up a reader's marks. FROC: mean share of lesions found at 1/8, 1/4, 1/2, 1, 2, 4 and 8 false marks a case. AFROC, "
    "wAFROC: chance that a lesion is rated above the highest false mark of a case without lesions (w: cases weigh alike). "
    "LROC: chance that the highest mark of a case hits and outrates a case without lesions."
)


def _by_cohort(content: WorkbookContent) -> tuple[Table, ...]:
    table = sheets_features.cohorts(content)
    return (table,) if table.rows else ()


def accuracy_sheet(content: WorkbookContent) -> Sheet:
    """Return the sheet ``Accuracy``: counts, shares with intervals, McNemar."""
    results = Results(content)
    limit = content.positive_from()
    columns = (
        *(READER, CONDITION, *SCOPE),
        Column("True positive", f"Malignant, BI-RADS {limit} or above.", Kind.INTEGER, 9, "tp"),
        Column("False positive", f"Benign, BI-RADS {limit} or above.", Kind.INTEGER, 9, "fp"),
        Column("True negative", f"Benign, below BI-RADS {limit}.", Kind.INTEGER, 9, "tn"),
        Column("False negative", f"Malignant, below BI-RADS {limit}.", Kind.INTEGER, 9, "fn"),
        *(
            column
            for name, title, meaning in _ACCURACY
            for column in results.estimate_columns(title, meaning, name, Kind.PERCENT)
        ),
        *results.estimate_columns("F1", "Harmonic mean of sensitivity and PPV.", "f1"),
        *results.estimate_columns("Youden index", "Sensitivity + specificity - 1.", "youden_index"),
        METHOD,
        Column("Method, F1 and Youden index", "How their intervals were computed.", width=60, key="method_f1_youden"),
    )
    names = [*(name for name, _, _ in _ACCURACY), "f1", "youden_index"]
    rows: list[tuple[Value, ...]] = [
        (
            *(results.reader(row), results.condition(row), *results.scope(row)),
            *(number(row.get(name)) for name in ("tp", "fp", "tn", "fn")),
            *(cell for name in names for cell in estimate(row.get(name))),
            *(methods(row, names[:-2]), methods(row, names[-2:])),
        )
        for row in results.rows("accuracy")
    ]
    mcnemar = Table(
        "mcnemar",
        "McNemar: the same cases under two conditions",
        (
            *(READER, *SCOPE, *FROM_TO, MODEL),
            Column("Measure", "Sensitivity (malignant), specificity (benign) or accuracy (all).", width=13, key="measure"),
            Column("Right only under A", "Discordant pairs b.", Kind.INTEGER, 11, "b"),
            Column("Right only under B", "Discordant pairs c.", Kind.INTEGER, 11, "c"),
            Column("p, exact", "Exact, two-sided.", Kind.P, 10, "p"),
            Column("p, chi-square", "Without continuity correction, for comparison with papers.", Kind.P, 11, "p_asymptotic"),
            *(Column("p, clustered", "Cases of one patient taken together.", Kind.P, 10, "p_clustered", True), HOLM),
        ),
        [
            (
                *(
                    results.reader(row),
                    *results.scope(row),
                    results.condition(row, "condition_a"),
                    results.condition(row, "condition_b"),
                    results.model(row),
                ),
                *(text(row.get("measure")), number(row.get("b")), number(row.get("c")), asked(row.get("p"))),
                *(asked(row.get("p_asymptotic")), number(row.get("p_clustered")), number(row.get("p_holm"))),
            )
            for row in results.rows("mcnemar")
        ],
    )
    title = f"Positive from BI-RADS {limit}"
    intro = f"Accuracy of each reader and condition; a case is called positive from BI-RADS {limit}."
    return Sheet("Accuracy", intro, (Table("accuracy", title, columns, rows), mcnemar, *_by_cohort(content)))


def localisation_sheet(content: WorkbookContent) -> Sheet:
    """Return the sheet ``Localisation``: figures of merit, lesions hit, sensitivity at stated false positives."""
    results = Results(content)
    merit = Table(
        "froc",
        "Figures of merit from marks",
        (
            *(
                READER,
                CONDITION,
                *SCOPE,
                Column("Figure of merit", _MERIT, width=24, key="fom"),
            ),
            *(*results.estimate_columns("Value", "Value of the figure of merit.", "value", se=True), METHOD),
        ),
        [
            (
                *(
                    results.reader(row),
                    results.condition(row),
                    *results.scope(row),
                    words.endpoint(row.get("fom")),
                ),
                *(*estimate(row.get("value"), se=True), methods(row, ["value"])),
            )
            for row in results.rows("froc")
        ],
    )
    hits: list[tuple[Value, ...]] = []
    at: list[tuple[Value, ...]] = []
    for row in results.rows("localization"):
        lead = (results.reader(row), results.condition(row), *results.scope(row))
        hits.append(
            (
                *(*lead, number(row.get("lesions")), number(row.get("hit")), *estimate(row.get("sensitivity"))),
                *(number(row.get("marks_per_case")), methods(row, ["sensitivity"])),
            )
        )
        for entry in row.get("sensitivity_at") or ():
            at.append((*lead, number(entry.get("fp_per_case")), asked(entry.get("sensitivity"))))
    localised = Table(
        "localisation",
        "Lesions hit",
        (
            *(READER, CONDITION, *SCOPE, Column("Lesions", "Lesions of the reference standard.", Kind.INTEGER, 9, "lesions")),
            Column("Hit", "Lesions with a mark.", Kind.INTEGER, 9, "hit"),
            *results.estimate_columns("Sensitivity", "Share of lesions hit.", "sensitivity", Kind.PERCENT),
            *(Column("Marks per case", "Mean number of marks.", Kind.NUMBER, 10, "marks_per_case"), METHOD),
        ),
        hits,
    )
    stated = Table(
        "sensitivity_at",
        "Sensitivity at stated false positives",
        (
            *(READER, CONDITION, *SCOPE, Column("False positives per case", "Stated rate.", Kind.NUMBER, 12, "fp_per_case")),
            Column("Sensitivity", "Share of lesions hit at that rate.", Kind.PERCENT, 11, "sensitivity"),
        ),
        at,
    )
    intro = "Where readers saw lesions, against the reference standard."
    absent = "No marks could be set against lesions: there are no marks, or the reference standard has no places of lesions."
    return Sheet("Localisation", intro, (localised, merit, stated), absent=absent)


_WAYS = (("down", "Down"), ("unchanged", "Unchanged"), ("up", "Up"))


def _restratified(results: Results, row: Row) -> tuple[Value, ...]:
    rates = ("false_positive_rate_before", "false_positive_rate_after", "malignancy_rate_before", "malignancy_rate_after")
    return (
        *(results.reader(row), *results.scope(row)),
        *(results.condition(row, "condition_from"), results.condition(row, "condition_to"), text(row.get("from"))),
        number(row.get("n")),
        *(number((row.get(way) or {}).get(known)) for way, _ in _WAYS for known in ("benign", "malignant")),
        *(asked(row.get(name)) for name in rates),
        *(number(row.get("biopsies_avoided")), number(row.get("cancers_missed"))),
    )


def aid_use_table(results: Results) -> Table:
    """Return how readers used the advice: followed, overruled, rescued by it, misled by it."""
    counts = (
        ("n", "Answers", "Answers with an aid that made a call."),
        ("aid_right", "Aid right", "Answers where the aid's call agrees with the reference."),
        ("aid_wrong", "Aid wrong", "Answers where it does not."),
        ("differed_before", "Differed before", "The reader's call before differed from the aid's."),
        ("agreed_after", "Agreed after", "The reader's call after agrees with the aid's."),
        ("overruled_right_aid", "Overruled a right aid", "The reader's call after differs from a right aid's."),
        ("overruled_wrong_aid", "Overruled a wrong aid", "The reader's call after differs from a wrong aid's."),
    )
    shares = (
        ("followed", "Followed", "Of those that differed before: the call changed to the aid's."),
        ("rescued", "Rescued", "Of the wrong calls with a right aid: became right."),
        ("automation_bias", "Automation bias", "Of the right calls with a wrong aid: became wrong."),
        ("correct_before", "Right before", "Share of right calls before the aid."),
        ("correct_after", "Right after", "Share of right calls with the aid (or where it was withheld)."),
    )
    columns = (
        *(READER, CONDITION, *SCOPE, MODEL),
        Column(
            "Kind of aid",
            "What was done to the aid on purpose: true (nothing), withheld, inverted or swapped; empty: all reads together.",
            *(Kind.TEXT, 12, "aid_kind", True),
        ),
        *(Column(title, meaning, Kind.INTEGER, 11, key) for key, title, meaning in counts),
        *(column for key, title, meaning in shares for column in results.estimate_columns(title, meaning, key, Kind.PERCENT)),
        METHOD,
    )
    rows = [
        (
            *(results.reader(row), results.condition(row), *results.scope(row), results.model(row)),
            text(row.get("aid_kind")),
            *(number(row.get(key)) for key, _, _ in counts),
            *(cell for key, _, _ in shares for cell in estimate(row.get(key))),
            methods(row, [key for key, _, _ in shares]),
        )
        for row in results.rows("aid_use")
    ]
    return Table("aid_use", "Advice followed and overruled", columns, rows)


def net_table(results: Results) -> Table:
    """Return the net reclassification: moves in the right direction minus moves in the wrong one."""
    counts = (
        *(("malignant_up", "Malignant, up"), ("malignant_down", "Malignant, down")),
        *(("benign_up", "Benign, up"), ("benign_down", "Benign, down")),
    )
    shares = (
        ("malignant", "Net, malignant", "Share of malignant that moved up minus share that moved down."),
        ("benign", "Net, benign", "Share of benign that moved down minus share that moved up."),
        ("total", "Net reclassification", "Sum of both."),
    )
    columns = (
        *(READER, *SCOPE, *FROM_TO),
        *(Column(title, "Answers whose category moved so from A to B.", Kind.INTEGER, 11, key) for key, title in counts),
        *(column for key, title, meaning in shares for column in results.estimate_columns(title, meaning, f"net_{key}")),
        *(P, METHOD),
    )
    rows = [
        (
            *(results.reader(row), *results.scope(row)),
            *(results.condition(row, "condition_a"), results.condition(row, "condition_b")),
            *(number(row.get(key)) for key, _ in counts),
            *(cell for key, _, _ in shares for cell in estimate(row.get(key))),
            *(asked(row.get("p")), methods(row, [key for key, _, _ in shares])),
        )
        for row in results.rows("net_reclassification")
    ]
    return Table("net_reclassification", "Net reclassification", columns, rows)


def symmetry_table(results: Results) -> Table:
    """Return the tests of change in the category: Bowker's symmetry and Stuart and Maxwell's equal margins."""
    named = (
        ("bowker", "Bowker", "Are moves from one category to another as frequent as the way back?"),
        ("stuart_maxwell", "Stuart–Maxwell", "Are the categories used equally often under both conditions?"),
    )
    columns: list[Column] = [READER, *SCOPE, *FROM_TO]
    for key, name, meaning in named:
        columns.append(Column(f"{name}, chi-square", meaning, Kind.NUMBER, 12, f"{key}_statistic"))
        columns.append(Column(f"{name}, df", "Degrees of freedom.", Kind.INTEGER, 10, f"{key}_df"))
        columns.append(Column(f"{name}, p", "Two-sided.", Kind.P, 11, f"{key}_p"))
    rows = []
    for row in results.rows("transitions"):
        cells: list[Value] = [results.reader(row), *results.scope(row)]
        cells += [results.condition(row, "condition_a"), results.condition(row, "condition_b")]
        for key, _, _ in named:
            found = row.get(key) or {}
            cells += [asked(found.get("statistic")), number(found.get("df")), asked(found.get("p"))]
        rows.append(tuple(cells))
    note = "Readers together: their answers are counted as if independent."
    return Table("symmetry", "Symmetry of the transitions", tuple(columns), rows, note)


def reclassification_sheet(content: WorkbookContent) -> Sheet:
    """Return the sheet ``Reclassification``: what became of the cases left at one category (4A), and all transitions."""
    results = Results(content)
    pair = (
        Column("From condition", "Condition of the earlier answer.", width=18, key="condition_from"),
        Column("To condition", "Condition of the later answer.", width=18, key="condition_to"),
    )
    columns = (
        *(READER, *SCOPE, *pair, Column("Category", "Category of the earlier answer.", width=10, key="category")),
        Column("Answers", "Earlier answers with that category.", Kind.INTEGER, 9, "n"),
        *(
            Column(
                f"{title}, {known}", f"{known.capitalize()}, later answer: {title.lower()}.", Kind.INTEGER, 11, f"{way}_{known}"
            )
            for way, title in _WAYS
            for known in ("benign", "malignant")
        ),
        Column("False positive before", "Benign / answers.", Kind.PERCENT, 11, "false_positive_rate_before"),
        Column("False positive after", "Benign unchanged or up / answers.", Kind.PERCENT, 11, "false_positive_rate_after"),
        Column("Malignant before", "Malignant / answers.", Kind.PERCENT, 11, "malignancy_rate_before"),
        Column("Malignant after", "Malignant unchanged / unchanged.", Kind.PERCENT, 11, "malignancy_rate_after"),
        Column("Biopsies avoided", "Answers that went down.", Kind.INTEGER, 10, "biopsies_avoided"),
        Column("Cancers missed", "Malignant among them.", Kind.INTEGER, 10, "cancers_missed"),
    )
    rows = [_restratified(results, row) for row in results.rows("reclassification")]
    moved: list[tuple[Value, ...]] = []
    for row in results.rows("transitions"):
        lead = (
            *(results.reader(row), *results.scope(row)),
            *(results.condition(row, "condition_a"), results.condition(row, "condition_b")),
        )
        categories = [str(name) for name in row.get("categories") or ()]
        for known in ("benign", "malignant"):
            for before, counts in zip(categories, row.get(known) or (), strict=False):
                for after, count in zip(categories, counts, strict=False):
                    if count:
                        moved.append((*lead, known, before, after, number(count)))
    transitions = Table(
        "transitions",
        "All transitions",
        (
            *(READER, *SCOPE, *pair, Column("Reference standard", "Benign or malignant.", width=12, key="reference")),
            Column("BI-RADS before", "Earlier category.", width=10, key="before"),
            Column("BI-RADS after", "Later category.", width=10, key="after"),
            Column("Answers", "Number; pairs that did not occur are left out.", Kind.INTEGER, 9, "n"),
        ),
        moved,
    )
    restratified = Table("reclassification", "Re-stratification", columns, rows)
    co_decision = Table(
        "co_decision",
        "Co-decision: what the models together would have made of the reader's category",
        columns,
        [_restratified(results, row) for row in results.rows("co_decision")],
        "A rule applied afterwards to the readers' own answers; nobody read like this.",
    )
    intro = "What became of the cases that a reader had left at one category, and of the models' advice."
    tables = (restratified, co_decision, aid_use_table(results), net_table(results), symmetry_table(results), transitions)
    return Sheet("Reclassification", intro, tables, absent="No case was judged by category or call under two conditions.")


_NO_CURVE = "No model gave probabilities and no reader a call."


def decision_sheet(content: WorkbookContent) -> Sheet:
    """Return the sheet ``Decision curve``: net benefit by threshold, with its chart."""
    results = Results(content)
    columns = (
        Column("Predictor", "Model, or readers' suspicion.", width=30, key="predictor"),
        Column("Threshold probability", "Treat at or above it.", Kind.NUMBER, 12, "threshold"),
        Column("Net benefit", "True positives minus weighted false positives, per case.", Kind.NUMBER, 11, "net_benefit"),
        Column("Net benefit, treat all", "Everybody is biopsied.", Kind.NUMBER, 11, "treat_all"),
        Column("Net benefit, treat none", "Nobody is biopsied.", Kind.NUMBER, 11, "treat_none"),
    )
    plain = [row for row in results.rows("decision_curve") if row.get("lesion_type") is None and row.get("group") is None]
    source = sorted(plain, key=lambda row: (row.get("predictor") not in results.titles, str(row.get("predictor"))))
    rows: list[tuple[Value, ...]] = []
    series: list[Series] = []
    for row in source:
        name = results.titles.get(str(row.get("predictor")), str(row.get("predictor")))
        cells = (name, *(number(row.get(key)) for key in ("threshold", "net_benefit", "treat_all", "treat_none")))
        if not rows or rows[-1][0] != name:
            series.append(Series(name, 1, 2, len(rows), len(rows), CONDITION_COLORS[1:][len(series) % 5], heavy=True))
        rows.append(cells)
        last = series[-1]
        series[-1] = Series(last.name, 1, 2, last.start, len(rows), last.color, heavy=True)
    models = [entry for entry in series if entry.name in results.titles.values()]
    series = models or series
    if series:
        first = series[0]
        series.append(Series("Treat all", 1, 3, first.start, first.stop, CONDITION_COLORS[0]))
        series.append(Series("Treat none", 1, 4, first.start, first.stop, MODEL_COLOR, dashed=True))
    best = max((float(row["net_benefit"]) for row in source if number(row.get("net_benefit")) is not None), default=0.5)
    chart = Chart(
        *("line_xy", "Decision curves", "decision_curve", tuple(series), "Threshold probability", "Net benefit"),
        y_range=(-0.1, math.ceil(best * 10 + 1) / 10),
    )
    table = Table("decision_curve", "Net benefit", columns, rows)
    return Sheet("Decision curve", "Net benefit of acting on each predictor.", (table,), (chart,) if series else (), _NO_CURVE)
