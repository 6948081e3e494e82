"""The read log: durable, append-only, chained, exclusive; every fault is told in words."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from store.logs import AT, PLAN, READER, filled, opened, run_info, some_events

from reader_app.errors import LogBug, LogFault, LogUnavailable
from reader_app.store import chain, disk, logcheck, logfile, readlog
from reader_app.store.signing import SigningKey
from reader_app.store.upcast import decoded
from reader_app.study.events import Assessed, Event

needs_user = pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="the superuser may write everywhere")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / f"{READER}.readlog"


def raw(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None)


def unguarded(path: Path) -> sqlite3.Connection:
    """Open a log with its triggers taken out of the way, as somebody with a database tool would."""
    db = raw(path)
    db.execute("PRAGMA synchronous=OFF")
    for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
        db.execute(f"DROP TRIGGER {name}")
    return db


def guarded_again(db: sqlite3.Connection) -> None:
    for name, statement in logfile.SCHEMA.items():
        if (
            statement.startswith("CREATE TRIGGER")
            and not db.execute("SELECT 1 FROM sqlite_schema WHERE name = ?", (name,)).fetchone()
        ):
            db.execute(statement)
    db.close()


def test_what_goes_in_comes_out(path: Path) -> None:
    events = filled(path)
    contents = readlog.read(path)
    assert [entry.event for entry in contents.logged] == events
    assert [entry.seq for entry in contents.logged] == [1, 2, 3, 4, 5]
    assert (contents.reader_id, contents.plan_hash) == (READER, PLAN)
    assert [run.host for run in contents.runs] == ["test bench", "test bench"]
    assert {entry.run_id for entry in contents.logged} == {run.run_id for run in contents.runs}
    assert contents.runs[0].clock_kind == "simulated"
    assert contents.head[0] == 5 and contents.head_code == chain.head_code(contents.head[1])
    assert readlog.verify(path) == []


def test_an_open_log_knows_everything_of_earlier_runs(path: Path) -> None:
    events = filled(path)
    log = opened(path)
    assert [entry.event for entry in log.logged()] == events
    assert log.head() == readlog_head(log)
    assert log.append([], AT) == ()
    added = log.append([Assessed("case-08", "case", "3")], AT)
    assert added[0].seq == 6 and added[0].run_id == log.run_id and log.logged()[-1] == added[0]
    assert log.path == path
    log.close()
    log.close()
    assert sorted(os.listdir(path.parent)) == [path.name]


def readlog_head(log: readlog.ReadLog) -> tuple[int, str]:
    return len(log.logged()), log.head()[1]


def test_several_events_are_one_transaction(path: Path) -> None:
    log = opened(path)
    not_text: Event = Assessed("case-07", "case", object())  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        log.append([Assessed("case-07", "case", "3"), not_text], AT)
    assert log.logged() == () and log.head()[0] == 0
    log.append(some_events(), AT)
    assert log.head()[0] == 5
    log.close()
    assert len(readlog.read(path).logged) == 5


def test_it_is_one_private_file_in_its_final_mode(path: Path) -> None:
    filled(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    header = path.read_bytes()[:100]
    assert header[18:20] == b"\x01\x01"  # rollback journal, never WAL
    assert int.from_bytes(header[68:72], "big") == logfile.APPLICATION_ID
    assert int.from_bytes(header[60:64], "big") == logfile.SCHEMA_VERSION


def test_pragmas_are_those_that_survived_simulated_power_cuts(path: Path) -> None:
    log = opened(path)
    db = log._db
    values = {
        name: db.execute(f"PRAGMA {name}").fetchone() for name in ("synchronous", "journal_mode", "locking_mode", "mmap_size")
    }
    log.close()
    assert values["synchronous"] == (3,)
    assert values["journal_mode"] == ("delete",)
    assert values["locking_mode"] == ("exclusive",)
    assert values["mmap_size"] in ((0,), None)


# --- append-only -------------------------------------------------------------------------------------------------------------

LAST_ROW = "FROM event WHERE seq = 5"
LAST = "(SELECT hash FROM event WHERE seq = 5)"
FORBIDDEN = {
    "update": "UPDATE event SET payload = '{\"v\":1}' WHERE seq = 2",
    "update nothing": "UPDATE event SET mono_ns = mono_ns",
    "delete": "DELETE FROM event WHERE seq = 5",
    "delete all": "DELETE FROM event",
    "replace": f"INSERT OR REPLACE INTO event SELECT 2, run_id, 0, wall_utc, kind, payload, {LAST}, hash {LAST_ROW}",
    "replace last": f"REPLACE INTO event SELECT 5, run_id, 0, wall_utc, kind, payload, {LAST}, hash {LAST_ROW}",
    "ignore": f"INSERT OR IGNORE INTO event SELECT 9, run_id, 0, wall_utc, kind, payload, {LAST}, hash {LAST_ROW}",
    "gap": f"INSERT INTO event SELECT 7, run_id, 0, wall_utc, kind, payload, {LAST}, hash {LAST_ROW}",
    "fork": "INSERT INTO event SELECT 6, run_id, 0, wall_utc, kind, payload, prev_hash, hash FROM event WHERE seq = 5",
    "older run": f"INSERT INTO event SELECT 6, run_id, 0, wall_utc, kind, payload, {LAST}, hash FROM event WHERE seq = 1",
    "not json": f"INSERT INTO event SELECT 6, run_id, 0, wall_utc, kind, 'x', {LAST}, hash {LAST_ROW}",
    "no version": f"INSERT INTO event SELECT 6, run_id, 0, wall_utc, kind, '{{}}', {LAST}, hash {LAST_ROW}",
    "text as number": f"INSERT INTO event SELECT 6, run_id, 'soon', wall_utc, kind, payload, {LAST}, hash {LAST_ROW}",
    "no kind": f"INSERT INTO event SELECT 6, run_id, 0, wall_utc, 'a b', payload, {LAST}, hash {LAST_ROW}",
    "no time": f"INSERT INTO event SELECT 6, run_id, 0, 'today', kind, payload, {LAST}, hash {LAST_ROW}",
    "run update": "UPDATE run SET detail = '{}'",
    "run delete": "DELETE FROM run WHERE number = 2",
    "run replace": "INSERT OR REPLACE INTO run SELECT * FROM run WHERE number = 1",
    "log update": "UPDATE log SET reader_id = 'R02'",
    "log delete": "DELETE FROM log",
    "log again": "INSERT OR REPLACE INTO log SELECT * FROM log",
    "second log": "INSERT INTO log SELECT 2, reader_id, plan_hash, created_utc, nonce, hash FROM log",
    "seal update": "UPDATE seal SET meaning = 'nothing'",
    "seal delete": "DELETE FROM seal",
}


@pytest.mark.parametrize("statement", FORBIDDEN.values(), ids=FORBIDDEN.keys())
@pytest.mark.parametrize("recursive", ["ON", "OFF"])
def test_no_statement_changes_a_row(path: Path, statement: str, recursive: str) -> None:
    filled(path)
    log = opened(path)
    log.seal("session ended", READER, SigningKey.new(), AT.wall_utc)
    log.close()
    before = readlog.read_rows(path)
    db = raw(path)
    db.execute(f"PRAGMA recursive_triggers={recursive}")
    with pytest.raises(sqlite3.IntegrityError):
        db.execute(statement)
    db.close()
    assert readlog.read_rows(path) == before


def test_a_right_row_is_let_in(path: Path) -> None:
    """The negative control of the table above: its form of statement works when the row is the next one."""
    filled(path)
    db = raw(path)
    db.execute(f"INSERT INTO event SELECT 6, run_id, 0, wall_utc, kind, payload, {LAST}, hash FROM event WHERE seq = 5")
    db.close()
    with pytest.raises(LogBug, match="event 6 does not match its hash"):
        readlog.read(path)


# --- the chain ---------------------------------------------------------------------------------------------------------------


def test_every_single_byte_of_every_payload_is_guarded(path: Path) -> None:
    filled(path)
    db = unguarded(path)
    for seq, payload in db.execute("SELECT seq, payload FROM event").fetchall():
        data = payload.encode()
        for position in range(len(data)):
            changed = bytes([*data[:position], data[position] ^ 1, *data[position + 1 :]])
            db.execute("PRAGMA ignore_check_constraints=ON")
            db.execute("UPDATE event SET payload = CAST(? AS TEXT) WHERE seq = ?", (changed, seq))
            with pytest.raises((LogBug, sqlite3.OperationalError)):
                readlog.verified_rows(db, path)
            db.execute("UPDATE event SET payload = ? WHERE seq = ?", (payload, seq))
    readlog.verified_rows(db, path)
    guarded_again(db)
    assert readlog.verify(path) == []


def test_every_byte_of_the_file_that_holds_a_row_is_guarded(path: Path) -> None:
    """Flip bytes of the file itself: whatever is read afterwards is refused or is exactly what was written."""
    filled(path)
    original = path.read_bytes()
    events = readlog.read(path).logged
    detected = 0
    payloads = [payload.encode() for *_, payload, _ in readlog.read_rows(path).events]
    positions = {original.index(payload) + offset for payload in payloads for offset in range(0, len(payload), 3)}
    step = max(1, len(original) // 150)
    for position in sorted(positions | set(range(0, len(original), step))):
        path.write_bytes(bytes([*original[:position], original[position] ^ 0x10, *original[position + 1 :]]))
        faults = readlog.verify(path)
        detected += bool(faults)
        assert faults or readlog.read(path).logged == events
        assert position not in positions or faults, f"a flip at byte {position} inside a payload went unseen"
    assert detected >= len(positions)


def other(column: str) -> str:
    return f"CASE substr({column}, 1, 1) WHEN 'a' THEN 'b' ELSE 'a' END || substr({column}, 2)"


CHANGES = {
    "event time": ("UPDATE event SET mono_ns = mono_ns + 1 WHERE seq = 3", "event 3"),
    "event wall": ("UPDATE event SET wall_utc = '2027-01-15T09:00:00.000Z' WHERE seq = 1", "event 1"),
    "event kind": ("UPDATE event SET kind = 'Scored' WHERE seq = 3", "event 3"),
    "event run": ("UPDATE event SET run_id = (SELECT max(run_id) FROM run) WHERE seq IN (3, 4)", "event [34]"),
    "event hash": (f"UPDATE event SET hash = {other('hash')} WHERE seq = 2", "event [23]"),
    "event prev": (f"UPDATE event SET prev_hash = {other('prev_hash')} WHERE seq = 2", "event 2"),
    "event gone": ("DELETE FROM event WHERE seq = 2", "event 2 is missing"),
    "swapped": (
        "UPDATE event SET payload = CASE seq WHEN 2 THEN (SELECT payload FROM event WHERE seq = 3) ELSE payload END",
        "event 2",
    ),
    "tail cut into a run": ("DELETE FROM event WHERE seq >= 2", "covers events that this log does not hold"),
    "run detail": ("UPDATE run SET detail = replace(detail, 'simulated', 'system') WHERE number = 1", "run 1"),
    "run gone": ("DELETE FROM run WHERE number = 1", "run 1 is missing"),
    "a middle run gone": ("DELETE FROM run WHERE number = 2", "run 2 is missing"),
    "reader": ("UPDATE log SET reader_id = 'R02'", "first row"),
    "plan": ("UPDATE log SET plan_hash = 'cd'", "first row"),
    "no first row": ("DELETE FROM log", "first row is missing"),
    "seal meaning": ("UPDATE seal SET meaning = 'round 2 finished'", "seal 1"),
    "seal seq": ("UPDATE seal SET seq = 4", "seal 1"),
    "seal gone": ("DELETE FROM seal WHERE number = 1", "seal 1 is missing"),
    "seals gone": ("DELETE FROM seal", "began after a signature"),
    "signature": (f"UPDATE seal SET signature = {other('signature')} WHERE number = 2", "seal 2"),
}


@pytest.mark.parametrize(("statement", "named"), CHANGES.values(), ids=CHANGES.keys())
def test_a_change_behind_the_triggers_is_named(path: Path, statement: str, named: str) -> None:
    filled(path)
    log = opened(path)
    key = SigningKey.new()
    log.seal("round 1 finished", READER, key, AT.wall_utc)
    log.seal("session ended", READER, key, AT.wall_utc)
    assert [seal.number for seal in log.seals()] == [1, 2]
    log.close()
    opened(path).close()
    assert readlog.verify(path) == []
    db = unguarded(path)
    db.execute("PRAGMA foreign_keys=OFF")
    db.execute(statement)
    guarded_again(db)
    with pytest.raises(LogBug, match=named):
        readlog.read(path)
    with pytest.raises(LogBug, match=named):
        opened(path)
    assert len(readlog.verify(path)) == 1


def rewritten_seal(path: Path, key: SigningKey, signed: str | None, head: str | None = None) -> None:
    """Rebuild the one seal with its hash right, but its signature or its head wrong."""
    rows = readlog.read_rows(path)
    seal = rows.seals[0]
    head = head or seal.head
    statement = chain.seal_statement(rows.genesis, seal.seq, head, seal.meaning, seal.signer, seal.wall_utc)
    signature = key.sign(signed if signed is not None else statement)
    own = chain.seal_hash(rows.genesis, 1, statement, key.public, signature)
    db = unguarded(path)
    db.execute("UPDATE seal SET head = ?, key = ?, signature = ?, hash = ?", (head, key.public, signature, own))
    guarded_again(db)


def test_a_signature_over_something_else_does_not_hold(path: Path) -> None:
    log = opened(path)
    log.append(some_events(), AT)
    key = SigningKey.new()
    made = log.seal("session ended", READER, key, AT.wall_utc)
    assert made.key == key.public and readlog_head(log) == (made.seq, made.head)
    log.close()
    rewritten_seal(path, key, None)
    assert readlog.read(path).seals[0].meaning == "session ended"
    rewritten_seal(path, key, "something else")
    with pytest.raises(LogBug, match="signature of seal 1 does not hold"):
        readlog.read(path)
    rewritten_seal_path = path.with_name("other.readlog")
    path.rename(rewritten_seal_path)
    log = opened(path)
    log.append(some_events(), AT)
    log.seal("session ended", READER, key, AT.wall_utc)
    log.close()
    rewritten_seal(path, key, None, head="0" * 64)
    with pytest.raises(LogBug, match="seal 1 covers events"):
        readlog.read(path)


@pytest.mark.parametrize(
    ("after_seq", "seal", "named"),
    [
        (5, "0" * 64, "run 3 began after a signature"),
        (3, None, "events after the start of run 3 are not its own"),
        (6, None, "run 3 began after events"),
    ],
)
def test_a_run_added_from_outside_with_right_hashes_is_named(path: Path, after_seq: int, seal: str | None, named: str) -> None:
    """Somebody who knows the chain adds a row: it must still fit the events and the signatures."""
    filled(path)
    rows = readlog.read_rows(path)
    after_hash = rows.events[min(after_seq, 5) - 1][6]
    seal = seal or rows.last_seal
    own = chain.run_hash(rows.runs[-1].hash, 3, "x", after_seq, after_hash, seal, "{}")
    db = raw(path)
    db.execute("INSERT INTO run VALUES (3, 'x', ?, ?, ?, '{}', ?, ?)", (after_seq, after_hash, seal, rows.runs[-1].hash, own))
    db.close()
    with pytest.raises(LogBug, match=named):
        readlog.read(path)


def test_a_first_run_that_began_later_is_named(path: Path) -> None:
    filled(path)
    rows = readlog.read_rows(path)
    late = replace(rows.runs[1], number=1)
    with pytest.raises(LogBug, match="run 1 began after events"):
        logcheck._check_anchors(path, rows.genesis, (late,), rows.events, ())


def test_the_collector_is_left_as_it_was() -> None:
    for before in (gc.disable, gc.enable):
        before()
        was = gc.isenabled()
        with logcheck.no_collection():
            assert not gc.isenabled()
        assert gc.isenabled() == was


def test_a_tail_cut_clean_off_shows_against_the_receipt(path: Path) -> None:
    log = opened(path)
    log.append(some_events(), AT)
    receipt = chain.head_code(log.head()[1])
    log.close()
    db = unguarded(path)
    db.execute("DELETE FROM event WHERE seq = 5")
    guarded_again(db)
    contents = readlog.read(path)  # the chain alone cannot know
    assert len(contents.logged) == 4
    assert contents.head_code != receipt
    assert len(receipt) == 11 and receipt[5] == "-" and receipt.replace("-", "").isalnum()


def test_the_chain_can_be_rebuilt_by_hand(path: Path) -> None:
    """The hash of an event is the SHA-256 of one JSON array; written out here once, independently of the program."""
    import hashlib

    filled(path)
    db = raw(path)
    runs = {}
    reader, plan, created, nonce, prev = db.execute("SELECT reader_id, plan_hash, created_utc, nonce, hash FROM log").fetchone()
    text = json.dumps(["reader-app read log", reader, plan, created, nonce], separators=(",", ":"))
    assert hashlib.sha256(text.encode()).hexdigest() == prev
    first = prev
    for run_id, own in db.execute("SELECT run_id, hash FROM run"):
        runs[run_id] = own
    for seq, run_id, mono, wall, kind, payload, own in db.execute(
        "SELECT seq, run_id, mono_ns, wall_utc, kind, payload, hash FROM event"
    ):
        line = json.dumps(
            [prev, seq, runs[run_id], mono, wall, kind, json.loads(payload)], separators=(",", ":"), ensure_ascii=False
        )
        prev = hashlib.sha256(line.encode()).hexdigest()
        assert prev == own
    db.close()
    assert first != prev


# --- foreign files -----------------------------------------------------------------------------------------------------------


def test_a_newer_file_is_refused(path: Path) -> None:
    filled(path)
    db = raw(path)
    db.execute(f"PRAGMA user_version={logfile.SCHEMA_VERSION + 1}")
    db.close()
    for use in (opened, readlog.read):
        with pytest.raises(LogUnavailable, match="newer version of the program"):
            use(path)


def test_a_foreign_database_is_refused(path: Path) -> None:
    db = raw(path)
    db.execute("CREATE TABLE notes (text)")
    db.close()
    for use in (opened, readlog.read):
        with pytest.raises(LogBug, match="not a read log"):
            use(path)


@pytest.mark.parametrize("content", [b"", b"no database at all, but long enough to have a header" * 40])
def test_another_kind_of_file_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    for use in (opened, readlog.read):
        with pytest.raises(LogBug, match="not a read log"):
            use(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TRIGGER event_no_update",
        "CREATE VIEW extra AS SELECT * FROM event",
        "CREATE TABLE extra (a)",
        "CREATE INDEX extra ON event (kind)",
        "CREATE TRIGGER extra AFTER INSERT ON event BEGIN SELECT 1; END",
    ],
)
def test_a_changed_structure_is_refused(path: Path, statement: str) -> None:
    filled(path)
    db = raw(path)
    db.execute(statement)
    db.close()
    for use in (opened, readlog.read):
        with pytest.raises(LogBug, match="structure of this log was changed"):
            use(path)


@pytest.mark.parametrize("use", [opened, readlog.read])
@pytest.mark.parametrize("table", ["run", "event", "seal", "schema"])
def test_a_refused_log_is_not_kept_locked(path: Path, use: Callable[[Path], object], table: str) -> None:
    """Also while the error and all it holds are still about: the next step may be to put a copy in its place."""
    filled(path)
    log = opened(path)
    log.seal("session ended", READER, SigningKey.new(), AT.wall_utc)
    log.close()
    db = unguarded(path)
    if table != "schema":
        db.execute(f"UPDATE {table} SET prev_hash = hash WHERE rowid = 1")
        guarded_again(db)
    db.close()
    with pytest.raises(LogBug) as caught:
        use(path)
    other = raw(path)
    other.execute("BEGIN EXCLUSIVE")
    other.close()
    assert caught.value.__traceback__ is not None


def test_a_value_of_another_type_is_told(path: Path) -> None:
    filled(path)
    db = unguarded(path)
    db.execute("PRAGMA ignore_check_constraints=ON")
    (sql,) = db.execute("SELECT sql FROM sqlite_schema WHERE name = 'log'").fetchone()
    db.execute("PRAGMA writable_schema=ON")
    db.execute("UPDATE sqlite_schema SET sql = replace(sql, ') STRICT', ')') WHERE name = 'log'")
    db.close()
    db = raw(path)
    db.execute("UPDATE log SET reader_id = x'ff'")
    db.execute("PRAGMA writable_schema=ON")
    db.execute("UPDATE sqlite_schema SET sql = ? WHERE name = 'log'", (sql,))
    db.close()
    guarded_again(raw(path))
    for use in (opened, readlog.read):
        with pytest.raises(LogBug, match=r"not of its type|damaged"):
            use(path)


def test_a_structure_that_is_no_text_is_refused(path: Path) -> None:
    filled(path)
    data = path.read_bytes()
    position = data.index(b"append-only")
    path.write_bytes(data[:position] + b"\xff" + data[position + 1 :])
    for use in (opened, readlog.read):
        with pytest.raises(LogBug, match=r"damaged or was changed|structure of this log was changed"):
            use(path)


def test_a_log_of_another_reader_or_plan_is_refused(path: Path) -> None:
    filled(path)
    with pytest.raises(LogBug, match="log of reader R01, not of R02"):
        opened(path, reader_id="R02")
    with pytest.raises(LogBug, match="another study plan"):
        opened(path, plan_hash="cd" * 32)
    opened(path).close()  # and neither refusal has left a lock behind


def test_an_event_that_the_program_does_not_know_is_refused(path: Path) -> None:
    log = opened(path)
    log.append(some_events()[:1], AT)
    line = (2, log.run_id, 0, AT.wall_utc, "Teleported", '{"v":1}')
    own = chain.event_hash(log.head()[1], 2, log._run.hash, 0, AT.wall_utc, "Teleported", '{"v":1}')
    log._db.execute("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*line, log.head()[1], own))
    log.close()
    assert "Teleported" in str(readlog.verify(path)[0])
    with pytest.raises(LogBug, match="Teleported"):
        opened(path)


@pytest.mark.parametrize("text", ["{", "", '{"v":1},{"v":1}', '{"v":1} ', ' {"v":1}', "{'v':1}"])
def test_a_payload_that_is_not_one_json_text_is_refused(text: str) -> None:
    with pytest.raises(LogBug, match="not JSON"):
        decoded([(1, "run", 0, AT.wall_utc, "Noted", text, "")])


def test_there_must_be_a_folder_and_a_file(tmp_path: Path) -> None:
    with pytest.raises(LogUnavailable, match="the folder does not exist"):
        opened(tmp_path / "nowhere" / "R01.readlog")
    with pytest.raises(LogUnavailable, match="no such log"):
        readlog.read(tmp_path / "R01.readlog")
    with pytest.raises(LogUnavailable, match="no such log"):
        readlog.read(tmp_path)


def test_an_old_sqlite_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(path)
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    with pytest.raises(LogUnavailable, match=r"need 3\.37 or newer"):
        opened(path)


# --- the environment ---------------------------------------------------------------------------------------------------------


def test_a_second_instance_is_refused_and_told_who_holds_the_log(path: Path) -> None:
    log = opened(path)
    log.append(some_events(), AT)
    started = time.monotonic()
    for use in (opened, readlog.read):
        with pytest.raises(LogUnavailable, match=f"open in another program \\(process {os.getpid()} on "):
            use(path)
    assert time.monotonic() - started < 4
    log.append([Assessed("case-08", "case", "2")], AT)  # the holder is not disturbed
    log.close()
    opened(path).close()


def test_the_holder_is_unknown_without_its_note(path: Path) -> None:
    log = opened(path)
    (path.parent / f"{path.name}.holder").unlink()
    with pytest.raises(LogUnavailable, match="open in another program; close it"):
        readlog.read(path)
    log.close()


def test_a_note_of_a_process_that_has_gone_accuses_nobody(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = opened(path)
    note = path.parent / f"{path.name}.holder"
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    own = json.loads(note.read_text(encoding="utf-8"))
    note.write_text(json.dumps({**own, "pid": gone.pid}), encoding="utf-8")
    assert logfile.holder_of(path) == ""
    note.write_text(json.dumps({**own, "pid": gone.pid, "host": "elsewhere"}), encoding="utf-8")
    assert "on elsewhere since" in logfile.holder_of(path)
    note.write_text("[]", encoding="utf-8")
    assert logfile.holder_of(path) == ""

    def forbidden(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", forbidden)
    assert logfile._lives(1)
    monkeypatch.setattr(os, "name", "nt")
    assert logfile._lives(2**22 + 1)
    monkeypatch.undo()
    log.close()


def test_a_second_process_is_refused(path: Path) -> None:
    log = opened(path)
    script = f"""
        import sys
        from pathlib import Path
        from store.logs import opened
        from reader_app.errors import LogUnavailable
        try:
            opened(Path({str(path)!r}))
        except LogUnavailable as fault:
            sys.exit(3 if "process {os.getpid()} on" in str(fault) else 4)
    """
    ended = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], env=child_environment(), timeout=60, check=False)
    assert ended.returncode == 3
    log.close()


def child_environment() -> dict[str, str]:
    root = Path(__file__).resolve().parents[2]
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), str(root / "tests")])}


def test_two_programs_may_begin_the_same_log_in_the_same_moment(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that comes second finds the log begun and uses it: none is overwritten."""
    original = os.link

    def late(part: Path, target: Path) -> None:
        if not target.exists():
            other = target.with_name("other")
            monkeypatch.setattr(os, "link", original)
            opened(other).close()
            other.rename(target)
        original(part, target)

    monkeypatch.setattr(os, "link", late)
    log = opened(path)
    assert log._db.execute("SELECT count(*) FROM run").fetchone()[0] == 2  # that of the other program, and this
    log.close()
    assert [name for name in os.listdir(path.parent) if name.endswith(".new")] == []


