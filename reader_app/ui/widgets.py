"""Small parts used all over: labels by role, key caps, buttons, rules. No logic."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from reader_app.ui import theme

Box = TypeVar("Box", bound=QBoxLayout)


def label(text: str = "", role: str = "", *, wrap: bool = False, name: str = "") -> QLabel:
    """Return a label; plain text only, so that nothing typed by a person can become markup."""
    own = QLabel(text)
    own.setTextFormat(Qt.TextFormat.PlainText)
    own.setWordWrap(wrap)
    if wrap:
        own.setMinimumWidth(1)  # one long word must not push a panel wider than it is
    if role:
        own.setProperty("role", role)
    if name:
        own.setObjectName(name)
    return own


def section(text: str) -> QLabel:
    """Return the small heading of a section of a panel."""
    return label(text.upper(), "section")


def button(text: str, role: str = "", *, on_click: Callable[[], object] | None = None, name: str = "") -> QPushButton:
    """Return a push button; ``on_click`` is called without arguments."""
    own = QPushButton(text)
    own.setAutoDefault(False)
    if role:
        own.setProperty("role", role)
    if name:
        own.setObjectName(name)
    if on_click is not None:
        own.clicked.connect(lambda _checked=False: on_click())
    return own


def key_cap(key: str) -> QLabel:
    """Return the picture of a key."""
    own = label(key, "key")
    own.setAlignment(Qt.AlignmentFlag.AlignCenter)
    own.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
    return own


def rule() -> QFrame:
    """Return a one-pixel horizontal line."""
    own = QFrame()
    own.setProperty("role", "rule")
    own.setFixedHeight(1)
    return own


def card() -> tuple[QFrame, QVBoxLayout]:
    """Return a raised frame and its layout."""
    own = QFrame()
    own.setProperty("role", "card")
    inside = column(own, margin=16, spacing=8)
    return own, inside


def row(parent: QWidget | None = None, *, margin: int = 0, spacing: int = 8) -> QHBoxLayout:
    """Return a horizontal layout with margins on the 8 px grid."""
    own = QHBoxLayout(parent) if parent is not None else QHBoxLayout()
    return _spaced(own, margin, spacing)


def column(parent: QWidget | None = None, *, margin: int = 0, spacing: int = 8) -> QVBoxLayout:
    """Return a vertical layout with margins on the 8 px grid."""
    own = QVBoxLayout(parent) if parent is not None else QVBoxLayout()
    return _spaced(own, margin, spacing)


def _spaced(layout: Box, margin: int, spacing: int) -> Box:
    gap = theme.px(margin)
    layout.setContentsMargins(gap, gap, gap, gap)
    layout.setSpacing(theme.px(spacing))
    return layout


def restyle(widget: QWidget, **properties: object) -> None:
    """Set dynamic properties and have the style sheet look at them again, if any changed."""
    changed = False
    for name, value in properties.items():
        if widget.property(name) != value:
            widget.setProperty(name, value)
            changed = True
    if changed:
        for own in (widget, *widget.findChildren(QWidget)):
            own.style().unpolish(own)
            own.style().polish(own)
        widget.update()


def clear(layout: QLayout) -> None:
    """Take everything out of a layout and delete it."""
    while (item := layout.takeAt(0)) is not None:
        inner, widget = item.layout(), item.widget()
        if inner is not None:
            clear(inner)
        if widget is not None:
            widget.hide()
            widget.setObjectName("")  # until it is gone, nobody may find it instead of its successor
            widget.deleteLater()


def widgets_in(layout: QLayout) -> list[QWidget]:
    """Return the widgets that stand in a layout, in order."""
    items = [layout.itemAt(index) for index in range(layout.count())]
    return [widget for item in items if item is not None and (widget := item.widget()) is not None]


class ElidedLabel(QLabel):
    """A plain label that gives way: too long a text ends in an ellipsis and is told in full by its tool tip."""

    def __init__(self, text: str = "", role: str = "") -> None:
        super().__init__(text)
        self.setTextFormat(Qt.TextFormat.PlainText)
        if role:
            self.setProperty("role", role)
        self.setMinimumWidth(theme.px(40))
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def sizeHint(self) -> QSize:
        return QSize(self.fontMetrics().horizontalAdvance(self.text()) + theme.px(4), super().sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.setFont(self.font())
        words = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        self.setToolTip(self.text() if words != self.text() else "")
        painter.drawText(self.rect(), self.alignment() | Qt.AlignmentFlag.AlignVCenter, words)


class QuietScrollArea(QScrollArea):
    """A scroll area without frame that leaves every key to the window."""

    def __init__(self, content: QWidget) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidget(content)
        self._wanted: QWidget | None = None
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self._show_wanted)

    def show_later(self, wanted: QWidget) -> None:
        """Bring a widget into view with what stands above it, once the layout has settled."""
        self._wanted = wanted
        self._later.start(0)

    def show_top(self) -> None:
        """Bring the top into view, now and once the layout has settled, whatever was wanted before."""
        self._wanted = None
        self.verticalScrollBar().setValue(0)
        self._later.start(0)

    def _show_wanted(self) -> None:
        if self._wanted is None:
            self.verticalScrollBar().setValue(0)
        elif isValid(self._wanted) and self.isAncestorOf(self._wanted):
            self.ensureWidgetVisible(self._wanted, 0, theme.px(36))
        self._wanted = None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        event.ignore()
