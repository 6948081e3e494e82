"""From the images of a case to the input of an ONNX graph, as its manifest says, and the way back to image index."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from reader_app.imaging.container import NewImage
from reader_app.imaging.window import lookup_table, stored_values

Float = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Input:
    """One input of the graph.

    Attributes
    ----------
    pixels : float32 array, (1, channels, rows, columns)
        Normalised.
    slice_index : int or None
        Of a volume or cine.
    mirrored : bool
        Whether left and right were exchanged.
    """

    pixels: Float
    slice_index: int | None
    mirrored: bool


@dataclass(frozen=True, eq=False)
class Planes:
    """The inputs of one image and how they lie on it.

    Attributes
    ----------
    inputs : list of Input
        One for an image, several for a volume or cine.
    shape : tuple of int
        (rows, columns) of the image.
    factor : tuple of float
        Image pixels per input pixel, (row, column).
    pad : tuple of int
        Input pixels before the image, (row, column).
    step : int
        Slices between inputs.
    """

    inputs: list[Input] = field(default_factory=list)
    shape: tuple[int, int] = (0, 0)
    factor: tuple[float, float] = (1.0, 1.0)
    pad: tuple[int, int] = (0, 0)
    step: int = 1

    def to_image(self, source: Input, axis: int, position: float) -> tuple[float, float]:
        """Return the image index of an input position (centres at integers), and image pixels per input pixel.

        Parameters
        ----------
        source : Input
            Which input.
        axis : int
            0 row, 1 column.
        position : float
            In input pixels.
        """
        at = (position - self.pad[axis] + 0.5) * self.factor[axis] - 0.5
        if axis == 1 and source.mirrored:
            at = self.shape[1] - 1 - at
        return at, self.factor[axis]


def inputs_of(image: NewImage, spec: Mapping[str, Any]) -> Planes:
    """Return the inputs of an image.

    Parameters
    ----------
    image : NewImage
        Image, volume or cine; hung.
    spec : mapping
        ``input`` of the manifest.
    """
    first = 0 if image.kind == "image" else 1
    rows, columns = (int(v) for v in image.array.shape[first : first + 2])
    height, width = (int(v) for v in spec["size"])
    if spec["fit"] == "stretch":
        inner = (height, width)
    else:
        wish = spec["spacing_mm"]
        if wish is None:
            ratio = min(height / rows, width / columns)
            inner = (max(1, round(rows * ratio)), max(1, round(columns * ratio)))
        else:
            spacing = (image.spacing_mm or (1.0, 1.0))[-2:]
            inner = (max(1, round(rows * spacing[0] / wish[0])), max(1, round(columns * spacing[1] / wish[1])))
    mirror = spec.get("mirror", "none")
    mirrored = mirror != "none" and image.chest_wall is not None and mirror != f"chest_wall_{image.chest_wall}"
    # what is larger than the input loses its margin on the far side of the chest wall, and evenly above and below
    pad = ((height - inner[0]) // 2, (width - inner[1]) // 2)
    if mirror == "chest_wall_left":
        pad = (pad[0], 0)
    elif mirror == "chest_wall_right":
        pad = (pad[0], width - inner[1])
    step = 1
    if image.kind == "volume" and spec.get("slice_mm") and image.spacing_mm:
        step = max(1, round(float(spec["slice_mm"]) / image.spacing_mm[0]))
    planes = Planes([], (rows, columns), (rows / inner[0], columns / inner[1]), pad, step)
    table = _table(image, str(spec["values"]))
    for index, plane in _planes(image, step):
        grey = _grey(plane, image, table)
        shrinks = inner[0] <= rows and inner[1] <= columns
        how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        small = np.asarray(cv2.resize(grey, (inner[1], inner[0]), interpolation=how), np.float32)
        small = small[:, ::-1] if mirrored else small
        planes.inputs.append(Input(_normalised(_placed(small, (height, width), pad), spec), index, mirrored))
    return planes


def _planes(image: NewImage, step: int) -> Iterator[tuple[int | None, NDArray[Any]]]:
    if image.kind == "image":
        yield None, np.asarray(image.array)
    elif image.kind == "cine":
        for index in np.unique(np.linspace(0, len(image.array) - 1, 8).round().astype(int)):
            yield int(index), np.asarray(image.array[index])
    else:
        for index in range(step // 2, image.array.shape[0], step):
            yield index, np.asarray(image.array[index])


def _table(image: NewImage, values: str) -> Float | None:
    """Return what each stored value becomes, or None for colour."""
    if image.grey is None:
        return None
    if values == "display":
        return np.asarray(lookup_table(image.grey, image.grey.presets[0], False, image.padding, image.array.dtype), np.float32)
    stored = stored_values(image.array.dtype) * image.grey.slope + image.grey.intercept
    return np.asarray(-stored if image.grey.invert else stored, np.float32)


def _grey(plane: NDArray[Any], image: NewImage, table: Float | None) -> Float:
    if table is None:
        return np.asarray(cv2.cvtColor(np.ascontiguousarray(plane), cv2.COLOR_RGB2GRAY), np.float32)
    index = plane.view(np.uint16) if plane.dtype == np.int16 else plane
    return np.asarray(table[index], np.float32)


def _placed(small: Float, size: tuple[int, int], pad: tuple[int, int]) -> Float:
    out = np.full(size, float(small.min()), np.float32)
    places = []
    for axis in (0, 1):
        start, length = pad[axis], small.shape[axis]
        low, high = max(0, start), min(size[axis], start + length)
        places.append((slice(low, high), slice(low - start, high - start)))
    out[places[0][0], places[1][0]] = small[places[0][1], places[1][1]]
    return out


def _normalised(pixels: Float, spec: Mapping[str, Any]) -> Float:
    rule = spec["normalise"]
    if rule.get("per_image"):
        pixels = (pixels - pixels.mean()) / max(float(pixels.std()), 1e-6)
    pixels = pixels * float(rule["scale"])
    channels = int(spec["channels"])
    mean = np.resize(np.asarray(rule["mean"], np.float32), channels).reshape(1, channels, 1, 1)
    std = np.resize(np.asarray(rule["std"], np.float32), channels).reshape(1, channels, 1, 1)
    return np.ascontiguousarray((np.broadcast_to(pixels, (1, channels, *pixels.shape)) - mean) / std, np.float32)
