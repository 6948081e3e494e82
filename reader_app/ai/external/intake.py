"""What all predictions from elsewhere pass through: the right case and image, places inside it, one prediction a case."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import reader_app
from reader_app.ai.results import Prediction
from reader_app.imaging.container import CaseImage, OpenCase, open_case
from reader_app.imaging.overlay import Box, Heatmap, quantise
from reader_app.imaging.scanconvert import convert_map

#: Most cells of a heatmap of an image and of a volume; finer maps are averaged.
CELLS = {2: 1 << 20, 3: 1 << 23}


@dataclass
class Found:
    """What the files say of one case."""

    probability: float | None = None
    boxes: list[Box] = field(default_factory=list)
    maps: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    status: str = "ok"
    reason: str = ""


class Intake:
    """Collects what files say of the cases of a study, for one model.

    Parameters
    ----------
    model_id : str
        Id under which the predictions are stored.
    cases : mapping of str to Path
        Case id -> container folder.
    threshold : float
        Operating point applied to probabilities.
    labels : tuple of str
        Negative and positive call.
    """

    def __init__(self, model_id: str, cases: Mapping[str, Path], threshold: float, labels: tuple[str, str]) -> None:
        self.model_id, self.threshold, self.labels = model_id, threshold, labels
        self._folders = dict(cases)
        self._open: dict[str, OpenCase] = {}
        self._found: dict[str, Found] = {}

    def case(self, case_id: str) -> OpenCase:
        """Return an open case of the study; ValueError when there is none of that name."""
        if case_id not in self._folders:
            raise ValueError(f"the case {case_id!r} is not in this study")
        if case_id not in self._open:
            self._open[case_id] = open_case(self._folders[case_id])
        return self._open[case_id]

    def cases(self) -> tuple[str, ...]:
        """Return the ids of all cases of the study."""
        return tuple(self._folders)

    def image(self, case_id: str, image_id: str) -> CaseImage:
        """Return one image; ValueError naming those there are when there is none of that name."""
        try:
            return self.case(case_id).image(image_id)
        except KeyError:
            known = ", ".join(i.id for i in self.case(case_id).images)
            raise ValueError(f"the case {case_id} has no image {image_id!r}; it has {known}") from None

    def found(self, case_id: str) -> Found:
        """Return what is known so far of a case of the study."""
        self.case(case_id)
        return self._found.setdefault(case_id, Found())

    def knows(self, case_id: str) -> bool:
        """Return whether anything was said of a case."""
        return case_id in self._found

    def add_probability(self, case_id: str, probability: float) -> None:
        """Note a score of the whole case; of several the highest counts."""
        if not 0 <= probability <= 1:
            raise ValueError(f"the probability {probability:g} is not between 0 and 1")
        found = self.found(case_id)
        found.probability = probability if found.probability is None else max(found.probability, probability)

    def add_box(
        self,
        case_id: str,
        image_id: str,
        start: Sequence[float],
        stop: Sequence[float],
        score: float | None,
        label: str = "",
        space: str = "shown",
    ) -> None:
        """Note a box; ``space`` "source" means the index of the original file, which is mapped to the hung image.

        Raises
        ------
        ValueError
            If it lies outside its image, is empty, or its score is no probability.
        """
        image = self.image(case_id, image_id)
        axes = axes_of(image)
        if len(start) != axes or len(stop) != axes:
            raise ValueError(f"a box in {image_id} needs {axes} axes")
        if not all(math.isfinite(v) for v in (*start, *stop)) or any(b <= a for a, b in zip(start, stop, strict=True)):
            raise ValueError(f"a box in {image_id} is empty or inside out")
        if space == "source":
            start, stop = image.box_from_source(start, stop)
        elif space != "shown":
            raise ValueError(f"the space {space!r} is neither 'shown' nor 'source'")
        extent = image.array.shape[:axes]
        if any(a < -1 or b > n + 1 for a, b, n in zip(start, stop, extent, strict=True)):
            raise ValueError(f"a box lies outside {image_id} of the case {case_id}")
        inside = [(max(0.0, a), min(float(n), b)) for a, b, n in zip(start, stop, extent, strict=True)]
        value = 1.0 if score is None else score
        if not 0 <= value <= 1:
            raise ValueError(f"the score {value:g} is not between 0 and 1")
        word = label or self.labels[int(value >= self.threshold)]
        self.found(case_id).boxes.append(Box(image_id, tuple(a for a, _ in inside), tuple(b for _, b in inside), value, word))

    def add_map(self, case_id: str, image_id: str, values: NDArray[Any], space: str = "shown") -> None:
        """Note a map of suspicion on the pixels of an image, 0 to 1; of several on one image the higher value counts.

        Parameters
        ----------
        case_id, image_id : str
            Where.
        values : ndarray, (rows, columns) or (slices, rows, columns)
            0 to 1; in the index of the hung image ("shown") or of the original file ("source").
        space : str
            "shown" or "source".
        """
        image = self.image(case_id, image_id)
        axes = axes_of(image)
        raw = np.asarray(values, np.float32)
        if raw.ndim != axes:
            raise ValueError(f"a map on {image_id} needs {axes} axes")
        if raw.size and (not np.isfinite(raw).all() or raw.min() < 0 or raw.max() > 1):
            raise ValueError(f"the map on {image_id} holds values that are not between 0 and 1")
        if space == "source":
            raw = as_shown(image, raw)
        if raw.shape != image.array.shape[:axes]:
            raise ValueError(f"the map on {image_id} has the shape {raw.shape}, the image has {image.array.shape[:axes]}")
        maps = self.found(case_id).maps
        maps[image_id] = np.maximum(maps[image_id], raw) if image_id in maps else np.array(raw)

    def predictions(self) -> list[Prediction]:
        """Return one prediction for each case that was spoken of, in the order of their ids."""
        return [self._prediction(case_id, found) for case_id, found in sorted(self._found.items())]

    def _prediction(self, case_id: str, found: Found) -> Prediction:
        scores = [b.score for b in found.boxes] + [float(m.max(initial=0)) for m in found.maps.values()]
        probability = found.probability if found.probability is not None else max(scores, default=0.0)
        positive = probability >= self.threshold
        maps = [heatmap_of(image_id, values) for image_id, values in sorted(found.maps.items())]
        return Prediction(
            model_id=self.model_id,
            case_id=case_id,
            fingerprint=self.case(case_id).fingerprint,
            probability=probability,
            threshold=self.threshold,
            call=self.labels[int(positive)],
            positive=positive,
            status=found.status,
            reason=found.reason,
            boxes=tuple(sorted(found.boxes, key=lambda b: -b.score)),
            heatmaps=tuple(h for h, _ in maps),
            raw=tuple(r for _, r in maps),
            provenance={
                "source": "made elsewhere",
                "files": found.files,
                "notes": found.notes,
                "code_version": reader_app.__version__,
                "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
                "training_data": "unknown (made elsewhere)",
            },
        )


def axes_of(image: CaseImage) -> int:
    """Return the number of axes a place in an image has: three in volumes and cines, else two."""
    return 3 if image.kind in ("volume", "cine") else 2


def as_shown(image: CaseImage, values: NDArray[Any]) -> NDArray[Any]:
    """Turn a map in the index of the original file into that of the shown image; a curved probe's planes are drawn upright."""
    if not image.source_axes:
        return values
    turned = np.transpose(values, [abs(a) - 1 for a in image.source_axes])
    turned = turned[tuple(slice(None, None, -1) if a < 0 else slice(None) for a in image.source_axes)]
    return turned if image.fan is None else convert_map(turned, image.fan)


