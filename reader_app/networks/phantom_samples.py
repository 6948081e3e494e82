"""Crops of phantoms to train a classifier on: lesions off the middle of a window, and windows without a lesion.

Made through the same planes as inference uses, so that a network meets nothing in a study that it did not meet in training.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reader_app.imaging import phantom_mg, phantoms
from reader_app.networks.preprocess import Plane, Working, planes_of_image

Float = NDArray[np.float32]

#: What a crop is; the kinds are weighted alike in training.
BACKGROUND, LESION = 0, 1


@dataclass(frozen=True, eq=False)
class Samples:
    """Crops of one modality.

    Attributes
    ----------
    modality : str
        One of the three.
    pixels : float16 array, (n, window, window)
        Standardised grey values.
    malignant, high : uint8 array, (n,)
        Labels for DLR_BM and DLR_LH (BI-RADS-like category 4 or 5).
    kind : uint8 array, (n,)
        :data:`LESION` or :data:`BACKGROUND`.
    age : float32 array, (n,)
        Years.
    group : int64 array, (n,)
        The case (patient) of each crop; splits keep groups together.
    """

    modality: str
    pixels: NDArray[np.float16]
    malignant: NDArray[np.uint8]
    high: NDArray[np.uint8]
    kind: NDArray[np.uint8]
    age: Float
    group: NDArray[np.int64]


def crop(plane: Float, row: float, column: float, window: int) -> Float:
    """Return the window around a place, shifted to stay inside the plane; smaller planes are padded with 0."""
    rows, columns = plane.shape
    if rows < window or columns < window:
        plane = np.pad(plane, ((0, max(0, window - rows)), (0, max(0, window - columns))))
        rows, columns = plane.shape
    top = int(np.clip(round(row - window / 2), 0, rows - window))
    left = int(np.clip(round(column - window / 2), 0, columns - window))
    return plane[top : top + window, left : left + window]


def make_case(modality: str, seed: int) -> phantoms.PhantomCase:
    """Make a training phantom: like the demo's, at a size that costs less."""
    if modality == "mammography":
        lesions = phantom_mg.draw_breast(seed, None, normal=0.15).lesions
        side = lesions[0].side if lesions else "RL"[seed % 2]
        return phantoms.mammogram_exam(seed, pixel_mm=0.30, normal=0.15, views=(f"{side}CC", f"{side}MLO"))
    if modality == "abvs":
        return phantoms.abvs_volume(seed, shape=(64, 128, 144))
    return phantoms.ultrasound_case(seed, frames=1, doppler=False)


def of_case(modality: str, seed: int, working: Working) -> list[tuple[Float, int, int, int, float]]:
    """Return the crops of one phantom: (pixels, malignant, high, kind, age)."""
    rng = np.random.default_rng([seed, 31])
    case = make_case(modality, seed)
    age, window = float(case.clinical["age"]), working.window
    high = int(case.category not in ("2", "3"))
    out: list[tuple[Float, int, int, int, float]] = []
    for image in case.images:
        lesions = [lesion for lesion in case.lesions if lesion.image_id == image.id]
        planes = list(planes_of_image(image, modality, working))
        chosen = planes
        if modality == "abvs":
            depth = [p for p in planes if p.slice_index is not None]
            centre, half = lesions[0].centre[0], (lesions[0].stop[0] - lesions[0].start[0]) / 2
            near = [p for p in depth if abs((p.slice_index or 0) - centre) < 0.6 * half]
            far = [p for p in depth if abs((p.slice_index or 0) - centre) > 1.2 * half]
            chosen = [near[int(rng.integers(len(near)))]] if near else []
            out += [(_background(rng, p, (), window), 0, 0, BACKGROUND, age) for p in rng.permutation(np.array(far, object))[:2]]
        for plane in chosen:
            places = [_place(plane, lesion.centre[-2:]) for lesion in lesions]
            for row, column in places:
                shift = rng.uniform(-0.22, 0.22, 2) * window
                out.append((crop(plane.pixels, row + shift[0], column + shift[1], window), int(case.truth), high, LESION, age))
            if modality == "mammography":
                found = _background(rng, plane, places, window)
                if found.size:
                    out.append((found, 0, 0, BACKGROUND, age))
    return out


def _place(plane: Plane, centre: Sequence[float]) -> tuple[float, float]:
    return (centre[0] + 0.5) / plane.factor[0] - 0.5, (centre[1] + 0.5) / plane.factor[1] - 0.5


def _background(rng: np.random.Generator, plane: Plane, places: Sequence[tuple[float, float]], window: int) -> Float:
    """Return a window that stays clear of every lesion, an empty array when none was found."""
    rows, columns = plane.pixels.shape
    for _ in range(30):
        row, column = rng.uniform(0, rows), rng.uniform(0, columns)
        if plane.inside is not None and not plane.inside[int(row), int(column)]:
            continue
        top = np.clip(row, window / 2, max(window / 2, rows - window / 2))
        left = np.clip(column, window / 2, max(window / 2, columns - window / 2))
        if all(max(abs(top - r), abs(left - c)) > 0.75 * window for r, c in places):
            return crop(plane.pixels, row, column, window)
    return np.zeros((0, 0), np.float32)


def make(modality: str, seeds: Sequence[int], working: Working, progress: Callable[[int, int], None] | None = None) -> Samples:
    """Make the crops of many phantoms.

    Parameters
    ----------
    modality : str
        "mammography", "abvs" or "ultrasound".
    seeds : sequence of int
        One phantom each.
    working : Working
        Pixel size and window.
    progress : callable, optional
        Told (done, total).
    """
    rows: list[tuple[Float, int, int, int, float]] = []
    group: list[int] = []
    for number, seed in enumerate(seeds):
        found = of_case(modality, seed, working)
        rows += found
        group += [seed] * len(found)
        if progress is not None:
            progress(number + 1, len(seeds))
    return Samples(
        modality,
        np.stack([r[0] for r in rows]).astype(np.float16),
        np.array([r[1] for r in rows], np.uint8),
        np.array([r[2] for r in rows], np.uint8),
        np.array([r[3] for r in rows], np.uint8),
        np.array([r[4] for r in rows], np.float32),
        np.array(group, np.int64),
    )
