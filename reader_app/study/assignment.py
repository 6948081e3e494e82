"""Who reads what, when: the Plan of one reader, made from the definition and the case list by arithmetic alone.

Rules
-----
* Every reader meets every case of a round once (some a second time, where the round repeats cases: ``repeats``); the order is
  shuffled per reader and round, or as listed.
* The shuffle is Fisher-Yates over the case ids in alphabetical order, fed by SHA-256 of
  ``"reader-app order v1|<study>|<seed>|<reader>|<round>|<attempt>|<counter>"``. It needs nothing but the seed in the study
  file, is the same on every platform and Python version, and does not depend on the order of rows in ``cases.csv``.
* An order equal to that of an earlier round of the same reader is drawn again (``attempt``), where there are cases enough.
* A round over a sample draws its cases from "<study>|<seed>|sample|<round>" alone: the same cases for every reader.
* Cases of a training round are in no other round; a round over "all" leaves them out.
* Readers without an arm are given one by :func:`allocate`, balanced within each group of readers.
* A round derived from earlier answers ("left_at") is planned with all its candidates; at its start the order is filtered.
* ``plan_hash`` covers everything a read depends on; it stands in every sitting's first event.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace

from reader_app.errors import Fault, StudyFileError
from reader_app.study.assessment import BREAST_UNITS, CASE_UNIT
from reader_app.study.caselist import CaseEntry, Reader
from reader_app.study.definition import AssessmentSpec, CaseRule, Condition, DisplaySpec, Round, StudyDefinition, TimingSpec
from reader_app.study.protocol import arms_of
from reader_app.study.questionnaires import Questionnaire
from reader_app.study.questions import Question
from reader_app.study.repeats import RepeatRule, wanted, with_repeats, wrong_rule

#: Name of the order algorithm; part of its input, so that a change of the algorithm is a change of this text.
ALGORITHM = "reader-app order v1"

_ATTEMPTS = 100


@dataclass(frozen=True, slots=True)
class RoundPlan:
    """One round of one reader.

    Attributes
    ----------
    order : tuple of str
        The order of all candidate cases. A derived round reads those of them that ``cases`` selects. A case that is repeated
        stands in it twice.
    """

    number: int
    title: str
    condition: Condition
    aid: str | None
    refines: int | None
    show_earlier_answer: bool
    cases: CaseRule
    order: tuple[str, ...]
    min_washout_days: int
    planes: tuple[str, ...] = ()
    training: bool = False
    feedback: bool = False
    repeat: RepeatRule | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything one reader does in a study, settled before the first read.

    Attributes
    ----------
    units : mapping of str to tuple of str
        By case: what is judged, ("case",) or the breasts.
    fingerprints : mapping of str to str
        By case: SHA-256 of its pixels; cases without one are absent and not checked.
    questions : tuple of Question
        What is asked beyond category and score.
    modalities : mapping of str to str, or None
        By case, where there are questions.
    questionnaires : tuple of Questionnaire
        What is asked between blocks of cases.
    plan_hash : str
        SHA-256 over all other fields that differ from their default.
    """

    study_id: str
    reader_id: str
    arm: str
    study_hash: str
    rounds: tuple[RoundPlan, ...]
    units: Mapping[str, tuple[str, ...]]
    fingerprints: Mapping[str, str]
    assessment: AssessmentSpec
    display: DisplaySpec
    timing: TimingSpec
    plan_hash: str = ""
    questions: tuple[Question, ...] = ()
    modalities: Mapping[str, str] | None = None
    questionnaires: tuple[Questionnaire, ...] = ()

    def round(self, number: int) -> RoundPlan:
        """Return the round of that number.

        Raises
        ------
        KeyError
            If the plan has no such round.
        """
        for candidate in self.rounds:
            if candidate.number == number:
                return candidate
        raise KeyError(number)


