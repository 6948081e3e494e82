"""The sheets ``Times`` and ``Agreement``."""

from __future__ import annotations

import math
from statistics import median

from reader_app.export import words
from reader_app.export.content import WorkbookContent
from reader_app.export.layout import Chart, Column, Kind, Series, Sheet, Table, Value
from reader_app.export.palette import CONDITION_COLORS
from reader_app.export.resultrows import (
    CONDITION,
    FROM_TO,
    HOLM,
    METHOD,
    READER,
    SCOPE,
    P,
    Results,
    asked,
    estimate,
    methods,
    number,
    text,
    weights_word,
)
from reader_app.study.readtable import Read, active_seconds, idle_seconds, load_seconds, paused_seconds


def times_sheet(content: WorkbookContent) -> Sheet:
    """Return the sheet ``Times``: medians by reader and round with their chart, statistics, tests, the mixed model."""
    results = Results(content)
    medians, chart = _medians(content)
    by_reader = Table(
        "times",
        "By reader and condition",
        (
            *(READER, CONDITION, *SCOPE, Column("Reads", "Number of reads.", Kind.INTEGER, 8, "n")),
            *(
                Column(f"{name} (s)", f"{name} reading time in seconds.", Kind.SECONDS, 10, key)
                for name, key in (
                    *(("Mean", "mean"), ("SD", "sd"), ("Median", "median"), ("Lower quartile", "q1"), ("Upper quartile", "q3")),
                    *(("Shortest", "min"), ("Longest", "max")),
                )
            ),
        ),
        [
            (
                *(results.reader(row), results.condition(row), *results.scope(row), number(row.get("n"))),
                *(number(row.get(key)) for key in ("mean", "sd", "median", "q1", "q3", "min", "max")),
            )
            for row in results.rows("time", "by_reader")
        ],
    )
    paired = Table(
        "times_paired",
        "The same cases under two conditions",
        (
            *(READER, *SCOPE, *FROM_TO, Column("Test", "Paired t or Wilcoxon signed-rank.", width=20, key="test")),
            Column("Statistic", "t, or the sum of positive ranks.", Kind.NUMBER, 10, "statistic"),
            *(Column("df", "Degrees of freedom; empty for Wilcoxon.", Kind.NUMBER, 9, "df"), P, HOLM),
            *results.estimate_columns("Difference (s)", "A minus B, in seconds.", "difference", Kind.SECONDS, se=True),
            METHOD,
        ),
        [
            (
                *(results.reader(row), *results.scope(row)),
                *(results.condition(row, "condition_a"), results.condition(row, "condition_b")),
                *(_TESTS.get(str(row.get("test")), text(row.get("test"))), number(row.get("statistic")), number(row.get("df"))),
                *(asked(row.get("p")), number(row.get("p_holm"))),
                *(*estimate(row.get("difference"), se=True), methods(row, ["difference"])),
            )
            for row in results.rows("time", "paired")
        ],
    )
    apart = _apart(content) if content.given is None else None
    tables = [table for table in (by_reader, medians, paired, _model(results), _learning(results), apart) if table is not None]
    intro = "Reading times as the reads table states them."
    if content.given is None:
        intro = (
            "From the paint of the last pane to the validation, without pauses; each read's own time stands on the sheet Reads."
        )
    absent = "No reading times were given." if content.given is not None else "No read has a reading time."
    return Sheet("Times", intro, tuple(tables), (chart,) if chart else (), absent)


_TESTS = {"paired_t": "paired t", "wilcoxon": "Wilcoxon signed-rank"}


def _medians(content: WorkbookContent) -> tuple[Table, Chart | None]:
    """Return the medians by reader (rows) and round (columns), computed from the reads themselves, and their chart."""
    times: dict[tuple[str, int], list[float]] = {}
    for read in content.valid():
        if read.intervals:
            times.setdefault((read.reader_id, read.round_no), []).append(active_seconds(read))
    rounds = [number_ for number_ in sorted(content.rounds()) if any(key[1] == number_ for key in times)]
    readers = list(dict.fromkeys(reader for reader, _ in times))
    titles = {number_: content.round_title(number_) for number_ in content.rounds()}
    columns = (
        Column("Reader", "Pseudonym of the reader.", width=16, key="reader_id"),
        *(
            Column(f"{titles[n]}, median (s)", "Median reading time in this round.", Kind.SECONDS, 18, f"median_{n}")
            for n in rounds
        ),
        *(Column(f"Round {n}, reads", "Number of reads.", Kind.INTEGER, 10, f"reads_{n}") for n in rounds),
    )
    rows: list[tuple[Value, ...]] = [
        (
            reader,
            *(median(times[reader, n]) if (reader, n) in times else None for n in rounds),
            *(len(times.get((reader, n), ())) for n in rounds),
        )
        for reader in readers
    ]
    table = Table("median_times", "Median reading time by reader and round", columns, rows)
    if not rows:
        return table, None
    series = tuple(
        Series(titles[n], 0, place, 0, len(rows), CONDITION_COLORS[(place - 1) % len(CONDITION_COLORS)])
        for place, n in enumerate(rounds, start=1)
    )
    return table, Chart("columns", "Median reading time", "median_times", series, "Reader", "Seconds")


