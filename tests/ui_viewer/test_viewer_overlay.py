"""The aid lies where the model put it, to half an image pixel, at every zoom; it is seen only when it may be."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter
from viewer_phantoms import aid, bare, centroid, grabbed, open_case, plain, settle, show, volume

from reader_app.imaging.overlay import Box, Heatmap
from reader_app.ui.viewer import overlay
from reader_app.ui.viewer.camera import Camera
from reader_app.ui.viewer.overlay import Grid, HeatLayer

SHAPE = (400, 500)


def bump(centre, scale, shape=SHAPE, image_id="US1"):
    """A round bump on a coarse grid whose cells lie at offset + scale * i; its middle is the image index ``centre``."""
    cells = [int(np.ceil(n / scale)) for n in shape]
    offset = (scale - 1) / 2
    rows, columns = (offset + scale * np.arange(n) for n in cells)
    height = 255 * np.clip(1 - np.hypot(rows[:, None] - centre[0], columns[None] - centre[1]) / (3.2 * scale), 0, 1)
    return Heatmap(image_id, height.astype(np.uint8), (scale, scale), (offset, offset), 0.0, 1.0)


def at_zoom(viewer, zoom):
    view = viewer.view
    pane = viewer.panes()[0]
    view.mode = ""
    pane.set_camera(pane.camera.scaled(zoom / pane.picture.pixel[0], (210.0, 260.0), (pane.height() / 2, pane.width() / 2)))
    return pane


@pytest.mark.parametrize("scale", [8.0, 40.0])  # by 1/32-cell interpolation, and by exact weights
@pytest.mark.parametrize("zoom", [0.37, 1.0, 1.7, 2.5])
def test_heatmap_lies_within_half_a_pixel(viewer, zoom, scale):
    """The picture's middle of mass against that of the grid itself, cell by cell at its stated centre."""
    heat = bump((212.0, 251.0), scale)
    show(viewer, open_case("ultrasound", plain(SHAPE)), aid(heatmaps=[heat]))
    pane = at_zoom(viewer, zoom)
    layer = HeatLayer()
    layer.update(Grid.of_image(heat), pane.camera, 0.0, "grey")
    levels = overlay.interpolated(
        Grid.of_image(heat),
        pane.camera.zoom,
        layer.corner,
        tuple(c + n for c, n in zip(layer.corner, layer._buffer.shape, strict=True)),
    )
    y, x = centroid(levels)
    oy, ox = pane.camera.origin
    found = pane.camera.to_index((y + layer.corner[0] + oy, x + layer.corner[1] + ox))
    cells = np.indices(heat.grid.shape).reshape(2, -1)
    weights = heat.grid.reshape(-1).astype(float)
    meant = [float((weights * (heat.offset[a] + heat.scale[a] * cells[a])).sum() / weights.sum()) for a in range(2)]
    assert np.abs(np.subtract(found, meant)).max() <= 0.25
    # And through the widget: what is bright on the screen is where that picture says.
    viewer.view.colours = "grey"
    viewer.view.refresh()
    shown = bare(pane).max(axis=2).astype(float)
    y, x = layer.corner[0] + oy, layer.corner[1] + ox
    seen = _brightness(layer._buffer)[max(0, -y) : shown.shape[0] - y, max(0, -x) : shown.shape[1] - x]
    meant = np.zeros_like(shown)
    meant[max(0, y) : max(0, y) + seen.shape[0], max(0, x) : max(0, x) + seen.shape[1]] = seen
    assert np.abs(shown - meant).max() <= 1


def _brightness(argb):
    return np.maximum.reduce([(argb >> s) & 255 for s in (0, 8, 16)])


@pytest.mark.parametrize("cell", [0.5, -0.5])
def test_a_shifted_heatmap_is_noticed(viewer, cell):
    """Negative control: half a cell of shift (the classical fault of a resized map) is far outside the tolerance."""
    heat = bump((212.0, 251.0), 40.0)
    moved = Heatmap(heat.image_id, heat.grid, heat.scale, tuple(o + cell * 40 for o in heat.offset), 0.0, 1.0)
    show(viewer, open_case("ultrasound", plain(SHAPE)), aid(heatmaps=[heat]))
    right = centroid(bare(viewer.panes()[0]).max(axis=2))
    show(viewer, open_case("ultrasound", plain(SHAPE)), aid(heatmaps=[moved]))
    wrong = centroid(bare(viewer.panes()[0]).max(axis=2))
    zoom = viewer.panes()[0].camera.zoom[0]
    assert abs(wrong[0] - right[0]) / zoom > 10


