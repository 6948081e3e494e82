"""What a reader may choose without touching the experiment: language, side of the panel, text size, keys, mouse.

One JSON file in the user's data folder, written whole and swapped in; a damaged file means the defaults. Nothing here can change
what is shown or timed.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field, fields

from reader_app import paths


@dataclass
class Preferences:
    """The choices of whoever sits at this workstation.

    Attributes
    ----------
    language : str
        "en", "zh" or "ko".
    panel_side : str
        "right" or "left".
    text_scale : float
        1.0 to 2.0.
    left_drag : str
        What dragging with the left button does on an image: "window", "pan" or "scroll".
    panel_screen : bool
        With two or more screens: the images on one, the panel on another.
    tour_seen : bool
        Whether the first-use tour has been shown.
    display_checked : dict of str to str
        When a reader last said that the display check can be seen in full on a screen, by `screens.identity`: another monitor on
        the same plug, another resolution or another scale has not been checked.
    image_screen : str
        Name of the screen on which the images belong; empty for any.
    second_copy : str
        Folder, best on another disk, in which a second copy of each log is kept while it is written; empty for none.
    pixels_per_mm : dict of str to float
        Device pixels per millimetre as measured in the display check, by name of the screen.
    keys : dict of str to str
        Keys that differ from the defaults, by command id.
    """

    language: str = "en"
    panel_side: str = "right"
    text_scale: float = 1.0
    left_drag: str = "window"
    panel_screen: bool = False
    tour_seen: bool = False
    display_checked: dict[str, str] = field(default_factory=dict)
    image_screen: str = ""
    second_copy: str = ""
    pixels_per_mm: dict[str, float] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)

    def save(self) -> None:
        """Write the choices; a failure to write is not worth stopping a reading for and is left for ``doctor`` to find."""
        file = paths.data_dir() / "preferences.json"
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            draft = file.with_suffix(".json.new")
            draft.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False), encoding="utf-8")
            os.replace(draft, file)
        except OSError:
            return


def load() -> Preferences:
    """Return the stored choices; whatever is absent, unknown or of the wrong kind takes its default."""
    try:
        stored = json.loads((paths.data_dir() / "preferences.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Preferences()
    own = Preferences()
    if not isinstance(stored, dict):
        return own
    for entry in fields(Preferences):
        value, default = stored.get(entry.name), getattr(own, entry.name)
        if isinstance(value, type(default)) or (isinstance(default, float) and isinstance(value, int)):
            setattr(own, entry.name, value)
    if own.panel_side not in ("left", "right"):
        own.panel_side = "right"
    own.text_scale = min(2.0, max(1.0, float(own.text_scale)))
    own.pixels_per_mm = {str(name): float(v) for name, v in own.pixels_per_mm.items() if isinstance(v, int | float)}
    own.display_checked = {str(name): str(day) for name, day in own.display_checked.items()}
    own.keys = {str(name): str(key) for name, key in own.keys.items()}
    return own
