"""Left and right, up and down: asymmetric breasts written in every orientation must be stored hung, pixel for pixel."""

from __future__ import annotations

import itertools

import makedicom as md
import numpy as np
import pytest

from reader_app.imaging import mammogram
from reader_app.imaging.container import open_case, verify
from reader_app.imaging.importer import import_sources
from reader_app.imaging.mammogram import apply_hanging, hang, source_axes

TURNS = list(itertools.product((False, True), repeat=3))


@pytest.fixture(scope="module")
def imported(tmp_path_factory, pool):
    folder = tmp_path_factory.mktemp("turned")
    for turn in TURNS:
        study = md.generate_uid()
        for name in md.HUNG:
            image, orientation = md.turned(md.breast(name), md.HUNG[name], *turn)
            spacing = [0.08, 0.1] if turn[0] else [0.1, 0.08]
            ds = md.mammogram(name, image, orientation, StudyInstanceUID=study, ImagerPixelSpacing=spacing, legacy=turn[1])
            md.write(ds, folder / "in" / ("t" + "".join("01"[t] for t in turn)) / f"{name}.dcm")
    report = import_sources([folder / "in"], folder / "study" / "images", pool=pool)
    return folder, report


def test_all_eight_orientations_are_stored_alike(imported):
    folder, report = imported
    assert report.complete and len(report.cases) == 8, [c.faults for c in report.cases]
    for case in report.cases:
        opened = open_case(folder / "study" / "images" / case.case_id)
        assert verify(opened.directory, deep=True) == []
        for name in md.HUNG:
            image = opened.image(name)
            assert np.array_equal(image.array, md.breast(name)), (case.case_id, name)
            assert image.spacing_mm == (0.1, 0.08)
            assert image.chest_wall == ("right" if name[0] == "R" else "left")
        assert not any("other edge" in n for n in case.notes)


def test_negative_control_a_wrong_orientation_shows():
    """If the stored orientation were wrong the same comparison would fail: the phantoms have no symmetry."""
    for name in md.HUNG:
        hung = md.breast(name)
        for turn in TURNS[1:]:
            image, _ = md.turned(hung, md.HUNG[name], *turn)
            assert image.shape != hung.shape or not np.array_equal(image, hung)


@pytest.mark.parametrize("turn", TURNS)
def test_source_axes_lead_back_to_the_file(turn):
    hung = md.breast("LMLO")
    stored, orientation = md.turned(hung, md.HUNG["LMLO"], *turn)
    transform = hang(orientation, "L", "MLO")
    assert np.array_equal(apply_hanging(stored, transform), hung)
    from reader_app.imaging.caseimage import NewImage

    image = NewImage("LMLO", hung, source_axes=source_axes(transform))
    r, c = np.unravel_index(1234, hung.shape)
    at = image.to_source((r, c))
    assert stored[int(at[0]), int(at[1])] == hung[r, c] and image.from_source(at) == (r, c)


@pytest.mark.parametrize(
    ("stated", "laterality", "view", "expected"),
    [
        (("P", "L"), "R", "CC", (False, False, False)),
        (("A", "R"), "R", "CC", (False, True, True)),
        (("A", "R"), "L", "CC", (False, False, False)),
        (("P", "FL"), "R", "MLO", (False, False, False)),
        (("A", "FR"), "L", "MLO", (False, False, False)),
        (("A", "HL"), "L", "MLO", (False, False, True)),
        (("P", "F"), "R", "ML", (False, False, False)),
        (("FL", "P"), "R", "MLO", (True, False, False)),
        (("P", "LF"), "R", "MLO", (False, False, False)),  # letters of a compound in the other order
    ],
)
def test_hanging_by_hand(stated, laterality, view, expected):
    assert hang(stated, laterality, view) == expected


def test_without_orientation_the_pixels_decide(tmp_path, pool):
    for name in md.HUNG:
        image = np.ascontiguousarray(md.breast(name)[:, ::-1])  # every breast at the wrong edge
        md.write(md.mammogram(name, image, PatientOrientation=None, StudyInstanceUID="1.2.3"), tmp_path / "in" / f"{name}.dcm")
    report = import_sources([tmp_path / "in"], tmp_path / "images", pool=pool)
    case = open_case(tmp_path / "images" / report.cases[0].case_id)
    assert all(np.array_equal(case.image(n).array, md.breast(n)) for n in md.HUNG)
    told = [n for n in report.cases[0].notes if "mirrored" in n]
    assert [n.partition(":")[0] for n in told] == ["RCC, RMLO", "LCC, LMLO"]


def test_pixels_that_disagree_with_the_header_are_noted_not_turned(tmp_path, pool):
    for name in md.HUNG:
        image = md.breast(name)[:, ::-1] if name == "RCC" else md.breast(name)
        md.write(md.mammogram(name, np.ascontiguousarray(image), StudyInstanceUID="1.2.3"), tmp_path / "in" / f"{name}.dcm")
    report = import_sources([tmp_path / "in"], tmp_path / "images", pool=pool)
    assert any(n.startswith("RCC") and "other edge" in n for n in report.cases[0].notes)
    stored = open_case(tmp_path / "images" / report.cases[0].case_id).image("RCC").array
    assert np.array_equal(stored, md.breast("RCC")[:, ::-1])


@pytest.mark.parametrize("orientation", [["A"], ["P", "A"], ["L", "F"], ["X", "L"], [""]])
def test_nonsense_orientation_counts_as_absent(orientation):
    transform, notes = mammogram.hanging_of({"PatientOrientation": orientation}, mammogram.View("R", "CC"), "right")
    assert transform == (False, False, False) and "no PatientOrientation" in notes[0]


def test_chest_wall_of_monochrome1_with_padding():
    image = 4095 - md.breast("LMLO")
    assert mammogram.chest_wall_side(image, (4075, 4075), True) == "left"
    assert mammogram.chest_wall_side(md.breast("RMLO"), None, False) == "right"
    assert mammogram.chest_wall_side(np.full((100, 100), 7, np.uint16), None, False) == ""
