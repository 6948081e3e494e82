"""The tables of the report about cases, readers and reads, as a paper would print them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import quantiles

from reader_app.export import words
from reader_app.export.content import WorkbookContent
from reader_app.export.layout import Column, Kind, Table, Value


def baseline(content: WorkbookContent) -> Table:
    """Return the cases by reference standard: modality and clinical variables, numbers as median (quartiles), words as counts."""
    truth = content.truth()
    groups = {"All cases": list(content.cases)}
    for name, value in (("Malignant", "1"), ("Benign", "0")):
        groups[name] = [case for case in content.cases if truth.get(case.case_id) == value]
    groups = {name: cases for name, cases in groups.items() if cases}
    rows: list[tuple[Value, ...]] = [("Cases", *(str(len(cases)) for cases in groups.values()))]
    for modality in dict.fromkeys(case.modality for case in content.cases if case.modality):
        rows.append(
            (words.modality(modality), *(_share([case.modality == modality for case in cases]) for cases in groups.values()))
        )
    for name in dict.fromkeys(name for case in content.cases for name in case.clinical):
        values = {title: [case.clinical.get(name, "") for case in cases] for title, cases in groups.items()}
        title = words.variable(name)
        given = [value for value in values["All cases"] if value]
        if given and all(_is_number(value) for value in given):
            rows.append((f"{title}, median (quartiles)", *(_median([float(v) for v in own if v]) for own in values.values())))
        else:
            for level in sorted(set(given))[:12]:
                rows.append((f"{title}: {level}", *(_share([value == level for value in own]) for own in values.values())))
        missing = [sum(not value for value in own) for own in values.values()]
        if any(missing):
            rows.append((f"{title}: not stated", *(str(count) for count in missing)))
    columns = (Column("", "Variable."), *(Column(name, "Number of cases (share).") for name in groups))
    return Table("baseline", "", columns, rows)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _share(found: Sequence[bool]) -> str:
    return f"{sum(found)} ({100 * sum(found) / len(found):.0f} %)"


def _median(values: Sequence[float]) -> str:
    if len(values) < 2:
        return f"{values[0]:g}" if values else ""
    low, middle, high = quantiles(values, n=4, method="inclusive")
    return f"{middle:g} ({low:g}–{high:g})"


def reading_progress(content: WorkbookContent) -> Table:
    """Return for each reader and round how many cases were validated, are missing, were interrupted or have no category 1-6."""
    columns = (
        *(Column("Reader", ""), Column("Round", ""), Column("Read", "", Kind.INTEGER)),
        *(
            Column(title, "", Kind.INTEGER, only_if_used=True)
            for title in ("Missing", "Interrupted and shown again", "BI-RADS 0")
        ),
    )
    valid = content.valid()
    rows: list[tuple[Value, ...]] = []
    for reader in content.readers:
        for number_, a_round in sorted(content.rounds().items()):
            own = [read for read in valid if (read.reader_id, read.round_no) == (reader.reader_id, number_)]
            whole = a_round.cases.kind == "all" and content.given is None
            missing = len(content.cases) - len(own) if whole else None
            zero = sum("0" in read.categories.values() for read in own)
            again = sum(read.interrupted > 0 for read in own) if content.given is None else None
            rows.append((reader.reader_id, content.round_title(number_), len(own), missing, again, zero))
    return Table("reading_progress", "", columns, rows)


def deviations(content: WorkbookContent) -> Table:
    """Return the auditor's findings, counted by reader and kind."""
    count = Counter((reader, item.code) for reader, items in content.deviations.items() for item in items)
    first: dict[tuple[str, str], str] = {}
    for reader, items in content.deviations.items():
        for item in items:
            first.setdefault((reader, item.code), item.text)
    columns = (Column("Reader", ""), Column("Kind", ""), Column("How often", "", Kind.INTEGER), Column("The first", ""))
    rows: list[tuple[Value, ...]] = [(key[0], words.deviation(key[1]), number_, first[key]) for key, number_ in count.items()]
    return Table("deviation_counts", "", columns, rows)


def verdicts(content: WorkbookContent) -> Table:
    """Return how many findings of the aid each reader accepted and rejected, in malignant and in benign cases."""
    truth = content.truth()
    count: Counter[tuple[str, str, str]] = Counter()
    for read in content.valid():
        known = words.truth(truth.get(read.case_id, "")) or "no reference"
        count.update((read.reader_id, known, verdict) for verdict in read.verdicts.values())
    columns = (
        *(Column("Reader", ""), Column("Cases", "By the reference standard.")),
        *(Column("Accepted", "Findings.", Kind.INTEGER), Column("Rejected", "Findings.", Kind.INTEGER)),
    )
    rows: list[tuple[Value, ...]] = [
        (reader, known, count[reader, known, "accepted"], count[reader, known, "rejected"])
        for reader, known in sorted({key[:2] for key in count})
    ]
    return Table("verdict_counts", "", columns, rows)


def questionnaires(content: WorkbookContent) -> Table:
    """Return each question by condition: numbers as median (quartiles), other answers counted."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for row in content.questionnaires:
        if row.values:
            found.setdefault((row.title, row.text, words.condition(row.condition)), []).append("; ".join(row.values))
    columns = (
        *(Column("Questionnaire", ""), Column("Question", ""), Column("Condition", "", only_if_used=True)),
        *(Column("Answers", "n", Kind.INTEGER), Column("Given", "Median (quartiles) of numbers; else each answer, counted.")),
    )
    rows: list[tuple[Value, ...]] = []
    for (title, question, condition), answers in found.items():
        if all(_is_number(answer) for answer in answers):
            given = _median([float(answer) for answer in answers])
        else:
            given = "; ".join(f"{answer}: {number_}" for answer, number_ in Counter(answers).most_common(8))
        rows.append((title, question, condition, len(answers), given))
    return Table("questionnaire_answers", "", columns, rows)