def test_a_disk_without_hard_links_will_do(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(1, "not supported")

    monkeypatch.setattr(os, "link", no_links)
    filled(path)
    assert readlog.verify(path) == []


def test_debris_of_a_cut_off_beginning_is_removed(path: Path) -> None:
    names = ("old.new", "old.new-journal", "old.part", "fresh.new", "fresh.part")
    left = [path.with_name(f".{path.name}.{name}") for name in names]
    for own in left:
        own.touch()
        if "old" in own.name:
            os.utime(own, (1, 1))
    opened(path).close()
    assert [own.exists() for own in left] == [False, False, False, True, True]


def test_a_network_share_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logfile, "network_filesystem", lambda _: "nfs4")
    with pytest.raises(LogUnavailable, match="network share \\(nfs4\\)"):
        opened(path)
    assert not path.exists()


def test_network_shares_are_known_by_their_mounts(tmp_path: Path) -> None:
    text = "22 1 254:0 / / rw - ext4 /dev/vda rw\n30 22 0:40 / /mnt/a\\040b rw shared:1 - nfs4 host:/x rw\nshort\n"
    mounts = disk.parse_mountinfo(text)
    assert mounts == [("/", "ext4"), ("/mnt/a b", "nfs4")]
    assert disk._network_mount(Path("/mnt/a b/study"), mounts) == "nfs4"
    assert disk._network_mount(Path("/mnt/a"), mounts) is None
    mac = "/dev/disk1 on / (apfs, local)\n//u@host/share on /Volumes/share (smbfs, nodev)\nodd line\n"
    assert disk._network_mount(Path("/Volumes/share/x"), disk.parse_mac_mounts(mac)) == "smbfs"
    assert disk.network_filesystem(tmp_path) is None


