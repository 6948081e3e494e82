"""What happened, in the past tense. The log holds these and nothing else; every one can be written as canonical JSON.

Answers travel as mappings from unit ("case", or "R" / "L") to value. Stored payloads carry ``"v"``; old ones are upcast at
reading (``store.upcast``), never rewritten.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reader_app.study.finding import Mark


@dataclass(frozen=True, slots=True)
class SessionOpened:
    """A sitting began. ``plan_hash`` ties every later event to the frozen study."""

    reader_id: str
    plan_hash: str
    wall_utc: str


@dataclass(frozen=True, slots=True)
class SessionResumed:
    """The program was started again while a session was open (crash, power cut); an open case is shown again."""

    plan_hash: str
    wall_utc: str


@dataclass(frozen=True, slots=True)
class SessionClosed:
    """The reader ended the sitting."""

    wall_utc: str


@dataclass(frozen=True, slots=True)
class RoundStarted:
    """The reader began a round; ``cases`` is its order, derived rounds included."""

    round_no: int
    cases: tuple[str, ...]
    wall_utc: str


@dataclass(frozen=True, slots=True)
class RoundFinished:
    """Every case of the round has been validated."""

    round_no: int
    wall_utc: str


@dataclass(frozen=True, slots=True)
class AidShown:
    """The aid as it stood on the screen.

    Attributes
    ----------
    model_id : str
        The model of the round.
    prediction_sha256 : str
        SHA-256 of the stored prediction (its JSON file).
    threshold, opacity : float
        As the study file states them.
    status : str
        What the prediction said: "ok", "no_finding", "not_applicable", "failed" or "withheld". All five are aids: the reader
        is told in words that nothing was found or that the aid is not available.
    model_sha256 : str
        SHA-256 of the bundle that made the prediction, where its provenance says so.
    findings : int
        How many findings it marks; they are named "1", "2" ... in the order of the stored prediction.
    """

    model_id: str
    prediction_sha256: str
    threshold: float
    opacity: float
    status: str = "ok"
    model_sha256: str = ""
    findings: int = 0


@dataclass(frozen=True, slots=True)
class CaseDisplayed:
    """All panes of the case were painted: the clock of the read starts (or restarts, after an interruption)."""

    round_no: int
    case_id: str
    fingerprint: str
    panes: tuple[str, ...]
    aid: AidShown | None  # None: no aid on the screen


@dataclass(frozen=True, slots=True)
class Assessed:
    """A category was chosen for one unit (not yet validated)."""

    case_id: str
    unit: str
    category: str


@dataclass(frozen=True, slots=True)
class Scored:
    """A suspicion 0-100 was given for one unit (not yet validated)."""

    case_id: str
    unit: str
    score: int


@dataclass(frozen=True, slots=True)
class Answered:
    """A question of the form was answered for one unit (not yet validated); no values: the answer was taken back."""

    case_id: str
    unit: str
    question: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Noted:
    """The free text of the read is now this."""

    case_id: str
    text: str


@dataclass(frozen=True, slots=True)
class MarkPlaced:
    """A mark was placed, or moved when its ``mark_id`` exists already."""

    case_id: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class MarkRemoved:
    """A mark was taken back."""

    case_id: str
    mark_id: str


@dataclass(frozen=True, slots=True)
class InitialSealed:
    """Sequential reading: the unaided answer of this case, locked before the aid may be drawn."""

    case_id: str
    categories: Mapping[str, str]
    scores: Mapping[str, int]
    note: str
    marks: tuple[Mark, ...] = ()
    answers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AidRevealed:
    """Sequential reading: the aid was painted for the first time."""

    case_id: str
    aid: AidShown


@dataclass(frozen=True, slots=True)
class AidHidden:
    """The reader switched the aid off."""

    case_id: str


@dataclass(frozen=True, slots=True)
class AidShownAgain:
    """The reader switched the aid on again."""

    case_id: str
    aid: AidShown


@dataclass(frozen=True, slots=True)
class ReadPaused:
    """The images are covered and the clock stands. ``reason``: "reader", "idle", "hidden", "system"."""

    case_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReadResumed:
    """The images are on the screen again."""

    case_id: str


@dataclass(frozen=True, slots=True)
class ReadInterrupted:
    """The program failed or is closing during a read; the case will be shown again."""

    case_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReadSubmitted:
    """The reader validated the case: the whole answer, locked. ``occurrence`` is 2 when the case came again in the round."""

    round_no: int
    case_id: str
    categories: Mapping[str, str]
    scores: Mapping[str, int]
    note: str
    marks: tuple[Mark, ...] = field(default=())
    answers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    occurrence: int = 1


@dataclass(frozen=True, slots=True)
class AidAdjusted:
    """The reader changed how the aid is drawn (only where the study lets the reader)."""

    case_id: str
    threshold: float
    opacity: float


@dataclass(frozen=True, slots=True)
class AidFindingJudged:
    """The reader took up or dismissed one finding of the aid; ``verdict`` is "accepted", "rejected" or "" (taken back)."""

    case_id: str
    finding: str
    verdict: str


@dataclass(frozen=True, slots=True)
class SliceSeen:
    """A stretch of slices of one pane: where it stands now, lowest and highest since the last report, zero-based.

    ``plane`` is "coronal", "transverse" or "sagittal" of a volume, "frame" of a cine, "" of a still image.
    """

    image_id: str
    plane: str
    index: int
    first: int
    last: int
    pane: str = ""


@dataclass(frozen=True, slots=True)
class AidSeen:
    """The aid was in view on these slices; reported when scrolling comes to rest and before the aid leaves the screen."""

    case_id: str
    slices: tuple[SliceSeen, ...]


@dataclass(frozen=True, slots=True)
class FeedbackSeen:
    """Training: the reader was told the reference of the case just validated and went on after ``shown_ms``."""

    round_no: int
    case_id: str
    shown_ms: int


@dataclass(frozen=True, slots=True)
class QuestionnaireAnswered:
    """A questionnaire between blocks was answered.

    Attributes
    ----------
    round_no : int
        The round it is about; 0 at the end of a sitting.
    count : int
        Validated cases of the round when it was asked; 0 at the end of the round; at the end of a sitting its number.
    answers : mapping of str to tuple of str
        By ``"<question>:case"``.
    shown_ms : int
        How long it was on the screen.
    """

    questionnaire: str
    round_no: int
    count: int
    answers: Mapping[str, tuple[str, ...]]
    shown_ms: int
    wall_utc: str


@dataclass(frozen=True, slots=True)
class DisplayChanged:
    """The images are on this screen from now on: its name, size in pixels, scale in percent, and when it was last checked."""

    screen: str
    width_px: int
    height_px: int
    scale: int
    checked_utc: str


@dataclass(frozen=True, slots=True)
class Disturbed:
    """Time did not pass as it should: "suspend" (the machine slept), "clock_step" (clock set), "stall" (the program hung).

    Between two beats ``mono_gap_ms`` passed on the monotonic clock; the wall clock moved ``wall_step_ms`` more than passed.
    """

    kind: str
    mono_gap_ms: int
    wall_step_ms: int


@dataclass(frozen=True, slots=True)
class RoundUnlocked:
    """The coordinator let a round begin before its washout had passed."""

    round_no: int
    coordinator: str
    reason: str
    wall_utc: str


@dataclass(frozen=True, slots=True)
class ReadVoided:
    """The coordinator declared a read void: it stays in the log and counts for nothing."""

    round_no: int
    case_id: str
    coordinator: str
    reason: str
    wall_utc: str
    occurrence: int = 1


@dataclass(frozen=True, slots=True)
class CaseWithdrawn:
    """The coordinator took a case out of the study: it is not read any more, and what was read of it counts for nothing."""

    case_id: str
    coordinator: str
    reason: str
    wall_utc: str


@dataclass(frozen=True, slots=True)
class PlanAmended:
    """The protocol was amended: what follows is read under the new plan, what went before keeps the old one."""

    old_plan_hash: str
    new_plan_hash: str
    coordinator: str
    reason: str
    wall_utc: str


@dataclass(frozen=True, slots=True)
class ReaderRetired:
    """The reader reads no more in this study; ``replaced_by`` names who reads instead, or is empty."""

    replaced_by: str
    coordinator: str
    reason: str
    wall_utc: str


Event = (
    SessionOpened | SessionResumed | SessionClosed | RoundStarted | RoundFinished | CaseDisplayed | Assessed | Scored | Noted
    | MarkPlaced | MarkRemoved | InitialSealed | AidRevealed | AidHidden | AidShownAgain | ReadPaused | ReadResumed
    | ReadInterrupted | ReadSubmitted | RoundUnlocked | ReadVoided | CaseWithdrawn | PlanAmended | ReaderRetired
    | Answered | AidAdjusted | AidFindingJudged | Disturbed | AidSeen | FeedbackSeen | QuestionnaireAnswered | DisplayChanged
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Logged:
    """An event as it stands in a log.

    Attributes
    ----------
    seq : int
        1, 2, 3 ... without gaps.
    run_id : str
        One per start of the program; ``mono_ns`` is comparable only within a run.
    mono_ns : int
        Monotonic nanoseconds at which it happened (the paint, the key), not at which it was written.
    wall_utc : str
        ISO 8601 with ``Z``: a label.
    """

    seq: int
    run_id: str
    mono_ns: int
    wall_utc: str
    event: Event
