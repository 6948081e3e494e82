"""``analyze`` on plain tables from end to end: each option changes what it should, exit statuses, one sentence per fault."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from reader_app.cli.main import DONE, FAULTS, USAGE, run

SCALE = np.array(["2", "3", "4A", "4B", "5"])


def _tables(folder: Path, unit: str = "") -> list[str]:
    """Write a small crossed study and return its arguments; ``unit`` "laterality" or "lesion_id" gives two units a case."""
    rng = np.random.default_rng(11)
    truth, reads = [], []
    units = {"": [""], "laterality": ["R", "L"], "lesion_id": ["a", "b"]}[unit]
    for case in range(24):
        bad = [int((case + 2 * place) % 4 == 0) for place, _ in enumerate(units)]
        for own, malignant in zip(units, bad, strict=True):
            truth.append(
                {"case_id": f"C{case:02}", "malignant": malignant, "patient_id": f"P{case // 2:02}", unit or "site": own}
            )
            for reader in range(4):
                for condition, gain in (("unaided", 1.0), ("aided", 1.8)):
                    latent = gain * malignant + rng.normal()
                    reads.append(
                        {
                            "reader_id": f"R{reader}",
                            "group": "senior" if reader < 2 else "junior",
                            "condition": condition,
                            "case_id": f"C{case:02}",
                            "score": int(np.clip(50 + 18 * latent, 0, 100)),
                            "assessment": SCALE[int(np.clip(np.floor(latent + 2), 0, 4))],
                            **({unit: own} if unit else {}),
                        }
                    )
    folder.mkdir(exist_ok=True)
    pd.DataFrame(reads).to_csv(folder / "reads.csv", index=False)
    pd.DataFrame(truth).to_csv(folder / "truth.csv", index=False)
    return ["analyze", "--reads", str(folder / "reads.csv"), "--reference", str(folder / "truth.csv")]


def _document(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert run([*arguments, "--json"]) == DONE
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert found["schema"] == 1
    return found


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return _tables(tmp_path_factory.mktemp("cases"))


def test_groups_add_rows(cases: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    plain, grouped = _document(cases, capsys), _document([*cases, "--by", "group"], capsys)
    assert {row["group"] for row in plain["accuracy"]} == {None}
    pooled = [row for row in grouped["accuracy"] if row["reader_id"] is None and row["condition"] == "aided"]
    assert {row["group"]: row["tp"] + row["fn"] for row in pooled} == {None: 24, "senior": 12, "junior": 12}
    assert {row["group"] for row in grouped["mrmc"]} == {None, "senior", "junior"}


@pytest.mark.parametrize(("level", "column"), [("breast", "laterality"), ("lesion", "lesion_id")])
def test_levels_count_units(tmp_path: Path, level: str, column: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = _tables(tmp_path, column)
    document = _document([*arguments, "--level", level], capsys)
    assert (document["input"]["units"], document["input"]["cases"], document["input"]["level"]) == (48, 24, level)
    assert any("--cluster patient_id" in note["text"] for note in document["warnings"])
    clustered = _document([*arguments, "--level", level, "--cluster", "patient_id"], capsys)
    assert not any("--cluster patient_id" in note["text"] for note in clustered["warnings"])
    by_case = _document(arguments, capsys)
    assert by_case["input"]["units"] == 24


def test_a_level_that_the_reads_lack_is_named(cases: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*cases, "--level", "breast"]) == FAULTS
    said = capsys.readouterr().err
    assert "laterality" in said
    assert "--level case" in said
    assert "Traceback" not in said


def test_clusters_change_intervals_and_not_estimates(cases: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    plain, clustered = _document(cases, capsys), _document([*cases, "--cluster", "patient_id"], capsys)
    for a, b in zip(plain["roc"], clustered["roc"], strict=True):
        assert a["auc"]["estimate"] == pytest.approx(b["auc"]["estimate"], abs=1e-12)
    assert any(a["auc"]["se"] != b["auc"]["se"] for a, b in zip(plain["roc"], clustered["roc"], strict=True))
    assert "Obuchowski" in clustered["roc"][0]["auc"]["method"]


def test_breasts_cluster_by_case_where_nothing_names_the_patients(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [*_tables(tmp_path / "own", "laterality"), "--level", "breast", "--cluster", "patient_id"]
    path = tmp_path / "own" / "truth.csv"
    truth = pd.read_csv(path, dtype=str)
    truth.assign(patient_id=truth["case_id"]).to_csv(path, index=False)
    named = _document(arguments, capsys)
    truth.drop(columns="patient_id").to_csv(path, index=False)
    bare = _document(arguments, capsys)
    assert bare["roc"] == named["roc"] and bare["mrmc"] == named["mrmc"]
    assert any("each case is taken as one patient" in note["text"] for note in bare["warnings"])
    assert not any("each case is taken as one patient" in note["text"] for note in named["warnings"])
    plain = _document(arguments[:-2], capsys)
    assert plain["roc"][0]["auc"]["se"] != bare["roc"][0]["auc"]["se"]
    assert any("taken as independent" in note["text"] for note in plain["warnings"])


@pytest.mark.parametrize("endpoint", ["auc", "sensitivity", "specificity"])
def test_endpoints_with_a_margin(cases: list[str], endpoint: str, capsys: pytest.CaptureFixture[str]) -> None:
    document = _document([*cases, "--endpoint", endpoint, "--margin", "0.1"], capsys)
    primary = [row for row in document["mrmc"] if row["endpoint"] == endpoint and row["analysis"] == "or"]
    assert primary
    assert all(entry.get("noninferiority") for row in primary for entry in row["differences"])
    assert document["input"]["options"]["margin"] == 0.1


def test_wafroc_needs_marks_and_takes_them(tmp_path: Path, cases: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    without = _document([*cases, "--endpoint", "wafroc"], capsys)
    assert any("needs marks" in note["text"] for note in without["warnings"])
    rng = np.random.default_rng(2)
    truth, reads, marks = [], [], []
    for case in range(20):
        bad = case % 2
        truth.append({"case_id": f"C{case}", "malignant": bad, "lesion_id": "a" if bad else ""})
        for reader in range(3):
            for condition, chance in (("unaided", 0.6), ("aided", 0.8)):
                head = {"reader_id": f"R{reader}", "condition": condition, "case_id": f"C{case}"}
                reads.append({**head, "score": int(rng.integers(0, 100))})
                if bad and rng.random() < chance:
                    marks.append({**head, "rating": int(rng.integers(30, 100)), "lesion_id": "a"})
                if rng.random() < 0.4:
                    marks.append({**head, "rating": int(rng.integers(5, 60)), "lesion_id": ""})
    arguments = ["analyze", "--endpoint", "wafroc"]
    for name, rows in (("reads", reads), ("reference", truth), ("marks", marks)):
        pd.DataFrame(rows).to_csv(tmp_path / f"{name}.csv", index=False)
        arguments += [f"--{name}", str(tmp_path / f"{name}.csv")]
    document = _document(arguments, capsys)
    assert {"or", "dbm"} <= {row["analysis"] for row in document["mrmc"] if row["endpoint"] == "wafroc"}


@pytest.mark.parametrize(
    ("wrong", "status", "said"),
    [
        (["--margin", "2"], FAULTS, "between 0 and 1"),
        (["--alpha", "0"], FAULTS, "between 0 and 1"),
        (["--level", "organ"], USAGE, "invalid choice"),
        (["--by", "age"], USAGE, "invalid choice"),
        (["--cluster", "hospital"], USAGE, "invalid choice"),
        (["--endpoint", "luck"], USAGE, "invalid choice"),
    ],
)
def test_wrong_options(cases: list[str], wrong: list[str], status: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*cases, *wrong]) == status
    heard = capsys.readouterr().err
    assert said in heard
    assert "Traceback" not in heard


def test_faulty_tables_name_row_and_column(tmp_path: Path, cases: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    reads = pd.read_csv(cases[2], dtype=str)
    reads.loc[3, "assessment"] = "7"
    reads.to_csv(tmp_path / "reads.csv", index=False)
    assert run(["analyze", "--reads", str(tmp_path / "reads.csv"), *cases[3:]]) == FAULTS
    assert "row 5, column assessment" in capsys.readouterr().err
    truth = pd.read_csv(cases[4], dtype=str).drop(columns="patient_id")
    truth.to_csv(tmp_path / "truth.csv", index=False)
    assert run([*cases[:3], "--reference", str(tmp_path / "truth.csv"), "--cluster", "patient_id"]) == FAULTS
    assert "patient_id is missing" in capsys.readouterr().err
    assert run(cases[:3]) == FAULTS
    assert "both --reads and --reference" in capsys.readouterr().err
    assert run(["analyze", "--reads", str(tmp_path / "none.csv"), *cases[3:]]) != DONE
    assert "none.csv" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["analyze", "--reads", "none.csv", "--reference", "here.csv"], "--reads none.csv: does not exist"),
        (["analyze", "--reads", "here.csv", "--reference", "folder"], "--reference folder: is no file"),
        (["analyze", "--reads", "pipe", "--reference", "here.csv"], "--reads pipe: is no file"),
        (["analyze", "nowhere"], "nowhere: is no study folder"),
        (["export", "folder", "--out", "made"], "folder: is no study folder"),
        (["audit", "nowhere"], "nowhere: is no study folder"),
        (["power", "--effect", "0.1", "--reads", "none.csv", "--reference", "here.csv"], "--reads none.csv: does not exist"),
    ],
)
def test_what_is_not_there_is_said_before_anything_slow_is_loaded(arguments: list[str], said: str, tmp_path: Path) -> None:
    (tmp_path / "here.csv").write_text("case_id,malignant\n")
    (tmp_path / "folder").mkdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")  # nobody ever writes into it: opening it would wait for ever
    script = "import sys; from reader_app.cli.main import run; print(run(sys.argv[1:]), *{'pandas', 'scipy'} & set(sys.modules))"
    command = [sys.executable, "-c", script, *arguments]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    assert found.stdout.split() == [str(FAULTS)]  # and neither library was imported
    assert said in found.stderr
    assert len(found.stderr.strip().splitlines()) == 1


def test_the_document_is_also_written(tmp_path: Path, cases: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*cases, "--out", str(tmp_path / "made")]) == DONE
    assert "4 readers, 24 cases" in capsys.readouterr().out
    assert json.loads((tmp_path / "made" / "analysis.json").read_text(encoding="utf-8"))["input"]["readers"] == 4