def test_a_read_only_file_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The superuser may write everywhere, so the read-only mode is asked of SQLite itself."""
    filled(path)
    original = logfile.connect

    def read_only(path: Path, *, write: bool) -> sqlite3.Connection:
        db = original(path, write=write)
        db.execute("PRAGMA query_only=ON")
        return db

    monkeypatch.setattr(logfile, "connect", read_only)
    with pytest.raises(LogUnavailable, match="read-only file, folder or disk"):
        opened(path)


@needs_user
def test_a_read_only_folder_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    folder.chmod(0o500)
    try:
        with pytest.raises(LogUnavailable, match="cannot be begun"):
            opened(folder / "R01.readlog")
    finally:
        folder.chmod(0o700)


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (
            PermissionError(13, "Permission denied", ".R01.readlog.6e.new"),
            "(Permission denied); check that disk, and that you may",
        ),
        (OSError(28, "No space left on device", ".R01.readlog.6e.new"), "(No space left on device); free some space"),
        (OSError("no number"), "(no number); check that disk"),
    ],
)
def test_a_log_that_cannot_be_begun_is_told(path: Path, monkeypatch: pytest.MonkeyPatch, cause: OSError, words: str) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise cause

    monkeypatch.setattr(Path, "touch", refuse)
    with pytest.raises(LogUnavailable) as refused:
        opened(path)
    assert str(refused.value).startswith(f"{path}: the log cannot be begun {words}")
    assert os.listdir(path.parent) == []


@pytest.mark.parametrize(
    ("code", "family", "words"),
    [
        (sqlite3.SQLITE_FULL, LogUnavailable, "disk is full"),
        (sqlite3.SQLITE_BUSY, LogUnavailable, "open in another program"),
        (sqlite3.SQLITE_READONLY_ROLLBACK, LogUnavailable, "was cut off"),
        (sqlite3.SQLITE_READONLY_DBMOVED, LogUnavailable, "cannot be written"),
        (sqlite3.SQLITE_CANTOPEN, LogUnavailable, "cannot be opened"),
        (sqlite3.SQLITE_IOERR_FSYNC, LogUnavailable, "the disk failed"),
        (sqlite3.SQLITE_NOTADB, LogBug, "not a read log"),
        (sqlite3.SQLITE_CORRUPT, LogBug, "damaged or was changed"),
        (None, LogBug, "damaged or was changed"),
    ],
)
def test_every_error_says_what_to_do(path: Path, code: int | None, family: type[LogFault], words: str) -> None:
    error = sqlite3.OperationalError("as it was")
    if code is not None:
        error.sqlite_errorcode = code
    fault = logfile.fault_of(error, path)
    assert type(fault) is family and words in str(fault) and str(path) in str(fault) and "; " in str(fault)


def test_bytes_that_are_no_text_are_told_as_damage(path: Path) -> None:
    """SQLite's own message may quote such bytes; Python then raises before there is a database error."""
    with pytest.raises(LogBug, match="the log is damaged"), logfile.explained(path):
        b"\xff".decode()


