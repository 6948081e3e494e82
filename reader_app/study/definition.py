"""StudyDefinition: the protocol as data, from a parsed ``study.toml``. Unknown keys are refused, all faults listed at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Condition(StrEnum):
    """What the reader has in a round."""

    UNAIDED = "unaided"
    AIDED_CONCURRENT = "aided_concurrent"  # the aid is there from the first paint
    AIDED_SEQUENTIAL = "aided_sequential"  # unaided answer sealed, then the aid revealed, then the final answer
    AIDED_STAGED = "aided_staged"  # a later round refines the earlier answer with the next stage's aid (lu2025)


@dataclass(frozen=True, slots=True)
class AssessmentSpec:
    """What a reader must answer for each unit of a case."""

    categories: tuple[str, ...] = ("0", "1", "2", "3", "4A", "4B", "4C", "5")
    positive_from: str = "4A"
    level: str = "case"  # "case" or "breast"
    score_required: bool = True  # 0-100
    score_kind: str = "percent"  # "percent", or "none" where no score is asked
    note_allowed: bool = True
    marks_allowed: bool = True


@dataclass(frozen=True, slots=True)
class DisplaySpec:
    """Conditions of the experiment that govern the aid's look."""

    aid_threshold: float = 0.35
    aid_opacity: float = 0.55
    reader_may_hide_aid: bool = True


@dataclass(frozen=True, slots=True)
class TimingSpec:
    """Timing rules."""

    idle_pause_s: int = 120
    min_display_ms: int = 300  # a read cannot be validated sooner after its display


@dataclass(frozen=True, slots=True)
class CaseRule:
    """Which cases a round covers.

    Attributes
    ----------
    kind : str
        "all"; "stratum" (``values`` are strata); "left_at" (``values`` are the categories at which this reader left
        the case, for any unit, in round ``of_round``).
    """

    kind: str = "all"
    values: tuple[str, ...] = ()
    of_round: int | None = None


@dataclass(frozen=True, slots=True)
class Round:
    """One pass of a reader over the case order."""

    number: int
    title: str
    condition: Mapping[str, Condition]  # by arm; the key "" holds for every arm
    aid: str | None = None  # model id; None in an unaided round
    refines: int | None = None  # number of the earlier round whose answers this one starts from
    show_earlier_answer: bool = True  # only with ``refines``
    cases: CaseRule = CaseRule()
    order: str = "shuffled"  # "shuffled" (per reader and round) or "as_listed"
    min_washout_days: int = 0  # since the reader finished the previous round


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model whose stored predictions serve as aids."""

    model_id: str
    title: str
    explanation: str = ""  # one plain sentence for the reader


@dataclass(frozen=True, slots=True)
class StudyDefinition:
    """A whole protocol."""

    study_id: str
    title: str
    rounds: tuple[Round, ...]
    seed: int
    assessment: AssessmentSpec = AssessmentSpec()
    display: DisplaySpec = DisplaySpec()
    timing: TimingSpec = TimingSpec()
    models: tuple[ModelSpec, ...] = ()
    description: str = ""
    notice: str = ""  # shown to readers at log-in, e.g. that a model was trained on phantoms
    options: Mapping[str, str] = field(default_factory=dict)
