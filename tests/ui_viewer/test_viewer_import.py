"""From files turned every way, through the importer, to the pixels on the screen: the shapes must come out in one place."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import numpy as np
import pytest
import realdata
from viewer_phantoms import bare, centroid, show

sys.path.insert(0, str(Path(__file__).parents[1] / "imaging"))

import makedicom as md

from reader_app.imaging.container import open_case
from reader_app.imaging.importer import import_sources
from reader_app.imaging.workers import WorkerPool

TURNS = list(itertools.product((False, True), repeat=3))


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    folder = tmp_path_factory.mktemp("turned")
    for turn in TURNS:
        study = md.generate_uid()
        for name in md.HUNG:
            image, orientation = md.turned(md.breast(name), md.HUNG[name], *turn)
            spacing = [0.08, 0.1] if turn[0] else [0.1, 0.08]
            ds = md.mammogram(name, image, orientation, StudyInstanceUID=study, ImagerPixelSpacing=spacing)
            md.write(ds, folder / "in" / ("t" + "".join("01"[t] for t in turn)) / f"{name}.dcm")
    with WorkerPool(2) as pool:
        report = import_sources([folder / "in"], folder / "images", pool=pool)
    assert report.complete and len(report.cases) == len(TURNS)
    return [folder / "images" / case.case_id for case in report.cases]


def misplaced(viewer) -> list[str]:
    """Judge the painted panes without the program's own transforms: bar above and near the wall, wall in the middle."""
    faults = []
    for pane in viewer.panes():
        right = pane.name[0] == "R"
        if (pane.mapTo(viewer, pane.rect().center()).x() < viewer.width() / 2) != right:
            faults.append(f"{pane.name}: wrong side of the window")
        pixels = bare(pane)[..., 0].astype(int)
        height, width = pixels.shape
        lit = pixels > 60
        wall = lit[:, -1] if right else lit[:, 0]
        if wall.mean() < 0.4 or (lit[:, 0] if right else lit[:, -1]).any():
            faults.append(f"{pane.name}: the chest wall is not in the middle")
        viewer.set_window(3750, 100)  # only the bar is as bright as that
        bar = bare(pane)[..., 0] > 200
        viewer.reset_window()
        y, x = centroid(bar)
        rows, columns = np.nonzero(bar)
        if y > height / 2 or np.ptp(columns) < np.ptp(rows):
            faults.append(f"{pane.name}: the bar is not above, or stands upright")
        if (width - x if right else x) > width / 2:
            faults.append(f"{pane.name}: the bar is not by the chest wall")
        if pane.name.endswith("MLO") and not lit[: height // 8].any():
            faults.append(f"{pane.name}: no muscle at the top")
    return faults


@pytest.mark.parametrize("number", range(len(TURNS)))
def test_every_orientation_is_painted_alike(viewer, studies, number):
    case = open_case(studies[number])
    show(viewer, case)
    assert misplaced(viewer) == []
    pane = viewer.pane("RCC")
    assert pane.camera.zoom[0] / pane.camera.zoom[1] == pytest.approx(0.1 / 0.08)  # true proportions, also transposed
    if number:
        show(viewer, open_case(studies[0]))
        first = [bare(p) for p in viewer.panes()]
        show(viewer, case)
        assert all(np.array_equal(bare(p), f) for p, f in zip(viewer.panes(), first, strict=True))


def test_the_judge_sees_a_turned_picture(viewer, studies):
    """Negative control: every other way of turning the stored pixels is called misplaced."""
    case = open_case(studies[0])
    for flips in ((slice(None), slice(None, None, -1)), (slice(None, None, -1), slice(None))):
        image = case.image("LCC")
        kept = image.array, image.pyramid
        object.__setattr__(image, "array", np.ascontiguousarray(image.array[flips]))
        object.__setattr__(image, "pyramid", ())
        show(viewer, case)
        assert any(f.startswith("LCC") for f in misplaced(viewer)), flips
        object.__setattr__(image, "array", kept[0])
        object.__setattr__(image, "pyramid", kept[1])


@pytest.mark.data
def test_a_real_exam_hangs_with_its_own_lead_letters_outside(viewer, tmp_path):
    """Four real views: breasts meet in the middle, and the lead markers of this exam lie in the air away from the wall."""
    source = realdata.folder("nyu_birads")
    table = tmp_path / "cases.csv"
    rows = [f"A,{(source / 'images' / f'{s}-{v}.png').as_posix()},{v},{s},mammography" for s in "LR" for v in ("CC", "MLO")]
    table.write_text("case_id,file,view,laterality,modality\n" + "\n".join(rows) + "\n", encoding="utf-8")
    with WorkerPool(2) as pool:
        report = import_sources([source], tmp_path / "images", table=table, pool=pool)
    assert report.cases[0].status == "complete", report.cases[0].faults
    show(viewer, open_case(tmp_path / "images" / "A"))
    for pane in viewer.panes():
        pixels = bare(pane)[..., 0].astype(float)
        half = pixels.shape[1] // 2
        wall, air = (pixels[:, half:], pixels[:, :half]) if pane.name[0] == "R" else (pixels[:, :half], pixels[:, half:])
        assert wall.mean() > 8 * air.mean(), pane.name
