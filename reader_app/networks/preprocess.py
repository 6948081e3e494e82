"""From a case container to the grey planes a network judges, and the way back to image index.

Every plane is resampled to a stated pixel size by area means. Plane pixel i of an axis lies at image index
``(i + 0.5) * factor - 0.5`` with ``factor`` = image pixels per plane pixel.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from reader_app.imaging.container import NewImage, OpenCase

#: Changes whenever the same container would give other planes.
VERSION = "1"

Float = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Working:
    """How planes of one modality are made.

    Attributes
    ----------
    mm : float
        Pixel size; 0: the whole image is resized to one window, whatever its scale.
    window : int
        Pixels a side of a window.
    slice_mm : float
        Distance between judged slices of a volume.
    """

    mm: float
    window: int
    slice_mm: float = 0.0


#: Defaults by modality; a bundle's manifest states its own.
WORKING: dict[str, Working] = {
    "ultrasound": Working(mm=0.35, window=96),
    "mammography": Working(mm=0.42, window=96),
    "abvs": Working(mm=0.35, window=96, slice_mm=1.5),
}


def working_for(backbone: str) -> dict[str, Working]:
    """Return the planes a backbone is trained on: the small trunk's windows, or the same field in the paper's 224 pixels."""
    if backbone.startswith("small"):
        return dict(WORKING)
    return {m: Working(w.mm * w.window / 224, 224, w.slice_mm) for m, w in WORKING.items()}


#: Width assumed for an ultrasound image without a scale, in millimetres (a linear probe's footprint).
ASSUMED_WIDTH_MM = 45.0


@dataclass(frozen=True, eq=False)
class Plane:
    """One grey plane ready for a network.

    Attributes
    ----------
    image_id : str
        Image or volume it was taken from.
    slice_index : int or None
        Of a volume.
    pixels : float32 array, (rows, columns)
        Standardised grey values; 0 is the mean of tissue.
    factor : tuple of float
        Image pixels per plane pixel, (row, column).
    inside : bool array or None
        Where the tissue is (mammography), at plane resolution.
    origin : tuple of float
        Image pixels above and left of the plane, where it is a crop.
    """

    image_id: str
    slice_index: int | None
    pixels: Float
    factor: tuple[float, float]
    inside: NDArray[np.bool_] | None = None
    origin: tuple[float, float] = (0.0, 0.0)

    def to_image(self, row: float, column: float) -> tuple[float, float]:
        """Return the image index (row, column) of a plane pixel."""
        return self.origin[0] + (row + 0.5) * self.factor[0] - 0.5, self.origin[1] + (column + 0.5) * self.factor[1] - 0.5


def _shrink(pixels: NDArray[Any], spacing: tuple[float, float], mm: float) -> tuple[Float, tuple[float, float]]:
    rows, columns = pixels.shape
    size = (max(8, round(rows * spacing[0] / mm)), max(8, round(columns * spacing[1] / mm)))
    grows = size[0] > rows or size[1] > columns
    how = cv2.INTER_LINEAR if grows else cv2.INTER_AREA
    small = cv2.resize(np.asarray(pixels, np.float32), (size[1], size[0]), interpolation=how)
    return np.asarray(small, np.float32), (rows / size[0], columns / size[1])


def ultrasound_grey(pixels: Float) -> Float:
    """Standardise 8-bit ultrasound values."""
    return np.asarray((pixels / 255 - 0.45) / 0.2, np.float32)


def mammogram_grey(pixels: Float) -> tuple[Float, NDArray[np.bool_]]:
    """Standardise a view by the 5th and 95th percentile of the breast; return it and where the breast is.

    The breast is the larger side of the triangle threshold of the histogram; background becomes 0.
    """
    top = float(pixels.max())
    if top <= 0:
        return np.zeros_like(pixels), np.zeros(pixels.shape, np.bool_)
    eight = np.asarray(np.clip(pixels / top * 255, 0, 255), np.uint8)
    level, _ = cv2.threshold(eight, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_TRIANGLE)
    mask = (eight > min(level, 40)).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    if count > 1:
        mask = (labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))).astype(np.uint8)
    inside = mask > 0
    if inside.sum() < 64:
        return np.zeros_like(pixels), inside
    low, high = np.percentile(pixels[inside], (5, 95))
    grey = (pixels - low) / max(float(high - low), 1e-6)
    grey = np.clip((grey - 0.45) / 0.35, -2.5, 4.0)
    return np.asarray(np.where(inside, grey, 0), np.float32), inside


def whole_image(pixels: NDArray[Any], window: int) -> Float:
    """Resize a whole image to a square window (area means when it shrinks)."""
    shrinks = pixels.shape[0] >= window and pixels.shape[1] >= window
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(np.asarray(pixels, np.float32), (window, window), interpolation=how), np.float32)


def _grey_pixels(image: NewImage) -> NDArray[Any]:
    array = image.array
    if array.ndim == 3 and image.kind == "image":
        return cv2.cvtColor(np.ascontiguousarray(array), cv2.COLOR_RGB2GRAY)
    return array


def _invert(pixels: Float, image: NewImage) -> Float:
    if image.grey is not None and image.grey.invert:
        return np.asarray(pixels.max() - pixels, np.float32)
    return pixels


def planes_of_image(image: NewImage, modality: str, working: Working) -> Iterator[Plane]:
    """Yield the planes of one image: one for an image, every ``slice_mm`` for a volume or cine."""
    if modality == "ultrasound":
        for number, grey in _pictures(image):
            yield _ultrasound_plane(image, grey, number, working)
    elif modality == "mammography":
        spacing = image.spacing_mm or (180.0 / image.array.shape[1],) * 2
        pixels, factor = _shrink(_grey_pixels(image), (spacing[0], spacing[1]), working.mm)
        padding = image.padding
        pixels = _invert(pixels, image)
        if padding is not None and image.grey is not None and image.grey.invert:
            outside, _ = _shrink(
                (image.array >= min(padding)) & (image.array <= max(padding)), (spacing[0], spacing[1]), working.mm
            )
            pixels = np.asarray(np.where(outside > 0.5, 0, pixels), np.float32)
        grey, inside = mammogram_grey(pixels)
        yield Plane(image.id, None, grey, factor, inside)
    else:
        spacing3 = image.spacing_mm or (1.0, 0.3, 0.3)
        step = max(1, round(working.slice_mm / spacing3[0])) if working.slice_mm else 1
        for index in range(step // 2, image.array.shape[0], step):
            pixels, factor = _shrink(image.array[index], (spacing3[1], spacing3[2]), working.mm)
            yield Plane(image.id, index, ultrasound_grey(pixels), factor)


def _pictures(image: NewImage) -> Iterator[tuple[int | None, NDArray[Any]]]:
    if image.kind != "cine":
        yield None, _grey_pixels(image)
        return
    for number in np.unique(np.linspace(0, len(image.array) - 1, 8).round().astype(int)):
        yield int(number), np.asarray(image.array[number])


def ultrasound_pictures(image: NewImage) -> Iterator[tuple[int | None, Float]]:
    """Yield the grey pictures (rows, columns) of an ultrasound image: itself, or eight frames of a cine with their numbers."""
    for number, pixels in _pictures(image):
        grey = cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY) if pixels.ndim == 3 else pixels
        yield number, _invert(np.asarray(grey, np.float32), image)


def _ultrasound_plane(image: NewImage, pixels: NDArray[Any], number: int | None, working: Working) -> Plane:
    if pixels.ndim == 3:
        pixels = cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY)
    if not working.mm:
        rows, columns = pixels.shape
        small = whole_image(pixels, working.window)
        factor = (rows / working.window, columns / working.window)
        return Plane(image.id, number, ultrasound_grey(_invert(small, image)), factor)
    spacing = image.spacing_mm[-2:] if image.spacing_mm else (ASSUMED_WIDTH_MM / pixels.shape[1],) * 2
    small, factor = _shrink(pixels, (float(spacing[0]), float(spacing[1])), working.mm)
    return Plane(image.id, number, ultrasound_grey(_invert(small, image)), factor)


def judged_images(case: OpenCase) -> list[NewImage]:
    """Return the images a network judges: current ones of the grid, without colour Doppler."""
    chosen = [i for i in case.images if i.role == "current" and i.grid and i.view != "DOPPLER"]
    return list(chosen or [i for i in case.images if i.role == "current" and i.view != "DOPPLER"])


#: Least side of an ultrasound picture in pixels.
LEAST_SIDE = 64


def _grey(picture: NDArray[Any]) -> dict[str, float]:
    """Return mean and deviation of a picture without the zeros that fill it up on the right and below."""
    rows, columns = np.flatnonzero(picture.any(1)), np.flatnonzero(picture.any(0))
    part = picture[: rows[-1] + 1, : columns[-1] + 1] if len(rows) else picture
    return {"mean": float(part.mean()), "std": float(part.std())}


def grey_range(pictures: Iterable[NDArray[Any]]) -> dict[str, list[float]]:
    """Return the range of the mean and of the deviation of 8-bit pictures, half as wide again on both sides."""
    found = [_grey(p) for p in pictures]
    out = {}
    for name in ("mean", "std"):
        low, high = min(f[name] for f in found), max(f[name] for f in found)
        spare = 0.5 * max(high - low, 40.0)
        out[name] = [low - spare, high + spare]
    return out


def unlike(picture: NDArray[Any], shape: tuple[int, int], known: Mapping[str, Sequence[float]]) -> str:
    """Return why a picture is not what a model was made for (size, grey values), else "".

    Parameters
    ----------
    picture : array
        As the model takes it, 8 bit.
    shape : tuple of int
        Rows and columns of the image it was made from.
    known : mapping
        From :func:`grey_range`; empty: nothing is asked of the grey values.
    """
    if min(shape) < LEAST_SIDE:
        return f"an image of {shape[0]} x {shape[1]} pixels is too small to judge"
    for name, value in _grey(picture).items():
        low, high = known.get(name, (-np.inf, np.inf))
        if not low <= value <= high:
            word = "mean grey value" if name == "mean" else "spread of the grey values"
            return f"the {word} of an image, {value:.0f}, lies outside {max(low, 0):.0f} to {high:.0f}"
    return ""


def clinical_age(clinical: Mapping[str, str]) -> float | None:
    """Return the age in years, or None when it is missing or no number."""
    try:
        age = float(str(clinical.get("age", "")).strip())
    except ValueError:
        return None
    return age if 0 < age < 120 else None
