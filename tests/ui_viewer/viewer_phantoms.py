"""Asymmetric phantoms with shapes in known places, and how to measure what is on the screen."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QMouseEvent, QRegion, QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget

from reader_app.imaging import geometry
from reader_app.imaging.container import CaseImage, OpenCase, pyramid
from reader_app.imaging.window import GreyScale, Preset

ROWS, COLUMNS = 1000, 800
TISSUE, SPOT, MUSCLE = 1200, 4000, 2600
#: Middle of the bright spot of each view (row, column) and of its size 30 x 30: all different, none symmetric.
SPOTS = {"RCC": (300, 620), "LCC": (420, 150), "RMLO": (640, 500), "LMLO": (560, 330)}
GREY = GreyScale(presets=(Preset("normal", "linear", 2048, 4096), Preset("hard", "linear", 2048, 1024)), bits=12)


def open_case(modality: str, *images: CaseImage) -> OpenCase:
    return OpenCase(directory=Path("phantom"), case_id="phantom", modality=modality, images=images, fingerprint="0" * 64)


def mammogram(name: str, spacing: float | None = 0.1, **more) -> CaseImage:
    """A half ellipse of tissue at the chest wall, a spot, and in MLO views a muscle at the top; air 0."""
    side, view = name[0], name[1:]
    rows, columns = np.mgrid[0:ROWS, 0:COLUMNS]
    from_wall = columns if side == "L" else COLUMNS - 1 - columns
    pixels = np.zeros((ROWS, COLUMNS), np.uint16)
    pixels[((rows - 500) / 430.0) ** 2 + (from_wall / 560.0) ** 2 < 1] = TISSUE
    if view == "MLO":
        pixels[(rows - 70 + from_wall * 1.2 < 260) & (rows > 70)] = MUSCLE
    r, c = SPOTS[name]
    pixels[r - 15 : r + 15, c - 15 : c + 15] = SPOT
    given = {
        "laterality": side, "view": view, "grey": GREY, "padding": (0, 0), "chest_wall": "right" if side == "R" else "left",
        "spacing_mm": None if spacing is None else (spacing, spacing),
    }  # fmt: skip
    given.update(more)
    array = given.pop("array", pixels)
    return CaseImage(id=given.pop("id", name), array=array, pyramid=tuple(pyramid(array, given["padding"])), **given)


def four_views(**changed) -> OpenCase:
    return open_case("mammography", *(changed.get(name) or mammogram(name) for name in SPOTS))


def volume(scan: str = "L_AP", block=(40, 20, 70), shape=(60, 80, 100), spacing=(1.0, 0.2, 0.5), nipple=(30.0, 0.0, 50.0)):
    """A grey volume with one bright block, 4 mm along each axis, of middle ``block``."""
    pixels = np.full(shape, 60, np.uint8)
    half = [max(1, round(2.0 / s)) for s in spacing]
    pixels[tuple(slice(b - h, b + h + 1) for b, h in zip(block, half, strict=True))] = 250
    columns = np.ascontiguousarray(pixels.transpose(2, 0, 1))
    return CaseImage(
        id=scan, array=pixels, kind="volume", laterality=scan[0], view=scan[2:], spacing_mm=spacing, column_major=columns,
        affine=geometry.affine(spacing), grey=GreyScale(), nipple_index=nipple,
    )  # fmt: skip


def plain(shape=(400, 500), value=0, dtype=np.uint8, image_id="US1", **more) -> CaseImage:
    array = np.full(shape, value, dtype)
    given = {"laterality": "L", "view": "US", "grey": GreyScale(), "spacing_mm": (0.1, 0.1)}
    given.update(more)
    array = given.pop("array", array)
    given.setdefault("channels", 3 if given["grey"] is None else 1)
    levels = tuple(pyramid(array)) if array.ndim == 2 or array.shape[2] == 3 else ()
    return CaseImage(id=image_id, array=array, pyramid=levels, **given)


def aid(boxes=(), heatmaps=(), positive=True, status="ok"):
    return SimpleNamespace(boxes=tuple(boxes), heatmaps=tuple(heatmaps), positive=positive, status=status)


def show(viewer, case, prediction=None, **more):
    more = {"threshold": 0.0, "opacity": 1.0, **more}
    viewer.show_case(case, prediction, **more)
    settle()


def settle() -> None:
    for _ in range(4):
        QApplication.processEvents()


def grabbed(widget) -> np.ndarray:
    """What a widget shows, (height, width, 3) RGB in device pixels."""
    return _array(widget.grab().toImage())


def bare(pane) -> np.ndarray:
    """What a pane shows without its words and without the sliders that lie over it."""
    image = QImage(pane.device_size[1], pane.device_size[0], QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(pane.unit)
    pane.caption.show, empty = False, pane.caption.empty
    pane.caption.empty = ""
    try:
        pane.render(image, QPoint(), QRegion(), QWidget.RenderFlag(0))
    finally:
        pane.caption.show, pane.caption.empty = True, empty
    return _array(image)


def _array(image: QImage) -> np.ndarray:
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    flat = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return flat[:, : image.width() * 3].reshape(image.height(), image.width(), 3).copy()


def centroid(weights: np.ndarray) -> tuple[float, float]:
    """Middle of mass in device pixels, (y, x), counted from the outer corner."""
    weights = weights.astype(float)
    total = weights.sum()
    assert total > 0, "nothing was painted"
    y, x = np.mgrid[0 : weights.shape[0], 0 : weights.shape[1]]
    return float((weights * (y + 0.5)).sum() / total), float((weights * (x + 0.5)).sum() / total)


def send(pane, kind, at, button=Qt.MouseButton.LeftButton, buttons=None, modifiers=Qt.KeyboardModifier.NoModifier):
    """Deliver a mouse event at a logical position (x, y) of a pane."""
    point = QPointF(*at)
    if buttons is None:
        buttons = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else button
    event = QMouseEvent(kind, point, QPointF(pane.mapToGlobal(QPoint(0, 0))) + point, button, buttons, modifiers)
    QApplication.sendEvent(pane, event)


def drag(pane, start, stop, button=Qt.MouseButton.LeftButton, steps=4):
    send(pane, QEvent.Type.MouseButtonPress, start, button)
    for i in range(1, steps + 1):
        at = tuple(a + (b - a) * i / steps for a, b in zip(start, stop, strict=True))
        send(pane, QEvent.Type.MouseMove, at, Qt.MouseButton.NoButton, button)
    send(pane, QEvent.Type.MouseButtonRelease, stop, button)
    settle()


def click(pane, at, button=Qt.MouseButton.LeftButton):
    send(pane, QEvent.Type.MouseButtonPress, at, button)
    send(pane, QEvent.Type.MouseButtonRelease, at, button)
    settle()


def hover(pane, at):
    send(pane, QEvent.Type.MouseMove, at, Qt.MouseButton.NoButton, Qt.MouseButton.NoButton)


def turn_wheel(pane, at, steps, modifiers=Qt.KeyboardModifier.NoModifier):
    point = QPointF(*at)
    event = QWheelEvent(
        point, QPointF(pane.mapToGlobal(QPoint(0, 0))) + point, QPoint(), QPoint(0, 120 * steps), Qt.MouseButton.NoButton,
        modifiers, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(pane, event)
    settle()