def _apart(content: WorkbookContent) -> Table:
    """Return by reader and round the time that is in no reading time, idleness within it, and what disturbed the clock."""
    columns = (
        Column("Reader", "Pseudonym of the reader.", width=16, key="reader_id"),
        Column("Round", "Number of the round.", Kind.INTEGER, 8, "round"),
        Column("Reads", "Number of reads.", Kind.INTEGER, 8, "n"),
        Column("Loading, median (s)", "From a case falling due to its paint.", Kind.SECONDS, 11, "load_median"),
        Column("Paused, in all (s)", "Images covered.", Kind.SECONDS, 11, "paused_sum"),
        Column("Idle, in all (s)", "Within the reading time, before pauses for idleness.", Kind.SECONDS, 11, "idle_sum"),
        Column("Interrupted reads", "Cut off and shown again.", Kind.INTEGER, 11, "interrupted"),
        Column(
            "Disturbed reads", "The computer slept, its clock was set, or the program stalled.", Kind.INTEGER, 11, "disturbed"
        ),
    )
    own: dict[tuple[str, int], list[Read]] = {}
    for read in content.valid():
        own.setdefault((read.reader_id, read.round_no), []).append(read)
    rows: list[tuple[Value, ...]] = [
        (
            *(*key, len(reads), median(map(load_seconds, reads))),
            *(sum(map(paused_seconds, reads)), sum(map(idle_seconds, reads))),
            *(sum(read.interrupted > 0 for read in reads), sum(bool(read.disturbances) for read in reads)),
        )
        for key, reads in sorted(own.items())
    ]
    return Table("time_apart", "Loading, pauses and disturbances by reader and round", columns, rows)


def _model(results: Results) -> Table | None:
    rows: list[tuple[Value, ...]] = []
    for entry in results.rows("time", "models"):
        variance = entry.get("variance") or {}
        lead = (results.condition(entry, "condition_a"), results.condition(entry, "condition_b"))
        rows.append(
            (
                *(*lead, *estimate(entry.get("ratio")), asked(entry.get("p"))),
                *(number(variance.get(name)) for name in ("reader", "case", "residual")),
                methods(entry, ["ratio"]),
                text(entry.get("formula")),
            )
        )
    if not rows:
        return None
    return Table(
        "times_model",
        "Mixed model of the logarithm of reading time",
        (
            Column("Condition A", "Compared condition.", width=18, key="condition_a", only_if_used=True),
            Column("Condition B", "Baseline.", width=18, key="condition_b", only_if_used=True),
            *results.estimate_columns("Ratio of times", "Multiplies the reading time; 0.8 is 20 % shorter.", "ratio"),
            P,
            Column("Variance, readers", "Of the log time.", Kind.NUMBER, 11, "var_reader"),
            Column("Variance, cases", "Of the log time.", Kind.NUMBER, 11, "var_case"),
            Column("Variance, residual", "Of the log time.", Kind.NUMBER, 11, "var_residual"),
            METHOD,
            Column("Model", "Fixed and random effects.", width=30, key="formula"),
        ),
        rows,
    )


def _learning(results: Results) -> Table | None:
    """Return how the reading time changed with the place of the case in its round."""
    rows: list[tuple[Value, ...]] = []
    for row in results.rows("time", "learning"):
        lead = (results.reader(row), results.condition(row), *results.scope(row), number(row.get("n")))
        rows.append((*lead, math.exp(row["slope_per_10_cases"]) - 1, asked(row.get("p"))))
    columns = (
        *(READER, CONDITION, *SCOPE, Column("Reads", "Reads whose place in the round is known.", Kind.INTEGER, 8, "n")),
        Column(
            "Change per 10 cases",
            "Change of the reading time from case to case of a round, from the regression of its logarithm on the place; "
            "negative: getting faster.",
            *(Kind.PERCENT, 14, "change_per_10_cases"),
        ),
        P,
    )
    return Table("learning", "Learning: reading time along a round", columns, rows) if rows else None


