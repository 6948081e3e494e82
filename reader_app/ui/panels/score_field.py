"""A whole number on a bar: the suspicion of malignancy, and questions that are answered on a scale."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QFont, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from reader_app.study.questions import Question
from reader_app.ui import theme
from reader_app.ui.language import tr
from reader_app.ui.panels.fields import AnswerField, paint_focus

#: A slider moved by keys is taken over when no key has come for this long.
SETTLE_MS = 450


class ScoreField(AnswerField):
    """A whole number on a bar, 0 to 100 unless said otherwise: digits, arrows, mouse.

    Parameters
    ----------
    unit : str
    low, high : int
        The ends of the scale.
    low_text, high_text : str
        Words at the ends instead of the numbers.

    Attributes
    ----------
    completed : bool
        Whether the last key completed a number by itself: an Enter right after it ends the number and does nothing else.

    Signals
    -------
    given(int) : a score was asked for.
    """

    given = Signal(int)

    def __init__(
        self,
        unit: str,
        low: int = 0,
        high: int = 100,
        low_text: str = "",
        high_text: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(unit, parent)
        self.low, self.high = low, high
        self._ends = (f"{low} {low_text}".strip(), f"{high_text} {high}".strip())
        self.completed = False
        self._value: int | None = None
        self._moving: int | None = None  # dragged or stepped, not yet asked for
        self._typed = ""
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self.leave)
        self._compact = False
        self.setFixedHeight(theme.px(50))
        self.setAccessibleName(tr("Suspicion of malignancy, 0 to 100"))

    def sizeHint(self) -> QSize:
        return QSize(theme.px(300), self.minimumHeight())

    def set_compact(self, compact: bool) -> None:
        """In a low window the number stands beside the bar instead of below it."""
        if compact != self._compact:
            self._compact = compact
            self.setFixedHeight(theme.px(28 if compact else 50))
            self.update()

    def show_value(self, value: int | None) -> None:
        """Show the score on record (None for none)."""
        if self._moving == value:
            self._moving = None
        if value != self._value:
            self._value = value
            self.setAccessibleDescription(tr("not answered") if value is None else str(value))
        self.update()

    def reset(self) -> None:
        """Forget what was half typed or dragged (another case)."""
        self._settle.stop()
        self._moving, self._typed = None, ""
        self.update()

    def take(self, key: str) -> bool:
        """Take a key: digits, arrows (with Shift by ten), Enter, Esc and Backspace while a number is being typed."""
        self.completed = False
        steps = {"Left": -1, "Right": 1, "Shift+Left": -10, "Shift+Right": 10}
        if len(key) == 1 and key.isdigit():
            self.completed = self.type_digit(key)
            return True
        if key in steps:
            self.step(steps[key])
            return True
        if key == "Return" and self._typed:
            return self.accept()
        if key == "Return":
            self.leave()
            return False
        return (key == "Esc" and self.drop()) or (key == "Backspace" and self.erase())

    def type_digit(self, digit: str) -> bool:
        """Take a digit; return whether the number is complete (no further digit could follow), and asked for."""
        self._settle.stop()
        self._moving = None
        if int(self._typed + digit) > self.high:
            self._typed = ""
        self._typed += digit
        self.update()
        places, length = len(str(self.high)), len(self._typed)
        last = places > 1 and length == places - 1 and (int(self._typed + "0") > self.high or self._typed[0] == "0")
        return self.accept() if length == places or last else False

    def erase(self) -> bool:
        """Take back the last typed digit; return whether there was one."""
        had = bool(self._typed)
        self._typed = self._typed[:-1]
        self.update()
        return had

    def drop(self) -> bool:
        """Forget the typed digits; return whether there were any."""
        had = bool(self._typed)
        self._typed = ""
        self.update()
        return had

    def accept(self) -> bool:
        """Ask for what has been typed; return whether there was anything."""
        if not self._typed:
            return False
        value, self._typed = int(self._typed), ""
        if not self.low <= value <= self.high:
            self.update()
            return False
        self._moving = value
        self.given.emit(value)
        self.update()
        return True

    def step(self, by: int) -> None:
        """Move by arrow keys; asked for when the keys rest."""
        self._typed = ""
        start = self._moving if self._moving is not None else self._value
        middle = (self.low + self.high) // 2
        self._moving = max(self.low, min(self.high, (middle if start is None else start) + by))
        self._settle.start()
        self.update()

    def leave(self) -> None:
        self._settle.stop()
        self._typed = ""
        if self._moving is not None and self._moving != self._value:
            self.given.emit(self._moving)
        self.update()

    def _track(self) -> QRectF:
        side, right = theme.px(8), theme.px(104 if self._compact else 8)
        return QRectF(side, theme.px(11), self.width() - side - right, theme.px(5))

    def point(self, score: int) -> QPointF:
        """Return where a score lies on the bar, in this widget."""
        track = self._track()
        return QPointF(track.left() + track.width() * (score - self.low) / (self.high - self.low), track.center().y())

    def _score_at(self, x: float) -> int:
        track = self._track()
        value = self.low + round((self.high - self.low) * (x - track.left()) / track.width())
        return max(self.low, min(self.high, value))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.isEnabled():
            self._settle.stop()
            self._typed = ""
            self._moving = self._score_at(event.position().x())
            self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton and self._moving is not None:
            self._moving = self._score_at(event.position().x())
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._moving is not None:
            value = self._moving
            if value == self._value:
                self._moving = None
            self.given.emit(value)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        track, radius = self._track(), theme.px(2.5)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("track"))
        painter.drawRoundedRect(track, radius, radius)
        value = self._moving if self._moving is not None else self._value
        if value is not None and not self._typed:
            knob = self.point(value)
            filled = QRectF(track)
            filled.setRight(knob.x())
            painter.setBrush(theme.colour("chosen"))
            painter.drawRoundedRect(filled, radius, radius)
            painter.setBrush(theme.colour("strong"))
            painter.drawEllipse(knob, theme.px(7), theme.px(7))
        if self._compact:
            self._paint_number(painter, QRectF(track.right() + theme.px(8), 0, theme.px(96), theme.px(26)), value)
        else:
            below = QRectF(0, theme.px(23), self.width(), theme.px(22))
            painter.setFont(theme.font("tiny"))
            painter.setPen(theme.colour("dim"))
            painter.drawText(below, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, self._ends[0])
            painter.drawText(below, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, self._ends[1])
            self._paint_number(painter, below, value)
        if self._active:
            paint_focus(painter, self)

    def _paint_number(self, painter: QPainter, where: QRectF, value: int | None) -> None:
        painter.setFont(theme.font("text", QFont.Weight.DemiBold))
        if self._typed:
            painter.setPen(theme.colour("mark"))
            painter.drawText(where, Qt.AlignmentFlag.AlignCenter, f"{self._typed}_")
        elif value is not None:
            painter.setPen(theme.colour("strong"))
            painter.drawText(where, Qt.AlignmentFlag.AlignCenter, str(value))
        else:
            painter.setFont(theme.font("small"))
            painter.setPen(theme.colour("dim"))
            painter.drawText(where, Qt.AlignmentFlag.AlignCenter, tr("not given yet"))


class ScaleField(ScoreField):
    """A question of the form that is answered on a scale.

    Signals
    -------
    answered(object) : the number as a tuple of one text.
    finished : Enter on an answer that is on record.
    """

    answered = Signal(object)
    finished = Signal()

    def __init__(self, question: Question, unit: str) -> None:
        low, high = round(question.low or 0), round(question.high if question.high is not None else 100)
        super().__init__(unit, low, high, question.low_text, question.high_text)
        self.question = question
        self.setAccessibleName(question.text)
        self.given.connect(self._ask)

    def values(self) -> tuple[str, ...]:
        """Return the answer on record."""
        return () if self._value is None else (str(self._value),)

    def show_values(self, values: tuple[str, ...]) -> None:
        """Show the answer on record."""
        self.show_value(int(values[0]) if values else None)

    def take(self, key: str) -> bool:
        if super().take(key):
            return True
        if key == "Return" and (self._value is not None or not self.question.required):
            self.finished.emit()
            return True
        return False

    def _ask(self, value: int) -> None:
        self.answered_now = True
        self.answered.emit((str(value),))
