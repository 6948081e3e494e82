"""DICOM results made elsewhere: CAD reports, measurement reports, segmentations, parametric maps."""

from __future__ import annotations

import hashlib
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from reader_app.ai.external.intake import Intake, axes_of
from reader_app.ai.external.originals import Originals, Place
from reader_app.imaging.mapobjects import PARAMETRIC_MAP, SEGMENTATION
from reader_app.imaging.workers import WorkerPool

#: Half the side of the box drawn around a finding that is a mere point, in millimetres and, without a scale, in pixels.
POINT_MM, POINT_PIXELS = 5.0, 10.0


class DicomTaker:
    """Takes DICOM results into an intake; files are read in a killable worker.

    Parameters
    ----------
    intake : Intake
        Where findings go.
    originals : Originals
        Finds the image of a UID.
    crew : WorkerPool
        Reads the files.
    """

    def __init__(self, intake: Intake, originals: Originals, crew: WorkerPool) -> None:
        self._intake, self._originals, self._crew = intake, originals, crew

    def take(self, path: Path) -> None:
        """Take one file.

        Raises
        ------
        ValueError, ImageError
            In words: what is wrong with it.
        """
        kind = self._crew.call("reader_app.imaging.mapobjects:identify", path.name, path=str(path))["class_uid"]
        if kind in (SEGMENTATION, PARAMETRIC_MAP):
            self._take_map(path)
        else:
            self._take_report(path)

    # --- reports

    def _take_report(self, path: Path) -> None:
        report = self._crew.call("reader_app.imaging.reports:read_report", path.name, path=str(path))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        cases: set[str] = set()
        joined: dict[tuple[str, str, str], list[tuple[list[float], list[float], float | None]]] = defaultdict(list)
        for number, mark in enumerate(report["marks"]):
            if mark["intent"] == "not for presentation":
                continue
            place = self._originals.place(mark["uid"])
            cases.add(place.case_id)
            start, stop = self._extent(place, mark)
            key = (place.case_id, place.image_id, mark["tracking"] or f"#{number}")
            joined[key].append((start, stop, mark["probability"]))
            note = f"{place.image_id}: {mark['finding']}, rendering {mark['intent']}"
            self._intake.found(place.case_id).notes.append(note)
        for (case_id, image_id, _), parts in joined.items():
            start = [min(p[0][a] for p in parts) for a in range(len(parts[0][0]))]
            stop = [max(p[1][a] for p in parts) for a in range(len(parts[0][0]))]
            scores = [p[2] for p in parts if p[2] is not None]
            score = max(scores) if scores else None
            self._intake.add_box(case_id, image_id, start, stop, score, "", "source")
            if score is not None:
                self._intake.add_probability(case_id, score)
        self._note_outcome(report, cases, path.name, digest)

    def _note_outcome(self, report: Mapping[str, Any], cases: set[str], name: str, digest: str) -> None:
        """A report without marks still speaks of its images: nothing found, or the program failed."""
        outcome = str(report["outcome"])
        if not cases:
            if not report["images"]:
                raise ValueError("it holds no finding and names no image")
            for uid in report["images"]:
                cases.add(self._originals.place(uid).case_id)
        for case_id in cases:
            found = self._intake.found(case_id)
            found.files[name] = digest
            if outcome:
                found.notes.append(f"{name}: {outcome}")
            if outcome == "failed":
                found.status, found.reason = "failed", f"the program that wrote {name} did not succeed on this case"
            elif not found.boxes and not report["marks"]:
                found.status, found.reason = "no_finding", f"{name} states no finding"

    def _extent(self, place: Place, mark: Mapping[str, Any]) -> tuple[list[float], list[float]]:
        """Return the box of a mark in the index of the file's array: first pixel and exclusive edge."""
        image = self._intake.image(place.case_id, place.image_id)
        points = mark["points"]
        # from pixel centres to edges, as boxes count
        low = [min(p[a] for p in points) + 0.5 for a in (0, 1)]
        high = [max(p[a] for p in points) + 0.5 for a in (0, 1)]
        if mark["is_point"]:
            scale = [v for v in (image.spacing_mm or ())[-2:] if v > 0]
            half = POINT_MM / min(scale) if len(scale) == 2 else POINT_PIXELS
            low, high = [v - half for v in low], [v + half for v in high]
            rows, columns = _file_shape(image, axes_of(image))[-2:]
            low = [max(0.0, v) for v in low]
            high = [min(float(n), v) for n, v in zip((rows, columns), high, strict=True)]
        if axes_of(image) == 2:
            return low, high
        frame = place.first + (int(mark["frame"] or 1) - 1)
        return [float(frame), *low], [float(frame + 1), *high]

    # --- maps

    def _take_map(self, path: Path) -> None:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        with tempfile.TemporaryDirectory() as scratch:
            target = Path(scratch) / "frames.npy"
            answer = self._crew.call("reader_app.imaging.mapobjects:read_map", path.name, path=str(path), out=str(target))
            frames: NDArray[Any] = np.load(target, mmap_mode="r", allow_pickle=False)
            self._lay_out(path.name, digest, answer, frames)
            del frames

    def _lay_out(self, name: str, digest: str, answer: Mapping[str, Any], frames: NDArray[Any]) -> None:
        """Put the frames on their images, segment by segment, and box what each segment covers."""
        layers: dict[tuple[str, str], dict[int, NDArray[np.float32]]] = {}
        for index, frame in enumerate(answer["frames"]):
            place = self._originals.place(frame["uid"])
            image = self._intake.image(place.case_id, place.image_id)
            shape = _file_shape(image, axes_of(image))
            if frames.shape[1:] != tuple(shape[-2:]):
                text = f"frame {index + 1} has {frames.shape[1]} x {frames.shape[2]} pixels, its image {shape[-2]} x {shape[-1]}"
                raise ValueError(f"{text}; make the map on the image's own pixels")
            segments = layers.setdefault((place.case_id, place.image_id), {})
            layer = segments.setdefault(int(frame["segment"]), np.zeros(shape, np.float32))
            values = np.asarray(frames[index], np.float32)
            if layer.ndim == 2:
                np.maximum(layer, values, out=layer)
            else:
                at = place.first + int(frame["frame"] or 1) - 1
                if not 0 <= at < shape[0]:
                    raise ValueError(f"frame {index + 1} lies on frame {at + 1} of an image that has {shape[0]}")
                np.maximum(layer[at], values, out=layer[at])
        for (case_id, image_id), segments in layers.items():
            found = self._intake.found(case_id)
            found.files[name] = digest
            for segment, layer in sorted(segments.items()):
                self._intake.add_map(case_id, image_id, layer, "source")
                label = answer["segments"].get(str(segment), "")
                found.notes.append(f"{image_id}: {answer['kind']} {'segment ' + label if label else 'map'}".rstrip())
                if answer["kind"] == "map":
                    continue
                for start, stop, score in blobs(layer):
                    self._intake.add_box(case_id, image_id, start, stop, score, "", "source")


