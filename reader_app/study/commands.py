"""What may be asked, in the imperative. Commands about a case name it and the revision the reader saw; stale ones are refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reader_app.study.events import AidShown, SliceSeen
from reader_app.study.finding import Mark


@dataclass(frozen=True, slots=True)
class OpenSession:
    """Begin a sitting (phase closed), or continue one that was cut off (then ``SessionResumed`` is the event)."""

    wall_utc: str


@dataclass(frozen=True, slots=True)
class CloseSession:
    """End the sitting; refused while a case is open unless it was paused or interrupted."""

    wall_utc: str


@dataclass(frozen=True, slots=True)
class StartRound:
    """Begin the next round; refused before its washout has passed or while the previous one is unfinished."""

    round_no: int
    wall_utc: str


@dataclass(frozen=True, slots=True)
class DisplayCase:
    """Report that all panes of the due case have been painted, with what was visible."""

    case_id: str
    fingerprint: str
    panes: tuple[str, ...]
    aid: AidShown | None


@dataclass(frozen=True, slots=True)
class Assess:
    """Choose a category for one unit."""

    case_id: str
    revision: int
    unit: str
    category: str


@dataclass(frozen=True, slots=True)
class GiveScore:
    """Give the suspicion 0-100 for one unit."""

    case_id: str
    revision: int
    unit: str
    score: int


@dataclass(frozen=True, slots=True)
class AnswerQuestion:
    """Answer a question of the form for one unit ("case" for a question about the case); no values take the answer back."""

    case_id: str
    revision: int
    unit: str
    question: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WriteNote:
    """Replace the free text of the read."""

    case_id: str
    revision: int
    text: str


@dataclass(frozen=True, slots=True)
class PlaceMark:
    """Place a mark, or move it when its id exists."""

    case_id: str
    revision: int
    mark: Mark


@dataclass(frozen=True, slots=True)
class RemoveMark:
    """Take a mark back."""

    case_id: str
    revision: int
    mark_id: str


@dataclass(frozen=True, slots=True)
class RevealAid:
    """Sequential reading: seal the unaided answer and show the aid. The aid is painted only after this is durable."""

    case_id: str
    revision: int
    aid: AidShown


@dataclass(frozen=True, slots=True)
class HideAid:
    """Switch the aid off (only where the study lets the reader)."""

    case_id: str
    revision: int


@dataclass(frozen=True, slots=True)
class ShowAid:
    """Switch the aid on again."""

    case_id: str
    revision: int
    aid: AidShown


@dataclass(frozen=True, slots=True)
class AdjustAid:
    """Change how the aid is drawn (only where the study lets the reader, while it is in view)."""

    case_id: str
    revision: int
    threshold: float
    opacity: float


@dataclass(frozen=True, slots=True)
class JudgeAidFinding:
    """Take up ("accepted") or dismiss ("rejected") one finding of the aid, or take that back (""); ``finding`` names it."""

    case_id: str
    revision: int
    finding: str
    verdict: str


@dataclass(frozen=True, slots=True)
class SeeAid:
    """Report the slices on which the aid was in view since the last report."""

    case_id: str
    revision: int
    slices: tuple[SliceSeen, ...]


@dataclass(frozen=True, slots=True)
class AcknowledgeFeedback:
    """Training: go on after the reference of the case just validated has been shown for ``shown_ms``."""

    case_id: str
    shown_ms: int
    wall_utc: str


@dataclass(frozen=True, slots=True)
class AnswerQuestionnaire:
    """Hand in the questionnaire that is due, whole; fields as in ``QuestionnaireAnswered``."""

    questionnaire: str
    round_no: int
    count: int
    answers: Mapping[str, tuple[str, ...]]
    shown_ms: int
    wall_utc: str


@dataclass(frozen=True, slots=True)
class ReportDisplay:
    """Note on which screen the images are. Changes no state."""

    screen: str
    width_px: int
    height_px: int
    scale: int
    checked_utc: str


@dataclass(frozen=True, slots=True)
class ReportDisturbance:
    """Note that time did not pass as it should: "suspend", "clock_step" or "stall". Changes no state."""

    kind: str
    mono_gap_ms: int
    wall_step_ms: int


@dataclass(frozen=True, slots=True)
class Pause:
    """Cover the images and stop the clock. ``reason``: "reader", "idle", "hidden", "system"."""

    case_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Resume:
    """Uncover the images."""

    case_id: str


@dataclass(frozen=True, slots=True)
class Interrupt:
    """The program must stop in the middle of a read."""

    case_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class SubmitRead:
    """Validate the case: lock the whole answer."""

    case_id: str
    revision: int
    wall_utc: str


@dataclass(frozen=True, slots=True)
class UnlockRound:
    """The coordinator lets the next round begin before its day. Like all overrides it needs a reason of ten letters or more."""

    round_no: int
    coordinator: str
    reason: str
    wall_utc: str


@dataclass(frozen=True, slots=True)
class VoidRead:
    """The coordinator declares a validated read void; the case is not read again."""

    round_no: int
    case_id: str
    coordinator: str
    reason: str
    wall_utc: str
    occurrence: int = 1


@dataclass(frozen=True, slots=True)
class WithdrawCase:
    """The coordinator takes a case out of the study; refused while it is on the screen."""

    case_id: str
    coordinator: str
    reason: str
    wall_utc: str


@dataclass(frozen=True, slots=True)
class AmendPlan:
    """The coordinator lets this log go on under the plan at hand, which is not the one it was begun with."""

    coordinator: str
    reason: str
    wall_utc: str


@dataclass(frozen=True, slots=True)
class RetireReader:
    """The coordinator ends this reader's part in the study."""

    replaced_by: str
    coordinator: str
    reason: str
    wall_utc: str


#: What only a coordinator may ask; the windows and commands of readers do not offer these.
Override = UnlockRound | VoidRead | WithdrawCase | AmendPlan | RetireReader

Command = (
    OpenSession | CloseSession | StartRound | DisplayCase | Assess | GiveScore | WriteNote | PlaceMark | RemoveMark | RevealAid
    | HideAid | ShowAid | Pause | Resume | Interrupt | SubmitRead
    | UnlockRound | VoidRead | WithdrawCase | AmendPlan | RetireReader | AnswerQuestion
    | AdjustAid | JudgeAidFinding | ReportDisturbance | SeeAid | AcknowledgeFeedback | AnswerQuestionnaire | ReportDisplay
)  # fmt: skip
