"""Write the corpus log of the present version; run once at each release: ``python tests/store/corpus_maker.py [WORD]``.

A log in ``corpus/`` is never written again: programs of all later versions must read it to the same events.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

from reader_app import __version__
from reader_app.clock import FrozenClock
from reader_app.store.readlog import ReadLog
from reader_app.store.runinfo import Screen, describe_run
from reader_app.store.signing import SigningKey
from reader_app.study import events as ev
from reader_app.study.eventcodec import KINDS, to_payload
from reader_app.study.finding import Mark

CORPUS = Path(__file__).parent / "corpus"


def every_event() -> list[ev.Event]:
    """Return one event of each kind, with every sort of value in it."""
    aid = ev.AidShown("DLR_LH", "5" * 64, 0.35, 0.55)
    point = Mark("1", "F1", "RCC", (12.5, 40.0))
    box = Mark("2", "F1", "L_AP", (3.0, 12.25, 40.5), "box", (2.0, 9.0, 9.5), 71)
    wall = "2027-01-15T08:00:00.000Z"
    return [
        ev.SessionOpened("R01", "ab" * 32, wall),
        ev.RoundStarted(1, ("case-01", "病例-02"), wall),
        ev.CaseDisplayed(1, "case-01", "0" * 64, ("RCC", "LCC"), None),
        ev.Assessed("case-01", "case", "4A"),
        ev.Scored("case-01", "case", 62),
        ev.Noted("case-01", 'Verdichtung, "spikuliert"\n左乳 \U0001f52c'),
        ev.Answered("case-01", "R", "density", ("c", "d")),
        ev.MarkPlaced("case-01", point),
        ev.MarkPlaced("case-01", box),
        ev.MarkRemoved("case-01", "1"),
        ev.ReadPaused("case-01", "reader"),
        ev.ReadResumed("case-01"),
        ev.InitialSealed("case-01", {"R": "2", "L": "4A"}, {"R": 5, "L": 62}, "before", (box,)),
        ev.AidRevealed("case-01", aid),
        ev.AidHidden("case-01"),
        ev.AidShownAgain("case-01", aid),
        ev.AidAdjusted("case-01", 0.5, 0.25),
        ev.AidFindingJudged("case-01", "1", "rejected"),
        ev.Disturbed("suspend", 500, -12),
        ev.ReadInterrupted("case-01", "shutdown"),
        ev.SessionResumed("ab" * 32, wall),
        ev.CaseDisplayed(1, "case-01", "0" * 64, ("RCC", "LCC"), aid),
        ev.ReadSubmitted(1, "case-01", {"R": "2", "L": "4B"}, {}, "", (box,)),
        ev.CaseDisplayed(1, "case-01", "0" * 64, ("coronal",), replace(aid, model_sha256="6" * 64, findings=2)),
        ev.AidSeen("case-01", (ev.SliceSeen("L_AP", "coronal", 40, 12, 61, "coronal"), ev.SliceSeen("RCC", "", 0, 0, 0))),
        ev.ReadSubmitted(1, "case-01", {"R": "2", "L": "4B"}, {}, "", (), {"shape:#F1": ("oval",)}, 2),
        ev.FeedbackSeen(1, "case-01", 4200),
        ev.RoundFinished(1, wall),
        ev.QuestionnaireAnswered("tlx", 1, 0, {"mental:case": ("55",)}, 61_000, wall),
        ev.DisplayChanged("left", 2048, 2560, 100, "2027-01-14T07:00:00.000Z"),
        ev.ReadVoided(1, "case-01", "coordinator", "fire alarm during the read", wall),
        ev.CaseWithdrawn("case-03", "coordinator", "consent was withdrawn", wall),
        ev.RoundUnlocked(2, "coordinator", "leaves the hospital in March", wall),
        ev.PlanAmended("ab" * 32, "cd" * 32, "coordinator", "threshold raised", wall),
        ev.ReadVoided(1, "case-01", "coordinator", "fire alarm during the read", wall, 2),
        ev.ReaderRetired("R09", "coordinator", "left the hospital", wall),
        ev.SessionClosed(wall),
    ]


def make(folder: Path, name: str = __version__) -> Path:
    """Write the log and, beside it, what must be read from it."""
    path = folder / f"{name}.readlog"
    clock = FrozenClock()
    screens = (Screen("left", 2048, 2560, 340, 425, 100, 60, 30, "c" * 64, "2027-01-14T07:00:00.000Z"),)
    events = every_event()
    for part in (events[:20], events[20:]):
        log = ReadLog.open(path, "R01", "ab" * 32, describe_run(clock, screens, host="corpus"))
        for event in part:
            clock.advance(1.5)
            log.append([event], clock.now())
        log.seal("session ended", "R01", SigningKey(bytes(32)), clock.now().wall_utc)
        log.close()
    expected = [to_payload(event) for event in events]
    path.with_suffix(".json").write_text(json.dumps(expected, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return path


if __name__ == "__main__":
    CORPUS.mkdir(exist_ok=True)
    name = "-".join([__version__, *sys.argv[1:2]])  # a word after the version where events came during its making
    if (CORPUS / f"{name}.readlog").exists():
        sys.exit(f"the corpus has a log {name} already; it is never written again")
    missing = set(KINDS) - {type(event).__name__ for event in every_event()}
    if missing:
        sys.exit(f"add these kinds of event first: {', '.join(sorted(missing))}")
    print(make(CORPUS, name))
