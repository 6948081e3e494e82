"""The steps of a hanging protocol as the mammography view walks through them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from reader_app.imaging import hanging
from reader_app.imaging.hanging import HangingProtocol
from reader_app.ui.language import tr

GAP = 1  # logical pixels between panes


@dataclass(frozen=True, slots=True)
class Cell:
    """One pane of a step: its name and the cells of the grid it covers."""

    name: str
    row: int = 0
    column: int = 0
    rows: int = 1
    columns: int = 1


@dataclass(frozen=True, slots=True)
class Step:
    """One arrangement.

    Attributes
    ----------
    title : str
        As shown to the reader.
    cells : tuple of Cell
        Its panes in reading order.
    scale : str
        "same_size" (one scale in mm for all), "fit" (each by itself), "true_size", or "actual_pixels": the breast is walked
        through in tiles at 1:1.
    strip : tuple of str
        Extra views offered below the panes.
    """

    title: str
    cells: tuple[Cell, ...]
    scale: str = "same_size"
    strip: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Pane names in reading order."""
        return tuple(cell.name for cell in self.cells)

    @property
    def tiles(self) -> bool:
        """Whether it is read in tiles."""
        return self.scale == "actual_pixels"

    def places(self, width: int, height: int) -> dict[str, tuple[int, int, int, int]]:
        """Return left, top, width and height of each pane within an area."""
        rows = max(cell.row + cell.rows for cell in self.cells)
        columns = max(cell.column + cell.columns for cell in self.cells)
        found = {}
        for cell in self.cells:
            left, right = cut(width, cell.column, columns)[0], cut(width, cell.column + cell.columns - 1, columns)[1]
            top, bottom = cut(height, cell.row, rows)[0], cut(height, cell.row + cell.rows - 1, rows)[1]
            found[cell.name] = (left, top, max(1, right - left), max(1, bottom - top))
        return found


def cut(length: int, number: int, count: int) -> tuple[int, int]:
    """Return start and stop of one of ``count`` parts of a length with a gap between them."""
    room = length - GAP * (count - 1)
    return number * room // count + number * GAP, (number + 1) * room // count + number * GAP


def words(name: str) -> str:
    """Return a pane's name as written on it: "R CC"."""
    return f"{name[0]} {name[1:]}" if name[:1] in ("R", "L") else name


@lru_cache(maxsize=1)
def standard() -> HangingProtocol:
    """Return the program's own protocol for four views."""
    return hanging.standard("mammography")


def steps_for(
    protocol: HangingProtocol, images: Sequence[Any], show_priors: bool, extras: Sequence[tuple[str, str]] = ()
) -> tuple[Step, ...]:
    """Return the steps for the images of a case.

    Parameters
    ----------
    extras : sequence of (str, str)
        Image id and words of the views that have no place in the grid: a strip below the first step, and after the steps with
        whole images one step each.
    """
    whole: list[Step] = []
    tiled: list[Step] = []
    for step in protocol.steps_for(images, show_priors):
        cells = tuple(Cell(pane_name(p.image), p.row, p.column, p.rows, p.columns) for p in step.panes)
        if step.scale != "actual_pixels":
            whole.append(Step(title_words(step.name), cells, step.scale))
        elif not tiled or tiled[-1].cells[0].name != cells[0].name:  # halves of one image are one walk through its tiles
            tiled.append(Step(f"{words(cells[0].name)} 1:1", cells[:1], step.scale))
    if whole:
        whole[0] = replace(whole[0], strip=tuple(name for name, _ in extras))
    whole += [Step(title, (Cell(name),), "fit") for name, title in extras]
    return (*whole, *tiled)


def title_words(name: str) -> str:
    """Return the name of a step of the program's own protocol in the reader's language; a study's own words as they are."""
    known = {
        "four views": tr("four views"),
        "CC": tr("CC"),
        "MLO": tr("MLO"),
        "current and prior, CC": tr("current and prior, CC"),
        "current and prior, MLO": tr("current and prior, MLO"),
    }
    return known.get(name, name)


def pane_name(image: str) -> str:
    """Return the name of the pane for an image of a protocol: "RCC", or "RCC prior" for "RCC@prior"."""
    name, _, role = image.partition("@")
    return f"{name} {role}".strip()


def age(image: Any) -> str:
    """Return how long before the current exam a prior was made, in words; never a date."""
    if image.role != "prior" or image.exam_days is None:
        return tr("prior") if image.role == "prior" else ""
    days = abs(int(image.exam_days))
    if days >= 365:
        return tr("prior, {years} years before", years=f"{days / 365.25:.1f}")
    return tr("prior, {days} days before", days=days)


def extra_words(image: Any) -> str:
    """Return what an extra view is, in words."""
    return " · ".join(w for w in (words(f"{image.laterality}{image.view}"), title_words_of(image), age(image)) if w)


def title_words_of(image: Any) -> str:
    """Return what distinguishes an image, as the import wrote it in English, in the reader's language."""
    known = {
        "spot compression": tr("spot compression"),
        "magnification": tr("magnification"),
        "implant displaced": tr("implant displaced"),
        "partial view": tr("partial view"),
        "synthetic 2-D": tr("synthetic 2-D"),
        "cleavage": tr("cleavage"),
        "axillary tail": tr("axillary tail"),
        "rolled lateral": tr("rolled lateral"),
        "rolled medial": tr("rolled medial"),
        "rolled inferior": tr("rolled inferior"),
        "rolled superior": tr("rolled superior"),
        "tangential": tr("tangential"),
        "nipple in profile": tr("nipple in profile"),
        "anterior compression": tr("anterior compression"),
        "infra-mammary fold": tr("infra-mammary fold"),
        "axillary tissue": tr("axillary tissue"),
    }
    return ", ".join(known.get(word, word) for word in image.title.split(", ") if word)
