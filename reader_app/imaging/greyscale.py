"""The grey-scale of an image as its DICOM header states it, made sound: presets, inversion, padding. Runs in a worker process."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reader_app.imaging.window import GreyScale, Preset, automatic_window

_SHIFT = 32768


def from_dataset(ds: Any, array: NDArray[Any]) -> tuple[NDArray[Any], GreyScale, tuple[int, int] | None, list[str]]:
    """Return pixels as unsigned integers, their grey-scale, the padding range and notes on what was mended.

    Parameters
    ----------
    ds : pydicom.Dataset
        Header of a grey image.
    array : ndarray of uint8, uint16 or int16
        Stored values; int16 is shifted to uint16 and the rescale with it, so that all later code sees unsigned pixels.
    """
    notes: list[str] = []
    slope, intercept = _number(ds.get("RescaleSlope"), 1.0), _number(ds.get("RescaleIntercept"), 0.0)
    if slope == 0.0 or ds.get("ModalityLUTSequence"):
        slope, intercept = 1.0, 0.0
    bits = int(ds.get("BitsStored") or array.dtype.itemsize * 8)
    signed = array.dtype == np.int16
    padding = _padding(ds, array, signed, notes)
    windows = _windows(ds, notes)
    tables = _tables(ds, {w.name for w in windows}, signed, notes)
    if signed:
        array = (array.astype(np.int32) + _SHIFT).astype(np.uint16)
        intercept -= _SHIFT * slope
        padding = None if padding is None else (padding[0] + _SHIFT, padding[1] + _SHIFT)
        bits = 16
    if ds.get("ModalityLUTSequence"):
        bits = max(1, int(array.max()).bit_length())
    presets = [*tables, *windows]
    if not presets:
        center, width = automatic_window(array, padding, slope, intercept)
        presets = [Preset("automatic", "linear_exact", center, width)]
        if bits <= 8 and (slope, intercept) == (1.0, 0.0):  # as ultrasound is stored: ready for the screen
            presets.insert(0, Preset("full range", "identity"))
        else:
            notes.append("the file states no window; one was set from its values")
    photometric = str(ds.get("PhotometricInterpretation", "")).strip()
    shape = str(ds.get("PresentationLUTShape", "")).strip()
    invert = photometric == "MONOCHROME1" or (photometric == "MONOCHROME2" and shape == "INVERSE")
    return array, GreyScale(slope, intercept, invert, tuple(presets), bits), padding, notes


def _number(value: Any, default: float) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return default
    return number if math.isfinite(number) else default


def _list(value: Any) -> list[Any]:
    if value is None or value == "":
        return []
    if isinstance(value, (str, bytes, int, float)):
        return [value]
    return list(value) if isinstance(value, Sequence) or hasattr(value, "__iter__") else [value]


def _windows(ds: Any, notes: list[str]) -> list[Preset]:
    function = str(ds.get("VOILUTFunction", "") or "LINEAR").strip().lower()
    if function not in ("linear", "linear_exact", "sigmoid"):
        notes.append(f"VOI LUT function {function!r} is unknown; taken as linear")
        function = "linear"
    names = [str(n).strip() for n in _list(ds.get("WindowCenterWidthExplanation"))]
    presets = []
    pairs = zip(_list(ds.get("WindowCenter")), _list(ds.get("WindowWidth")), strict=False)
    for number, (center, width) in enumerate(pairs):
        c, w = _number(center, math.nan), _number(width, math.nan)
        if not (math.isfinite(c) and math.isfinite(w)) or w <= 0 or (function == "linear" and w < 1):
            notes.append(f"window {number + 1} ({center}/{width}) is impossible and was left out")
            continue
        name = names[number] if number < len(names) and names[number] else f"window {number + 1}"
        presets.append(Preset(name, function, c, w))
    return presets


def _tables(ds: Any, taken: set[str], signed: bool, notes: list[str]) -> list[Preset]:
    presets = []
    for number, item in enumerate(_list(ds.get("VOILUTSequence"))):
        try:
            descriptor = [int(v) for v in item.LUTDescriptor]
            count, first, bits = descriptor[0] or 65536, descriptor[1], descriptor[2]
            if signed and first > 32767:
                first -= 65536
            table = _entries(item["LUTData"].value, count)
        except (AttributeError, KeyError, IndexError, TypeError, ValueError):
            notes.append(f"VOI table {number + 1} is broken and was left out")
            continue
        if len(table) != count or not 8 <= bits <= 16:
            notes.append(f"VOI table {number + 1} is broken and was left out")
            continue
        name = str(item.get("LUTExplanation", "") or f"table {number + 1}").strip()
        presets.append(Preset(f"{name} (table)" if name in taken else name, "lut", lut=table, lut_first=first, lut_bits=bits))
    return presets


def _entries(data: Any, count: int) -> NDArray[np.uint16]:
    if isinstance(data, (bytes, bytearray)):
        kind = "<u2" if len(data) >= 2 * count else "u1"
        return np.frombuffer(bytes(data), kind, count).astype(np.uint16)
    return np.asarray([int(v) & 0xFFFF for v in _list(data)][:count], np.uint16)


def _padding(ds: Any, array: NDArray[Any], signed: bool, notes: list[str]) -> tuple[int, int] | None:
    values = []
    for keyword in ("PixelPaddingValue", "PixelPaddingRangeLimit"):
        if ds.get(keyword) is None or ds.get(keyword) == "":
            continue
        try:
            value = int(ds.get(keyword))
        except (TypeError, ValueError):
            notes.append(f"{keyword} is no number and was left out")
            continue
        if signed and value > 32767:
            value -= 65536
        if not signed and value < 0:
            value += 65536
        values.append(value)
    if not values or ds.get("PixelPaddingValue") in (None, ""):
        return None
    low, high = min(values), max(values)
    sample = array[..., ::4, ::4]
    if float(((sample >= low) & (sample <= high)).mean()) > 0.995:
        notes.append(f"the padding range {low} to {high} covers the whole image and was left out")
        return None
    return low, high


def to_json(grey: GreyScale) -> dict[str, Any]:
    """Return a JSON-able copy."""
    presets = [
        {
            "name": p.name,
            "function": p.function,
            "center": p.center,
            "width": p.width,
            "lut_first": p.lut_first,
            "lut_bits": p.lut_bits,
            "lut": None if p.lut is None else [int(v) for v in p.lut],
        }
        for p in grey.presets
    ]
    return {"slope": grey.slope, "intercept": grey.intercept, "invert": grey.invert, "bits": grey.bits, "presets": presets}


def from_json(document: Mapping[str, Any]) -> GreyScale:
    """Return the grey-scale that `to_json` wrote."""
    presets = tuple(
        Preset(
            str(p["name"]),
            str(p["function"]),
            float(p["center"]),
            float(p["width"]),
            None if p["lut"] is None else np.asarray(p["lut"], np.uint16),
            p["lut_first"],
            int(p["lut_bits"]),
        )
        for p in document["presets"]
    )
    return GreyScale(
        float(document["slope"]), float(document["intercept"]), bool(document["invert"]), presets, int(document["bits"])
    )
