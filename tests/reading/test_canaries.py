"""Words planted in the truth and in the aids are nowhere in the memory of a process that reads a round without them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from store.studies import small_study, write_csv

from reader_app.ai import results
from reader_app.ai.results import Prediction
from reader_app.clock import FrozenClock
from reader_app.store.studyfolder import StudyFolder

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into the memory of another process by /proc")

TRUTH, AID, HEAT = "canary-truth-7f3a", "canary-aid-91bc", b"\x9e\x21\xc7\x55\x0a\xd3\x6e\x17" * 4

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
    path = small_study(tmp_path / "study", cases=3, size=48)
    truth = [{"case_id": f"case-0{number}", "malignant": "1", "lesion_type": f"{TRUTH}-{number}"} for number in (1, 2, 3)]
    write_csv(path / "reference_standard.csv", truth)
    for number in (1, 2, 3):
        case_id = f"case-0{number}"
        fingerprint = json.loads((path / "images" / case_id / "manifest.json").read_text(encoding="utf-8"))["fingerprint"]
        grid = np.frombuffer(HEAT, np.float32).copy()
        aid = Prediction("DLR_LH", case_id, fingerprint, 0.7, 0.5, "high", True, embedding=grid, provenance={"note": AID})
        results.save(path / "aids" / "DLR_LH", aid)
    StudyFolder.load(path).freeze(FrozenClock("2027-01-10T08:00:00.000Z"))
    return path


def hits(process: int, words: list[bytes]) -> dict[bytes, int]:
    """Count words in the readable memory of a process."""
    found = dict.fromkeys(words, 0)
    with open(f"/proc/{process}/maps", encoding="utf-8") as maps, open(f"/proc/{process}/mem", "rb", buffering=0) as memory:
        for line in maps:
            area, rights = line.split()[:2]
            if "r" not in rights or line.rstrip().endswith(("[vvar]", "[vsyscall]", "[vvar_vclock]")):
                continue
            first, last = (int(number, 16) for number in area.split("-"))
            try:
                memory.seek(first)
                data = memory.read(last - first)
            except (OSError, ValueError, OverflowError):
                continue
            for word in words:
                found[word] += data.count(word)
    return found


def memory_of_a_reading_process(study: Path, rounds: int) -> dict[bytes, int]:
    """Let a process of its own read and look into its memory while a case is due."""
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), str(root / "tests")])}
    command = [sys.executable, "-c", textwrap.dedent(READING), str(study), str(rounds)]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdin is not None
        assert process.stdout.readline().startswith(b"ready")
        found = hits(process.pid, [TRUTH.encode(), AID.encode(), HEAT, b"case-02"])
        process.stdin.close()
    return found


def test_in_an_unaided_round_neither_truth_nor_aid_is_in_memory(study: Path) -> None:
    found = memory_of_a_reading_process(study, rounds=1)
    assert found.pop(b"case-02") > 0, "the memory that was searched is that of the reading process"
    assert found == {TRUTH.encode(): 0, AID.encode(): 0, HEAT: 0}


def test_the_search_finds_the_aid_once_its_round_has_come(study: Path) -> None:
    """Negative control: the same search in the aided round."""
    found = memory_of_a_reading_process(study, rounds=2)
    assert found[AID.encode()] > 0 and found[HEAT] > 0
    assert found[TRUTH.encode()] == 0


def test_the_canaries_are_on_the_disk_only_where_they_were_planted(study: Path) -> None:
    memory_of_a_reading_process(study, rounds=1)
    holders = {path.relative_to(study).parts[0] for path in study.rglob("*") if path.is_file() and has_canary(path)}
    assert holders == {"aids", "reference_standard.csv"}


def has_canary(path: Path) -> bool:
    data = path.read_bytes()
    return TRUTH.encode() in data or AID.encode() in data
