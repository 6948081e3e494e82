"""The protocol as values: what a study asks of its readers. Made from ``study.toml`` by :mod:`reader_app.study.definition`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from reader_app.study.questionnaires import Questionnaire
from reader_app.study.questions import Question
from reader_app.study.repeats import RepeatRule


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
    reader_may_adjust_aid: bool = False
    reader_judges_findings: bool = False  # accept or reject each finding of the aid
    findings_must_be_judged: bool = False  # before a read is validated
    show_priors: bool = True  # earlier exams of the same woman, where there are any


@dataclass(frozen=True, slots=True)
class TimingSpec:
    """Timing rules."""

    idle_pause_s: int = 120
    min_display_ms: int = 300  # a read cannot be validated sooner after its display
    session_max_min: int = 0  # no new case after this many minutes of a sitting; 0 for no limit
    break_after_min: int = 0  # a break is proposed after this many minutes without one; 0 for never


@dataclass(frozen=True, slots=True)
class CaseRule:
    """Which cases a round covers.

    Attributes
    ----------
    kind : str
        "all"; "stratum" (``values`` are strata); "sample" (``count`` cases of the strata ``values``, or of all when there are
        none, drawn once for all readers); "left_at" (``values`` are the categories at which this reader left the case, for any
        unit, in round ``of_round``).
    """

    kind: str = "all"
    values: tuple[str, ...] = ()
    of_round: int | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Round:
    """One pass of a reader over the case order."""

    number: int
    title: str
    condition: Mapping[str, Condition]  # by arm; the key "" holds for every arm
    aid: Mapping[str, str] = field(default_factory=dict)  # model id by arm, likewise; empty in an unaided round
    refines: int | None = None  # number of the earlier round whose answers this one starts from
    show_earlier_answer: bool = True  # only with ``refines``
    cases: CaseRule = CaseRule()
    order: str = "shuffled"  # "shuffled" (per reader and round) or "as_listed"
    min_washout_days: int = 0  # since the reader finished the previous round
    planes: tuple[str, ...] = ()  # planes of ABVS volumes that are shown; () for all
    training: bool = False  # apart from the data
    feedback: bool = False  # in training: the reference is told after each validated case
    repeat: RepeatRule | None = None  # cases that come a second time

    @property
    def models(self) -> tuple[str, ...]:
        """The models whose aid is shown to some arm."""
        return tuple(dict.fromkeys(self.aid.values()))


def arms_of(rounds: Iterable[Round]) -> tuple[str, ...]:
    """Return the arms that the rounds tell apart, by name; none where every reader does the same."""
    return tuple(sorted({arm for entry in rounds for arm in (*entry.condition, *entry.aid) if arm}))


@dataclass(frozen=True, slots=True)
class AidChange:
    """Aids that are changed on purpose, to see how far readers lean on them.

    Attributes
    ----------
    kind : str
        "withheld" (no aid is available), "inverted" (the opposite score and call) or "swapped" (the aid of another case).
    strata : tuple of str
        Only cases of these strata; () for all.
    share : float
        Share of those cases that is drawn; 0 where ``sample`` says the number, or all of them are meant.
    sample : int
        Number of cases that is drawn; 0 as above.
    """

    kind: str
    strata: tuple[str, ...] = ()
    share: float = 0.0
    sample: int = 0


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model whose stored predictions serve as aids, or a set of aids prepared from such a model's."""

    model_id: str
    title: str
    explanation: str = ""  # one plain sentence for the reader
    of: str = ""  # the model from whose predictions this set is prepared
    changes: tuple[AidChange, ...] = ()


@dataclass(frozen=True, slots=True)
class AnalysisSpec:
    """What was decided about the analysis before the first read."""

    primary_endpoint: str = ""
    comparison: tuple[str, ...] = ()  # two conditions, the reference first
    hypothesis: str = "superiority"
    margin: float | None = None
    alpha: float = 0.05
    plan: str = ""
    endpoint: str = "auc"  # or "sensitivity", "specificity", "wafroc"
    match: str = "distance"  # or "iou": when a mark hits a lesion
    overlap: float = 0.1  # least intersection over union of a hit


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
    questions: tuple[Question, ...] = ()
    questionnaires: tuple[Questionnaire, ...] = ()
    analysis: AnalysisSpec = AnalysisSpec()
