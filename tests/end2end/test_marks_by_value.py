"""Every figure made from the marks of a whole simulated study, computed a second time from its raw tables by the definitions.

The study goes the way of a user (simulate, merge, analyze, export). The second computation shares no code with the product: it
takes the marks and the reference standard as they stand in the exported tables, matches by plain loops, leaves out one case after
the other by really leaving it out, and follows the formulas of Chakraborty (merits), Obuchowski, Rockette and Hillis (tests).
"""

from __future__ import annotations

import csv
import itertools
import json
import math
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from end2end.windowless import Windowless
from scipy import stats

from reader_app.cli.main import run
from reader_app.desk import rehearsal
from reader_app.desk.newstudy import new_study
from reader_app.store.studyfolder import StudyFolder

NONE = -math.inf
CASES, READERS, SEED = 9, 3, 5


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@dataclass
class Marked:
    """The marks of one reader under one condition: highest rating by lesion, ratings of false marks by case."""

    hits: dict[tuple[str, str], float] = field(default_factory=dict)
    false: dict[str, list[float]] = field(default_factory=dict)


@dataclass
class Study:
    """What the raw tables of a study say."""

    cases: list[str]
    lesions: dict[str, list[str]]
    marked: dict[tuple[str, str], Marked]
    document: dict[str, Any]
    out: Path
    name: str

    @property
    def readers(self) -> list[str]:
        return sorted({reader for reader, _ in self.marked})

    @property
    def conditions(self) -> list[str]:
        return list(self.document["input"]["conditions"])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Take zhou2023 from phantoms to its exports and read the raw tables."""
    folder = tmp_path_factory.mktemp("marks")
    study = rehearsal.copy_study(new_study(folder / "own", "zhou2023"), folder / "r", READERS, CASES, SEED, simulated=True)
    for script in rehearsal.write_scripts(study, folder / "scripts", SEED).values():
        Windowless(StudyFolder.load(study), script).play()
    away = folder / "usb"
    away.mkdir()
    for log in (study / "logs").glob("*.readlog"):
        log.rename(away / log.name)
    assert run(["merge", str(study), *(str(path) for path in sorted(away.glob("*.readlog")))]) == 0
    assert run(["analyze", str(study), "--out", str(folder / "analysis")]) == 0
    assert run(["export", str(study), "--out", str(folder / "out"), "--to", "csv,rjafroc"]) == 0
    document = json.loads((folder / "analysis" / "analysis.json").read_text(encoding="utf-8"))
    return _read(study, folder / "out", document)


def _spacing(study: Path, case: str) -> dict[str, tuple[float, float]]:
    described = json.loads((study / "images" / case / "container.json").read_text(encoding="utf-8"))
    return {image["id"]: tuple(image["spacing_mm"][-2:]) for image in described["images"]}


def _read(study: Path, out: Path, document: dict[str, Any]) -> Study:
    """Match the marks of the exported table to the lesions of the reference standard, one by one."""
    truth = _rows(study / "reference_standard.csv")
    cases = sorted({row["case_id"] for row in truth})
    lesions: dict[str, list[str]] = {case: [] for case in cases}
    for row in truth:
        if row["malignant"] == "1" and row["lesion_id"] not in lesions[row["case_id"]]:
            lesions[row["case_id"]].append(row["lesion_id"])
    names = {name.casefold(): name for name in document["input"]["conditions"]}
    readers = {row["reader_id"] for row in _rows(study / "readers.csv")}
    marked = {(reader, name): Marked() for reader in readers for name in names.values()}
    findings: dict[tuple[str, ...], tuple[set[str], float]] = {}
    for mark in _rows(out / "marks.csv"):
        case, image = mark["case_id"], mark["image_id"]
        height, width = _spacing(study, case)[image]
        x, y = float(mark["column"]) * width, float(mark["row"]) * height
        near = []
        for row in truth:
            if (row["case_id"], row["image_id"], row["malignant"]) == (case, image, "1"):
                gap = math.hypot(x - float(row["x_mm"]), y - float(row["y_mm"]))
                if gap <= float(row["radius_mm"]):
                    near.append((gap, row["lesion_id"]))
        key = (mark["reader_id"], names[mark["condition"].casefold()], case, mark["finding_id"])
        found, rating = findings.get(key, (set(), NONE))
        findings[key] = (found | ({min(near)[1]} if near else set()), max(rating, float(mark["rating"])))
    for (reader, condition, case, _), (targets, rating) in findings.items():
        own = marked[reader, condition]
        for lesion in targets:
            own.hits[case, lesion] = max(own.hits.get((case, lesion), NONE), rating)
        if not targets:
            own.false.setdefault(case, []).append(rating)
    name = next(out.glob("*-froc-rjafroc.xlsx")).name.removesuffix("-froc-rjafroc.xlsx")
    return Study(cases, lesions, marked, document, out, name)


# --- figures of merit by their definitions ------------------------------------------------------------------------------------


def _psi(low: float, high: float) -> float:
    return 1.0 if high > low else 0.5 if high == low else 0.0


def _false(own: Marked, case: str) -> float:
    return max(own.false.get(case, []), default=NONE)


def _afroc(study: Study, own: Marked, cases: list[str], weighted: bool) -> float:
    healthy = [case for case in cases if not study.lesions[case]]
    parts = total = 0.0
    for case in cases:
        for lesion in study.lesions[case]:
            weight = 1 / len(study.lesions[case]) if weighted else 1.0
            total += weight
            parts += weight * statistics.fmean(_psi(_false(own, k), own.hits.get((case, lesion), NONE)) for k in healthy)
    return parts / total


def _highest(study: Study, own: Marked, cases: list[str]) -> float:
    def top(case: str) -> float:
        return max([_false(own, case), *(own.hits.get((case, lesion), NONE) for lesion in study.lesions[case])])

    sick, well = ([case for case in cases if bool(study.lesions[case]) is ill] for ill in (True, False))
    return statistics.fmean(_psi(top(k), top(case)) for case in sick for k in well)


def _found(study: Study, own: Marked, cases: list[str]) -> float:
    every = [(case, lesion) for case in cases for lesion in study.lesions[case]]
    return sum(key in own.hits for key in every) / len(every)


def _lroc(study: Study, own: Marked, cases: list[str]) -> float:
    """Return how often the highest mark of a diseased case hits and outrates the highest mark of a healthy one."""
    sick, well = ([case for case in cases if bool(study.lesions[case]) is ill] for ill in (True, False))
    pairs = []
    for case, k in itertools.product(sick, well):
        best = max((own.hits.get((case, lesion), NONE) for lesion in study.lesions[case]), default=NONE)
        pairs.append(_psi(_false(own, k), best) if best > _false(own, case) else 0.0)
    return statistics.fmean(pairs)


def _sensitivity_at(study: Study, own: Marked, allowed: float) -> float:
    """Return the largest share of lesions found by any threshold with no more false marks a case than allowed."""
    false = [rating for ratings in own.false.values() for rating in ratings]
    every = sum(len(found) for found in study.lesions.values())
    best = 0.0
    for level in {*false, *own.hits.values()}:
        if sum(rating >= level for rating in false) / len(study.cases) <= allowed:
            best = max(best, sum(rating >= level for rating in own.hits.values()) / every)
    return best


MERITS: Mapping[str, Callable[[Study, Marked, list[str]], float]] = {
    "afroc": lambda study, own, cases: _afroc(study, own, cases, weighted=False),
    "wafroc": lambda study, own, cases: _afroc(study, own, cases, weighted=True),
    "hr_auc": _highest,
    "max_llf": _found,
    "lroc": _lroc,
}


def _left_out(study: Study, own: Marked, name: str) -> list[float]:
    """Return the figure without each case that it depends on."""
    used = [case for case in study.cases if name != "max_llf" or study.lesions[case]]
    return [MERITS[name](study, own, [k for k in study.cases if k != case]) for case in used]


def _jackknife(one: list[float], two: list[float]) -> float:
    n = len(one)
    return (n - 1) / n * sum((a - statistics.fmean(one)) * (b - statistics.fmean(two)) for a, b in zip(one, two, strict=True))


def _one(rows: list[dict[str, Any]], **wanted: Any) -> dict[str, Any]:
    found = [row for row in rows if all(row.get(name) == value for name, value in wanted.items())]
    assert len(found) == 1, (wanted, len(found))
    return found[0]


# --- the comparisons ----------------------------------------------------------------------------------------------------------


def test_the_study_has_something_to_compare(made: Study) -> None:
    """Marks that hit, miss, tie and lie together; otherwise the comparisons below would show nothing."""
    hits = [rating for own in made.marked.values() for rating in own.hits.values()]
    false = [rating for own in made.marked.values() for ratings in own.false.values() for rating in ratings]
    assert len(hits) > 10 and len(false) > 10
    assert 0 < sum(bool(found) for found in made.lesions.values()) < len(made.cases)
    every = [(case, lesion) for case in made.cases for lesion in made.lesions[case]]
    assert any(key not in own.hits for own in made.marked.values() for key in every)
    assert made.conditions == ["unaided", "aided"]


@pytest.mark.parametrize("name", MERITS)
def test_figures_of_merit_and_their_standard_errors(made: Study, name: str) -> None:
    values = {}
    for key, own in made.marked.items():
        values[key] = MERITS[name](made, own, made.cases)
        row = _one(made.document["froc"], reader_id=key[0], condition=key[1], fom=name, lesion_type=None)
        assert row["value"]["estimate"] == pytest.approx(values[key], rel=1e-9)
        variance = _jackknife(*[_left_out(made, own, name)] * 2)
        if variance > 1e-15:
            assert row["value"]["se"] == pytest.approx(math.sqrt(variance), rel=1e-9)
        else:
            assert row["value"]["se"] is None  # not estimable, with its reason
    for condition in made.conditions:
        row = _one(made.document["froc"], reader_id=None, condition=condition, fom=name, lesion_type=None)
        assert row["value"]["estimate"] == pytest.approx(statistics.fmean(v for key, v in values.items() if key[1] == condition))


def test_lesions_found_and_sensitivity_at_stated_false_marks(made: Study) -> None:
    for (reader, condition), own in made.marked.items():
        row = _one(made.document["localization"], reader_id=reader, condition=condition, lesion_type=None)
        assert row["hit"] == len(own.hits)
        assert row["lesions"] == sum(map(len, made.lesions.values()))
        marks = len(own.hits) + sum(map(len, own.false.values()))
        assert row["marks_per_case"] == pytest.approx(marks / len(made.cases))
        stated = [(at["fp_per_case"], at["sensitivity"]) for at in row["sensitivity_at"]]
        assert [fp for fp, _ in stated] == [1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8]
        for allowed, shown in stated:
            assert shown == pytest.approx(_sensitivity_at(made, own, allowed))
        mean = _one(made.document["froc"], reader_id=reader, condition=condition, fom="froc", lesion_type=None)["value"]
        assert mean["estimate"] == pytest.approx(statistics.fmean(shown for _, shown in stated))


@pytest.mark.parametrize("name", MERITS)
def test_obuchowski_rockette_of_the_figures(made: Study, name: str) -> None:
    """Two conditions, readers and cases random: F, Hillis' degrees of freedom, p, and the standard error of the difference."""
    keys = [(reader, condition) for condition in made.conditions for reader in made.readers]
    theta = {key: MERITS[name](made, made.marked[key], made.cases) for key in keys}
    without = {key: _left_out(made, made.marked[key], name) for key in keys}
    kinds: dict[tuple[bool, bool], list[float]] = {}
    for a, b in itertools.product(keys, keys):
        kinds.setdefault((a[1] == b[1], a[0] == b[0]), []).append(_jackknife(without[a], without[b]))
    cov2, cov3 = (statistics.fmean(kinds[same, False]) for same in (True, False))
    j = len(made.readers)
    grand = statistics.fmean(theta.values())
    by_condition = {c: statistics.fmean(theta[r, c] for r in made.readers) for c in made.conditions}
    by_reader = {r: statistics.fmean(theta[r, c] for c in made.conditions) for r in made.readers}
    ms_t = j * sum((value - grand) ** 2 for value in by_condition.values())
    ms_tr = sum((theta[r, c] - by_condition[c] - by_reader[r] + grand) ** 2 for r, c in keys) / (j - 1)
    below = ms_tr + j * max(cov2 - cov3, 0.0)
    row = _one(
        made.document["mrmc"], analysis="or", endpoint=name, covariance="jackknife", generalise="readers_and_cases", group=None
    )
    if below <= 1e-15:
        assert row["f"] is None
        return
    df = below**2 / (ms_tr**2 / (j - 1)) if ms_tr > 1e-15 else math.inf
    assert row["components"]["cov2"] == pytest.approx(cov2, rel=1e-9, abs=1e-15)
    assert row["components"]["var"] == pytest.approx(statistics.fmean(kinds[True, True]), rel=1e-9, abs=1e-15)
    assert row["f"] == pytest.approx(ms_t / below, rel=1e-8, abs=1e-12)
    difference = row["differences"][0]
    assert difference["difference"]["estimate"] == pytest.approx(by_condition["unaided"] - by_condition["aided"], abs=1e-12)
    assert difference["difference"]["se"] == pytest.approx(math.sqrt(2 * below / j), rel=1e-9)
    if math.isfinite(df):
        assert row["df2"] == pytest.approx(df, rel=1e-8)
        assert row["p"] == pytest.approx(float(stats.f.sf(ms_t / below, 1, df)), rel=1e-7)