@pytest.mark.parametrize("zoom", [0.37, 0.8, 1.0, 1.7, 2.5])
def test_box_frames_exactly_the_pixels_it_names(viewer, zoom):
    """The four lines of the frame, measured by their redness, against the edges of the pixels 180..239 x 200..299."""
    box = Box("US1", (180.0, 200.0), (240.0, 300.0), 0.81, "malignant")
    show(viewer, open_case("ultrasound", plain(SHAPE)), aid(boxes=[box]))
    pane = at_zoom(viewer, zoom)
    red = bare(pane)[..., 0].astype(float)
    oy, ox = pane.camera.origin
    top, bottom = (oy + e * zoom for e in (180, 240))
    left, right = (ox + e * zoom for e in (200, 300))
    mid = red[round((top + bottom) / 2) - 2 : round((top + bottom) / 2) + 2]
    for edge, outwards in ((left, -1), (right, 1)):
        line = mid[:, round(edge) - 6 : round(edge) + 6]
        _, x = centroid(line)
        inner_edge = round(edge) - 6 + x - outwards * 1.0  # the line is 2 pixels wide and lies outside the box
        assert abs(inner_edge - edge) / zoom <= 0.5
    column = red[:, round((left + right) / 2) + 40 * (zoom > 1) : round((left + right) / 2) + 40 * (zoom > 1) + 4]
    for edge, outwards in ((bottom, 1),):
        y, _ = centroid(column[round(edge) - 6 : round(edge) + 6])
        assert abs(round(edge) - 6 + y - outwards * 1.0 - edge) / zoom <= 0.5


def test_boxes_carry_colour_by_call_and_a_number():
    boxes = [Box("a", (0, 0), (1, 1), 0.9, w) for w in ("malignant", "benign", "high", "low", "")]
    assert [overlay.colour_of(b, True) for b in boxes] == [overlay.RED, overlay.GREEN, overlay.RED, overlay.GREEN, overlay.RED]
    assert overlay.colour_of(boxes[-1], False) == overlay.GREEN
    flat = overlay.flat_box(boxes[0], overlay.RED)
    assert flat.text == "malignant 0.90"


CROWD = [((140, 150), (160, 175), 0.87), ((120, 160), (130, 170), 0.61), ((125, 140), (150, 150), 0.43), ((2, 2), (9, 30), 0.31)]


@pytest.mark.parametrize("together", [True, False])
def test_labels_of_boxes_close_together_stand_beside_each_other(viewer, together):
    """Painted one by one without knowing of each other (the negative control), some cover others."""
    picture = QImage(900, 700, QImage.Format.Format_RGB32)
    camera = Camera((460, 600), (700, 900), (1.0, 1.0), 1.5)
    painter, taken = QPainter(picture), []
    for start, stop, score in CROWD:
        labels = taken if together else []
        overlay.paint_box(
            painter, camera, overlay.flat_box(Box("a", start, stop, score, "high"), overlay.RED), 1.0, False, labels
        )
        if not together:
            taken += labels
    painter.end()
    assert len(taken) == len(CROWD) and all(QRectF(0, 0, 900, 700).contains(own) for own in taken)
    apart = not any(a.intersects(b) for a, b in combinations(taken, 2))
    assert apart == together


def test_the_most_suspicious_label_is_not_covered(viewer):
    first = [Box("US1", (140, 150), (160, 175), 0.87, "malignant")]
    case = open_case("ultrasound", plain(SHAPE, 90))
    show(viewer, case, aid(first))
    chip = overlay.readout.chip("malignant 0.87", overlay.RED, viewer.panes()[0].unit)
    alone = reds(grabbed(viewer))
    assert alone > 0.5 * chip.width() * chip.height()
    show(viewer, case, aid([*first, Box("US1", (138, 155), (146, 170), 0.31, "benign")]))
    assert reds(grabbed(viewer)) > 0.8 * alone, "the frame of the other box may cross it, its label may not"


def reds(picture):
    """Return how many pixels have the red of a malignant call."""
    wanted = QColor(overlay.RED)
    return int((np.abs(picture[..., :3].astype(int) - (wanted.red(), wanted.green(), wanted.blue())).max(axis=2) < 12).sum())


