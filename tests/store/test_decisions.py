"""The coordinator's decisions: with a reason, in order, never changed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from reader_app.errors import EnvironmentFault, InputFaults, StudyFileError
from reader_app.store import decisions
from reader_app.store.decisions import FILE, KINDS, Decisions, decide, load

NOW = "2027-02-01T09:00:00.000Z"
WHY = "the patient withdrew her consent"


def some(study: Path) -> Decisions:
    decide(study, "case_withdrawn", {"case_id": "case-07"}, WHY, "coordinator", NOW)
    decide(
        study,
        "read_voided",
        {"reader_id": "R01", "round": "2", "case_id": "case-03"},
        "interrupted by a fire alarm",
        "coordinator",
        NOW,
    )
    decide(study, "round_opened_early", {"reader_id": "R02", "round": "3"}, "leaves the hospital in March", "coordinator", NOW)
    decide(study, "key_registered", {"reader_id": "R01", "key": "ab" * 32}, "read aloud at enrolment", "coordinator", NOW)
    return decide(
        study, "key_registered", {"reader_id": "R01", "key": "cd" * 32}, "new workstation: 新しい端末", "coordinator", NOW
    )


def test_decisions_are_kept_in_order(tmp_path: Path) -> None:
    assert load(tmp_path).taken == () and len(load(tmp_path).head_code) == 11
    made = some(tmp_path)
    assert made == load(tmp_path) and [own.number for own in made.taken] == [1, 2, 3, 4, 5]
    assert made.withdrawn_cases() == {"case-07": WHY}
    assert made.voided_reads() == {("R01", 2, "case-03"): "interrupted by a fire alarm"}
    assert made.early_rounds() == {("R02", 3): "leaves the hospital in March"}
    assert made.registered_keys() == {"R01": frozenset({"ab" * 32, "cd" * 32})}
    assert made.head != load(tmp_path / "nowhere").head


def test_data_are_locked_until_unlocked(tmp_path: Path) -> None:
    states = [load(tmp_path).data_is_locked]
    for kind, about in (
        ("data_locked", {"logs": "QK3TZ-7MPLA"}),
        ("data_unlocked", {}),
        ("data_locked", {"logs": "AAAAA-BBBBB"}),
    ):
        states.append(decide(tmp_path, kind, about, "as the protocol demands", "coordinator", NOW).data_is_locked)
    decide(tmp_path, "custody_noted", {"place": "safe of the registry"}, "moved from the ward", "coordinator", NOW)
    assert [*states, load(tmp_path).data_is_locked] == [False, True, False, True, True]


@pytest.mark.parametrize("reason", ["", " " * 40, "\u3000\u200b\u2800" * 20, "because", "." * 40, "\n\t\r" * 9])
def test_a_reason_is_a_reason(tmp_path: Path, reason: str) -> None:
    with pytest.raises(InputFaults, match="reason is missing or too short"):
        decide(tmp_path, "case_withdrawn", {"case_id": "case-07"}, reason, "coordinator", NOW)
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize(
    ("kind", "about", "who", "words"),
    [
        ("everything_forgotten", {}, "c", "no decision"),
        ("case_withdrawn", {}, "c", "must say: case_id"),
        ("case_withdrawn", {"case_id": " "}, "c", "must say: case_id"),
        ("data_unlocked", {"case_id": "x"}, "c", "nothing but the reason"),
        ("round_opened_early", {"reader_id": "R01", "round": "two"}, "c", "not the number of a round"),
        ("case_withdrawn", {"case_id": "case-07"}, "", "who decides"),
    ],
)
def test_what_is_missing_is_told(tmp_path: Path, kind: str, about: dict[str, str], who: str, words: str) -> None:
    with pytest.raises(InputFaults, match=words):
        decide(tmp_path, kind, about, WHY, who, NOW)


def test_every_changed_byte_and_every_missing_line_shows(tmp_path: Path) -> None:
    some(tmp_path)
    path = tmp_path / FILE
    data = path.read_bytes()
    lines = data.split(b"\n")
    for position in range(len(data) - 1 - len(lines[-2]) - 1):
        path.write_bytes(bytes([*data[:position], data[position] ^ 1, *data[position + 1 :]]))
        with pytest.raises(StudyFileError, match=r"line \d|cannot be read"):
            load(tmp_path)
    for number in range(3):
        path.write_bytes(b"\n".join(lines[:number] + lines[number + 1 :]))
        with pytest.raises(StudyFileError, match=f"line {number + 1}"):
            load(tmp_path)
    path.write_bytes(b"\n".join([*lines[:2], lines[1], *lines[2:]]))
    with pytest.raises(StudyFileError, match="line 3"):
        load(tmp_path)
    path.write_bytes(data)
    assert len(load(tmp_path).taken) == 5


def test_the_last_line_is_held_by_the_head_code(tmp_path: Path) -> None:
    """Like a log, the file alone cannot tell that its last line was changed or cut: the code in the report can."""
    code = some(tmp_path).head_code
    path = tmp_path / FILE
    lines = path.read_text(encoding="utf-8").split("\n")
    last = json.loads(lines[-2])
    last[6] = "another reason altogether"
    path.write_text("\n".join([*lines[:-2], decisions.canonical_json(last), ""]), encoding="utf-8")
    assert load(tmp_path).head_code != code


@pytest.mark.parametrize(
    "line", ["", "[]", "{}", '["x"]', "[1,2,3,4,5,6,7]", '["x",1,"t","c","case_withdrawn",{"case_id":1},"why why why why"]']
)
def test_a_line_that_is_no_decision_shows(tmp_path: Path, line: str) -> None:
    (tmp_path / FILE).write_text(line + "\n", encoding="utf-8")
    with pytest.raises(StudyFileError, match="line 1"):
        load(tmp_path)


def test_a_line_cut_off_by_a_power_failure_never_was(tmp_path: Path) -> None:
    made = some(tmp_path)
    path = tmp_path / FILE
    data = path.read_bytes()
    for cut in (1, 30, 100):
        path.write_bytes(data + data[:cut].replace(b"\n", b""))
        assert load(tmp_path) == made
    decide(tmp_path, "case_withdrawn", {"case_id": "case-08"}, WHY, "coordinator", NOW)
    assert len(load(tmp_path).taken) == 6 and path.read_bytes().startswith(data)


def test_a_disk_that_fails_adds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = some(tmp_path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(EnvironmentFault, match="could not be kept"):
            decide(tmp_path, "case_withdrawn", {"case_id": "case-08"}, WHY, "coordinator", NOW)
    assert load(tmp_path) == made
    (tmp_path / FILE).unlink()
    (tmp_path / FILE).mkdir()
    with pytest.raises(StudyFileError, match="cannot be read"):
        load(tmp_path)


def test_every_kind_can_be_decided(tmp_path: Path) -> None:
    for kind, keys in KINDS.items():
        decide(tmp_path, kind, dict.fromkeys(keys, "2"), WHY, "coordinator", NOW)
    assert [own.kind for own in load(tmp_path).taken] == list(KINDS)
