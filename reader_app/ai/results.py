"""Stored predictions: one JSON and one npz a case and model, with provenance, bound to the pixels they were made from.

``<study>/aids/<model_id>/<case_id>.json`` holds everything but arrays and the SHA-256 of ``<case_id>.npz``; the identity of a
prediction is the SHA-256 of the JSON file's bytes. Arrays are plain numbers (``allow_pickle=False``).
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reader_app.errors import BundleError, ImageError
from reader_app.imaging import air
from reader_app.imaging.container import OpenCase, safe_name
from reader_app.imaging.overlay import Box, Heatmap

SCHEMA = 1
STATUSES: tuple[str, ...] = ("ok", "no_finding", "not_applicable", "failed", "withheld")

#: Largest array file that is opened, in bytes.
LIMIT = 256 << 20


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a model says about one case.

    Attributes
    ----------
    model_id, case_id, fingerprint : str
        Which model, which case, and the fingerprint of the pixels it saw.
    probability, threshold : float
        Calibrated score 0 to 1 of the positive class, and the operating point.
    call : str
        "high" / "low" (DLR_LH), "malignant" / "benign" (others); "" when there is no call.
    positive : bool
        Whether ``probability >= threshold``.
    status, reason : str
        One of :data:`STATUSES`, and in one sentence why it is not "ok".
    boxes, heatmaps : tuple
        In the index space of the container's images.
    raw : tuple of float32 arrays or None
        The exact map behind each heatmap, in the heatmap's raw unit.
    embedding : float32 array or None
        Features of the most suspicious region.
    provenance : mapping
        Bundle id, version and hash, code version, device, torch version, preprocessing, date, training data.
    sha256 : str
        SHA-256 of the stored JSON file; "" before it is stored.
    """

    model_id: str
    case_id: str
    fingerprint: str
    probability: float
    threshold: float
    call: str
    positive: bool
    status: str = "ok"
    reason: str = ""
    boxes: tuple[Box, ...] = ()
    heatmaps: tuple[Heatmap, ...] = ()
    raw: tuple[NDArray[np.float32] | None, ...] = ()
    embedding: NDArray[np.float32] | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    sha256: str = ""

    def heatmap(self, image_id: str) -> Heatmap | None:
        """Return the heatmap of one image, or None."""
        return next((h for h in self.heatmaps if h.image_id == image_id), None)

    def boxes_of(self, image_id: str) -> tuple[Box, ...]:
        """Return the boxes of one image."""
        return tuple(b for b in self.boxes if b.image_id == image_id)


def on_tissue(prediction: Prediction, case: OpenCase) -> Prediction:
    """Return the prediction as it is painted: heatmaps of volumes without colour on air; everything else as stored."""
    shown = []
    for heatmap in prediction.heatmaps:
        image = next((i for i in case.images if i.id == heatmap.image_id), None)
        shown.append(heatmap if image is None else air.on_tissue(heatmap, image.skin, image.array.shape))
    return replace(prediction, heatmaps=tuple(shown))


def matches(prediction: Prediction, fingerprint: str) -> bool:
    """Return whether the prediction was made from these pixels."""
    return bool(fingerprint) and prediction.fingerprint == fingerprint


