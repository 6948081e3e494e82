"""Aids withheld or changed on purpose: what is shown, what stays at home, nothing on a reading machine tells them apart."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from store.studies import small_study

from reader_app.ai import results
from reader_app.ai.results import Prediction
from reader_app.desk import aidsets
from reader_app.errors import InputFaults, StudyFileError
from reader_app.export.package import open_package, write_package
from reader_app.imaging.overlay import Box, Heatmap
from reader_app.store import aidkinds
from reader_app.store.studyfolder import StudyFolder
from reader_app.study.definition import parse

SET = """
[[models]]
id = "mixed"
of = "DLR_LH"
[[models.changes]]
kind = "withheld"
sample = 1
[[models.changes]]
kind = "inverted"
share = 0.2
[[models.changes]]
kind = "swapped"
sample = 1
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    folder = small_study(tmp_path / "home", cases=5)
    text = (folder / "study.toml").read_text(encoding="utf-8").replace('aid = "DLR_LH"', 'aid = "mixed"')
    (folder / "study.toml").write_text(text.replace("[[rounds]]", SET + "[[rounds]]", 1), encoding="utf-8")
    own = StudyFolder.load(folder)
    for number, case in enumerate(own.cases):
        heat = Heatmap("RCC", np.full((6, 6), 9, np.uint8), (8.0, 8.0), (3.5, 3.5), 0.0, 1.0, True)
        positive = number % 2 == 1
        box = Box("RCC", (4.0, 4.0), (20.0, 20.0), 0.9, "high")
        score = 0.9 if positive else 0.1 + number / 100
        words = ("high", True, "ok", "", (box,)) if positive else ("low", False, "no_finding", "nothing above the threshold", ())
        call, above, status, reason, boxes = words
        given = Prediction(
            "DLR_LH", case.case_id, case.fingerprint, score, 0.5, call, above, status, reason, boxes, (heat,), (None,),
            np.full(4, score, np.float32), {"bundle_sha256": "0" * 64},
        )  # fmt: skip
        results.save(own.aid_dir("DLR_LH"), given)
    return folder


def test_a_set_is_prepared_frozen_and_kept_apart(study: Path, tmp_path: Path) -> None:
    (prepared,) = aidsets.prepare(study, seed="a seed of this test")
    assert prepared.counts == {"true": 2, "withheld": 1, "inverted": 1, "swapped": 1}
    kinds = aidkinds.load(study)
    assert kinds is not None
    folder = StudyFolder.load(study)
    for case_id, own in kinds.sets["mixed"].items():
        true = results.load(folder.aid_dir("DLR_LH"), case_id)
        shown = results.load(folder.aid_dir("mixed"), case_id)
        assert shown.sha256 == own.sha256 and shown.fingerprint == true.fingerprint and shown.model_id == "mixed"
        assert shown.embedding is None and not any(part is not None for part in shown.raw)  # nothing tells changed from true
        match own.kind:
            case "true":
                assert (shown.probability, shown.call, shown.boxes) == (true.probability, true.call, true.boxes)
            case "withheld":
                assert shown.status == "withheld" and not shown.boxes and not shown.heatmaps and shown.call == ""
            case "inverted":
                assert shown.positive != true.positive and shown.call != true.call
                assert (shown.probability >= shown.threshold) == shown.positive
                assert not shown.boxes
            case "swapped":
                lent = results.load(folder.aid_dir("DLR_LH"), own.source_case)
                assert own.source_case != case_id and lent.positive != true.positive
                assert (shown.probability, shown.call, len(shown.boxes)) == (lent.probability, lent.call, len(lent.boxes))
    # The kinds do not change when it is prepared again, and the frozen study holds the set and not the model behind it.
    again = aidsets.prepare(study)
    assert again == (prepared,) and aidkinds.load(study) == kinds
    frozen = folder.freeze()
    assert frozen.lock is not None and set(frozen.lock.aids) == {"mixed", "DLR_BM"}
    assert {name: own.sha256 for name, own in kinds.sets["mixed"].items()} == dict(frozen.lock.aids["mixed"])
    with pytest.raises(InputFaults, match="frozen"):
        aidsets.prepare(study)