class CounterGenerator:
    """Whole numbers from SHA-256 of a text and a counter; the same on every platform.

    Parameters
    ----------
    material : str
        The seed; equal material gives equal numbers.
    """

    def __init__(self, material: str) -> None:
        self._material = material
        self._counter = 0

    def below(self, limit: int) -> int:
        """Return a number from 0 to ``limit - 1``, all equally likely (draws above the last full multiple are dropped)."""
        ceiling = 2**64 - 2**64 % limit
        while True:
            digest = hashlib.sha256(f"{self._material}|{self._counter}".encode()).digest()
            self._counter += 1
            number = int.from_bytes(digest[:8], "big")
            if number < ceiling:
                return number % limit

    def shuffled(self, items: Sequence[str]) -> tuple[str, ...]:
        """Return the items in a random order (Fisher-Yates)."""
        order = list(items)
        for last in range(len(order) - 1, 0, -1):
            other = self.below(last + 1)
            order[last], order[other] = order[other], order[last]
        return tuple(order)


def allocate(definition: StudyDefinition, readers: Sequence[Reader]) -> tuple[Reader, ...]:
    """Return the readers with an arm each, where the rounds have conditions or aids by arm.

    An arm given in ``readers.csv`` stands. The others are dealt out in an order drawn from the seed, always to an arm that has
    fewest readers of their group (then fewest of all, then the first by name): sequences of conditions are counterbalanced
    within groups as well as the numbers allow. Does not depend on the order of rows.
    """
    arms = arms_of(definition.rounds)
    if not arms:
        return tuple(readers)
    given = {reader.reader_id: reader.arm for reader in readers if reader.arm}
    waiting = {reader.reader_id: reader.group for reader in readers if not reader.arm}
    groups = {reader.reader_id: reader.group for reader in readers}
    material = f"{ALGORITHM}|{definition.study_id}|{definition.seed}|arms"
    for reader_id in CounterGenerator(material).shuffled(sorted(waiting)):
        own_group = [arm for other, arm in given.items() if groups[other] == waiting[reader_id]]
        everyone = list(given.values())
        given[reader_id] = min(arms, key=lambda arm: (own_group.count(arm), everyone.count(arm), arm))
    return tuple(replace(reader, arm=given[reader.reader_id]) for reader in readers)


def condition_for(entry: Round, arm: str) -> Condition:
    """Return the condition of a round for one arm.

    Raises
    ------
    StudyFileError
        If the round names no condition for that arm.
    """
    found = entry.condition.get(arm, entry.condition.get(""))
    if found is None:
        raise _no_such_arm(f"round {entry.number} has no condition for arm {arm!r}", entry.condition)
    return found


def aid_for(entry: Round, arm: str) -> str | None:
    """Return the model whose aid a round shows to one arm; None where that arm reads without one.

    Raises
    ------
    StudyFileError
        If that arm reads with an aid and the round names none for it.
    """
    if condition_for(entry, arm) is Condition.UNAIDED:
        return None
    found = entry.aid.get(arm, entry.aid.get(""))
    if found is None:
        raise _no_such_arm(f"round {entry.number} has no aid for arm {arm!r}", entry.aid)
    return found


def _no_such_arm(what: str, table: Mapping[str, object]) -> StudyFileError:
    return StudyFileError([Fault("readers.csv", what, f"use one of {', '.join(sorted(table))}")])


