"""Writing found in the pixels, shown large to the coordinator, who blacks it out, keeps it, or leaves the image out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QDialog, QListWidget, QWidget

from reader_app.desk import writing
from reader_app.desk.writing import Place
from reader_app.errors import ReaderAppError
from reader_app.imaging import pixeldecisions
from reader_app.ui import theme
from reader_app.ui.widgets import button, column, label, row

#: Carries a decision out: (places, verdict, called when it is done).
Decide = Callable[[Sequence[Place], str, Callable[[], None]], None]


class WritingPicture(QWidget):
    """One image fitted to the widget with the found box; a drag draws a box of one's own.

    Signals
    -------
    drawn : object
        (row, column, row end, column end) in image pixels.
    """

    drawn = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setMinimumSize(theme.px(420), theme.px(320))
        self.setCursor(Qt.CursorShape.CrossCursor)
        self._image = QImage()
        self._box: tuple[int, int, int, int] | None = None
        self._own: tuple[int, int, int, int] | None = None
        self._from: QPointF | None = None
        self._close = False

    def show_picture(self, image: QImage, box: tuple[int, int, int, int] | None) -> None:
        """Show another image; a box drawn before is forgotten."""
        self._image, self._box, self._own, self._from = image, box, None, None
        self.update()

    def set_close(self, on: bool) -> None:
        """Show the surroundings of the box only, enlarged, or the whole image."""
        self._close = on
        self.update()

    @property
    def own_box(self) -> tuple[int, int, int, int] | None:
        """The box drawn by the coordinator, in image pixels."""
        return self._own

    def _part(self) -> QRectF:
        """Return the part of the image that is shown."""
        whole = QRectF(self._image.rect())
        if not self._close or self._box is None:
            return whole
        top, left, bottom, right = self._box
        margin = max(40.0, 1.2 * (bottom - top))
        return QRectF(left - margin, top - margin, right - left + 2 * margin, bottom - top + 2 * margin).intersected(whole)

    def _place(self) -> tuple[float, float, float]:
        """Return scale, left and top of the shown part on the widget."""
        part = self._part()
        scale = min(self.width() / max(part.width(), 1), self.height() / max(part.height(), 1), 8.0)
        return scale, (self.width() - part.width() * scale) / 2, (self.height() - part.height() * scale) / 2

    def on_widget(self, box: tuple[int, int, int, int]) -> QRectF:
        """Return where a box of the image lies on the widget."""
        scale, left, top = self._place()
        part = self._part()
        row, col, row_end, col_end = box
        return QRectF(
            left + (col - part.x()) * scale, top + (row - part.y()) * scale, (col_end - col) * scale, (row_end - row) * scale
        )

    def _index(self, at: QPointF) -> tuple[float, float]:
        scale, left, top = self._place()
        part = self._part()
        return (
            min(max((at.y() - top) / scale + part.y(), 0.0), float(self._image.height())),
            min(max((at.x() - left) / scale + part.x(), 0.0), float(self._image.width())),
        )

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the image, the found box and the drawn one."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor("#000000"))
        if self._image.isNull():
            return
        part = self._part()
        scale, left, top = self._place()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, scale < 1)
        painter.drawImage(QRectF(left, top, part.width() * scale, part.height() * scale), self._image, part)
        for box, colour in ((self._box, "#ffb454"), (self._own, "#6fd3ff")):
            if box is not None:
                painter.setPen(QPen(QColor(colour), 2))
                painter.drawRect(self.on_widget(box).adjusted(-3, -3, 3, 3))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a box."""
        self._from = event.position()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Draw the box."""
        if self._from is None or self._image.isNull():
            return
        (r0, c0), (r1, c1) = self._index(self._from), self._index(event.position())
        low, high = (min(r0, r1), min(c0, c1)), (max(r0, r1), max(c0, c1))
        own = (int(low[0]), int(low[1]), int(high[0]) + 1, int(high[1]) + 1)
        height, width = self._image.height(), self._image.width()
        self._own = (own[0], own[1], min(own[2], height), min(own[3], width))
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End the box; a mere click takes it away."""
        if self._from is None:
            return
        moved = (event.position() - self._from).manhattanLength()
        self._from = None
        if moved < 6:
            self._own = None
            self.update()
        self.drawn.emit(self._own)