LIMITED = """
    import resource, signal, sys
    from pathlib import Path
    from store.logs import AT, opened
    from reader_app.errors import LogUnavailable
    from reader_app.study.events import Noted
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    path = Path(sys.argv[1])
    log = opened(path)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
    done = 0
    try:
        while done < 400:
            log.append([Noted("case-07", "x" * 900)], AT)
            done += 1
    except LogUnavailable as fault:
        assert "nothing was saved" in str(fault), fault
        assert log.head()[0] == done
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        log.append([Noted("case-07", "after")], AT)
        log.close()
        print(done)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of the file size there")
@pytest.mark.parametrize("room", [61_440, 90_000, 131_072])
def test_no_room_on_the_disk(path: Path, room: int) -> None:
    """What was acknowledged stays, what was refused is not there, and after room is made the same log goes on."""
    command = [sys.executable, "-c", textwrap.dedent(LIMITED), str(path), str(room)]
    ended = subprocess.run(command, env=child_environment(), capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    done = int(ended.stdout)
    assert done > 0
    texts = [entry.event.text for entry in readlog.read(path).logged]  # type: ignore[union-attr]
    assert texts == ["x" * 900] * done + ["after"]


def test_a_commit_whose_outcome_is_unknown_is_looked_up(path: Path) -> None:
    """The error came although the rows reached the disk: the next append refuses to write beside them."""
    log = opened(path)
    log.append(some_events()[:2], AT)
    real = log._db

    class Lying:
        def execute(self, statement: str, *rest: object) -> object:
            result = real.execute(statement, *rest)  # type: ignore[arg-type]
            if statement == "COMMIT":
                error = sqlite3.OperationalError("disk I/O error")
                error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
                raise error
            return result

        def __getattr__(self, name: str) -> object:
            return getattr(real, name)

    log._db = Lying()  # type: ignore[assignment]
    with pytest.raises(LogUnavailable, match="the disk failed"):
        log.append([Assessed("case-07", "case", "3")], AT)
    log._db = real
    for _ in range(2):
        with pytest.raises(LogBug, match="reached the disk after all"):
            log.append([Assessed("case-07", "case", "3")], AT)
    with pytest.raises(LogBug, match="reached the disk after all"):
        log.seal("session ended", READER, SigningKey.new(), AT.wall_utc)
    log.close()
    assert len(readlog.read(path).logged) == 3


def test_a_failed_append_can_be_made_again(path: Path) -> None:
    log = opened(path)
    real = log._db
    for events in ([], some_events()[:1]):
        log.append(events, AT)
        blocked = sqlite3.connect(path, isolation_level=None, timeout=0)
        with contextlib.suppress(sqlite3.OperationalError):
            blocked.execute("BEGIN IMMEDIATE")
        blocked.close()
        real.set_progress_handler(lambda: 1, 1)
        with pytest.raises(LogBug):
            log.append(some_events()[1:2], AT)
        real.set_progress_handler(None, 1)
    before = log.head()[0]
    log.append(some_events()[1:2], AT)
    assert log.head()[0] == before + 1
    log.close()
    assert readlog.verify(path) == []


def test_appends_from_several_threads_stand_in_one_chain(path: Path) -> None:
    log = opened(path)

    def work(number: int) -> None:
        for turn in range(10):
            log.append([Assessed(f"case-{number}", "case", "3"), Assessed(f"case-{number}", "case", str(turn % 5))], AT)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    logged = readlog.read(path).logged
    assert len(logged) == 80
    assert all(one.event.case_id == two.event.case_id for one, two in zip(logged[::2], logged[1::2], strict=True))  # type: ignore[union-attr]


# --- copies ------------------------------------------------------------------------------------------------------------------


def test_a_copy_of_an_open_log_is_complete(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "second disk" / path.name
    copy.parent.mkdir()
    log = opened(path)
    for event in some_events():
        log.append([event], AT)
        log.copy_to(copy)
        assert readlog.read(copy).head == log.head()
    log.close()
    assert os.listdir(copy.parent) == [path.name]


def test_a_copy_that_fails_leaves_the_old_one(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "copy.readlog"
    filled(path)
    log = opened(path)
    log.copy_to(copy)
    before = copy.read_bytes()

    def refuse(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(LogUnavailable, match="copy of the log could not be written"):
        log.copy_to(copy)
    with pytest.raises(LogUnavailable):
        log.copy_to(tmp_path / "nowhere" / "copy.readlog")
    log.close()
    assert copy.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == sorted([path.name, copy.name])


def test_a_log_whose_program_was_cut_off_in_a_commit_can_be_read(path: Path, tmp_path: Path) -> None:
    """A hot journal beside the log: the copy is brought in order, the original stays as it is."""
    log = opened(path)
    log.append(some_events(), AT)
    db = log._db
    db.execute("BEGIN")
    db.execute("PRAGMA cache_size=1")
    for seq in range(6, 60):
        event = Assessed("case-07", "case", "3" * 400)
        prev = db.execute("SELECT hash FROM event ORDER BY seq DESC LIMIT 1").fetchone()[0]
        payload = json.dumps({"v": 1, "case_id": event.case_id, "unit": "case", "category": event.category})
        db.execute(
            "INSERT INTO event VALUES (?, ?, 0, ?, 'Assessed', ?, ?, ?)",
            (seq, log.run_id, AT.wall_utc, payload, prev, f"{seq:064d}"),
        )
    torn = tmp_path / "torn" / path.name
    torn.parent.mkdir()
    shutil.copyfile(path, torn)
    shutil.copyfile(path.with_name(f"{path.name}-journal"), torn.with_name(f"{path.name}-journal"))
    db.execute("ROLLBACK")
    log.close()
    before = torn.read_bytes()
    assert before != path.read_bytes()
    assert len(readlog.read(torn).logged) == 5
    assert torn.read_bytes() == before
    reopened = opened(torn)
    assert len(reopened.logged()) == 5
    reopened.close()


def test_damaged_pages_are_told(path: Path) -> None:
    log = opened(path)
    log.append([Assessed("case-07", "case", "3")] * 200, AT)
    log.close()
    data = bytearray(path.read_bytes())
    data[-4096:-4000] = b"\xff" * 96
    path.write_bytes(data)
    with pytest.raises(LogBug, match="damaged"):
        readlog.read(path)


def test_a_run_is_described(path: Path) -> None:
    info = run_info()
    log = readlog.ReadLog.open(path, READER, PLAN, info)
    log.close()
    assert readlog.read(path).runs == (replace(info, plan_hash=PLAN),)
    assert dict(info.more)["sqlite"] == sqlite3.sqlite_version
