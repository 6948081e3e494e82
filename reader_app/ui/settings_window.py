"""What belongs to this workstation and not to the study: where a second copy of the log goes, which screen shows the images.

Nothing here changes what is shown or timed. It opens between cases only, and takes effect at the next log-in or at once, as said.
"""

from __future__ import annotations

import os
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QComboBox, QDialog, QFileDialog, QGridLayout, QWidget

from reader_app import paths
from reader_app.ui import screens, theme
from reader_app.ui.language import tr
from reader_app.ui.preferences import Preferences
from reader_app.ui.widgets import ElidedLabel, button, column, label, row, section

TEXT_SIZES = (100, 125, 150, 175, 200)


def folder_words(folder: str) -> str:
    """Return what is to be said of a folder for second copies: usable, on the same disk, or not there."""
    if not folder:
        return tr("None is kept beside the copy at the end of each session.")
    place = Path(folder)
    if not place.is_dir():
        return tr("This folder is not there now; plug in its disk.")
    if not os.access(place, os.W_OK):
        return tr("Nothing can be written into this folder.")
    own = next(folder for folder in (paths.data_dir(), *paths.data_dir().parents) if folder.exists())
    same = place.stat().st_dev == own.stat().st_dev
    return tr("It lies on the same disk as the program's data; a stick or a share is safer.") if same else tr("Ready.")


class SettingsWindow(QDialog):
    """Settings of the workstation.

    Parameters
    ----------
    parent : QWidget
    preferences : Preferences
        Changed and saved when the settings are kept.

    Signals
    -------
    kept : the settings were changed.
    """

    kept = Signal()

    def __init__(self, parent: QWidget, preferences: Preferences) -> None:
        super().__init__(parent)
        self._preferences = preferences
        self._folder = preferences.second_copy
        self.setWindowTitle(tr("This workstation"))
        self.setModal(True)
        self.resize(min(theme.px(640), parent.width()), theme.px(420))
        outer = column(self, margin=24, spacing=12)
        outer.addWidget(label(tr("This workstation"), "title"))
        outer.addWidget(section(tr("Second copy of the log")))
        sentence = tr("Kept at every pause and round end while you read. If its disk fails, reading goes on.")
        outer.addWidget(label(sentence, "dim", wrap=True))
        self.folder_label = ElidedLabel(role="bright")
        self.state_label = label(role="small", wrap=True)
        line = row(spacing=8)
        line.addWidget(self.folder_label, 1)
        line.addWidget(button(tr("Choose a folder…"), on_click=self.choose, name="choose"))
        self._none = button(tr("None"), on_click=lambda: self.use_folder(""), name="none")
        line.addWidget(self._none)
        outer.addLayout(line)
        outer.addWidget(self.state_label)
        outer.addSpacing(theme.px(8))
        outer.addWidget(section(tr("Screen and text")))
        grid = QGridLayout()
        grid.setHorizontalSpacing(theme.px(16))
        grid.setVerticalSpacing(theme.px(8))
        grid.setColumnStretch(1, 1)
        self.screen_box = QComboBox()
        self.screen_box.addItem(tr("Any screen"), "")
        for screen in QGuiApplication.screens():
            self.screen_box.addItem(screens.described(screen), screen.name())
        if preferences.image_screen and self.screen_box.findData(preferences.image_screen) < 0:
            self.screen_box.addItem(tr("{name} (not connected)", name=preferences.image_screen), preferences.image_screen)
        self.screen_box.setCurrentIndex(self.screen_box.findData(preferences.image_screen))
        self.size_box = QComboBox()
        for percent in TEXT_SIZES:
            self.size_box.addItem(f"{percent} %", percent)
        self.size_box.setCurrentIndex(max(0, self.size_box.findData(round(100 * preferences.text_scale))))
        for number, (words, box) in enumerate(
            ((tr("The images belong on"), self.screen_box), (tr("Text size, from the next start on"), self.size_box))
        ):
            name = label(words)
            name.setBuddy(box)
            grid.addWidget(name, number, 0)
            grid.addWidget(box, number, 1)
        outer.addLayout(grid)
        outer.addStretch(1)
        foot = row(spacing=12)
        foot.addStretch(1)
        foot.addWidget(button(tr("Cancel"), on_click=self.reject, name="cancel"))
        keep = button(tr("Keep"), "main", on_click=self.keep, name="keep")
        keep.setAutoDefault(True)
        keep.setDefault(True)
        foot.addWidget(keep)
        outer.addLayout(foot)
        self.use_folder(self._folder)

    def choose(self) -> None:
        """Ask for the folder of the second copies."""
        chosen = QFileDialog.getExistingDirectory(self, tr("Folder for second copies of the logs"), self._folder)
        if chosen:
            self.use_folder(chosen)

    def use_folder(self, folder: str) -> None:
        """Show a folder and what is to be said of it; it counts once the settings are kept."""
        self._folder = folder
        self.folder_label.setText(folder or tr("None"))
        self.state_label.setText(folder_words(folder))
        self._none.setEnabled(bool(folder))

    def keep(self) -> None:
        """Save the settings."""
        own = self._preferences
        own.second_copy = self._folder
        own.image_screen = str(self.screen_box.currentData())
        own.text_scale = self.size_box.currentData() / 100
        own.save()
        self.kept.emit()
        self.accept()