class WritingWindow(QDialog):
    """Goes through the undecided places one by one.

    Parameters
    ----------
    study : Path
    decide : callable
        See `Decide`.
    """

    def __init__(self, study: Path, decide: Decide, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setStyleSheet(theme.stylesheet("desk"))
        self.setWindowTitle("Writing in the pixels")
        self.resize(theme.px(1180), theme.px(760))
        self._study, self._decide = study, decide
        self._places: list[Place] = []
        self._list = QListWidget()
        self._list.setFixedWidth(theme.px(260))
        self._picture = WritingPicture()
        self._words = label("", "dim", wrap=True)
        self._black = button("Black out the box", "main", on_click=lambda: self._act("black_out"))
        self._black_all = button("Black out all of this image", on_click=lambda: self._act("black_out", whole="image"))
        self._keep = button("Harmless: keep it", on_click=lambda: self._act("keep"))
        self._keep_all = button("Keep all of this case", on_click=lambda: self._act("keep", whole="case"))
        self._refuse = button("Leave this image out", on_click=lambda: self._act("refuse"))
        self._closer = button("Closer")
        self._closer.setCheckable(True)
        self._closer.toggled.connect(self._picture.set_close)
        self._every = button("Every image")
        self._every.setCheckable(True)
        self._every.setToolTip("Go through all images of the study, also those in which no writing was found")
        self._every.toggled.connect(lambda _on: self.look())
        body = column(self, margin=16, spacing=12)
        hint = (
            "A name, a number or a date in the picture tells who the patient is, and no header check finds it. Black it out, or "
            "keep it when it names nobody. Drag on the picture to draw a box of your own. Decisions stand in the import report."
        )
        body.addWidget(label(hint, "dim", wrap=True))
        middle = row(spacing=12)
        middle.addWidget(self._list)
        middle.addWidget(self._picture, 1)
        body.addLayout(middle, 1)
        body.addWidget(self._words)
        line = row()
        for own in (self._black, self._black_all, self._keep, self._keep_all, self._refuse):
            line.addWidget(own)
        line.addStretch(1)
        line.addWidget(self._every)
        line.addWidget(self._closer)
        line.addWidget(button("Close", on_click=self.close))
        body.addLayout(line)
        self._list.currentRowChanged.connect(self._show)
        self._picture.drawn.connect(lambda _box: self._say())
        self.look()

    def look(self) -> None:
        """Read the undecided places again and show the first."""
        at = max(0, self._list.currentRow())
        self._places = writing.places(self._study, only_open=True)
        if self._every.isChecked():
            self._places += writing.other_images(self._study, self._places)
        self._list.blockSignals(True)
        self._list.clear()
        for place in self._places:
            where = f"row {place.box[0]}, column {place.box[1]}" if place.box else "whole picture"
            self._list.addItem(f"{place.case_id} · {place.image_id} · {where}")
        self._list.blockSignals(False)
        if self._places:
            self._list.setCurrentRow(min(at, len(self._places) - 1))
        self._show(self._list.currentRow())

    def _show(self, at: int) -> None:
        known = 0 <= at < len(self._places)
        for own in (self._black, self._black_all, self._keep, self._keep_all, self._refuse, self._closer):
            own.setEnabled(known)
        if not known:
            self._picture.show_picture(QImage(), None)
            self._words.setText("Every place is decided.")
            return
        try:
            pixels, box = writing.picture(self._study, self._places[at])
        except (ReaderAppError, OSError, KeyError) as fault:
            self._picture.show_picture(QImage(), None)
            self._words.setText(f"This image cannot be shown: {fault}")
            return
        height, width = pixels.shape[:2]
        form = QImage.Format.Format_Grayscale8 if pixels.ndim == 2 else QImage.Format.Format_RGB888
        image = QImage(pixels.data, width, height, pixels.strides[0], form).copy()
        self._picture.show_picture(image, box)
        self._say()

    def _say(self) -> None:
        at = self._list.currentRow()
        if not 0 <= at < len(self._places):
            return
        place = self._places[at]
        own = self._picture.own_box
        if own is not None:
            words = (
                f"Your box: {own[3] - own[1]} x {own[2] - own[0]} pixels. It is blacked out; the found place counts as looked at."
            )
        elif place.box:
            words = "The orange box holds what looks like writing."
        else:
            words = "No writing was found here; where there is some, draw a box round it."
            if place.decision == pixeldecisions.OPEN:
                words = "The file states that it holds writing, but none was found: look for it, and draw a box round it."
        self._words.setText(f"{at + 1} of {len(self._places)} · {words}")
        self._black.setText("Black out my box" if own is not None else "Black out the box")
        self._black.setEnabled(own is not None or bool(place.box))
        self._black_all.setEnabled(own is None and len(self._alike(place, "image")) > 1)

    def _alike(self, place: Place, whole: str) -> list[Place]:
        """Return the listed places with a box in the same image, or all of the same case."""
        same = [p for p in self._places if p.case_id == place.case_id]
        return same if whole == "case" else [p for p in same if p.image_id == place.image_id and p.box]

    def _act(self, verdict: str, whole: str = "") -> None:
        at = self._list.currentRow()
        if not 0 <= at < len(self._places):
            return
        place = self._places[at]
        chosen = self._alike(place, whole) if whole else [place]
        own = self._picture.own_box
        if verdict == "black_out" and own is not None and not whole:
            mine = Place(place.case_id, place.image_id, place.sha256, writing.file_box(self._study, place, own))
            self._decide([mine], verdict, lambda: self._decide_rest(place, own))
            return
        self._decide(chosen, verdict, self.look)

    def _decide_rest(self, place: Place, own: tuple[int, int, int, int]) -> None:
        """After an own box was blacked out: the found place is settled by it, or was looked at and kept."""
        still = [p for p in writing.places(self._study, only_open=True) if p == place]
        if still and place.box:
            self._decide(still, "keep", self.look)
        else:
            self.look()
