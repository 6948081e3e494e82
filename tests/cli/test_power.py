"""``power``: readers and cases from a pilot, from its components and from published ranges; wrong numbers in a sentence."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from reader_app.cli.main import DONE, FAULTS, run

#: Van Dyke's pilot (5 readers, 114 cases), as MRMCaov prints its components.
VAN_DYKE = "var_tr=0.00020040252,var=0.00080228827,cov1=0.00034661371,cov2=0.00034407483,cov3=0.00023902837,cases=114"


def _document(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert run(["power", *arguments, "--json"]) == DONE
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_from_components_the_named_number_is_the_first_that_is_enough(capsys: pytest.CaptureFixture[str]) -> None:
    (row,) = _document(["--effect", "0.05", "--components", VAN_DYKE, "--readers", "6"], capsys)["designs"]

    def power(cases: int) -> float:  # Hillis, Obuchowski, Berbaum 2011, written out
        share = 114 / cases
        apart = 0.00034407483 - 0.00023902837
        own = 0.00020040252 + share * (0.00080228827 - 0.00034661371 - apart)
        d = 0.00020040252 + share * (0.00080228827 - 0.00034661371 + 5 * apart)
        df = 5 * d**2 / own**2
        return float(stats.ncf.sf(stats.f.isf(0.05, 1, df), 1, df, 6 * 0.05**2 / (2 * d)))

    assert row["power"] == pytest.approx(power(row["cases"]))
    assert power(row["cases"]) >= 0.8 > power(row["cases"] - 1)


def test_published_ranges_and_every_one_of_them_counts(capsys: pytest.CaptureFixture[str]) -> None:
    base = ["--effect", "0.06", "--auc", "0.8", "--readers", "6"]
    (usual,) = _document(base, capsys)["designs"]
    for option, value, more in (
        *(("--between", "0.15", True), ("--within", "0.05", True), ("--r1", "0.6", False), ("--r2", "0.35", True)),
        *(("--r3", "0.25", True), ("--rb", "0.9", False), ("--auc", "0.9", False), ("--benign-per-malignant", "3", True)),
    ):
        (row,) = _document([*base, option, value], capsys)["designs"]
        assert (row["cases"] > usual["cases"]) is more, option
        assert row["cases"] != usual["cases"], option
    # Obuchowski, Hillis 2011, written out for the usual ranges
    a = 1.414 * stats.norm.ppf(0.8)
    malignant = usual["cases"] / 2
    own = 0.0099 * math.exp(-(a**2) / 2) * ((5 * a**2 + 8) + (a**2 + 8)) / malignant
    d = (0.1 / 4) ** 2 * 0.2 + (0.005 / 4) ** 2 + own * 0.53
    assert usual["power"] == pytest.approx(float(stats.ncf.sf(stats.f.isf(0.05, 1, 5), 1, 5, 6 * 0.06**2 / (2 * d))))


def test_a_pilot_s_tables_give_its_components_and_units(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(3)
    truth = (np.arange(40) % 2).astype(int)
    rows = [
        {"reader_id": reader, "condition": condition, "case_id": f"C{case}", "score": round(truth[case] + rng.normal(), 2)}
        for reader in ("R1", "R2", "R3")
        for condition in ("aided", "unaided")
        for case in range(40)
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "reads.csv", index=False)
    pd.DataFrame({"case_id": [f"C{n}" for n in range(40)], "malignant": truth}).to_csv(tmp_path / "truth.csv", index=False)
    tables = ["--reads", str(tmp_path / "reads.csv"), "--reference", str(tmp_path / "truth.csv")]
    found = _document(["--effect", "0.1", *tables], capsys)
    assert run(["analyze", *tables, "--json"]) == DONE
    row = next(own for own in json.loads(capsys.readouterr().out)["mrmc"] if own["analysis"] == "or")
    assert {name: found["given"][name] for name in ("var_tr", "cov1", "cov3")} == {
        name: row["components"][name] for name in ("var_tr", "cov1", "cov3")
    }
    assert found["given"]["cases"] == 40
    assert run(["power", "--effect", "0.1", *tables]) == DONE
    assert "Given: var tr" in capsys.readouterr().out


def test_breasts_are_counted_where_the_pilot_judged_breasts() -> None:
    from reader_app.desk.sizing import pilot_components

    own = dict.fromkeys(("var_tr", "var", "cov1", "cov2", "cov3"), 0.001)
    document = {"mrmc": [{"analysis": "or", "components": own}], "input": {"cases": 30, "units": 60}}
    assert pilot_components(document).cases == 60


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--effect", "0.05", "--components", VAN_DYKE, "--readers", "1,5"], "do not generalise to readers"),
        (["--effect", "0.05", "--auc", "0.8", "--readers", "1"], "do not generalise to readers"),
        (["--effect", "0.05", "--auc", "0.8", "--readers", "x"], "'x' is no number"),
        (["--effect", "2", "--auc", "0.8"], "--effect: 2 is not between 0 and 1"),
        (["--effect", "0.05", "--auc", "1.2"], "--auc: 1.2 is not between 0.5 and 1"),
        (["--effect", "0.05", "--auc", "0.8", "--power", "1.5"], "--power: 1.5"),
        (["--effect", "0.05", "--auc", "0.8", "--alpha", "2"], "--alpha: 2"),
        (["--effect", "0.05", "--auc", "0.8", "--benign-per-malignant", "0"], "--benign-per-malignant: 0"),
        (["--effect", "0.05", "--auc", "0.8", "--generalise", "cases"], "needs a pilot"),
        (["--effect", "0.05", "--components", VAN_DYKE.replace("cases=114", "cases=0")], "cases=0 cannot be"),
        (["--effect", "0.05", "--components", VAN_DYKE.replace("var=0.0008", "var=-0.0008")], "var=-0.0008"),
        (["--effect", "0.05", "--components", "var=0.1"], "lacks var_tr"),
        (["--effect", "0.05"], "needs a pilot or published ranges"),
    ],
)
def test_wrong_numbers_are_one_sentence(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["power", *arguments]) == FAULTS
    heard = capsys.readouterr().err
    assert said in heard
    assert len(heard.strip().splitlines()) == 1
