"""A question with choices, as painted cells."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent

from reader_app.study.questions import Question
from reader_app.ui import theme
from reader_app.ui.language import tr
from reader_app.ui.panels.fields import AnswerField

#: Which key takes the first, second ... choice.
KEYS: tuple[str, ...] = tuple("123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")


class ChoiceField(AnswerField):
    """The choices of one question as cells that run on over several lines; 1 to 9, then A, B ... (and Y, N) choose.

    While the field has the keyboard each cell shows its key. Where several choices can be taken, a key takes one back again and
    Enter goes on.

    Signals
    -------
    answered(object) : the tuple of chosen texts.
    finished : the reader is done with this question.
    """

    answered = Signal(object)
    finished = Signal()

    def __init__(self, question: Question, unit: str) -> None:
        super().__init__(unit)
        self.question = question
        self._texts = ("yes", "no") if question.kind == "yes_no" else question.choices
        self._chosen: tuple[str, ...] = ()
        self.setAccessibleName(question.text)
        self._set_height()

    def sizeHint(self) -> QSize:
        return QSize(theme.px(300), self.minimumHeight())

    def show_values(self, values: tuple[str, ...]) -> None:
        """Show the answer on record."""
        if values != self._chosen:
            self._chosen = values
            self.setAccessibleDescription(", ".join(values) or tr("not answered"))
            self.update()

    def values(self) -> tuple[str, ...]:
        """Return the answer on record."""
        return self._chosen

    def take(self, typed: str) -> bool:
        """Take a key; return whether it chose something."""
        if self.question.kind == "yes_no" and typed in ("Y", "N"):
            self._choose(0 if typed == "Y" else 1)
            return True
        optional = not self.question.required
        if typed == "Return" and (optional or (self.question.many and self._chosen)):
            self.finished.emit()
            return True
        if typed in KEYS[: len(self._texts)]:
            self._choose(KEYS.index(typed))
            return True
        return len(typed) == 1 and typed.isdigit()

    def cell(self, text: str) -> QRectF:
        """Return the rectangle of a choice in this widget."""
        return self._cells()[self._texts.index(text)]

    def _choose(self, index: int) -> None:
        text = self._texts[index]
        if not self.question.many:
            values: tuple[str, ...] = (text,)
        elif text in self._chosen:
            values = tuple(own for own in self._chosen if own != text)
        else:
            values = (*self._chosen, text)
        self.answered_now = not self.question.many
        self.answered.emit(values)

    def _words(self, index: int) -> str:
        text = self._texts[index]
        return {"yes": tr("Yes  Y"), "no": tr("No  N")}.get(text, text) if self.question.kind == "yes_no" else text

    def _cells(self) -> list[QRectF]:
        height, gap, x, y = theme.px(34), theme.px(6), 0.0, 1.0
        metrics, width, cells = QFontMetricsF(theme.font("text")), max(self.width(), theme.px(200)), []
        for index in range(len(self._texts)):
            own = min(width, metrics.horizontalAdvance(self._words(index)) + theme.px(24) + self._key_room())
            if x and x + own > width:
                x, y = 0.0, y + height + gap
            cells.append(QRectF(x, y, own, height))
            x += own + gap
        return cells

    def _key_room(self) -> int:
        """Return the room for the keys in the cells; always there, so that nothing moves when the keyboard comes."""
        return 0 if self.question.kind == "yes_no" else theme.px(14)

    def _set_height(self) -> None:
        self.setFixedHeight(round(self._cells()[-1].bottom()) + theme.px(6))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._set_height()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.isEnabled():
            index = next((n for n, cell in enumerate(self._cells()) if cell.contains(QPointF(event.position()))), -1)
            if index >= 0:
                self._choose(index)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font("text"))
        for index, cell in enumerate(self._cells()):
            chosen = self._texts[index] in self._chosen
            painter.setPen(QPen(theme.colour("chosen" if chosen else "line_strong" if self.is_active() else "line"), 1.0))
            painter.setBrush(theme.colour("action" if chosen else "field"))
            painter.drawRoundedRect(cell.adjusted(0.5, 0.5, -0.5, -0.5), theme.px(5), theme.px(5))
            painter.setPen(theme.colour("on_action" if chosen else "normal" if self.isEnabled() else "dim"))
            keyed = self._key_room() > 0 and self.is_active() and index < len(KEYS)
            inner = cell.adjusted(theme.px(8) + (self._key_room() if keyed else 0), 0, -theme.px(8), 0)
            words = painter.fontMetrics().elidedText(self._words(index), Qt.TextElideMode.ElideRight, int(inner.width()) + 2)
            painter.drawText(inner, Qt.AlignmentFlag.AlignCenter, words)
            if keyed:
                painter.setPen(theme.colour("on_action" if chosen else "mark"))
                painter.setFont(theme.font("tiny"))
                painter.drawText(cell.adjusted(theme.px(8), 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, KEYS[index])
                painter.setFont(theme.font("text"))
        if self.is_active():
            painter.fillRect(QRectF(0, self.height() - theme.px(2), self.width(), theme.px(2)), theme.colour("chosen"))
