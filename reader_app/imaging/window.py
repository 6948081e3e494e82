"""From stored values to grey levels: modality, VOI (window, sigmoid, table), presentation, padding; one look-up table per change.

The order is that of DICOM: stored value -> rescale -> VOI -> inversion of MONOCHROME1 -> the user's own inversion -> padding
painted black last, also when inverted. A table has one entry for every bit pattern of the stored type, so painting is one
``cv2.LUT``. The 8-bit result are P-values: equal steps are equally visible on a display calibrated to the GSDF.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

FUNCTIONS: tuple[str, ...] = ("linear", "linear_exact", "sigmoid", "lut", "identity")


@dataclass(frozen=True, eq=False)
class Preset:
    """One VOI transformation offered by the image.

    Attributes
    ----------
    name : str
        Explanation from the file ("NORMAL", "HARDER") or our own ("full range").
    function : str
        One of :data:`FUNCTIONS`. "linear" and "linear_exact" differ by half a step as in DICOM PS3.3 C.11.2.1.
    center, width : float
        Window in rescaled values; unused by "lut" and "identity".
    lut : ndarray of uint16 or None
        Table of a VOI LUT; its first entry belongs to ``lut_first``; values span 0 to 2**lut_bits - 1.
    lut_first : int or None
        Rescaled value of the table's first entry; smaller and larger values take the first and last entry.
    lut_bits : int
        Bits of the table's values.
    """

    name: str
    function: str = "linear"
    center: float = 0.0
    width: float = 1.0
    lut: NDArray[np.uint16] | None = None
    lut_first: int | None = None
    lut_bits: int = 16


@dataclass(frozen=True, eq=False)
class GreyScale:
    """Everything between a stored value and its brightness.

    Attributes
    ----------
    slope, intercept : float
        Rescaled value = stored * slope + intercept.
    invert : bool
        True for MONOCHROME1 (low values bright).
    presets : tuple of Preset
        The image's own, in file order; the first is the default. Never empty.
    bits : int
        Significant bits of the stored values.
    """

    slope: float = 1.0
    intercept: float = 0.0
    invert: bool = False
    presets: tuple[Preset, ...] = (Preset("full range", "identity"),)
    bits: int = 8

    def span(self) -> tuple[float, float]:
        """Return the lowest and highest rescaled value the stored bits can hold."""
        a = self.intercept
        b = self.intercept + self.slope * (2**self.bits - 1)
        return (a, b) if a <= b else (b, a)


def stored_values(dtype: DTypeLike) -> NDArray[np.float64]:
    """Return the stored value that each table entry stands for, read-only: entry i is the bit pattern i of the dtype."""
    return _stored_values(np.dtype(dtype).name)


@lru_cache(maxsize=3)
def _stored_values(kind: str) -> NDArray[np.float64]:
    if kind == "uint8":
        values = np.arange(256, dtype=np.float64)
    elif kind == "uint16":
        values = np.arange(65536, dtype=np.float64)
    elif kind == "int16":
        values = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.float64)
    else:
        raise ValueError(f"no look-up table for pixels of type {kind}")
    values.flags.writeable = False
    return values


def voi(values: NDArray[np.float64], preset: Preset, span: tuple[float, float]) -> NDArray[np.float64]:
    """Apply one VOI transformation; the result lies within 0 and 1.

    Parameters
    ----------
    values : ndarray
        Rescaled values.
    preset : Preset
        The transformation.
    span : tuple of float
        Lowest and highest possible rescaled value, for "identity".
    """
    x = values
    if preset.function == "lut":
        if preset.lut is None or preset.lut_first is None:
            raise ValueError("a preset of kind 'lut' needs its table and first value")
        place = np.clip(np.rint(x) - preset.lut_first, 0, len(preset.lut) - 1).astype(np.int64)
        return np.asarray(preset.lut[place].astype(np.float64) / (2**preset.lut_bits - 1)).clip(0.0, 1.0)
    if preset.function == "identity":
        low, high = span
        return _ramp(x, low, max(high - low, 1e-12), 0.0)
    c, w = preset.center, preset.width
    if preset.function == "sigmoid":
        return np.asarray(1.0 / (1.0 + np.exp(np.clip(-4.0 * (x - c) / w, -700.0, 700.0))))
    if preset.function == "linear_exact":
        return _ramp(x, c, w, 0.5)
    if preset.function == "linear":
        if w <= 1.0:  # DICOM: width 1 is a step at the centre
            return np.asarray(x > c - 0.5, dtype=np.float64)
        return _ramp(x, c - 0.5, w - 1.0, 0.5)
    raise ValueError(f"unknown VOI function {preset.function!r}")


def _ramp(x: NDArray[np.float64], start: float, width: float, lift: float) -> NDArray[np.float64]:
    """Return ``(x - start) / width + lift`` within 0 and 1, on one array: a drag of the window makes a table a frame."""
    y = x - start
    y /= width
    if lift:
        y += lift
    return np.clip(y, 0.0, 1.0, out=y)


def lookup_table(
    grey: GreyScale,
    preset: Preset | tuple[float, float] | None = None,
    invert: bool = False,
    padding: tuple[int, int] | None = None,
    dtype: DTypeLike = np.uint16,
    display: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Build the table from stored bit patterns to grey levels.

    Parameters
    ----------
    grey : GreyScale
        The image's grey-scale.
    preset : Preset, (center, width) or None
        None takes the first preset. A pair keeps the kind of the image's first window (a sigmoid stays a sigmoid while
        dragged); without any it is linear.
    invert : bool
        The user's inversion, on top of the image's own.
    padding : tuple of int or None
        Stored values, both inclusive, that are no image: black whatever the window and the inversion.
    dtype : dtype
        uint8, uint16 or int16, the stored type; a table for int16 is indexed by ``array.view(uint16)``.
    display : ndarray or None
        Calibration of the display: maps 0..len-1 P-values (256, 1024 ...) to driving levels of its own dtype. None = none.

    Returns
    -------
    ndarray, shape (256,) or (65536,), uint8 (or the dtype of ``display``)
    """
    if preset is None:
        preset = grey.presets[0]
    if isinstance(preset, tuple):
        kinds = [p.function for p in grey.presets if p.function in ("linear", "linear_exact", "sigmoid")]
        preset = Preset("own", kinds[0] if kinds else "linear", preset[0], max(preset[1], 1e-6))
    stored = stored_values(dtype)
    rescaled = stored if grey.slope == 1.0 and grey.intercept == 0.0 else stored * grey.slope + grey.intercept
    level = voi(rescaled, preset, grey.span())
    if grey.invert != invert:
        np.subtract(1.0, level, out=level)
    if padding is not None:
        low, high = min(padding), max(padding)
        level[(stored >= low) & (stored <= high)] = 0.0
    level *= 255.0 if display is None else len(display) - 1
    np.rint(level, out=level)
    if display is None:
        return np.asarray(level, dtype=np.uint8)
    return np.asarray(display[level.astype(np.uint16)])