_ON = {"assessment": "BI-RADS", "call": "positive or not", "None": "BI-RADS"}


def agreement_sheet(content: WorkbookContent) -> Sheet:
    """Return the sheet ``Agreement``: Cohen, Fleiss, Gwet, Krippendorff, the same reader twice."""
    results = Results(content)
    weights = Column("Weights", "None: all disagreements count alike. Linear or quadratic: by distance.", width=11, key="weights")
    count = Column("Cases", "Number of cases that both, or all, judged.", Kind.INTEGER, 8, "n")
    raters = Column("Raters", "Number of readers.", Kind.INTEGER, 8, "raters")
    z = Column("z", "Against no agreement beyond chance.", Kind.NUMBER, 9, "z")
    cohen = Table(
        "cohen",
        "Cohen’s kappa, pairs",
        (
            Column("First", "Reader or model.", width=16, key="a"),
            Column("Second", "Reader or model.", width=18, key="b"),
            *(
                *SCOPE,
                CONDITION,
                Column("Judged on", "BI-RADS category, or positive against negative.", width=14, key="on"),
                weights,
                count,
                *results.estimate_columns("Kappa", "Agreement beyond chance.", "kappa", se=True),
            ),
            *(z, P, Column("In words", "After Landis and Koch 1977.", width=16, key="words"), METHOD),
        ),
        [
            (
                *(words.reader(row.get("a"), results.titles), words.reader(row.get("b"), results.titles), *results.scope(row)),
                *(results.condition(row), _ON.get(str(row.get("on")), text(row.get("on"))), weights_word(row)),
                *(number(row.get("n")), *estimate(row.get("kappa"), se=True)),
                *(number(row.get("z")), asked(row.get("p")), text(row.get("words")), methods(row, ["kappa"])),
            )
            for row in [*results.rows("agreement", "cohen"), *results.rows("agreement", "cohen_call")]
        ],
    )
    fleiss = Table(
        "fleiss",
        "Fleiss’ kappa, all readers",
        (
            *(Column("Condition", "What the readers had.", width=16, key="condition"), *SCOPE, raters, count),
            *(*results.estimate_columns("Kappa", "Agreement beyond chance.", "kappa", se=True), z, P, METHOD),
        ),
        [
            (
                *(results.condition(row), *results.scope(row), number(row.get("raters")), number(row.get("n"))),
                *(*estimate(row.get("kappa"), se=True), number(row.get("z")), asked(row.get("p")), methods(row, ["kappa"])),
            )
            for row in results.rows("agreement", "fleiss")
        ],
    )
    others = [
        Table(
            name,
            title,
            (
                *(Column("Condition", "What the readers had.", width=16, key="condition"), *SCOPE, raters, count, weights),
                *(*results.estimate_columns(label, meaning, key, se=True), METHOD),
            ),
            [
                (
                    *(results.condition(row), *results.scope(row), number(row.get("raters")), number(row.get("n"))),
                    *(weights_word(row), *estimate(row.get(key), se=True), methods(row, [key])),
                )
                for row in results.rows("agreement", name)
            ],
        )
        for name, title, label, key, meaning in (
            ("gwet", "Gwet’s AC1 and AC2", "Coefficient", "coefficient", "AC1 without weights, AC2 with."),
            ("krippendorff", "Krippendorff’s alpha", "Alpha", "alpha", "1 is perfect agreement."),
        )
    ]
    intra = Table(
        "intra_reader",
        "The same reader twice",
        (
            *(READER, CONDITION, *SCOPE, Column("First round", "Number.", Kind.INTEGER, 9, "round_a")),
            *(Column("Second round", "Number.", Kind.INTEGER, 9, "round_b"), count, weights),
            *(*results.estimate_columns("Kappa", "Agreement with oneself beyond chance.", "kappa", se=True), METHOD),
        ),
        [
            (
                *(
                    results.reader(row),
                    results.condition(row),
                    *results.scope(row),
                    number(row.get("round_a")),
                    number(row.get("round_b")),
                ),
                *(number(row.get("n")), weights_word(row), *estimate(row.get("kappa"), se=True), methods(row, ["kappa"])),
            )
            for row in results.rows("agreement", "intra_reader")
        ],
    )
    intro = "Agreement of BI-RADS categories between readers, with the model, and of each reader with himself or herself."
    return Sheet("Agreement", intro, (cohen, fleiss, *others, intra))
