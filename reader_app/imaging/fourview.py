"""Which mammograms of a case fill the four panes; everything else goes to the strip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from reader_app.imaging.mammogram import GRID, View


@dataclass
class Candidate:
    """One image on offer for a case."""

    key: Any
    view: View
    order: int
    role: str = "current"
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Choice:
    """Which images fill the panes and what is missing.

    Attributes
    ----------
    grid : dict
        (role, pane name) -> candidate.
    strip : tuple of Candidate
        All others, in order.
    faults : tuple of str
        What is missing or not fit to be read.
    notes : tuple of str
        Which choices were made.
    """

    grid: dict[tuple[str, str], Candidate]
    strip: tuple[Candidate, ...]
    faults: tuple[str, ...]
    notes: tuple[str, ...]


def choose(candidates: Sequence[Candidate], prior_roles: Sequence[str] = (), required: Sequence[str] = GRID) -> Choice:
    """Pick one image for each pane: FOR PRESENTATION before raw, acquired before synthetic, latest acquisition first.

    Everything else of the exam goes to the strip. The choice depends on nothing but the images (not on their order on disk).
    Without a view of ``required`` the exam is incomplete.
    """
    grid: dict[tuple[str, str], Candidate] = {}
    strip: list[Candidate] = []
    faults: list[str] = []
    notes: list[str] = []
    for role in ("current", *prior_roles):
        for pane in GRID:
            fit = [c for c in candidates if c.role == role and c.view.name == pane and c.view.fits_grid]
            fit.sort(key=lambda c: (c.view.raw, c.view.synthetic, _later_first(c.view.time), c.order))
            if not fit:
                if role == "current" and pane in required:
                    other = [c for c in candidates if c.role == role and c.view.name == pane]
                    words = f" (only {', '.join(c.view.title or 'unfit views' for c in other)})" if other else ""
                    faults.append(f"view {pane} is missing{words}")
                continue
            if fit[0].view.raw:
                faults.append(f"view {pane} is there only FOR PROCESSING (raw); export the FOR PRESENTATION image")
            grid[role, pane] = fit[0]
            rest = fit[1:]
            if rest:
                notes.append(
                    f"{pane} ({role}): {len(fit)} images; taken the one {_why(fit[0], rest[0])}, the others are in the strip"
                )
            strip += [c for c in rest if not (c.view.raw and not fit[0].view.raw)]
    taken = {id(c) for c in grid.values()} | {id(c) for c in strip}
    panes = {c.view.name for c in grid.values()}
    strip += [c for c in candidates if id(c) not in taken and not (c.view.raw and c.view.fits_grid and c.view.name in panes)]
    strip.sort(key=lambda c: (c.role, c.view.name, c.order))
    return Choice(grid, tuple(strip), tuple(faults), tuple(notes))


def _later_first(time: str) -> tuple[int, ...]:
    return tuple(-ord(c) for c in time.ljust(16, "0"))


def _why(first: Candidate, second: Candidate) -> str:
    if first.view.raw != second.view.raw:
        return "made for presentation"
    if first.view.synthetic != second.view.synthetic:
        return "that was acquired, not computed"
    return "acquired last" if first.view.time != second.view.time else "that comes first by name"
