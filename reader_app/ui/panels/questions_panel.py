"""The further questions of a study (recall, composition, descriptors ...): they come and go with the answers they depend on."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from reader_app.study.questions import Question, key
from reader_app.study.session import SessionState
from reader_app.ui import theme
from reader_app.ui.language import tr
from reader_app.ui.panels import wording
from reader_app.ui.panels.fields import AnswerField
from reader_app.ui.widgets import clear, column, section

Asked = Sequence[tuple[Question, str]]


class ChoiceField(AnswerField):
    """The choices of one question as cells that run on over several lines; digits 1 to 9 (and Y, N) choose.

    Signals
    -------
    answered(object) : the tuple of chosen texts.
    """

    answered = Signal(object)

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
        if len(typed) == 1 and typed.isdigit():
            if 1 <= int(typed) <= len(self._texts):
                self._choose(int(typed) - 1)
            return True
        return False

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
        metrics, width, cells = self.fontMetrics(), max(self.width(), theme.px(200)), []
        for index in range(len(self._texts)):
            own = min(width, metrics.horizontalAdvance(self._words(index)) + theme.px(24))
            if x and x + own > width:
                x, y = 0.0, y + height + gap
            cells.append(QRectF(x, y, own, height))
            x += own + gap
        return cells

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
            words = painter.fontMetrics().elidedText(self._words(index), Qt.TextElideMode.ElideRight, int(cell.width()) - 4)
            painter.drawText(cell, Qt.AlignmentFlag.AlignCenter, words)
        if self.is_active():
            painter.fillRect(QRectF(0, self.height() - theme.px(2), self.width(), theme.px(2)), theme.colour("chosen"))


class QuestionsPanel(QWidget):
    """All questions that are asked now.

    Signals
    -------
    answered(str question, str unit, object values)
    activated(object) : a choice field got the keyboard.
    """

    answered = Signal(str, str, object)
    activated = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._list = column(self, spacing=6)
        self._asked: tuple[tuple[str, str], ...] = ()
        self._widgets: dict[tuple[str, str], ChoiceField | QLineEdit] = {}
        self.hide()

    def fields(self) -> list[ChoiceField]:
        """Return the fields that the keyboard can answer, in order."""
        return [own for own in self._widgets.values() if isinstance(own, ChoiceField)]

    def show_state(self, asked: Asked, state: SessionState, several_units: bool) -> bool:
        """Show the questions and their answers; return whether other questions are asked than before."""
        wanted = tuple((question.question_id, unit) for question, unit in asked)
        changed = wanted != self._asked
        if changed:
            self._asked = wanted
            self._lay_out(asked, several_units)
        for place, widget in self._widgets.items():
            values = state.draft.answers.get(key(*place), ())
            if isinstance(widget, ChoiceField):
                widget.show_values(values)
            elif not widget.hasFocus():
                widget.setText(values[0] if values else "")
        self.setVisible(bool(wanted))
        return changed

    def set_answering(self, possible: bool) -> None:
        """Let the questions be answered, or not."""
        for widget in self._widgets.values():
            widget.setEnabled(possible)

    def _lay_out(self, asked: Asked, several_units: bool) -> None:
        clear(self._list)
        self._widgets = {}
        for question, unit in asked:
            where = f"{wording.unit_name(unit)} · " if several_units and unit != "case" else ""
            self._list.addWidget(section(where + question.text))
            place = (question.question_id, unit)
            if question.kind in ("choice", "yes_no"):
                choice = ChoiceField(question, unit)
                choice.answered.connect(partial(self.answered.emit, *place))
                choice.activated.connect(partial(self.activated.emit, choice))
                self._list.addWidget(choice)
                self._widgets[place] = choice
            else:
                line = QLineEdit()
                line.setAccessibleName(question.text)
                line.editingFinished.connect(partial(self._written, place, line))
                self._list.addWidget(line)
                self._widgets[place] = line

    def _written(self, place: tuple[str, str], line: QLineEdit) -> None:
        text = line.text().strip()
        self.answered.emit(*place, (text,) if text else ())
