"""Time in the window: the read begins with the paint of all panes; sleep pauses it, a stall and a clock step are noted."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from readingkit import reading

from reader_app.reading.heartbeat import Disturbance
from reader_app.store.readlog import read as read_log
from reader_app.study import events
from reader_app.study.readtable import active_seconds, reads
from reader_app.study.session import Phase, due_case


class Pulse:
    """Says once what it was told to say."""

    def __init__(self, found: Disturbance) -> None:
        self._found: Disturbance | None = found

    def beat(self) -> Disturbance | None:
        """Return what happened since the last beat."""
        found, self._found = self._found, None
        return found


def test_the_read_begins_when_every_pane_of_the_case_is_painted(breast_folder):
    with reading(breast_folder) as hands:
        hands.log_in()
        hands.session.clock.advance(5)
        hands.begin()
        panes = {pane.name for pane in hands.window.viewer.panes()}
    logged = read_log(breast_folder / "logs" / "R01.readlog").logged
    (shown,) = [own for own in logged if isinstance(own.event, events.CaseDisplayed)]
    assert set(shown.event.panes) == panes and len(panes) == 4


def test_a_sleeping_machine_pauses_the_read_from_its_last_beat_and_says_why(folder):
    with reading(folder) as hands:
        hands.log_in()
        hands.begin()
        clock = hands.session.clock
        clock.advance(6)
        last_beat = clock.now()
        clock.advance(600)  # asleep
        hands.flow.pauses._heart = Pulse(Disturbance("suspend", last_beat, 600_000, 0, 600_000))
        hands.flow.pauses.beat()
        hands.settle()
        assert hands.state.phase is Phase.PAUSED and "slept" in hands.window.cover.words()[1]
        hands.keys("P")
        assert hands.state.phase is Phase.READING
        hands.answer()
        hands.validate(4)
        plan = hands.flow.plan
    logged = read_log(folder / "logs" / "R01.readlog").logged
    assert [own.event.kind for own in logged if isinstance(own.event, events.Disturbed)] == ["suspend"]
    assert active_seconds(reads(plan, logged)[0]) == 10.0, "the night is no reading time"


def test_a_stall_and_a_clock_step_are_noted_and_stop_nothing(folder):
    with reading(folder) as hands:
        hands.log_in()
        hands.begin()
        now = hands.session.clock.now()
        for kind, gap, step in (("stall", 4200, 0), ("clock_step", 1000, 7_200_000)):
            hands.flow.pauses._heart = Pulse(Disturbance(kind, now, gap, step))
            hands.flow.pauses.beat()
            hands.settle()
            assert hands.state.phase is Phase.READING
    logged = read_log(folder / "logs" / "R01.readlog").logged
    told = [
        (own.event.kind, own.event.mono_gap_ms, own.event.wall_step_ms)
        for own in logged
        if isinstance(own.event, events.Disturbed)
    ]
    assert told == [("stall", 4200, 0), ("clock_step", 1000, 7_200_000)]


def test_a_normal_case_takes_five_keys_and_one_with_a_lesion_seven(folder):
    with reading(folder) as hands:
        hands.log_in()
        hands.begin()
        for keys, marks in ((["1", "5", Qt.Key.Key_Return], 0), (["4", "B", "6", "2", "M"], 1)):
            before = due_case(hands.state)
            if marks:
                pane = hands.window.viewer.panes()[0]
                QTest.mouseMove(pane, pane.rect().center())
            for key in keys:
                hands.key(key)
            assert len(hands.state.draft.marks) == marks
            hands.session.clock.advance(3)
            hands.key(Qt.Key.Key_Return)
            assert due_case(hands.state) == before
            hands.key(Qt.Key.Key_Return)
            assert due_case(hands.state) != before, "two Enters after the answer lock it"