def test_the_rjafroc_file_holds_these_marks_and_gives_the_same_figure(made: Study) -> None:
    """Read the file as RJafroc does (labels by its key), compare every mark, and compute wAFROC from the file alone."""
    book = openpyxl.load_workbook(made.out / f"{made.name}-froc-rjafroc.xlsx")
    sheets = ([tuple(cell.value for cell in line) for line in book[name].iter_rows(min_row=2)] for name in ("TRUTH", "TP", "FP"))
    truth, hits, false = sheets
    key = {(row["kind"], row["id"]): row["name"] for row in _rows(made.out / f"{made.name}-froc-rjafroc-key.csv")}
    case_of = {int(number): name for (kind, number), name in key.items() if kind == "case"}
    lesion_of = {(case_of[row[0]], row[1]): made.lesions[case_of[row[0]]][row[1] - 1] for row in truth if row[1] > 0}
    assert sorted(lesion_of) == sorted((case, n + 1) for case in made.cases for n in range(len(made.lesions[case])))
    assert {case_of[row[0]] for row in truth if row[1] == 0} == {case for case in made.cases if not made.lesions[case]}
    again = {pair: Marked() for pair in made.marked}
    for reader, modality, case, lesion, rating in hits:
        own = again[key["reader", reader], key["condition", modality].lower()]
        own.hits[case_of[case], lesion_of[case_of[case], lesion]] = float(rating)
    for reader, modality, case, rating in false:
        own = again[key["reader", reader], key["condition", modality].lower()]
        own.false.setdefault(case_of[case], []).append(float(rating))
    for pair, own in made.marked.items():
        assert again[pair].hits == own.hits
        assert {case: sorted(found) for case, found in again[pair].false.items()} == {
            case: sorted(found) for case, found in own.false.items()
        }
        row = _one(made.document["froc"], reader_id=pair[0], condition=pair[1], fom="wafroc", lesion_type=None)
        assert _afroc(made, again[pair], made.cases, weighted=True) == pytest.approx(row["value"]["estimate"], rel=1e-9)


def test_negative_control_one_mark_moved_is_seen(made: Study) -> None:
    reader, condition = next(key for key, own in made.marked.items() if own.hits)
    own = made.marked[reader, condition]
    moved = Marked(dict(own.hits), {case: list(found) for case, found in own.false.items()})
    (case, _), rating = moved.hits.popitem()
    moved.false.setdefault(case, []).append(rating)
    row = _one(made.document["froc"], reader_id=reader, condition=condition, fom="max_llf", lesion_type=None)
    assert _found(made, moved, made.cases) != pytest.approx(row["value"]["estimate"])