def test_hidden_aid_leaves_no_pixel(viewer):
    case = open_case("ultrasound", plain(SHAPE, 90))
    show(viewer, case)
    without = grabbed(viewer)
    prediction = aid([Box("US1", (100, 100), (200, 200), 0.7)], [bump((212, 251), 40.0)])
    show(viewer, case, prediction, aid_visible=False)
    assert not viewer.aid_is_visible()
    assert np.array_equal(grabbed(viewer), without)
    viewer.set_aid_visible(True)
    settle()
    assert not np.array_equal(grabbed(viewer), without)
    viewer.set_aid_visible(False)
    assert np.array_equal(grabbed(viewer), without)


def test_threshold_and_opacity(viewer):
    show(viewer, open_case("ultrasound", plain(SHAPE)), aid(heatmaps=[bump((212, 251), 40.0)]))
    pane = viewer.panes()[0]
    areas = []
    for threshold in (0.05, 0.5, 0.85):
        viewer.set_overlay(threshold, 1.0)
        areas.append(int((bare(pane).max(axis=2) > 12).sum()))
    assert areas[0] > areas[1] > areas[2] > 0
    viewer.set_overlay(1.01, 1.0)
    assert bare(pane).max() == 0
    viewer.set_overlay(0.05, 0.0)
    assert bare(pane).max() == 0
    viewer.set_overlay(0.05, 0.5)
    half = bare(pane).max()
    viewer.set_overlay(0.05, 1.0)
    assert abs(int(bare(pane).max()) - 2 * int(half)) <= 2


def test_opacity_and_small_pans_do_not_rebuild_the_picture(viewer):
    show(viewer, open_case("ultrasound", plain(SHAPE)), aid(heatmaps=[bump((212, 251), 40.0)]))
    pane = viewer.panes()[0]
    bare(pane)
    layer = pane._layers[0]
    builds = layer.builds
    for opacity in (0.1, 0.6, 0.9):
        viewer.set_overlay(0.0, opacity)
        bare(pane)
    viewer.pan(12, -7)
    bare(pane)
    assert layer.builds == builds
    viewer.zoom_in()
    bare(pane)
    assert layer.builds == builds + 1


def test_panned_overlay_equals_a_fresh_one():
    heat = bump((212.0, 251.0), 40.0)
    layer, fresh = HeatLayer(), HeatLayer()
    grid = Grid.of_image(heat)
    camera = Camera(SHAPE, (200, 220), (1, 1), 3.0, (-500.0, -600.0))
    layer.update(grid, camera, 0.1, "inferno")
    for dy, dx in ((30, -20), (-200, -300), (150, 400)):
        camera = camera.panned(dy, dx)
        layer.update(grid, camera, 0.1, "inferno")
        fresh = HeatLayer()
        fresh.update(grid, camera, 0.1, "inferno")
        for source in (layer, fresh):
            canvas = np.zeros((200, 220), np.uint32)
            if source.image is not None:
                y, x = source.corner[0] + camera.origin[0], source.corner[1] + camera.origin[1]
                part = source._buffer[max(0, -y) : 200 - y, max(0, -x) : 220 - x]
                canvas[max(0, y) : max(0, y) + part.shape[0], max(0, x) : max(0, x) + part.shape[1]] = part
            if source is layer:
                first = canvas
        assert np.abs((first >> 24).astype(int) - (canvas >> 24)).max() <= 1


@pytest.mark.parametrize(
    ("prediction", "words"),
    [
        (aid(status="no_finding"), "aid: no finding"),
        (aid(status="failed"), "aid: not available"),
        (aid(status="not_applicable"), "aid: not applicable"),
        (aid(heatmaps=[Heatmap("US1", np.full((4, 4), 200, np.uint8), (100.0, 125.0), (50.0, 62.0), 0, 1, evidence=False)]),
         "aid: no evidence"),
        (aid(boxes=[Box("US1", (1, 1), (9, 9), 0.5)]), ""),
    ],
)  # fmt: skip
def test_absence_is_said_in_words_and_never_in_colour(viewer, prediction, words):
    show(viewer, open_case("ultrasound", plain(SHAPE)), prediction)
    pane = viewer.panes()[0]
    assert pane.caption.aid == words
    if words:
        assert bare(pane).max() == 0
    viewer.set_aid_visible(False)
    assert pane.caption.aid == ""


