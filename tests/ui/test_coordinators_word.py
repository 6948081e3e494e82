"""What the coordinator decides reaches the workstation: packages opened, rounds opened early, protocols amended, leave."""

from __future__ import annotations

import shutil
import zipfile
from dataclasses import replace

import pytest
from PySide6.QtWidgets import QLabel
from readingkit import make_study, reading, wait

from reader_app.cli.main import run as command
from reader_app.clock import FrozenClock
from reader_app.desk.gathering import gather
from reader_app.desk.merging import merge_logs
from reader_app.desk.packages import amend, unpack
from reader_app.desk.status import status
from reader_app.errors import InputFaults
from reader_app.export.package import write_package
from reader_app.store import decisions, orders
from reader_app.store.readlog import read as read_log
from reader_app.study import events as ev
from reader_app.study.audit import audit
from reader_app.ui.home_window import HomeWindow

WHY = "agreed with the board of the study"
NOW = "2027-01-20T09:00:00.000Z"


def said(widget) -> str:
    return " ".join(own.text() for own in widget.findChildren(QLabel))


def clock_after(study, days: float = 0.0) -> FrozenClock:
    logged = read_log(next((study / "logs").glob("*.readlog"))).logged
    clock = FrozenClock(logged[-1].wall_utc)
    clock.advance(60 + days * 86_400)
    return clock


@pytest.fixture
def desk(tmp_path):
    return make_study(tmp_path / "desk", ("ultrasound",), 2, washout=28).path


def station_of(desk, tmp_path, name="1.zip"):
    return unpack(write_package(desk, "R01", tmp_path / name), tmp_path / "station")


def read_first_round(study) -> None:
    with reading(study) as hands:
        hands.settle()
        assert hands.page == "round", "the package is for one reader, who need not be chosen"
        hands.begin()
        hands.read_round(lambda case_id: "4A")
        hands.flow.end_session()
        hands.settle()


def decide(desk, kind: str, **about: str) -> None:
    decisions.decide(desk, kind, about, WHY, "co1", NOW)


def test_a_round_is_opened_early_on_the_workstation_by_the_next_package(desk, tmp_path):
    station = station_of(desk, tmp_path)
    read_first_round(station)
    with reading(station, clock_after(station, 1)) as hands:
        hands.settle()
        assert hands.page == "washout", said(hands.window.page)  # the control: without a decision the round is closed
    merge_logs(desk, [station / "logs"])
    assert [own.state for own in status(desk, "2027-01-20") if own.reader_id == "R01"] == ["finished", "washout", "waiting"]
    decide(desk, "round_opened_early", reader_id="R01", round="2")
    decide(desk, "round_opened_early", reader_id="R02", round="2")
    assert [own.state for own in status(desk, "2027-01-20") if own.reader_id == "R01"] == ["finished", "open", "waiting"]
    file = write_package(desk, "R01", tmp_path / "2.zip")
    assert WHY.encode() not in file.read_bytes() and b"R02" not in zipfile.ZipFile(file).read(orders.FILE), (
        "no reason, nobody else"
    )
    unpack(file, station)
    for _ in range(2):  # at the second log-in it stands in the log already
        with reading(station, clock_after(station, 1)) as hands:
            hands.settle()
            assert hands.page == "round" and "Round 2" in said(hands.window.page)
    unlocked = [own.event for own in read_log(station / "logs" / "R01.readlog").logged if isinstance(own.event, ev.RoundUnlocked)]
    assert [(own.round_no, own.coordinator, own.reason) for own in unlocked] == [
        (2, "co1", "decision 1 of the coordinator: round opened early")
    ]
    with reading(station, clock_after(station, 1)) as hands:
        hands.settle()
        wait(lambda: not hands.flow.pages.is_checking(), "the check")
        assert hands.page == "round", said(hands.window.page)
        hands.begin()
        assert hands.state.round_no == 2
    merge_logs(desk, [station / "logs"])
    assert gather(desk).deviations["R01"] == ()
    (desk / decisions.FILE).unlink()  # an order that nobody at the desk has given
    (found,) = gather(desk).deviations["R01"]
    assert found.code == "override" and "No decision of the coordinator" in found.text


def test_an_amended_protocol_goes_on_in_the_same_log(desk, tmp_path, capsys):
    station = station_of(desk, tmp_path)
    with reading(station) as hands:
        hands.settle()
        hands.begin()
        hands.read()
    text = (desk / "study.toml").read_text(encoding="utf-8")
    (desk / "study.toml").write_text(text.replace("min_washout_days = 28", "min_washout_days = 7"), encoding="utf-8")
    assert command(["amend", str(desk), "--reason", "short"]) == 1 and "too short" in capsys.readouterr().err
    assert not (desk / decisions.FILE).exists()
    assert command(["amend", str(desk), "--reason", WHY]) == 0
    again = write_package(desk, "R01", tmp_path / "2.zip")
    other = make_study(tmp_path / "other", ("ultrasound",), 1).path
    with pytest.raises(InputFaults, match="another study"):
        unpack(write_package(other, "R01", tmp_path / "o.zip"), station)
    before = read_log(station / "logs" / "R01.readlog").logged
    assert unpack(again, station) == station
    assert sorted(own.name for own in tmp_path.iterdir() if own.name.startswith(".")) == [], "nothing is left beside it"
    assert read_log(station / "logs" / "R01.readlog").logged == before
    with reading(station, clock_after(station)) as hands:
        hands.settle()
        assert hands.page == "round", said(hands.window.page)
        hands.begin()
        assert hands.state.index == 1, "what was read stays read"
        hands.read()
    logged = read_log(station / "logs" / "R01.readlog").logged
    assert sum(isinstance(own.event, ev.PlanAmended) for own in logged) == 1
    merge_logs(desk, [station / "logs"])
    assert gather(desk).deviations["R01"] == ()


