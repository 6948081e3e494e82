"""Words planted in the truth and in the aids are nowhere in the memory of a process that reads a round without them."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from reading.canaries import AID, HEAT, SHOWN, TRUTH, in_memory, on_disk, planted_study

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into the memory of another process by /proc")

READING = """
    import sys
    from pathlib import Path
    from reading.acts import conductor_for, read_case
    from reader_app.clock import FrozenClock
    from reader_app.reading.casefeed import CaseFeed
    from reader_app.reading.prepare import preflight
    from reader_app.reading.tasks import InlineExecutor, InlineMainThread
    from reader_app.store.studyfolder import StudyFolder
    from reader_app.study.commands import StartRound
    folder, rounds, clock = StudyFolder.load(Path(sys.argv[1])), int(sys.argv[2]), FrozenClock()
    got = []
    conductor, log = conductor_for(folder, "R01", clock)
    feed = CaseFeed(folder, conductor.plan, InlineExecutor(), InlineMainThread(), got.append)
    conductor.on_state = lambda state, logged: feed.follow(state)
    conductor.begin()
    for number in range(1, rounds + 1):
        assert preflight(folder, "R01", number, log=log, clock=clock, thorough=True) == []
        conductor.do(StartRound(number, clock.now().wall_utc))
        cases = len(conductor.state.case_order)
        for _ in range(cases - (number == rounds)):
            read_case(conductor, folder, clock)
    print("ready", len(got), flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return planted_study(tmp_path / "study")


def memory_of_a_reading_process(study: Path, rounds: int) -> dict[str | bytes, int]:
    """Let a process of its own read and look into its memory while a case is due."""
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), str(root / "tests")])}
    command = [sys.executable, "-c", textwrap.dedent(READING), str(study), str(rounds)]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdin is not None
        assert process.stdout.readline().startswith(b"ready")
        found = in_memory(process.pid, [TRUTH, AID, HEAT, SHOWN])
        process.stdin.close()
    return found


def test_in_an_unaided_round_neither_truth_nor_aid_is_in_memory(study: Path) -> None:
    found = memory_of_a_reading_process(study, rounds=1)
    assert found.pop(SHOWN) > 0, "the memory that was searched is that of the reading process"
    assert found == {TRUTH: 0, AID: 0, HEAT: 0}


def test_the_search_finds_the_aid_once_its_round_has_come(study: Path) -> None:
    """Negative control: the same search in the aided round."""
    found = memory_of_a_reading_process(study, rounds=2)
    assert found[AID] > 0 and found[HEAT] > 0
    assert found[TRUTH] == 0


def test_the_canaries_are_on_the_disk_only_where_they_were_planted(study: Path) -> None:
    memory_of_a_reading_process(study, rounds=1)
    found = on_disk(study, [TRUTH, AID])
    assert {name.split("/")[0] for names in found.values() for name in names} == {"aids", "reference_standard.csv"}