def test_sequential_reveal(viewer):
    case = open_case("ultrasound", plain(SHAPE))
    show(viewer, case, None)
    assert bare(viewer.panes()[0]).max() == 0 and not viewer.aid_is_visible()
    viewer.set_aid(aid(boxes=[Box("US1", (100, 100), (200, 200), 0.7)]))
    assert viewer.aid_is_visible() and bare(viewer.panes()[0]).max() > 100


def test_findings_are_stepped_through_from_the_most_suspicious(viewer):
    words = []
    viewer.finding_changed.connect(words.append)
    boxes = [Box("US1", (100, 100), (150, 150), 0.3), Box("US1", (200, 300), (260, 380), 0.9, "malignant")]
    show(viewer, open_case("ultrasound", plain(SHAPE)), aid(boxes))
    viewer.next_finding()
    viewer.next_finding()
    viewer.next_finding()
    assert words == ["finding 1 of 2: malignant 0.90", "finding 2 of 2: 0.30", "finding 1 of 2: malignant 0.90"]
    assert viewer.panes()[0].additions.current_box == 1


def test_planes_of_a_volume_show_only_what_they_cut(viewer):
    levels = np.zeros((6, 8, 10), np.uint8)
    levels[3, 2, 6] = 255
    heat = Heatmap("L_AP", levels, (10.0, 10.0, 10.0), (4.5, 4.5, 4.5), 0, 1)
    box = Box("L_AP", (30.0, 20.0, 60.0), (40.0, 30.0, 70.0), 0.9, "malignant")
    show(viewer, open_case("abvs", volume()), aid([box], [heat]))
    viewer.set_slab(0, "mean")
    view = viewer.view
    view.go_to((34.5, 24.5, 64.5))
    for pane in viewer.panes():
        assert len(pane.additions.boxes) == 1 and pane.additions.grids[0].levels.max() >= 254
    down, across = pane.additions.grids[0].scale, pane.additions.grids[0].offset
    assert (down, across) == ((10.0, 10.0), (4.5, 4.5))
    view.go_to((10.0, 24.5, 64.5))
    transverse = viewer.pane("L_AP transverse")
    assert transverse.additions.boxes == () and transverse.additions.grids[0].levels.max() == 0
    assert len(viewer.pane("L_AP coronal").additions.boxes) == 1
    flat = viewer.pane("L_AP sagittal").additions.boxes[0]
    assert (flat.top, flat.left, flat.bottom, flat.right) == (20, 30, 30, 40)  # rows down, slices across


@pytest.mark.parametrize("inverted", [False, True])
def test_no_heatmap_colour_lies_on_padding(viewer, inverted):
    """Air that the file declares as padding stays black under a heatmap that covers the whole image; tissue is coloured."""
    pixels = np.zeros(SHAPE, np.uint16)
    pixels[:, 200:] = 900
    everywhere = Heatmap("US1", np.full((10, 10), 255, np.uint8), (40.0, 50.0), (19.5, 24.5), 0.0, 1.0)
    for padding, masked in (((0, 5), True), (None, False)):
        image = plain(SHAPE, array=pixels, padding=padding)
        show(viewer, open_case("ultrasound", image), aid(heatmaps=[everywhere]))
        if inverted:
            viewer.invert()
            settle()
        pane = viewer.panes()[0]
        shown = bare(pane)
        x_air, y = (round(v) for v in pane.image_to_screen((200, 100)))
        x_tissue = round(pane.image_to_screen((200, 400))[0])
        assert (shown[y, x_air].max() == 0) == masked
        assert shown[y, x_tissue].max() > 100


def test_the_readers_verdicts_are_seen_on_the_boxes(viewer):
    """Dismissed: dashed and grey; taken up: a tick beside the score. Numbers are those of the findings, strongest first."""
    boxes = [Box("US1", (100, 100), (150, 150), 0.3), Box("US1", (200, 300), (260, 380), 0.9, "malignant")]
    show(viewer, open_case("ultrasound", plain(SHAPE)), aid(boxes))
    pane = viewer.panes()[0]

    def red():
        pixels = bare(pane).astype(int)
        return int(((pixels[..., 0] > 120) & (pixels[..., 0] > 2 * pixels[..., 1])).sum())

    before = red()
    viewer.set_verdicts({0: "rejected", 1: "accepted"})
    settle()
    assert [box.verdict for box in pane.additions.boxes] == ["accepted", "rejected"]
    after = red()
    assert 0 < after < before, "the dismissed box has lost its colour, the other one not"
    viewer.set_verdicts({})
    settle()
    assert red() == before
