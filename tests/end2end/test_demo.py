"""The demonstration as a user starts it: phantoms, aids, simulated readers in the real window, workbook and report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from end2end.program import CASES, READERS, run_program

pytestmark = [pytest.mark.gui, pytest.mark.slow, pytest.mark.timeout(600)]


def scripts(demo: Path) -> dict[str, dict[str, object]]:
    """Return the answers the simulated readers were told to give."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted((demo / "scripts").glob("*.json"))}


def test_the_workbook_holds_exactly_the_answers_and_times_of_the_readers(demo: Path) -> None:
    import openpyxl

    book = openpyxl.load_workbook(demo / "workbook.xlsx")
    rows = list(book["Reads"].iter_rows(values_only=True))
    header = [str(cell) for cell in rows[0]]
    assert header[0] == "Reader", "the sheet must load as a table without options"
    column = {name: position for position, name in enumerate(header)}

    def of(row: tuple[object, ...], start: str) -> object:
        return row[next(position for name, position in column.items() if name.lower().startswith(start))]

    found = {
        (str(of(row, "reader")), int(str(of(row, "round"))), str(of(row, "case"))): (
            str(of(row, "bi-rads")), int(str(of(row, "suspicion"))), float(str(of(row, "reading time"))),
        )
        for row in rows[1:]
        if row[0] is not None
    }  # fmt: skip
    wanted = {
        (reader_id, read["round"], read["case_id"]): (
            read["categories"]["case"], read["scores"]["case"], read["reading_time_s"],
        )
        for reader_id, script in scripts(demo).items()
        for read in script["reads"]  # type: ignore[attr-defined]
    }  # fmt: skip
    assert found.keys() == wanted.keys()
    for key, (category, score, seconds) in wanted.items():
        assert found[key][:2] == (category, score), key
        assert found[key][2] == pytest.approx(seconds, abs=0.002), key


def test_third_round_holds_only_the_cases_left_at_4a(demo: Path) -> None:
    for script in scripts(demo).values():
        reads = script["reads"]
        left = {r["case_id"] for r in reads if r["round"] == 2 and "4A" in r["categories"].values()}  # type: ignore[attr-defined]
        assert {r["case_id"] for r in reads if r["round"] == 3} == left  # type: ignore[attr-defined]


def test_audit_finds_no_deviation_and_logs_verify(demo: Path) -> None:
    done = run_program("audit", str(demo / "study"), "--json", home=demo / "home")
    assert done.returncode == 0
    assert json.loads(done.stdout)["deviations"] == []
    done = run_program("verify", *map(str, sorted((demo / "study" / "logs").glob("*.readlog"))), home=demo / "home")
    assert done.returncode == 0, done.stdout


def test_a_changed_log_is_not_verified(demo: Path, tmp_path: Path) -> None:
    log = sorted((demo / "study" / "logs").glob("*.readlog"))[0]
    data = bytearray(log.read_bytes())
    place = data.rindex(b'"category":"') + len(b'"category":"')
    data[place] = ord("5") if data[place] != ord("5") else ord("2")
    changed = tmp_path / log.name
    changed.write_bytes(bytes(data))
    done = run_program("verify", str(changed), home=tmp_path)
    assert done.returncode == 1
    assert "NOT verified" in done.stdout


def test_screenshots_and_report_are_there(demo: Path) -> None:
    pictures = sorted((demo / "screenshots").glob("*.png"))
    assert len(pictures) >= 5
    report = (demo / "report.html").read_text(encoding="utf-8")
    assert "not for diagnosis" in report
    assert "http://" not in report.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons", ""
    )


def test_the_second_start_opens_the_same_study(demo: Path) -> None:
    before = (demo / "study" / "assignment.lock.json").read_bytes()
    done = run_program(
        "demo", "--out", str(demo), "--headless", "--cases", str(CASES), "--readers", str(READERS), home=demo / "home"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (demo / "study" / "assignment.lock.json").read_bytes() == before


def test_the_reading_process_learns_nothing_of_the_truth(demo: Path) -> None:
    for script in (demo / "scripts").glob("*.json"):
        text = script.read_text(encoding="utf-8")
        assert "malignant" not in text
        assert "lesion" not in text


def test_a_person_finds_the_demonstration_unread(demo: Path, tmp_path: Path) -> None:
    import shutil

    from reader_app.desk.demo import put_simulated_reads_aside

    copy = tmp_path / "demo"
    shutil.copytree(demo, copy)
    assert put_simulated_reads_aside(copy) == READERS
    assert list((copy / "study" / "logs").glob("*.readlog")) == []
    assert len(list((copy / "simulated-logs").glob("*.readlog"))) == READERS
    assert put_simulated_reads_aside(copy) == 0