def test_a_reading_machine_cannot_tell(study: Path, tmp_path: Path) -> None:
    """Neither the kinds, nor their seed, nor the true predictions of changed aids are anywhere in a package."""
    aidsets.prepare(study)
    kinds = aidkinds.load(study)
    assert kinds is not None
    StudyFolder.load(study).freeze()
    package = write_package(study, "R01", tmp_path / "r01.zip", 1)
    packed = package.read_bytes()
    changed = [case for case, own in kinds.sets["mixed"].items() if own.kind != "true"]
    secrets = [results.load(study / "aids" / "DLR_LH", case).sha256 for case in changed]
    for secret in (kinds.seed, "aid_kinds", "swapped_case", "source_case", *secrets):
        assert secret.encode() not in packed
    with zipfile.ZipFile(package) as archive:
        assert not [name for name in archive.namelist() if name.startswith(("aids/DLR_LH", aidkinds.FILE))]
    station = open_package(package, tmp_path / "station")
    assert aidkinds.load(station) is None
    model = next(own for own in StudyFolder.load(station).definition.models if own.model_id == "mixed")
    assert model.title == "First stage"  # a reader sees the name of the model behind it


def test_kinds_that_were_altered_are_found(study: Path) -> None:
    aidsets.prepare(study)
    StudyFolder.load(study).freeze()
    document = json.loads((study / aidkinds.FILE).read_text(encoding="utf-8"))
    document["sets"]["mixed"]["case-01"]["sha256"] = "f" * 64
    (study / aidkinds.FILE).write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(StudyFileError, match="is not about the frozen aid"):
        aidkinds.load(study)


def test_what_cannot_be_prepared_is_said(tmp_path: Path, study: Path) -> None:
    with pytest.raises(InputFaults, match="there is no set of aids"):
        aidsets.prepare(small_study(tmp_path / "plain"))
    with pytest.raises(StudyFileError, match="ai prepare DIR --model mixed"):
        StudyFolder.load(study).freeze()


def test_an_inverted_score_lies_beyond_any_operating_point() -> None:
    for score in (0.0, 0.05, 0.3, 0.5, 0.8, 1.0):
        for threshold in (0.05, 0.5, 0.95):
            own = Prediction("M", "c", "f", score, threshold, "benign", score >= threshold)
            other = aidsets.inverted(own)
            assert other.positive != own.positive and other.positive == (other.probability >= threshold)


def test_a_lent_aid_is_fitted_to_the_images() -> None:
    heat = Heatmap("RCC", np.full((4, 4), 9, np.uint8), (10.0, 10.0), (4.5, 4.5), 0.0, 1.0, True)
    lent = Prediction(
        "M", "b", "f", 0.9, 0.5, "malignant", True, boxes=(Box("RCC", (0, 10), (40, 20), 0.9, "m"),), heatmaps=(heat,)
    )
    own = Prediction("M", "a", "g", 0.1, 0.5, "benign", False, "no_finding", "nothing")
    shown = aidsets.fitted(own, lent, {"RCC": (40, 40)}, {"RCC": (80, 20), "LCC": (5, 5)})
    assert shown.boxes[0].start == (0, 5) and shown.boxes[0].stop == (80, 10)
    last = shown.heatmaps[0].offset[0] + shown.heatmaps[0].scale[0] * 3.5
    assert last == pytest.approx(79.5)  # the outer edge of the last cell is the edge of the image
    assert (shown.case_id, shown.fingerprint, shown.probability, shown.status) == ("a", "g", 0.9, "ok")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([{"kind": "withheld"}], "it does not say which cases"),
        ([{"kind": "withheld", "share": 0.1, "sample": 3}], "it says both"),
        ([{"kind": "blurred", "sample": 3}], "is not one of withheld"),
    ],
)
def test_faults_of_a_set_are_named(changes: list[dict[str, object]], words: str) -> None:
    document = {
        "format": 1, "id": "s", "title": "S", "models": [{"id": "M"}, {"id": "N", "of": "M", "changes": changes}],
        "rounds": [{"number": 1, "condition": "aided_concurrent", "aid": "N"}], "randomisation": {"seed": 1},
    }  # fmt: skip
    with pytest.raises(StudyFileError, match=words):
        parse(document)
    with pytest.raises(StudyFileError, match="is not a declared model"):
        parse({**document, "models": [{"id": "N", "of": "M", "changes": [{"kind": "withheld", "sample": 1}]}]})
