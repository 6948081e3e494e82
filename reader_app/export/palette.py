"""Colours of charts and figures, the same everywhere; told apart by the colour-blind and in grey."""

from __future__ import annotations

from collections.abc import Sequence

#: Colours (RRGGBB) of conditions and rounds in their order; the first is grey, mostly "unaided".
CONDITION_COLORS: tuple[str, ...] = ("7D838C", "2F5FB3", "C8661B", "2A8C6E", "8A4FA3", "B2A03C")
MODEL_COLOR = "1B1E23"

#: BI-RADS from cool to warm and from light to dark: stacked categories keep their order without colour.
CATEGORY_COLORS: dict[str, str] = {
    "0": "B8BDC6", "1": "DCE6EF", "2": "B9D2E4", "3": "8FB8D6", "4": "F3D6A2", "4A": "F3D6A2", "4B": "E5A45C", "4C": "CB6B2F",
    "5": "9A3B1C", "6": "5E1F10",
}  # fmt: skip


def colors(conditions: Sequence[str]) -> dict[str, str]:
    """Return a colour for each condition, the same in every chart; a model is nearly black."""
    own = [name for name in conditions if name != "model"]
    return {name: CONDITION_COLORS[place % len(CONDITION_COLORS)] for place, name in enumerate(own)} | {"model": MODEL_COLOR}
