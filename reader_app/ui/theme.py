"""Colours, type and measures of both rooms, and the style sheets made from them.

The tokens are the only place where a colour or a size of the interface is written down; ``resources/style/*.qss`` name them as
``$token`` and the painted widgets ask :func:`colour` and :func:`px`. Sizes are given at 100 % text size; ``set_scale`` (before
the first window) makes everything larger together. The screen's own scale factor comes on top, from Qt.
"""

from __future__ import annotations

from functools import lru_cache
from string import Template

from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication

from reader_app import paths

#: Families in the order in which glyphs are looked for; all shipped in ``resources/fonts``.
FAMILIES: tuple[str, ...] = ("Reader Sans", "Reader Sans CJK")

COMMON: dict[str, str] = {
    "action": "#2f5fb3",
    "action_hover": "#3a6cc4",
    "chosen": "#4c82e0",
    "chosen_back": "#21324f",
    "malignant": "#e5534b",
    "malignant_text": "#f2a19c",
    "malignant_back": "#1f1416",
    "benign": "#4fa56b",
    "benign_text": "#8fcfa5",
    "benign_back": "#121c16",
    "mark": "#5aa9ff",
    "nipple": "#f0c04f",
    "saved": "#6fae7a",
    "attention": "#d9a441",
    "attention_back": "#211b10",
    "on_action": "#ffffff",
}
READING: dict[str, str] = {
    "background": "#0b0c0e",
    "raised": "#14161a",
    "field": "#1a1d22",
    "field_hover": "#20242b",
    "line": "#22262c",
    "line_strong": "#323842",
    "strong": "#e6e8eb",
    "normal": "#c9ccd1",
    "dim": "#7d838c",
    "track": "#2a2f36",
}
DESK: dict[str, str] = {
    "background": "#16181c",
    "raised": "#1b1e23",
    "field": "#22262c",
    "field_hover": "#2a2f37",
    "line": "#2a2e35",
    "line_strong": "#3a404a",
    "strong": "#f0f1f3",
    "normal": "#d3d6db",
    "dim": "#8b919a",
    "track": "#2a2e35",
}
ROOMS: dict[str, dict[str, str]] = {"reading": {**COMMON, **READING}, "desk": {**COMMON, **DESK}}

#: Base sizes in pixels at 100 %: text, small text, headings, radius.
SIZES: dict[str, int] = {"text": 15, "small": 13, "tiny": 12, "title": 19, "display": 26, "radius": 6}

_scale = 1.0


def set_scale(factor: float) -> None:
    """Set the text size (1.0 to 2.0); windows made afterwards follow it."""
    global _scale
    _scale = min(2.0, max(1.0, factor))
    stylesheet.cache_clear()


def scale() -> float:
    """Return the text size in force."""
    return _scale


def px(size: float) -> int:
    """Return a measure in device-independent pixels at the present text size."""
    return round(size * _scale)


def colour(token: str, room: str = "reading") -> QColor:
    """Return the colour of a token."""
    return QColor(ROOMS[room][token])


def font(size: str = "text", weight: QFont.Weight = QFont.Weight.Normal) -> QFont:
    """Return the program's font at one of :data:`SIZES`; its figures are tabular."""
    own = QFont()
    own.setFamilies(list(FAMILIES))
    own.setPixelSize(px(SIZES[size]))
    own.setWeight(weight)
    return own


@lru_cache(maxsize=8)
def stylesheet(room: str = "reading") -> str:
    """Return the style sheet of a room ("reading" or "desk"); set it on a top-level window."""
    values = dict(ROOMS[room])
    values |= {f"{name}_px": f"{px(size)}px" for name, size in SIZES.items()}
    values |= {f"s{step}": f"{px(step)}px" for step in (1, 2, 3, 4, 6, 8, 10, 12, 14, 16, 20, 24, 32, 40, 48, 64)}
    values["families"] = ", ".join(f'"{family}"' for family in FAMILIES)
    values["icons"] = paths.resource("icons").as_posix()
    parts = sorted(paths.resource("style").glob("*.qss"))
    return "\n".join(Template(part.read_text(encoding="utf-8")).substitute(values) for part in parts)


def load_fonts() -> None:
    """Register the shipped fonts, once for each program."""
    if FAMILIES[0] in QFontDatabase.families():
        return
    for file in sorted(paths.resource("fonts").glob("*.otf")):
        QFontDatabase.addApplicationFont(str(file))


def apply(application: QApplication) -> None:
    """Dress an application: fonts, a dark palette for what style sheets do not reach, the plain Fusion style."""
    load_fonts()
    if application.property("room") is not None:
        return  # dressing again would have every widget polished anew
    application.setProperty("room", "reading")
    application.setStyle("Fusion")
    application.setFont(font())
    palette = QPalette()
    dark = ROOMS["reading"]
    roles = {
        QPalette.ColorRole.Window: "background",
        QPalette.ColorRole.Base: "field",
        QPalette.ColorRole.AlternateBase: "raised",
        QPalette.ColorRole.Button: "field",
        QPalette.ColorRole.ToolTipBase: "raised",
        QPalette.ColorRole.WindowText: "normal",
        QPalette.ColorRole.Text: "strong",
        QPalette.ColorRole.ButtonText: "strong",
        QPalette.ColorRole.ToolTipText: "normal",
        QPalette.ColorRole.PlaceholderText: "dim",
        QPalette.ColorRole.Highlight: "action",
        QPalette.ColorRole.HighlightedText: "on_action",
        QPalette.ColorRole.Link: "chosen",
    }
    for role, token in roles.items():
        palette.setColor(role, QColor(dark[token]))
    application.setPalette(palette)
