"""What a workbook is made from: plain inputs, and the few look-ups that several sheets need."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from reader_app.analysis.fromlog import labels_by_reader
from reader_app.export import words
from reader_app.export.layout import Value
from reader_app.study.assessment import CASE_UNIT, rank
from reader_app.study.assignment import aid_for, condition_for
from reader_app.study.caselist import CaseEntry, Reader
from reader_app.study.definition import Condition, Round, StudyDefinition
from reader_app.study.filled import Filled
from reader_app.study.readtable import Read


class Finding(Protocol):
    """What the auditor says: a code, the log entry it is about, and a sentence."""

    @property
    def code(self) -> str:
        """Return the kind of deviation."""
        ...

    @property
    def seq(self) -> int | None:
        """Return the number of the log entry."""
        ...

    @property
    def text(self) -> str:
        """Return the sentence for a person."""
        ...


@dataclass(frozen=True, slots=True)
class PredictionSummary:
    """A stored prediction without its pictures.

    Attributes
    ----------
    probability, threshold : float
        0..1; the threshold is the model's operating point.
    call : str
        The model's word: "high" / "low", "malignant" / "benign".
    status : str
        "ok", "no_finding", "not_applicable" or "failed".
    sha256 : str
        Of the stored prediction, as it stands in the log of each aided read.
    bundle : str
        Identity of the model that made it: id, version and SHA-256 of its bundle.
    training_data : str
        What the model was trained on, as its bundle states it.
    """

    model_id: str
    case_id: str
    probability: float | None
    threshold: float | None
    call: str
    positive: bool | None
    status: str
    sha256: str
    bundle: str = ""
    training_data: str = ""


@dataclass(frozen=True, slots=True)
class GivenTables:
    """Reads that were collected with another program and came as tables.

    Attributes
    ----------
    files : sequence of tuple
        What each table is ("reads", "reference" ...), the name of its file, its number of rows and its SHA-256.
    reads, marks, predictions : sequence of mapping
        The checked rows, with the columns of the outer interface of ``analyze``.
    conditions : mapping of int to str
        The condition that each round of the made-up protocol stands for.
    """

    files: Sequence[tuple[str, str, int, str]]
    reads: Sequence[Mapping[str, Value]]
    marks: Sequence[Mapping[str, Value]] = ()
    predictions: Sequence[Mapping[str, Value]] = ()
    conditions: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _ReaderRound:
    """A round as one reader has it; what the name of its condition depends on."""

    number: int
    condition: Condition
    aid: str | None
    planes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WorkbookContent:
    """Everything that a workbook, a CSV export or a report states.

    Attributes
    ----------
    study : StudyDefinition
    cases, readers
        As in the study's tables.
    reads : sequence of Read
        One per reader, round and case; of all readers.
    reference : sequence of mapping
        Rows of the reference standard as text (``case_id``, ``malignant``, ``lesion_id`` ...); empty when there is none.
    deviations : mapping from reader id to findings
        The auditor's.
    analysis : mapping or None
        The document of ``analyze --json``, schema 1.
    predictions : sequence of PredictionSummary
    versions : mapping
        Program, Python, libraries: name -> version.
    hashes : mapping
        Plan, study, cases, reference standard: what -> SHA-256.
    heads : mapping from reader id to (entries, hash)
        The last entry of each reader's log, as printed on the session receipt.
    interim : bool
        Some round of some reader was still open.
    notes : sequence of str
        Sentences that must be read first ("Simulated readers.", "The model was trained on phantoms.").
    written_utc : str
        ISO 8601 with ``Z``.
    questionnaires : sequence of Filled
        One for each answered question of a questionnaire.
    aid_kinds : mapping of (model id, case id) to str
        "withheld", "inverted" or "swapped", where aids were changed on purpose; empty where none was.
    given : GivenTables or None
        The tables, where the reads do not come from a study's logs; the rounds then stand for the conditions of the tables.
    """

    study: StudyDefinition
    cases: Sequence[CaseEntry]
    readers: Sequence[Reader]
    reads: Sequence[Read]
    reference: Sequence[Mapping[str, str]] = ()
    deviations: Mapping[str, Sequence[Finding]] = field(default_factory=dict)
    analysis: Mapping[str, Any] | None = None
    predictions: Sequence[PredictionSummary] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)
    heads: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    interim: bool = False
    notes: Sequence[str] = ()
    written_utc: str = ""
    given: GivenTables | None = None
    questionnaires: Sequence[Filled] = ()
    aid_kinds: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def valid(self) -> list[Read]:
        """Return the reads that count: neither void nor training, nor the second of a case that came again in its round."""
        return [read for read in self.reads if not read.void and not read.training and read.occurrence == 1]

    def groups(self) -> dict[str, str]:
        """Return the group of each reader."""
        return {reader.reader_id: reader.group for reader in self.readers}

    def rounds(self) -> dict[int, Round]:
        """Return the rounds by number."""
        return {a_round.number: a_round for a_round in self.study.rounds}

    def labels(self) -> dict[tuple[str, int], str]:
        """Return the name of the condition of each (reader, round), the same as in the analysis."""
        if self.given is not None:
            return {(reader.reader_id, n): name for reader in self.readers for n, name in self.given.conditions.items()}
        rounds = {
            reader.reader_id: [
                _ReaderRound(own.number, condition_for(own, reader.arm), aid_for(own, reader.arm), own.planes)
                for own in self.study.rounds
            ]
            for reader in self.readers
        }
        labels = labels_by_reader(rounds)
        return {(reader_id, n): final for reader_id, own in labels.items() for n, (final, _) in own.items()}

    def truth(self) -> dict[str, str]:
        """Return "1" or "0" for each case with a reference: malignant if any of its lesions is."""
        return _highest((row.get("case_id", ""), row.get("malignant", "")) for row in self.reference)

    def unit_truth(self) -> dict[tuple[str, str], str]:
        """Return "1" or "0" for each (case, unit); a breast is benign when every malignant lesion of the case lies elsewhere."""
        found: dict[tuple[str, str], str] = {}
        sides: dict[str, set[str]] = defaultdict(set)
        for row in self.reference:
            if words.as_truth(row.get("malignant", "")) == "1":
                sides[row.get("case_id", "")].add(row.get("laterality", ""))
        for case, value in self.truth().items():
            found[case, CASE_UNIT] = value
            if "" not in sides[case]:
                found.update({(case, side): "1" if side in sides[case] else "0" for side in ("R", "L")})
        if self.given is not None:
            lesions = _highest(((row.get("case_id"), row.get("lesion_id")), row.get("malignant", "")) for row in self.reference)
            for read in self.given.reads:
                key = (read.get("case_id"), read.get("lesion_id"))
                if key[1] and key in lesions:
                    found[str(key[0]), unit_of(read)] = lesions[key]
        return found

    def round_title(self, number: int) -> str:
        """Return the heading of a round; of tables, the condition that it stands for."""
        title = self.rounds()[number].title if number in self.rounds() else ""
        return words.condition(title) if self.given is not None else f"Round {number}: {title}"

    def origin(self, read: Read) -> str:
        """Return where an earlier answer stands: its round, or its condition where the reads came as tables."""
        if self.given is None:
            return f"round {read.round_no}"
        return words.condition(self.rounds()[read.round_no].title)

    def units(self) -> tuple[str, ...]:
        """Return the units that were judged, the case first, then right, then left."""
        found = {unit for read in self.reads for unit in read.categories}
        if not found:
            return (CASE_UNIT,) if self.study.assessment.level == "case" else ("R", "L")
        return tuple(unit for unit in (CASE_UNIT, "R", "L") if unit in found) + tuple(sorted(found - {CASE_UNIT, "R", "L"}))

    def prediction(self) -> dict[tuple[str, str], PredictionSummary]:
        """Return the predictions by (model id, case id)."""
        return {(item.model_id, item.case_id): item for item in self.predictions}

    def options(self) -> Mapping[str, Any]:
        """Return the options of the analysis, empty when there is none."""
        found = (self.analysis or {}).get("input", {}).get("options", {})
        return found if isinstance(found, Mapping) else {}

    def positive_from(self) -> str:
        """Return the lowest positive category: the analysis's, else the study's."""
        return str(self.options().get("positive_from") or self.study.assessment.positive_from)


def unit_of(row: Mapping[str, Value]) -> str:
    """Return the unit that a row of a reads table is about: "case", a side, or side, lesion and type as they are named."""
    parts = [str(row.get(name) or "") for name in ("laterality", "lesion_id", "lesion_type")]
    return " ".join(part for part in parts if part) or CASE_UNIT


def _highest(pairs: Any) -> dict[Any, str]:
    """Return the highest of "0" and "1" for each key; other values are passed over."""
    found: dict[Any, str] = {}
    for key, value in pairs:
        truth = words.as_truth(value)
        if truth:
            found[key] = max(found.get(key, "0"), truth)
    return found


@dataclass(frozen=True, slots=True)
class Change:
    """One answer before and after an aid."""

    read: Read
    unit: str
    before_label: str
    before: str
    after: str
    score_before: int | None
    score_after: int | None

    @property
    def steps(self) -> int | None:
        """Return the change in ranks of suspicion (4A to 3 is -1); None where a category has no rank."""
        first, last = rank(self.before), rank(self.after)
        return None if first is None or last is None else last - first

    @property
    def direction(self) -> str:
        """Return "down", "unchanged" or "up"; "changed" where a category without rank is involved."""
        if self.before == self.after:
            return "unchanged"
        steps = self.steps
        if steps is None:
            return "changed"
        return "down" if steps < 0 else "up" if steps > 0 else "unchanged"


def changes(content: WorkbookContent) -> list[Change]:
    """Return every answer before and after an aid, in the order of ``reads``; void and training reads are left out.

    Before is: in a sequential read the sealed own answer; in a round that refines another, that round's answer; in any other
    aided round, the reader's first unaided answer to the same case. Reads without such an answer are left out.
    """
    rounds = content.rounds()
    valid = content.valid()
    answers = {(read.reader_id, read.round_no, read.case_id): read for read in valid}
    unaided: dict[tuple[str, str], Read] = {}
    for read in sorted(valid, key=lambda item: item.round_no):
        if read.condition == Condition.UNAIDED:
            unaided.setdefault((read.reader_id, read.case_id), read)
    found: list[Change] = []
    for read in valid:
        if read.condition == Condition.UNAIDED:
            continue
        a_round = rounds.get(read.round_no)
        if read.initial is not None:
            label, categories, scores = "own answer before the aid", read.initial.categories, read.initial.scores
        else:
            refined = a_round.refines if a_round else None
            earlier = (
                answers.get((read.reader_id, refined, read.case_id))
                if refined is not None
                else unaided.get((read.reader_id, read.case_id))
            )
            if earlier is None:
                continue
            label, categories, scores = content.origin(earlier), earlier.categories, earlier.scores
        for unit, after in read.categories.items():
            if unit in categories:
                found.append(Change(read, unit, label, categories[unit], after, scores.get(unit), read.scores.get(unit)))
    return found