def test_a_read_that_was_cut_off_does_not_stand_in_the_way_of_an_amendment(desk, tmp_path):
    from readingkit import crash

    with reading(desk) as hands:
        hands.log_in()
        hands.begin()
        assert hands.state.displayed
        crash(hands)
    text = (desk / "study.toml").read_text(encoding="utf-8")
    (desk / "study.toml").write_text(text.replace("min_washout_days = 28", "min_washout_days = 7"), encoding="utf-8")
    amend(desk, WHY, "co1")
    with reading(desk, clock_after(desk)) as hands:
        hands.log_in()
        assert hands.page == "round", said(hands.window.page)
        hands.begin()
        assert hands.state.displayed and hands.state.index == 0


def test_a_changed_study_without_a_decision_says_why_no_sitting_opens(desk):
    with reading(desk) as hands:
        hands.log_in()
        hands.begin()
        hands.read()
    text = (desk / "study.toml").read_text(encoding="utf-8")
    (desk / "study.toml").write_text(text.replace("min_washout_days = 28", "min_washout_days = 7"), encoding="utf-8")
    amend(desk, WHY, "co1")
    kept = (desk / decisions.FILE).read_bytes()
    (desk / decisions.FILE).unlink()
    with reading(desk, clock_after(desk)) as hands:
        hands.log_in()
        assert hands.page == "stopped" and "the coordinator must amend the plan first" in said(hands.window.page)
        (desk / decisions.FILE).write_bytes(kept)
        hands.flow.pages.choose("retry")
        hands.settle()
        assert hands.page == "round", "the decision has come: trying again is enough"
        hands.begin()
        hands.read()


def test_a_reader_who_was_replaced_and_a_case_that_was_withdrawn(desk):
    with reading(desk) as hands:
        hands.log_in()
        hands.begin()
        hands.read()
        left = hands.state.case_order[1]
    decide(desk, "case_withdrawn", case_id=left)
    with reading(desk, clock_after(desk)) as hands:
        hands.log_in()
        assert hands.page == "round-finished" or 1 in hands.state.finished, "its last case is gone, so the round is over"
    decide(desk, "reader_replaced", reader_id="R01", by="R02")
    assert {own.state for own in status(desk, "2027-03-20") if own.reader_id == "R01"} == {"finished", "left"}
    with reading(desk, clock_after(desk)) as hands:
        hands.log_in()
        assert hands.page == "stopped" and "has left the study" in said(hands.window.page)
    with reading(desk, clock_after(desk)) as hands:
        hands.log_in("R02")
        assert hands.page == "round"
    assert gather(desk).deviations["R01"] == ()


def test_a_package_is_read_by_nobody_else(desk, tmp_path):
    station = station_of(desk, tmp_path)
    with reading(station) as hands:
        hands.flow.start("R02")
        assert hands.page == "faults" and "holds the package of R01" in said(hands.window.page)
        hands.flow.pages.login()
        shown = [own.objectName() for own in hands.window.page.findChildren(object) if own.objectName().startswith("reader-")]
        assert shown == ["reader-R01"]
        hands.flow.log_in("R02")
        assert hands.page == "faults" and not (station / "logs" / "R02.readlog").exists()


def test_the_command_and_the_home_window_open_a_package(desk, tmp_path, monkeypatch, capsys):
    started = []
    monkeypatch.setattr("reader_app.ui.app.run_reader", lambda study, *_a, **_k: started.append(study) or 0)
    stick = tmp_path / "USB stick"
    stick.mkdir()
    file = write_package(desk, "R01", stick / "R01.zip")
    assert command(["read", str(file), "--into", str(tmp_path / "here")]) == 0
    assert started == [tmp_path / "here"] and str(tmp_path / "here" / "logs") in capsys.readouterr().err
    monkeypatch.setenv("READER_APP_HOME", str(tmp_path / "home"))
    window = HomeWindow()
    opened = []
    window.open_reading = opened.append
    window.open_package(file)
    wait(lambda: opened, "the package")
    assert opened[0].parent == tmp_path / "home" / "stations" and (opened[0] / "study.toml").is_file()
    file.write_bytes(file.read_bytes()[:-2000])
    window.open_package(file)
    wait(lambda: window.package_button.isEnabled(), "the refusal")
    assert "not a reading package" in window.message.text()
    window.close()


def test_orders_that_were_altered_show_at_home(desk):
    with reading(desk) as hands:
        hands.log_in()
        hands.begin()
        hands.read_round()
        hands.flow.end_session()
        hands.settle()
    decide(desk, "round_opened_early", reader_id="R01", round="2")
    with reading(desk, clock_after(desk)) as hands:
        hands.log_in()
    logged = read_log(desk / "logs" / "R01.readlog").logged
    known = orders.of_reader(decisions.load(desk).taken, "R01")
    assert orders.unfounded(logged, known) == []
    (event,) = [own for own in logged if isinstance(own.event, ev.RoundUnlocked)]
    for bent in (replace(event.event, round_no=3), replace(event.event, reason=WHY)):
        assert len(orders.unfounded([replace(event, event=bent)], known)) == 1
    assert len(orders.unfounded(logged, ())) == 1
    assert audit(gather(desk).plans["R01"], logged) == []
    shutil.rmtree(desk / "logs")
