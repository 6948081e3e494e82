"""Reader code, PIN and key; receipts of sessions."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from store.logs import AT, READER, filled, opened, some_events

from reader_app.errors import EnvironmentFault, InputFaults
from reader_app.store import identity, readlog
from reader_app.store.identity import PinRefused, enrol, find
from reader_app.store.receipt import key_code, receipt, receipt_fault
from reader_app.store.signing import SigningKey, signature_holds

NOW = "2027-01-15T08:00:00.000Z"


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """One test below looks at the real cost; the others need not pay it."""
    monkeypatch.setattr(
        PasswordHasher.__init__, "__defaults__", (1, 64, 1, 16, 8, "utf-8", PasswordHasher.__init__.__defaults__[-1])
    )


def test_a_reader_enrols_and_unlocks(tmp_path: Path) -> None:
    made = enrol(tmp_path, "small", "R01", "4711", NOW)
    found = find(tmp_path, "small", "R01")
    assert found == made and find(tmp_path, "small", "R02") is None
    unlocked = made.unlock("4711", NOW)
    assert unlocked.key.public == made.public and unlocked.failures == 0
    assert signature_holds(made.public, unlocked.key.sign("x"), "x")
    if sys.platform != "win32":
        assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(made.path.parent.stat().st_mode) == 0o700


def test_the_pin_itself_is_nowhere(tmp_path: Path) -> None:
    made = enrol(tmp_path, "small", "R01", "geheim-4711", NOW)
    text = made.path.read_text(encoding="utf-8")
    assert "geheim" not in text and "$argon2id$" in text


def test_the_hash_costs_what_argon2_recommends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    made = enrol(tmp_path, "small", "R01", "4711", NOW)
    stored = json.loads(made.path.read_text(encoding="utf-8"))["pin_hash"]
    assert "m=65536,t=3,p=4" in stored


def test_wrong_pins_are_counted_and_then_must_wait(tmp_path: Path) -> None:
    made = enrol(tmp_path, "small", "R01", "4711", NOW)
    for _ in range(4):
        with pytest.raises(PinRefused, match="wrong; try again"):
            made.unlock("0000", NOW)
    with pytest.raises(PinRefused, match="wait 30 seconds"):
        made.unlock("0000", NOW)
    with pytest.raises(PinRefused, match="wait until 2027-01-15T08:00:30"):
        made.unlock("4711", "2027-01-15T08:00:29.000Z")
    with pytest.raises(PinRefused, match="wait 60 seconds"):
        made.unlock("0000", "2027-01-15T08:00:30.000Z")
    unlocked = made.unlock("4711", "2027-01-15T08:01:30.000Z")
    assert unlocked.failures == 6
    assert made.unlock("4711", "2027-01-15T08:01:31.000Z").failures == 0


def test_the_wait_grows_to_an_hour_at_most() -> None:
    assert [identity._wait_s(number) for number in (1, 4, 5, 6, 7, 12, 40)] == [0, 0, 30, 60, 120, 3600, 3600]


def test_the_pin_can_be_changed_and_the_key_stays(tmp_path: Path) -> None:
    made = enrol(tmp_path, "small", "R01", "4711", NOW)
    with pytest.raises(PinRefused):
        made.change_pin("0000", "123456", NOW)
    with pytest.raises(InputFaults, match="at least 4"):
        made.change_pin("4711", "12", NOW)
    made.change_pin("4711", "123456", NOW)
    with pytest.raises(PinRefused):
        made.unlock("4711", NOW)
    assert made.unlock("123456", NOW).key.public == made.public


def test_an_old_hash_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = enrol(tmp_path, "small", "R01", "4711", NOW)
    before = made.path.read_text(encoding="utf-8")
    monkeypatch.setattr(
        PasswordHasher.__init__, "__defaults__", (2, 64, 1, 16, 8, "utf-8", PasswordHasher.__init__.__defaults__[-1])
    )
    made.unlock("4711", NOW)
    assert made.path.read_text(encoding="utf-8") != before and "t=2" in made.path.read_text(encoding="utf-8")
    made.unlock("4711", NOW)


def test_what_cannot_be_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputFaults, match="3 characters"):
        enrol(tmp_path, "small", "R01", "471", NOW)
    made = enrol(tmp_path, "small", "R01", "4711", NOW)
    with pytest.raises(InputFaults, match="enrolled on this workstation already"):
        enrol(tmp_path, "small", "R01", "4711", NOW)
    text = made.path.read_text(encoding="utf-8")
    for content in (
        "{",
        "[]",
        "{}",
        text.replace(made.public, SigningKey.new().public),
        text.replace('"schema": 1', '"schema": 2'),
    ):
        made.path.write_text(content, encoding="utf-8")
        with pytest.raises(EnvironmentFault, match="cannot be read"):
            made.unlock("4711", NOW)
    document = {**json.loads(text), "pin_hash": "none"}
    made.path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(PinRefused):
        made.unlock("4711", NOW)
    made.path.write_text(text, encoding="utf-8")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(identity, "write_atomically", refuse)
    with pytest.raises(EnvironmentFault, match="cannot be kept"):
        made.unlock("0000", NOW)
    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(EnvironmentFault, match="cannot be kept"):
        enrol(tmp_path, "small", "R02", "4711", NOW)


def test_a_signature_holds_for_its_text_and_key_only() -> None:
    key, other = SigningKey.new(), SigningKey.new()
    signature = key.sign("this")
    assert signature_holds(key.public, signature, "this")
    assert not signature_holds(key.public, signature, "that")
    assert not signature_holds(other.public, signature, "this")
    assert not signature_holds("zz", signature, "this") and not signature_holds(key.public, "00", "this")


# --- receipts ------------------------------------------------------------------------------------------------------------------


def test_a_receipt_states_event_code_and_key(tmp_path: Path) -> None:
    log = opened(tmp_path / f"{READER}.readlog")
    log.append(some_events()[:3], AT)
    plain = receipt(log, "small", READER, NOW)
    assert (plain.events, plain.key_code, plain.signed) == (3, "", "")
    assert plain.as_text().splitlines() == ["Study small, reader R01", NOW, f"Event 3, code {plain.code}"]
    key = SigningKey.new()
    log.seal("session ended", READER, key, NOW)
    signed = receipt(log, "small", READER, NOW)
    assert signed.signed == "session ended" and signed.key_code == key_code(key.public)
    assert f"Key {signed.key_code}, signed: session ended" in signed.as_text()
    log.append(some_events()[3:], AT)
    assert receipt(log, "small", READER, NOW).signed == "", "the signature does not cover what came after it"
    log.close()
    rows = readlog.read_rows(log.path)
    assert receipt_fault(rows, 3, plain.code.lower(), "R01") is None
    assert receipt_fault(rows, 3, plain.code.replace("-", " "), "R01") is None


def test_a_cut_tail_and_a_rebuilt_log_do_not_fit_the_receipt(tmp_path: Path) -> None:
    path = tmp_path / f"{READER}.readlog"
    filled(path)
    log = opened(path)
    filed = receipt(log, "small", READER, NOW)
    log.close()
    rows = readlog.read_rows(path)
    assert receipt_fault(rows, filed.events, filed.code, "R01.readlog") is None
    cut = receipt_fault(rows, filed.events + 1, filed.code, "R01.readlog")
    assert cut is not None and "its tail is missing" in str(cut)
    path.unlink()
    filled(path)
    rebuilt = receipt_fault(readlog.read_rows(path), filed.events, filed.code, "R01.readlog")
    assert rebuilt is not None and "not the log of that session" in str(rebuilt)
    assert receipt_fault(rows, 0, "AAAAA-AAAAA", "R01.readlog") is not None
