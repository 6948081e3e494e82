"""Every command of the reading window, once: id, words, key, and when it is possible.

Menus, the bar of keys, the help sheet, the window for re-binding and the README's table are all made from :data:`COMMANDS`.
The window looks keys up here itself (no Qt shortcuts), so that a key held down, its true time and its refusal are handled in one
place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from PySide6.QtCore import QKeyCombination, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence

from reader_app.study import commands as ask

#: ``needs`` of commands that are possible at any time, or whenever images are on the screen.
ALWAYS = "always"
VIEWING = "viewing"


@dataclass(frozen=True, slots=True)
class KeyCommand:
    """One thing a reader can do.

    Attributes
    ----------
    id : str
        Stable name.
    text : str
        What it does, in a few words (English; translated where it is shown).
    key : str
        Default key in Qt's portable notation; empty for none.
    group : str
        Heading under which the help sheet lists it.
    needs : type, tuple of types or str
        The study command(s), one of which must be legal now; or :data:`ALWAYS` / :data:`VIEWING`.
    short : str
        Words for the bar of keys; empty: not in the bar.
    fixed : bool
        Whether the key cannot be re-bound (answers and their confirmation).
    repeats : bool
        Whether holding the key down repeats it; everything else happens once a press.
    also : tuple of str
        Further keys, not shown in the bar.
    """

    id: str
    text: str
    key: str
    group: str
    needs: type | tuple[type, ...] | str
    short: str = ""
    fixed: bool = False
    repeats: bool = False
    also: tuple[str, ...] = ()


ANSWER, AID, IMAGES, MARKS, SESSION = "Answer", "Aid", "Images", "Findings", "Session"
GROUPS: tuple[str, ...] = (ANSWER, AID, MARKS, IMAGES, SESSION)

COMMANDS: tuple[KeyCommand, ...] = (
    KeyCommand("answer.category", "BI-RADS 0 to 6; 4 then A, B or C", "0 … 6", ANSWER, ask.Assess, fixed=True),
    KeyCommand("answer.score", "Suspicion: type 0 to 100, then Enter", "S", ANSWER, ask.GiveScore, short="suspicion"),
    KeyCommand("answer.note", "Write a note (Esc leaves it)", "T", ANSWER, ask.WriteNote),
    KeyCommand("answer.copy", "Take over the earlier answer", "R", ANSWER, ask.Assess),
    KeyCommand("answer.next", "Next question", "Tab", ANSWER, ask.Assess, fixed=True),
    KeyCommand("answer.previous", "Previous question", "Shift+Tab", ANSWER, ask.Assess, fixed=True),
    KeyCommand("answer.validate", "Validate: Enter twice", "Return", ANSWER, ask.SubmitRead, fixed=True),
    KeyCommand("aid.toggle", "Aid on or off", "G", AID, (ask.HideAid, ask.ShowAid), short="aid on/off"),
    KeyCommand("aid.reveal", "Seal the answer and show the aid: twice", "L", AID, ask.RevealAid, short="seal, show aid"),
    KeyCommand("aid.accept", "Agree with the chosen finding of the aid", "V", AID, ask.JudgeAidFinding, short="agree"),
    KeyCommand("aid.reject", "Dismiss the chosen finding of the aid", "D", AID, ask.JudgeAidFinding, short="dismiss"),
    KeyCommand("aid.more", "Draw more of the heatmap", "E", AID, ask.AdjustAid, repeats=True),
    KeyCommand("aid.less", "Draw less of the heatmap", "Shift+E", AID, ask.AdjustAid, repeats=True),
    KeyCommand("aid.stronger", "Heatmap stronger", "O", AID, ask.AdjustAid, repeats=True),
    KeyCommand("aid.fainter", "Heatmap fainter", "Shift+O", AID, ask.AdjustAid, repeats=True),
    KeyCommand("view.next_finding", "Next finding of the aid", "N", AID, VIEWING, short="next finding"),
    KeyCommand("view.previous_finding", "Previous finding of the aid", "Shift+N", AID, VIEWING),
    KeyCommand("mark.place", "Mark a finding at the pointer", "M", MARKS, ask.PlaceMark, short="mark"),
    KeyCommand("mark.link", "The chosen finding, here too", "Shift+M", MARKS, ask.PlaceMark),
    KeyCommand("mark.remove", "Remove the chosen mark, or the last one", "Delete", MARKS, ask.RemoveMark, also=("Backspace",)),
    KeyCommand("mark.shape", "Next shape to mark: point, box, ellipse, outline", "Q", MARKS, ask.PlaceMark),
    KeyCommand("mark.score", "Suspicion of the chosen finding", "Shift+S", MARKS, ask.RemoveMark),
    KeyCommand("answer.undo", "Take back the last mark or verdict", "Ctrl+Z", MARKS, (ask.PlaceMark, ask.JudgeAidFinding)),
    KeyCommand("mark.hide", "Marks on or off", "H", MARKS, VIEWING),
    KeyCommand("view.next_step", "Next hanging step", "Space", IMAGES, VIEWING, short="next step"),
    KeyCommand("view.previous_step", "Previous hanging step", "Shift+Space", IMAGES, VIEWING),
    KeyCommand("view.invert", "Invert grey", "I", IMAGES, VIEWING, short="invert"),
    KeyCommand("view.fit", "Fit: all at one size; again: each to its pane", "F", IMAGES, VIEWING, short="fit"),
    KeyCommand("view.actual", "One image pixel to one screen pixel", "X", IMAGES, VIEWING, short="1:1"),
    KeyCommand("view.true_size", "True size", "U", IMAGES, VIEWING),
    KeyCommand("view.zoom_in", "Zoom in", "+", IMAGES, VIEWING, repeats=True, also=("=",)),
    KeyCommand("view.zoom_out", "Zoom out", "-", IMAGES, VIEWING, repeats=True),
    KeyCommand("view.preset_1", "First window preset", "F1", IMAGES, VIEWING),
    KeyCommand("view.preset_2", "Second window preset", "F2", IMAGES, VIEWING),
    KeyCommand("view.preset_3", "Third window preset", "F3", IMAGES, VIEWING),
    KeyCommand("view.reset", "Everything as first shown", "Home", IMAGES, VIEWING),
    KeyCommand("view.scroll_on", "Next slice", "Down", IMAGES, VIEWING, repeats=True),
    KeyCommand("view.scroll_back", "Previous slice", "Up", IMAGES, VIEWING, repeats=True),
    KeyCommand("view.page_on", "Ten slices on", "PgDown", IMAGES, VIEWING, repeats=True),
    KeyCommand("view.page_back", "Ten slices back", "PgUp", IMAGES, VIEWING, repeats=True),
    KeyCommand("view.next_scan", "Next scan position", "]", IMAGES, VIEWING),
    KeyCommand("view.previous_scan", "Previous scan position", "[", IMAGES, VIEWING),
    KeyCommand("view.slab", "Next slab thickness", "B", IMAGES, VIEWING),
    KeyCommand("view.slab_kind", "Slab of mean, minimum or maximum", "Shift+B", IMAGES, VIEWING),
    KeyCommand("view.cine", "Play or stop", "Y", IMAGES, VIEWING),
    KeyCommand("view.cine_faster", "Play faster", ".", IMAGES, VIEWING),
    KeyCommand("view.cine_slower", "Play slower", ",", IMAGES, VIEWING),
    KeyCommand("view.tool", "Next tool for the left button", "W", IMAGES, VIEWING),
    KeyCommand("session.pause", "Pause: covers the images", "P", SESSION, (ask.Pause, ask.Resume)),
    KeyCommand("session.help", "All keys", "?", SESSION, ALWAYS, short="all keys", also=("Shift+/",)),
    KeyCommand("session.keys", "Change keys", "F8", SESSION, ALWAYS),
    KeyCommand("session.settings", "This workstation", "F7", SESSION, ALWAYS),
    KeyCommand("session.side", "Panel to the other side", "F9", SESSION, ALWAYS),
    KeyCommand("session.screens", "Panel on a screen of its own", "F10", SESSION, ALWAYS),
    KeyCommand("session.fullscreen", "Full screen", "F11", SESSION, ALWAYS),
    KeyCommand("session.end", "End the session", "Ctrl+Q", SESSION, ALWAYS),
)
BY_ID: Mapping[str, KeyCommand] = {command.id: command for command in COMMANDS}

#: Keys with which answers are given; no command can be bound to them.
RESERVED: frozenset[str] = frozenset([*"0123456", "7", "8", "9", "Return", "Esc", "Tab", "Shift+Tab", "Left", "Right"])

#: How keys are written for people.
_SHOWN: Mapping[str, str] = {
    "Return": "Enter", "PgDown": "Page Down", "PgUp": "Page Up", "Up": "↑", "Down": "↓", "Left": "←", "Right": "→",
    "Del": "Delete",
}  # fmt: skip


def shown(key: str) -> str:
    """Return a key as it is written for people."""
    head, plus, last = key.rpartition("+")
    if not last:  # the key "+" itself
        return key
    return f"{head}{plus}{_SHOWN.get(last, last)}"


def key_of(event: QKeyEvent) -> str:
    """Return the key of an event in portable notation; digits and signs by what they type, whatever the keyboard layout."""
    text, modifiers = event.text(), event.modifiers()
    strong = modifiers & (
        Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.MetaModifier
    )
    if len(text) == 1 and text.isprintable() and not text.isalpha() and not text.isspace() and not strong:
        return text
    key = Qt.Key(event.key())
    if key == Qt.Key.Key_Enter:
        key = Qt.Key.Key_Return
    if key == Qt.Key.Key_Backtab:
        return "Shift+Tab"
    plain = modifiers & ~Qt.KeyboardModifier.KeypadModifier
    return QKeySequence(QKeyCombination(plain, key)).toString(QKeySequence.SequenceFormat.PortableText)


class Keymap:
    """Which key does what, with the reader's own choices.

    Parameters
    ----------
    own : mapping of str to str, optional
        Keys by command id that differ from the defaults. Unknown ids, reserved keys and fixed commands are ignored.
    """

    def __init__(self, own: Mapping[str, str] | None = None) -> None:
        chosen = {
            name: key for name, key in (own or {}).items() if name in BY_ID and not BY_ID[name].fixed and key not in RESERVED
        }
        self._keys = {command.id: chosen.get(command.id, command.key) for command in COMMANDS}
        self._by_key: dict[str, str] = {}
        for command in COMMANDS:
            keys = (self._keys[command.id], *(command.also if self._keys[command.id] == command.key else ()))
            for key in keys:
                self._by_key.setdefault(_canonical(key), command.id)

    def command(self, key: str) -> KeyCommand | None:
        """Return what a key does, or None."""
        name = self._by_key.get(_canonical(key))
        return None if name is None else BY_ID[name]

    def key(self, command_id: str) -> str:
        """Return the key of a command."""
        return self._keys[command_id]

    def shown(self, command_id: str) -> str:
        """Return the key of a command as written for people."""
        return shown(self._keys[command_id])

    def changes(self) -> dict[str, str]:
        """Return the keys that differ from the defaults."""
        return {name: key for name, key in self._keys.items() if key != BY_ID[name].key}


def _canonical(key: str) -> str:
    return {"Del": "Delete", "Enter": "Return", "Backtab": "Shift+Tab"}.get(key, key)


def conflicts(keys: Mapping[str, str]) -> dict[str, str]:
    """Return what is wrong with a set of keys.

    Parameters
    ----------
    keys : mapping of str to str
        The key of each command by id.

    Returns
    -------
    dict of str to str
        By command id: one sentence; empty when all is well.
    """
    faults: dict[str, str] = {}
    owners: dict[str, list[str]] = {}
    for name, key in keys.items():
        if key:
            owners.setdefault(_canonical(key), []).append(name)
    for key, names in owners.items():
        if len(names) > 1:
            for name in names:
                others = ", ".join(BY_ID[other].text for other in names if other != name)
                faults[name] = f"{shown(key)} also does: {others}"
    for name, key in keys.items():
        if key in RESERVED and not BY_ID[name].fixed:
            faults[name] = f"{shown(key)} is kept for answers"
    return faults


def enabled(command: KeyCommand, legal: Iterable[type], viewing: bool) -> bool:
    """Return whether a command is possible, given the legal study commands and whether images are on the screen."""
    if command.needs == ALWAYS:
        return True
    if command.needs == VIEWING:
        return viewing
    wanted = command.needs if isinstance(command.needs, tuple) else (command.needs,)
    return bool(set(wanted) & set(legal))


def markdown() -> str:
    """Return the table of keys for the README."""
    lines = ["| key | does | group |", "|---|---|---|"]
    lines += [f"| `{shown(command.key)}` | {command.text} | {command.group} |" for command in COMMANDS]
    return "\n".join(lines)
