"""The sheets about the study itself: Read me, Study, Cases, Deviations, Data dictionary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from reader_app.export import sheets_features, sheets_given, words
from reader_app.export.content import WorkbookContent
from reader_app.export.layout import Column, Kind, Sheet, Table, Value, key_value, used, utc
from reader_app.study.protocol import AnalysisSpec

#: A warning names so many of the rows that it is about; all stand in the document of the analysis.
_MOST_PLACES = 3

_UNITS_OF_KIND = {
    Kind.TEXT: "text",
    Kind.INTEGER: "whole number",
    Kind.NUMBER: "number",
    Kind.PERCENT: "share, stored 0–1, shown in %",
    Kind.FINE: "number",
    Kind.SECONDS: "seconds",
    Kind.P: "probability 0–1",
    Kind.TIME: "date and time, UTC",
}

_DEFINITIONS: tuple[tuple[str, str], ...] = (
    (
        "Read",
        "One reader's complete judgement of one case in one round, as validated; it cannot be changed afterwards.",
    ),
    (
        "Reading time",
        "Seconds from the moment all panes of the case were painted to the validation, without pauses, by a clock that "
        "nobody can set. After a crash or a restart the case is shown again and the active intervals are added up.",
    ),
    (
        "Condition",
        "What the reader had. Unaided: no aid. Aided: the aid is there from the start; sequential: the own answer is sealed, "
        "then the aid is shown. Aided stage 1, 2 …: the answer of an earlier round is refined with that stage's aid. Final: "
        "each reader's last read of a case. Model alone: what the model says without a reader.",
    ),
    (
        "Positive",
        "A BI-RADS category at or above the stated one (1 < 2 < 3 < 4A < 4B < 4C < 5 < 6; plain 4 ranks with 4A).",
    ),
    (
        "Suspicion",
        "Likelihood of malignancy that the reader gave, 0–100 %.",
    ),
    (
        "Reference standard",
        "Malignant or benign, from outside the reading study; a case is malignant if any of its lesions is. It was joined "
        "after the reads, and never lay on a reading workstation.",
    ),
    (
        "Aid",
        "What a reader was shown from a model; it had been computed beforehand and is identified by the SHA-256 of its file.",
    ),
    (
        "Rows “All readers”",
        "Pooled over readers.",
    ),
    (
        "Empty cell",
        "Does not apply, or was not asked for. “not estimable” means that it was asked for and cannot be computed; the "
        "reason stands among the warnings below.",
    ),
)

_LIMITS: tuple[tuple[str, str], ...] = (
    (
        "Not for diagnosis",
        "Neither the program nor the models are medical devices.",
    ),
    (
        "Hashes",
        "They show accidents and casual edits. Whoever owns a workstation could rebuild a whole log; compare the last "
        "hash of each log with the receipt that was noted at the end of the session.",
    ),
    (
        "Predictive values",
        "PPV and NPV hold for the share of malignant cases in this study, not for a screening population.",
    ),
    (
        "Intervals",
        "Each estimate names its method; several tests are made, and p-values are adjusted only where it says so.",
    ),
    (
        "Text",
        "Text from outside never becomes a formula. Text longer than a cell goes on in the next column “(continued)”. "
        "Control characters are kept in the form that spreadsheet files have for them, _xHHHH_.",
    ),
)


def readme_sheet(content: WorkbookContent, others: Sequence[Sheet]) -> Sheet:
    """Return the sheet ``Read me``; ``others`` are all other sheets, for the list of contents."""
    study = content.study
    final = "Final: all rounds of all readers are finished and locked."
    if content.given is not None:
        final = "Computed from tables; whether the reading was finished is not known to the program."
    status = "INTERIM: some rounds are not finished; do not report these figures." if content.interim else final
    about: list[tuple[str, Value]] = [
        ("Study", study.title),
        ("Study name", study.study_id),
        ("Purpose", words.NOTICE),
        ("Status", status),
        *((f"Note {number}", note) for number, note in enumerate([*content.notes, *_once(study.notice, content.notes)], start=1)),
        ("Description", study.description),
        ("Readers, cases, reads", f"{len(content.readers)} readers, {len(content.cases)} cases, {len(content.reads)} reads"),
        ("Written (UTC)", utc(content.written_utc)),
    ]
    sheets = Table(
        "contents",
        "Sheets",
        (Column("Sheet", "Name of the sheet.", width=34), Column("Contents", "What it holds.", width=90)),
        [(sheet.title, sheet.intro) for sheet in others],
    )
    tables = [
        key_value("about", "", about),
        sheets,
        key_value("definitions", "Definitions", _DEFINITIONS if content.given is None else sheets_given.DEFINITIONS),
        key_value("limits", "Limits", [entry for entry in _LIMITS if content.given is None or entry[0] != "Hashes"]),
    ]
    if content.analysis is not None:
        tables.append(_options(content))
    tables.append(key_value("versions", "Versions", list(content.versions.items())))
    tables.append(key_value("hashes", "Hashes (SHA-256)", list(content.hashes.items())))
    heads = [(reader, count, head) for reader, (count, head) in content.heads.items()]
    if heads:
        columns = (
            Column("Reader", "Pseudonym of the reader.", width=34),
            Column("Last entry: hash", "SHA-256 of the last entry; the whole log hangs on it.", width=90),
            Column("Entries", "Number of entries of the log.", Kind.INTEGER, 10),
        )
        tables.append(Table("logs", "Logs", columns, [(reader, head, count) for reader, count, head in heads]))
    if content.analysis is not None:
        tables.append(_warnings(content))
    return Sheet(
        "Read me",
        "What this workbook is, what its words mean, and what it was made from.",
        tuple(table for table in tables if table.rows),
    )


def _once(notice: str, notes: Sequence[str]) -> list[str]:
    return [notice] if notice and notice not in notes else []


def _options(content: WorkbookContent) -> Table:
    rows = [
        (str(name).replace("_", " ").capitalize(), _option(value))
        for name, value in content.options().items()
        if value not in (None, "", [], {}, False)
    ]
    return key_value("options", "Options of the analysis", rows)


def _option(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {own}" for name, own in value.items())
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _warnings(content: WorkbookContent) -> Table:
    about: dict[str, list[str]] = {}
    for warning in (content.analysis or {}).get("warnings", ()):
        if not isinstance(warning, dict):
            about.setdefault(str(warning), [])
            continue
        stated = ((name, value) for name, value in warning.items() if name not in ("text", "level") and value is not None)
        keys = ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in stated)
        about.setdefault(str(warning.get("text", "")), []).append(keys)
    rows: list[tuple[Value, ...]] = []
    for number, (told, where) in enumerate(about.items(), start=1):
        places = [keys for keys in where if keys]
        shown = "; ".join(places[:_MOST_PLACES]) + (f"; and {len(places) - _MOST_PLACES} more" if places[_MOST_PLACES:] else "")
        rows.append((f"Warning {number}", f"{told} ({shown})" if shown else told))
    columns = (
        Column("Item", "Number of the warning.", width=34),
        Column("Text", "What could not be computed, and why.", width=90),
    )
    return Table("warnings", "Warnings of the analysis", columns, rows)


def study_sheet(content: WorkbookContent) -> Sheet:
    """Return the sheet ``Study``: the protocol in words."""
    if content.given is not None:
        return sheets_given.study_sheet(content)
    study, titles = content.study, words.model_titles(content.study.models)
    assessment, display, timing = study.assessment, study.display, study.timing
    rounds = Table(
        "rounds",
        "Rounds",
        (
            Column("Round", "Number.", width=34),
            Column("Title", "Title.", width=30),
            Column("Condition", "What the readers had, by arm.", width=34),
            Column("Aid", "Model whose aid was shown, by arm where arms differ.", width=24),
            Column("Refines round", "Round whose answers it starts from.", Kind.INTEGER, 10),
            Column("Cases", "Which cases it covers.", width=34),
            Column("Case order", "How the order was made.", width=30),
            Column("Washout (days, minimum)", "Since the reader finished the round before.", Kind.INTEGER, 12),
        ),
        [
            (
                *(f"Round {a_round.number}", a_round.title, words.round_condition(a_round)),
                *(
                    words.round_aid(a_round, titles),
                    a_round.refines,
                    words.case_rule(a_round.cases),
                ),
                *(words.order(a_round.order), a_round.min_washout_days),
            )
            for a_round in study.rounds
        ],
    )
    settings = key_value(
        "settings",
        "Settings of the protocol",
        [
            ("Assessment", f"BI-RADS {', '.join(assessment.categories)}; for each {assessment.level}"),
            ("Positive from", assessment.positive_from),
            ("Suspicion 0–100", "required" if assessment.score_required else "optional"),
            ("Notes", "allowed" if assessment.note_allowed else "not allowed"),
            ("Marks", "allowed" if assessment.marks_allowed else "not allowed"),
            ("Overlay shown from (share)", display.aid_threshold),
            ("Overlay opacity (share)", display.aid_opacity),
            ("Reader may hide the aid", "yes" if display.reader_may_hide_aid else "no"),
            ("Pause after idle (s)", timing.idle_pause_s),
            ("Shortest read (ms)", timing.min_display_ms),
            ("Seed of the case orders", str(study.seed)),
            *((words.variable(name), value) for name, value in study.options.items()),
        ],
        width=30,
    )
    done = Counter((read.reader_id, read.round_no) for read in content.reads)
    readers = Table(
        "readers",
        "Readers",
        (
            Column("Reader", "Pseudonym.", width=34),
            Column("Reader group", "Readers of like experience.", width=30),
            Column("Arm", "Readers with the same sequence of conditions.", width=12, only_if_used=True),
            *(
                Column(f"Reads in round {number}", "Cases validated in this round.", Kind.INTEGER, 14)
                for number in sorted(content.rounds())
            ),
        ),
        [
            (
                *(reader.reader_id, reader.group, reader.arm),
                *(done[reader.reader_id, number] for number in sorted(content.rounds())),
            )
            for reader in content.readers
        ],
    )
    further = [table for table in (_plan(content), questionnaires(content)) if table.rows]
    return Sheet("Study", "The protocol, the readers, and how far they have read.", (rounds, settings, readers, *further))


def _plan(content: WorkbookContent) -> Table:
    """Return what was decided about the analysis before the first read; empty where nothing was."""
    spec = content.study.analysis
    if spec == AnalysisSpec():
        return key_value("analysis_plan", "", [])
    rule = "within the lesion's radius of its centre"
    if spec.match == "iou":
        rule = f"boxes overlap by {spec.overlap:g} or more (intersection over union)"
    stated: list[tuple[str, Value]] = [
        ("Primary endpoint", spec.primary_endpoint),
        ("Figure of merit", spec.endpoint),
        ("Comparison", " against ".join(reversed(spec.comparison))),
        ("Hypothesis", spec.hypothesis),
        ("Margin", spec.margin),
        ("Level of significance, two-sided", spec.alpha),
        ("A mark hits a lesion when", rule),
        ("Plan", spec.plan),
    ]
    return key_value("analysis_plan", "Analysis plan, frozen with the study", stated, width=30)


def questionnaires(content: WorkbookContent) -> Table:
    """Return the answers to the questionnaires between blocks of cases, one row a question."""
    columns = (
        Column("Reader", "Pseudonym.", width=34, key="reader_id"),
        Column("Questionnaire", "Its title.", width=30, key="questionnaire"),
        Column("Round", "The round it is about; empty at the end of a sitting.", Kind.INTEGER, 10, "round"),
        Column("Condition", "What the reader had in that round.", width=18, key="condition"),
        Column(
            "After cases", "Validated cases of the round when it was asked; empty at its end.", Kind.INTEGER, 10, "after_cases"
        ),
        Column("Question", "As the reader saw it.", width=34, key="question"),
        Column("Answer", "Several answers are parted by semicolons; empty: left open.", width=30, key="answer"),
        Column("On screen (s)", "How long the whole questionnaire was shown.", Kind.SECONDS, 12, "shown_s"),
        Column("Answered (UTC)", "When.", Kind.TIME, 19, "answered_utc"),
    )
    rows: list[tuple[Value, ...]] = [
        (
            *(row.reader_id, row.title, row.round_no or None, words.condition(row.condition), row.count or None),
            *(row.text, "; ".join(row.values), row.shown_s, utc(row.wall_utc)),
        )
        for row in content.questionnaires
    ]
    return Table("questionnaires", "Questionnaires", columns, rows)


def cases_sheet(content: WorkbookContent) -> Sheet:
    """Return the sheet ``Cases``: what was read, with the reference standard."""
    variables = list(dict.fromkeys(name for case in content.cases for name in case.clinical))
    truth = content.truth()
    lesions: dict[str, set[str]] = {}
    for row in content.reference:
        if row.get("lesion_id"):
            lesions.setdefault(row.get("case_id", ""), set()).add(row["lesion_id"])
    count = Counter(read.case_id for read in content.reads)
    about = "Clinical variable, shown to the reader." if content.given is None else "Further column of the reference table."
    columns = (
        Column("Case", "Pseudonym of the case.", width=14, key="case_id"),
        Column("Modality", "What was imaged.", width=14, key="modality", only_if_used=True),
        Column("Breasts", "Right, left or both.", width=10, key="breasts", only_if_used=True),
        Column("Stratum", "Subset that the protocol names; never shown to a reader.", width=12, key="stratum", only_if_used=True),
        *(Column(words.variable(name), about, width=15, key=name) for name in variables),
        Column("Reference standard", "Malignant or benign; empty when there is none.", width=12, key="reference"),
        Column("Lesions", "Number of lesions in the reference standard.", Kind.INTEGER, 9, "lesions", True),
        Column("Reads", "How often the case was read.", Kind.INTEGER, 8, "reads"),
        Column(
            "Image fingerprint (SHA-256)", "Of the pixels at full resolution.", width=66, key="fingerprint", only_if_used=True
        ),
    )
    rows: list[tuple[Value, ...]] = [
        (
            *(case.case_id, words.modality(case.modality), words.breasts(case), case.stratum),
            *(case.clinical.get(name, "") for name in variables),
            *(words.truth(truth.get(case.case_id, "")), len(lesions[case.case_id]) if case.case_id in lesions else None),
            *(count[case.case_id], case.fingerprint),
        )
        for case in content.cases
    ]
    further = [table for table in (sheets_features.association(content), sheets_features.embedding(content)) if table.rows]
    intro = "One row for each case of the study" + ("; below, features against pathology and BI-RADS." if further else ".")
    return Sheet("Cases", intro, (Table("cases", "", columns, rows), *further))


def deviations_sheet(content: WorkbookContent) -> Sheet:
    """Return the sheet ``Deviations``: what the independent auditor found in the logs."""
    columns = (
        Column("Reader", "Pseudonym of the reader.", width=12, key="reader_id"),
        Column("Log entry", "Number of the entry in the reader's log.", Kind.INTEGER, 11, "entry"),
        Column("Kind", "Kind of deviation.", width=60, key="kind"),
        Column("What happened", "In a sentence.", width=110, key="text"),
    )
    rows: list[tuple[Value, ...]] = [
        (reader, item.seq or None, words.deviation(item.code), item.text)
        for reader, items in content.deviations.items()
        for item in items
    ]
    if content.given is not None:
        return Sheet("Deviations", sheets_given.NO_LOGS, (Table("deviations", "", columns, ()),), absent=sheets_given.NO_LOGS)
    intro = (
        "Protocol deviations found in the logs by a separate program that shares no code with the reading window."
        if rows
        else "The independent auditor found no protocol deviation in the logs."
    )
    return Sheet("Deviations", intro, (Table("deviations", "", columns, rows),), absent=intro)


def dictionary_sheet(sheets: Sequence[Sheet]) -> Sheet:
    """Return the sheet ``Data dictionary``: every column of every other sheet."""
    columns = (
        Column("Sheet", "Name of the sheet.", width=18, key="sheet"),
        Column("Table", "Heading of the table; empty when the sheet has one.", width=40, key="table"),
        Column("Column", "Heading of the column.", width=34, key="column"),
        Column("Holds", "Type and unit.", width=28, key="holds"),
        Column("Meaning", "What it means.", width=80, key="meaning"),
        Column("CSV file", "File of the plain tables that holds it.", width=22, key="csv_file"),
    )
    rows: list[tuple[Value, ...]] = [
        (sheet.title, table.title, column.title, _UNITS_OF_KIND[column.kind], column.meaning, f"{table.name}.csv")
        for sheet in sheets
        for table in sheet.tables
        for column in (table.columns[place] for place in used(table))
    ]
    return Sheet("Data dictionary", "What each column means.", (Table("data_dictionary", "", columns, rows),))