def heatmap_of(image_id: str, values: NDArray[np.float32]) -> tuple[Heatmap, NDArray[np.float32]]:
    """Return a map of suspicion (0 to 1, on the image's own pixels) as a heatmap of bounded size, and its exact cells."""
    factor = 1
    while math.prod(-(-n // factor) for n in values.shape) > CELLS[values.ndim]:
        factor += 1
    cells = _averaged(values, factor)
    grid = np.where(cells > 0, quantise(cells, 0.0, 1.0), 0).astype(np.uint8)
    scale, offset = (float(factor),) * values.ndim, ((factor - 1) / 2,) * values.ndim
    return Heatmap(image_id, grid, scale, offset, 0.0, 1.0, bool((cells > 0).any())), cells


def _averaged(values: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Average blocks of ``factor`` cells along each axis; a block that juts over the edge averages what lies inside."""
    out: NDArray[Any] = values
    for axis in range(values.ndim):
        starts = np.arange(0, out.shape[axis], factor)
        sums = np.add.reduceat(out, starts, axis=axis)
        shape = [1] * out.ndim
        shape[axis] = -1
        out = sums / np.diff([*starts, out.shape[axis]]).reshape(shape).astype(np.float32)
    return np.asarray(out, np.float32)


def number(text: Any, name: str) -> float:
    """Return a finite number, or ValueError naming the field."""
    try:
        value = float(text)
    except (TypeError, ValueError):
        raise ValueError(f"{name} {text!r} is no number") from None
    if not math.isfinite(value):
        raise ValueError(f"{name} {text!r} is no finite number")
    return value