def plan(definition: StudyDefinition, cases: Sequence[CaseEntry], reader: Reader, study_hash: str) -> Plan:
    """Settle what one reader will do.

    Parameters
    ----------
    definition : StudyDefinition
        The protocol.
    cases : sequence of CaseEntry
        The whole case list, in the order of ``cases.csv`` (which matters only to rounds "as_listed").
    reader : Reader
        The reader; the arm selects the conditions.
    study_hash : str
        SHA-256 of the frozen study files.

    Raises
    ------
    StudyFileError
        If a round has no case, a case has no unit to judge, or the reader's arm has no condition.
    """
    units = {case.case_id: _units(definition, case) for case in cases}
    faults = [
        Fault("cases.csv", f"case {case_id!r} does not say which breast it shows", "fill in column 'breasts' (R, L or R+L)")
        for case_id, judged in units.items()
        if not judged
    ]
    training = {name for entry in definition.rounds if entry.training for name in entry.cases.values}
    rounds: list[RoundPlan] = []
    for entry in definition.rounds:
        condition = condition_for(entry, reader.arm)
        candidates = _candidates(definition, entry, cases, training)
        if not candidates:
            faults.append(
                Fault("study.toml", f"round {entry.number} has no case", "correct its 'cases' or the strata in cases.csv")
            )
        order = tuple(candidates)
        if entry.order == "shuffled":
            order = _order(definition, reader, entry.number, candidates, [_once(earlier.order) for earlier in rounds])
        if entry.repeat is not None and candidates:
            wrong = wrong_rule(entry.repeat, candidates)
            if wrong:
                faults.append(Fault(f"study.toml, round {entry.number}.repeat", wrong, "repeat fewer cases, or less far apart"))
            else:
                order = _repeated(definition, reader, entry.number, entry.repeat, order)
        rounds.append(
            RoundPlan(
                number=entry.number,
                title=entry.title,
                condition=condition,
                aid=aid_for(entry, reader.arm),
                refines=entry.refines,
                show_earlier_answer=entry.show_earlier_answer,
                cases=entry.cases,
                order=order,
                min_washout_days=entry.min_washout_days,
                planes=entry.planes,
                training=entry.training,
                feedback=entry.feedback,
                repeat=entry.repeat,
            )
        )
    if faults:
        raise StudyFileError(faults)
    settled = Plan(
        study_id=definition.study_id,
        reader_id=reader.reader_id,
        arm=reader.arm,
        study_hash=study_hash,
        rounds=tuple(rounds),
        units=units,
        fingerprints={case.case_id: case.fingerprint for case in cases if case.fingerprint},
        assessment=definition.assessment,
        display=definition.display,
        timing=definition.timing,
        questions=definition.questions,
        modalities={case.case_id: case.modality for case in cases} if definition.questions else None,
        questionnaires=definition.questionnaires,
    )
    return replace(settled, plan_hash=_hash(settled))


def _units(definition: StudyDefinition, case: CaseEntry) -> tuple[str, ...]:
    """Return what is judged: the case, or its breasts in the order R, L (both for a mammogram that does not say)."""
    if definition.assessment.level == "case":
        return (CASE_UNIT,)
    if not case.breasts and case.modality == "mammography":
        return BREAST_UNITS
    return tuple(unit for unit in BREAST_UNITS if unit in case.breasts)


def _candidates(definition: StudyDefinition, entry: Round, cases: Sequence[CaseEntry], training: set[str]) -> list[str]:
    rule = entry.cases
    by_stratum = rule.kind in ("stratum", "sample") and bool(rule.values)
    fitting = [
        case.case_id
        for case in cases
        if (case.stratum in training) == entry.training and (not by_stratum or case.stratum in rule.values)
    ]
    if rule.count is None:
        return fitting
    material = f"{ALGORITHM}|{definition.study_id}|{definition.seed}|sample|{entry.number}"
    drawn = set(CounterGenerator(material).shuffled(sorted(fitting))[: rule.count])
    return [case_id for case_id in fitting if case_id in drawn]


def _order(
    definition: StudyDefinition, reader: Reader, number: int, candidates: Sequence[str], earlier: Sequence[tuple[str, ...]]
) -> tuple[str, ...]:
    listed = sorted(candidates)
    drawn: tuple[str, ...] = ()
    for attempt in range(_ATTEMPTS):
        material = f"{ALGORITHM}|{definition.study_id}|{definition.seed}|{reader.reader_id}|{number}|{attempt}"
        drawn = CounterGenerator(material).shuffled(listed)
        if drawn not in earlier:
            break
    return drawn


def _once(order: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(order))


def _repeated(
    definition: StudyDefinition, reader: Reader, number: int, rule: RepeatRule, order: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the order with the repeated cases standing twice: the same cases for all readers, each reader's own places."""
    material = f"{ALGORITHM}|{definition.study_id}|{definition.seed}"
    again = wanted(rule, order, CounterGenerator(f"{material}|repeat|{number}").shuffled)
    below = CounterGenerator(f"{material}|{reader.reader_id}|{number}|repeat").below
    return with_repeats(order, again, rule.min_gap, below)


def _hash(settled: Plan) -> str:
    text = json.dumps(_stated(settled), sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _stated(value: object) -> object:
    """Return a plain form in which fields at their default are left out, so that a newer program finds the same hash."""
    if is_dataclass(value) and not isinstance(value, type):
        pairs = ((entry, getattr(value, entry.name)) for entry in fields(value))
        return {entry.name: _stated(own) for entry, own in pairs if entry.default is MISSING or own != entry.default}
    if isinstance(value, Mapping):
        return {str(key): _stated(own) for key, own in value.items()}
    if isinstance(value, tuple):
        return [_stated(own) for own in value]
    return value