def _digest(clinical: Mapping[str, str]) -> str:
    told = {k: v.strip() for k, v in clinical.items() if v.strip()}
    return hashlib.sha256(json.dumps(told, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def with_clinical(prediction: Prediction, clinical: Mapping[str, str]) -> Prediction:
    """Return the prediction with a digest of the clinical data that it was made with."""
    return replace(prediction, provenance={**prediction.provenance, "clinical_sha256": _digest(clinical)})


def same_clinical(prediction: Prediction, clinical: Mapping[str, str]) -> bool:
    """Return whether the prediction was made with these clinical data; one that does not say counts as such."""
    return prediction.provenance.get("clinical_sha256", "") in ("", _digest(clinical))


def save(directory: Path, prediction: Prediction) -> str:
    """Store a prediction durably and return its SHA-256; an older one of the same case is replaced.

    Raises
    ------
    BundleError
        If its values could not be read back (NaN, unknown status, unsafe case id).
    """
    _check(prediction)
    directory.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, NDArray[Any]] = {f"heatmap_{k}": np.asarray(h.grid) for k, h in enumerate(prediction.heatmaps)}
    arrays |= {f"raw_{k}": r for k, r in enumerate(prediction.raw) if r is not None}
    if prediction.embedding is not None:
        arrays["embedding"] = prediction.embedding
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    content = buffer.getvalue()
    document = {
        "schema": SCHEMA,
        "model_id": prediction.model_id,
        "case_id": prediction.case_id,
        "fingerprint": prediction.fingerprint,
        "probability": prediction.probability,
        "threshold": prediction.threshold,
        "call": prediction.call,
        "positive": prediction.positive,
        "status": prediction.status,
        "reason": prediction.reason,
        "boxes": [
            {"image_id": b.image_id, "start": list(b.start), "stop": list(b.stop), "score": b.score, "label": b.label}
            for b in prediction.boxes
        ],
        "heatmaps": [
            {
                "image_id": h.image_id,
                "array": f"heatmap_{k}",
                "scale": list(h.scale),
                "offset": list(h.offset),
                "floor": h.floor,
                "ceiling": h.ceiling,
                "evidence": h.evidence,
            }
            for k, h in enumerate(prediction.heatmaps)
        ],
        "provenance": dict(prediction.provenance),
        "arrays": {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)},
    }
    text = (json.dumps(document, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8")
    _replace(directory / f"{prediction.case_id}.npz", content)
    _replace(directory / f"{prediction.case_id}.json", text)
    return hashlib.sha256(text).hexdigest()


def load(directory: Path, case_id: str) -> Prediction:
    """Read the prediction of one case and check its arrays against their hash.

    Raises
    ------
    BundleError
        If it is missing, damaged or not a prediction of this program; one sentence.
    """
    if not safe_name(case_id):
        raise BundleError(f"{case_id!r} cannot be the name of a case; use letters, digits, dot, dash and underscore.")
    path = directory / f"{case_id}.json"
    try:
        content = path.read_bytes()
        document = json.loads(content)
    except FileNotFoundError:
        raise BundleError(f"{path}: there is no prediction of this case; run the model on the study.") from None
    except (OSError, ValueError) as error:
        raise BundleError(f"{path}: cannot be read ({error}); run the model on this case again.") from error
    try:
        if document["schema"] != SCHEMA or document["case_id"] != case_id:
            raise ValueError("another schema or another case")
        arrays = _arrays(path.with_suffix(".npz"), document["arrays"])
        prediction = _prediction(document, arrays)
        _check(prediction)
    except (KeyError, TypeError, ValueError, OSError, ImageError, BundleError) as error:
        text = str(error) if isinstance(error, BundleError) else f"{path}: is damaged or of another kind ({error})"
        raise BundleError(f"{text.rstrip('.')}; run the model on this case again.") from error
    return replace(prediction, sha256=hashlib.sha256(content).hexdigest())


def _arrays(path: Path, record: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    if not path.is_file():
        raise BundleError(f"{path}: the arrays of this prediction are missing")
    if path.stat().st_size > LIMIT:
        raise BundleError(f"{path}: is larger than any prediction")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != record["sha256"]:
        raise BundleError(f"{path}: was changed after the model ran (its SHA-256 differs)")
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def _prediction(document: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Prediction:
    heatmaps = tuple(
        Heatmap(
            str(h["image_id"]),
            arrays[h["array"]],
            tuple(float(v) for v in h["scale"]),
            tuple(float(v) for v in h["offset"]),
            float(h["floor"]),
            float(h["ceiling"]),
            bool(h["evidence"]),
        )
        for h in document["heatmaps"]
    )
    boxes = tuple(
        Box(
            str(b["image_id"]),
            tuple(float(v) for v in b["start"]),
            tuple(float(v) for v in b["stop"]),
            float(b["score"]),
            str(b["label"]),
        )
        for b in document["boxes"]
    )
    raw = tuple(arrays.get(f"raw_{k}") for k in range(len(heatmaps)))
    return Prediction(
        model_id=str(document["model_id"]),
        case_id=str(document["case_id"]),
        fingerprint=str(document["fingerprint"]),
        probability=float(document["probability"]),
        threshold=float(document["threshold"]),
        call=str(document["call"]),
        positive=bool(document["positive"]),
        status=str(document["status"]),
        reason=str(document["reason"]),
        boxes=boxes,
        heatmaps=heatmaps,
        raw=raw,
        embedding=arrays.get("embedding"),
        provenance=dict(document["provenance"]),
    )


def _check(prediction: Prediction) -> None:
    name = f"{prediction.model_id} on case {prediction.case_id}"
    if not safe_name(prediction.case_id) or not safe_name(prediction.model_id):
        raise BundleError(f"prediction of {name}: the model or case id cannot be a file name")
    if prediction.status not in STATUSES:
        raise BundleError(f"prediction of {name}: the status {prediction.status!r} is not one of {', '.join(STATUSES)}")
    numbers = [prediction.probability, prediction.threshold]
    for box in prediction.boxes:
        numbers += [*box.start, *box.stop, box.score]
        if len(box.start) not in (2, 3) or len(box.start) != len(box.stop):
            raise BundleError(f"prediction of {name}: a box needs two or three axes")
        if any(b <= a for a, b in zip(box.start, box.stop, strict=True)):
            raise BundleError(f"prediction of {name}: a box is empty or inside out")
    if not all(math.isfinite(v) for v in numbers):
        raise BundleError(f"prediction of {name}: holds values that are not numbers")
    if not 0 <= prediction.probability <= 1:
        raise BundleError(f"prediction of {name}: the probability {prediction.probability:g} is not between 0 and 1")


def _replace(path: Path, content: bytes) -> None:
    work = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        with work.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(work, path)
    finally:
        work.unlink(missing_ok=True)
