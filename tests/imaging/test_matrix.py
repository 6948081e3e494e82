"""The fixture matrix: view x side x photometric x implant x what is wrong with it -> the right verdict for every one."""

from __future__ import annotations

import itertools
from pathlib import Path

import makedicom as md
import pytest

from reader_app.imaging import dicomfile
from reader_app.imaging.grouping import Group, Source
from reader_app.imaging.planning import candidates_of, pieces_of

OTHER = {"R": "L", "L": "R"}

# what happens to one of the four views: (tags, also keep the good one, expected: "complete" or a word of the fault)
STATES = {
    "good": ({}, False, "complete"),
    "missing": (None, False, "is missing"),
    "twice": ({"AcquisitionTime": "235959"}, True, "complete"),
    "spot": ({"modifiers": ("399055006",)}, False, "only spot compression"),
    "spot beside a good one": ({"modifiers": ("399055006",)}, True, "complete"),
    "magnified": ({"EstimatedRadiographicMagnificationFactor": 1.8}, False, "only magnification"),
    "partial": ({"PartialView": "YES"}, False, "only partial view"),
    "implant displaced": ({"modifiers": ("399209000",)}, False, "only implant displaced"),
    "rolled": ({"modifiers": ("399197002",)}, False, "only rolled lateral"),
    "raw": ({"PresentationIntentType": "FOR PROCESSING"}, False, "only FOR PROCESSING"),
    "raw beside a good one": ({"PresentationIntentType": "FOR PROCESSING"}, True, "complete"),
    "series says other side": ({"Laterality": "other"}, False, "but Laterality says"),
    "description says other side": ({"SeriesDescription": "other"}, False, "but the series description says"),
    "no side": ({"ImageLaterality": None}, False, "which breast"),
    "no view": ({"ViewPosition": None, "ViewCodeSequence": None}, False, "which view"),
    "view code and position differ": ({"ViewPosition": "ML"}, False, "but ViewPosition says"),
    "both breasts": ({"ImageLaterality": "B"}, False, "both breasts"),
    "tomosynthesis": ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.13.1.3"}, False, "tomosynthesis"),
    "tomosynthesis beside a good one": ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.13.1.3"}, True, "complete"),
    "quality control beside a good one": ({"QualityControlImage": "YES"}, True, "complete"),
    "quality control": ({"QualityControlImage": "YES"}, False, "quality control"),
    "no spacing": ({"ImagerPixelSpacing": None}, False, "complete"),
    "no orientation": ({"PatientOrientation": None}, False, "complete"),
    "no SOP class": ({"SOPClassUID": None}, False, "complete"),
    "nipple in profile": ({"modifiers": ("442581004",)}, False, "complete"),
}
CASES = list(itertools.product(md.HUNG, ("MONOCHROME1", "MONOCHROME2"), ("YES", "NO"), STATES))


def _source(name, tags, number):
    tags = dict(tags)
    if tags.get("Laterality") == "other":
        tags["Laterality"] = OTHER[name[0]]
    if tags.get("SeriesDescription") == "other":
        tags["SeriesDescription"] = f"{OTHER[name[0]]} {name[1:]}"
    ds = md.mammogram(name, md.breast(name, (24, 20)), **tags)
    facts = dicomfile.facts(ds, f"{number}.dcm")
    return Source(Path(f"{number}.dcm"), f"{number}.dcm", None, "dicom", facts, f"sha{number}")


@pytest.mark.parametrize("state", STATES)
def test_verdicts(state):
    tags, keep, expected = STATES[state]
    tried = 0
    for view, photometric, implant in itertools.product(md.HUNG, ("MONOCHROME1", "MONOCHROME2"), ("YES", "NO")):
        common = {"PhotometricInterpretation": photometric, "BreastImplantPresent": implant}
        own = Group("k", "C1", "mammography")
        for number, name in enumerate(md.HUNG):
            if name != view or keep:
                own.sources.append(_source(name, common, number))
        if tags is not None:
            own.sources.append(_source(view, {**common, **tags}, 9))
        plan = pieces_of(own)
        candidates, priors = candidates_of(plan)
        choice = plan.choice(candidates, priors)
        faults = [*plan.faults, *choice.faults]
        if expected == "complete":
            assert faults == [] and {pane for _, pane in choice.grid} == set(md.HUNG), (view, faults)
            assert any("9.dcm" in note for note in choice.notes) == (len(plan.left_out) == 1), choice.notes
        else:
            assert any(expected in f for f in faults), (view, photometric, implant, faults)
            assert all(view in f or "9.dcm" in f for f in faults), faults  # no other view is blamed
            assert ("current", view) not in choice.grid or state.startswith("raw")
        tried += 1
    assert tried == 16


def test_the_matrix_is_of_stated_size():
    assert len(CASES) == 4 * 2 * 2 * len(STATES) >= 400