def _file_shape(image: Any, axes: int) -> tuple[int, ...]:
    """Return the shape of the file's array of an image (its axes before hanging)."""
    shown = image.array.shape[:axes] if image.fan is None else (image.array.shape[0], image.fan.samples, image.fan.lines)
    if not image.source_axes:
        return tuple(shown)
    shape = [0] * axes
    for axis, source in enumerate(image.source_axes):
        shape[abs(source) - 1] = shown[axis]
    return tuple(shape)


def blobs(values: NDArray[np.float32], level: float = 0.5) -> list[tuple[list[float], list[float], float]]:
    """Return (start, exclusive stop, highest value) of each connected part of a map that reaches ``level``, largest first.

    Parts of a volume touch along faces, edges or corners of neighbouring slices.
    """
    inside = values >= level
    if values.ndim == 2:
        count, labels, stats, _ = cv2.connectedComponentsWithStats(inside.astype(np.uint8), connectivity=8)
        order = sorted(range(1, count), key=lambda k: -int(stats[k, cv2.CC_STAT_AREA]))
        out = []
        for k in order:
            left, top, width, height = (int(v) for v in stats[k, :4])
            part = values[top : top + height, left : left + width][labels[top : top + height, left : left + width] == k]
            out.append(([float(top), float(left)], [float(top + height), float(left + width)], float(part.max())))
        return out
    return _blobs_3d(values, inside)


def _blobs_3d(values: NDArray[np.float32], inside: NDArray[np.bool_]) -> list[tuple[list[float], list[float], float]]:
    from scipy import ndimage

    labels, count = ndimage.label(inside, structure=np.ones((3, 3, 3)))
    slices: Sequence[Any] = ndimage.find_objects(labels)
    sizes = ndimage.sum_labels(inside, labels, range(1, count + 1)) if count else []
    order = sorted(range(count), key=lambda k: -float(sizes[k]))
    out = []
    for k in order:
        box = slices[k]
        peak = float(values[box][labels[box] == k + 1].max())
        out.append(([float(s.start) for s in box], [float(s.stop) for s in box], peak))
    return out