def window_of(preset: Preset, grey: GreyScale) -> tuple[float, float]:
    """Return (center, width) where a drag starts: the preset's own, or one that spans its table or the whole range."""
    if preset.function in ("linear", "linear_exact", "sigmoid"):
        return preset.center, preset.width
    low, high = grey.span()
    if preset.lut is not None and preset.lut_first is not None:
        moving = np.flatnonzero(np.diff(preset.lut.astype(np.int64)))
        if len(moving):
            low, high = preset.lut_first + float(moving[0]), preset.lut_first + float(moving[-1]) + 1.0
    return (low + high) / 2.0, max(high - low, 1.0)


def automatic_window(
    array: NDArray[Any], padding: tuple[int, int] | None, slope: float = 1.0, intercept: float = 0.0, part: float = 0.001
) -> tuple[float, float]:
    """Return (center, width) that spans all but the given part of the pixels at each end, padding left out.

    Parameters
    ----------
    array : ndarray
        Stored values of any shape; a thinned sample is used.
    padding : tuple of int or None
        Stored values left out.
    slope, intercept : float
        Rescale, so that the window is in rescaled values.
    part : float
        Share of the pixels that may be clipped at either end.
    """
    step = max(1, int(np.sqrt(array.size / 400_000)))
    sample = np.asarray(array[..., ::step, ::step]).ravel()
    if padding is not None:
        kept = sample[(sample < min(padding)) | (sample > max(padding))]
        sample = kept if len(kept) else sample
    if not len(sample):
        return 0.5, 1.0
    low, high = (float(v) * slope + intercept for v in np.quantile(sample, (part, 1.0 - part)))
    low, high = min(low, high), max(low, high)
    return (low + high) / 2.0, max(high - low, 1.0)
