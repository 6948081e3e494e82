"""The 30 px bar below the images: the keys that work now, where the pointer is, and whether everything is saved."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QWidget

from reader_app.ui import theme
from reader_app.ui.actions import Actions
from reader_app.ui.keymap import COMMANDS, Keymap
from reader_app.ui.language import tr
from reader_app.ui.widgets import ElidedLabel, clear, key_cap, label, restyle, row, widgets_in

#: How long a sentence stays in the bar.
SAID_MS = 5000


class KeyBar(QWidget):
    """Keys left, place in the middle, state of the log right."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("bottomBar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(theme.px(30))
        line = row(self, spacing=16)
        line.setContentsMargins(theme.px(16), 0, theme.px(16), 0)
        self._keys_box = QWidget()
        self._keys = row(self._keys_box, spacing=6)
        self.readout = ElidedLabel(role="readout")
        self.readout.setObjectName("readout")
        self.notice = label(tr("Research use only — not for diagnosis"), name="notice")
        self.saved = label(role="saved", name="savedMark")
        self.copy_fault = label(tr("▲ no second copy"), "waiting", name="copyFault")
        self.copy_fault.hide()
        line.addWidget(self._keys_box)
        line.addWidget(self.readout, 1)
        line.addWidget(self.notice)
        line.addWidget(self.copy_fault)
        line.addWidget(self.saved)
        self._shown: tuple[tuple[str, str], ...] = ()
        self._place = ""
        self._wide = False  # a sentence has the room of some keys
        self._said = QTimer(self)
        self._said.setSingleShot(True)
        self._said.setInterval(SAID_MS)
        self._said.timeout.connect(self._show_place)

    def retranslate(self) -> None:
        """Write again what does not change by itself."""
        self.notice.setText(tr("Research use only — not for diagnosis"))
        self.copy_fault.setText(tr("▲ no second copy"))
        self._shown = ()

    def show_place(self, text: str) -> None:
        """Show where the pointer or the crosshair is; a sentence that was just said stays for a while."""
        self._place = text
        if not self._said.isActive():
            self._show_place()

    def say(self, text: str) -> None:
        """Say a sentence for some seconds."""
        self.readout.setText(text)
        restyle(self.readout, role="waiting")
        self._said.start()
        self._fit()

    def _show_place(self) -> None:
        self.readout.setText(self._place)
        restyle(self.readout, role="readout")
        if self._wide:
            self._fit()

    def show_keys(self, keys: Keymap, actions: Actions) -> None:
        """Show the keys of what is possible now; in their fixed order, so that none jumps."""
        wanted = tuple((keys.shown(c.id), tr(c.short)) for c in COMMANDS if c.short and actions.is_enabled(c.id))
        if wanted == self._shown:
            return
        self._shown = wanted
        clear(self._keys)
        for key, text in wanted:
            self._keys.addWidget(key_cap(key))
            self._keys.addWidget(label(text))
            self._keys.addSpacing(theme.px(8))
        self._fit()

    def shown_keys(self) -> tuple[tuple[str, str], ...]:
        """Return the keys and words in the bar."""
        return self._shown

    def show_saved(self, durable: bool, anything: bool) -> None:
        """Say whether all that was done is on the disk.

        Parameters
        ----------
        durable : bool
            False while something is being written.
        anything : bool
            Whether the log holds anything yet.
        """
        text = tr("● saved") if durable else tr("○ saving")
        self.saved.setText(text if anything or not durable else "")
        restyle(self.saved, role="saved" if durable else "waiting")

    def show_copy_fault(self, sentence: str) -> None:
        """Say that no second copy of the log is being kept, and why (as a tool tip); empty: all is well."""
        self.copy_fault.setToolTip(sentence)
        self.copy_fault.setAccessibleDescription(sentence)
        self.copy_fault.setVisible(bool(sentence))

    def resizeEvent(self, event: object) -> None:
        self._fit()

    def _fit(self) -> None:
        """In a narrow window the last keys give way, except the help key, which names them all; so they do to a sentence."""
        pairs = widgets_in(self._keys)
        self._wide = self._said.isActive()
        kept = max(theme.px(230), self.readout.sizeHint().width() + theme.px(8) if self._wide else 0)
        room = self.width() - self.notice.sizeHint().width() - self.saved.sizeHint().width() - kept - theme.px(96)
        used = 0
        last = len(pairs) // 2 - 1
        help_width = sum(widget.sizeHint().width() + theme.px(10) for widget in pairs[2 * last :]) if pairs else 0
        for number in range(len(pairs) // 2):
            cap, words = pairs[2 * number], pairs[2 * number + 1]
            width = cap.sizeHint().width() + words.sizeHint().width() + theme.px(24)
            fits = number == last or used + width + help_width < room
            used += width if fits else 0
            cap.setVisible(fits)
            words.setVisible(fits)
