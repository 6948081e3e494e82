"""Pictures of the named situations of the reading room, each with the sentence that must be true of it.

    python -m tests.screens OUT [--scale 1.5]

writes OUT/NAME-WIDTHxHEIGHT.png and OUT/index.html, a sheet to be gone through by a person.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from html import escape
from pathlib import Path

os.environ["QT_QPA_PLATFORM"] = "offscreen"
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "ui"))
sys.path.insert(0, str(HERE.parent.parent))

SMALL, FULL, LARGE, PORTRAIT = (1280, 800), (1920, 1080), (2560, 1440), (2048, 2560)

#: What must be true of each picture.
SENTENCES: dict[str, str] = {
    "01-login": "Title, notice in amber, three pseudonyms, the first one chosen; nothing else.",
    "02-round": "Says what round 1 is, how many cases, that a validated case is locked; Begin has the focus.",
    "03-mammogram": "Right breast left, chest walls meet, no aid, both breasts unanswered, the button says what is missing.",
    "04-four": "4A, 4B and 4C of the right breast are lit and wait for a letter.",
    "05-typing": "A is chosen for the right breast; '6_' stands in the suspicion and waits for a digit.",
    "06-complete": "Both breasts answered, one finding linked over CC and MLO, the button is blue and says round 1.",
    "07-armed": "Amber button: Enter again locks; it repeats both answers; Esc goes back.",
    "08-help": "All keys in three columns, nothing clipped, images darkened.",
    "09-paused": "Nothing of the images can be seen; Continue is the main button; answers are kept.",
    "10-saving": "The mark in the corner is amber and says saving, not saved.",
    "11-round-finished": "Round 1 is finished, and the day on which round 2 opens.",
    "12-washout": "Opens on 2027-02-12, one button ends the session.",
    "13-round-aided": "Round 2 names the aid and says in plain words what it is.",
    "14-aided": "Aid card with word, number and threshold; heatmap and box; sealed earlier answer below each question.",
    "15-aid-off": "No box, no heatmap, no score anywhere; the card says that the aid is off.",
    "16-panel-left": "The same with the panel on the left.",
    "17-keys": "Two conflicting keys are named in amber and cannot be kept.",
    "18-log-fault": "Images covered, one sentence what is wrong and what to do, Try again.",
    "19-abvs": "Coronal large, transverse and sagittal beside it, crosshair, tabs of the scans, position line in the bar.",
    "19-ultrasound": "Grey-scale frames and the colour frame, clinical data in the panel.",
    "20-abvs-aided": "The aid in words and in the images.",
    "20-ultrasound-aided": "The aid in words and in the images.",
    "21-receipt": "Receipt with counts and a code that can be copied.",
    "22-sequential": "No aid yet; the button seals the answer and shows the aid.",
    "23-revealed": "The aid is there; the answer can be revised; the button locks the case.",
    "24-faults": "Each fault with its remedy in amber and its place.",
    "25-home-empty": "An empty list says what to do first.",
    "26-home": "Recent studies with Desk and Read; a lost one is said to be lost.",
}


class Album:
    """Takes the pictures."""

    def __init__(self, out: Path, scale: float) -> None:
        self.out, self.scale = out, scale
        self.pages: list[tuple[str, str]] = []
        out.mkdir(parents=True, exist_ok=True)

    def take(self, hands, name: str, sizes=(FULL,)) -> None:
        """Picture the window at each size."""
        from PySide6.QtWidgets import QApplication, QWidget

        window = hands if isinstance(hands, QWidget) else hands.window
        for width, height in sizes:
            window.resize(width, height)
            for _ in range(3):
                QApplication.processEvents()
            file = f"{name}-{width}x{height}.png"
            window.grab().save(str(self.out / file))
            self.pages.append((file, SENTENCES[name]))
        window.resize(*FULL)
        QApplication.processEvents()

    def write_sheet(self) -> None:
        """Write the page with all pictures and sentences."""
        rows = "".join(f'<figure><img src="{file}"><figcaption>{escape(text)}</figcaption></figure>' for file, text in self.pages)
        style = "body{background:#222;color:#ddd;font:15px sans-serif}img{max-width:100%}figure{margin:0 0 32px}"
        page = f"<!doctype html><meta charset=utf-8><title>Screens</title><style>{style}</style>{rows}"
        (self.out / "index.html").write_text(page, encoding="utf-8")


def phantom_images(modality: str, number: int):
    """Return the images of a phantom with a lesion."""
    from reader_app.imaging import phantoms

    if modality == "mammography":
        return list(phantoms.mammogram_exam(40 + number, True, normal=0.0).images)
    if modality == "abvs":
        return list(phantoms.abvs_volume(40 + number, True, scans=("AP", "LAT")).images)
    return list(phantoms.ultrasound_case(40 + number, True).images)


def situations(album: Album, folder: Path) -> None:
    """Walk through the reading room and picture it on the way."""
    from PySide6.QtCore import Qt
    from readingkit import CATEGORIES, SEQUENTIAL, SlowGate, make_study, reading

    from reader_app.clock import FrozenClock
    from reader_app.errors import LogUnavailable
    from reader_app.study.session import Phase
    from reader_app.ui.keys_window import KeysWindow

    every = (SMALL, FULL, LARGE, PORTRAIT)
    breasts = make_study(folder / "breast", ("mammography",), 3, level="breast", images=phantom_images, washout=28)
    mixed = make_study(folder / "mixed", ("abvs", "ultrasound"), 2, images=phantom_images)
    with reading(breasts.path, size=FULL) as hands:
        album.take(hands, "01-login", (SMALL, FULL))
        hands.log_in()
        album.take(hands, "02-round")
        hands.begin()
        album.take(
            hands,
            "03-mammogram",
            every,
        )
        hands.keys("4")
        album.take(hands, "04-four")
        hands.keys("A6")
        album.take(hands, "05-typing")
        hands.keys("2")
        hands.window.viewer.mark_placed.emit("RCC", (700.0, 800.0))
        hands.settle()
        hands.flow.answers._link = True
        hands.window.viewer.mark_placed.emit("RMLO", (620.0, 760.0))
        hands.settle()
        hands.keys("105")
        hands.panel.note.setPlainText("Irregular mass, upper outer.")
        hands.panel.note.flush()
        hands.settle()
        album.take(hands, "06-complete", every)
        hands.session.clock.advance(30)
        hands.key(Qt.Key.Key_Return)
        album.take(hands, "07-armed")
        hands.key(Qt.Key.Key_Escape)
        hands.keys("?")
        album.take(hands, "08-help", (SMALL, FULL))
        hands.keys("?")
        hands.keys("P")
        album.take(
            hands,
            "09-paused",
            (FULL, PORTRAIT),
        )
        hands.key(Qt.Key.Key_Return)
        gate = SlowGate(hands.flow.log)
        hands.flow.conductor._log = gate
        gate.close()
        hands.window.run("session.pause")
        album.take(hands, "10-saving")
        gate.open()
        hands.settle()
        hands.key(Qt.Key.Key_Return)
        hands.validate()
        hands.read_round(lambda case_id: "4A")
        album.take(hands, "11-round-finished")
        hands.key(Qt.Key.Key_Return)
        album.take(hands, "12-washout")
        hands.session.clock.advance(28 * 86400)
        hands.flow.refresh_between()
        hands.settle()
        album.take(hands, "13-round-aided")
        hands.begin()
        album.take(
            hands,
            "14-aided",
            every,
        )
        hands.keys("G")
        album.take(hands, "15-aid-off")
        hands.keys("G")
        hands.window.run("session.side")
        album.take(hands, "16-panel-left")
        hands.window.run("session.side")
        dialog = KeysWindow(hands.window)
        dialog._rebound("view.invert", "F")
        dialog.button_of("view.invert").show_key("F")
        dialog.show()
        album.take(dialog, "17-keys", ((680, 760),))
        dialog.close()
        gate.fail(LogUnavailable("R01.readlog: the disk is full; free some space, then try again"))
        hands.flow.conductor._log = gate
        hands.keys("2")
        album.take(hands, "18-log-fault")
    with reading(mixed.path, FrozenClock("2027-03-01T08:00:00.000Z"), size=FULL) as hands:
        hands.log_in("R02")
        hands.begin()
        for number in range(2):
            modality = hands.flow.loaded.case.modality
            album.take(hands, f"19-{modality}", every)
            hands.read("4A", "45")
            assert number == 0 or hands.page == "round-finished"
        hands.begin()
        while hands.state.phase is Phase.READING:
            album.take(hands, f"20-{hands.flow.loaded.case.modality}-aided", (SMALL, FULL))
            hands.read("4A", "45")
        hands.flow.end_session()
        hands.settle()
        album.take(hands, "21-receipt")
    sequential = make_study(folder / "sequential", ("ultrasound",), 1, rounds=SEQUENTIAL, images=phantom_images)
    with reading(sequential.path, size=FULL) as hands:
        hands.log_in()
        hands.begin()
        hands.answer("4A", "40")
        album.take(hands, "22-sequential")
        hands.keys("LL")
        album.take(hands, "23-revealed")
    broken = make_study(folder / "broken", ("ultrasound",), 2, images=phantom_images, categories=CATEGORIES)
    for container in (broken.path / "images").iterdir():
        (container / "container.json").write_text("{}", encoding="utf-8")
    with reading(broken.path, size=FULL) as hands:
        hands.log_in()
        hands.settle()
        album.take(hands, "24-faults", (SMALL, FULL))


def home(album: Album, folder: Path) -> None:
    """Picture the first window."""
    from reader_app.ui import recent
    from reader_app.ui.home_window import HomeWindow

    window = HomeWindow()
    window.show()
    album.take(window, "25-home-empty", ((1000, 680),))
    for name in ("mixed", "gone", "breast"):
        recent.note(folder / name)
    window.refresh()
    album.take(window, "26-home", ((1000, 680), FULL))
    window.close()
    window.deleteLater()


def main() -> int:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--scale", type=float, default=1.0, help="text size, 1.0 to 2.0")
    parser.add_argument("--language", default="en")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["READER_APP_HOME"] = str(Path(scratch) / "home")
        from reader_app.ui import language, theme
        from reader_app.ui.app import application

        application()
        theme.set_scale(options.scale)
        language.use(options.language)
        album = Album(options.out, options.scale)
        situations(album, Path(scratch))
        home(album, Path(scratch))
        album.write_sheet()
    print(f"{len(album.pages)} pictures in {options.out}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
