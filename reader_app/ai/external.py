"""Predictions made elsewhere: tables of scores and boxes (CSV, JSON) and Mammography CAD SR (TID 4000), matched and checked.

A prediction from elsewhere says so in its provenance, with the SHA-256 of the file it came from. Nothing is guessed: a row that
names an unknown case or image, a box outside its image, or a CAD report of an image that is not among the originals given is a
fault, and with any fault nothing is taken.

CSV columns: ``case_id``, ``probability`` and, for a box, ``image_id`` with ``start_row, start_column, stop_row, stop_column``
(volumes also ``start_slice, stop_slice``), ``score``, ``label``, ``space``; several rows a case are several boxes. TDSC-ABUS
tables (``id, c_x, c_y, c_z, len_x, len_y, len_z, score``; x = column, y = row, z = slice) are taken for one-volume cases. JSON:
``{"schema": 1, "space": "shown", "cases": [{"case_id", "probability", "boxes": [{"image_id", "start", "stop", "score",
"label"}]}]}``. ``space``: "shown" = index of the container (hung); "source" = index of the original file, which is mapped.
"""

from __future__ import annotations

import csv
import datetime
import hashlib
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import reader_app
from reader_app.ai.results import Prediction
from reader_app.errors import Fault, InputFaults
from reader_app.imaging.container import CaseImage, OpenCase, open_case
from reader_app.imaging.overlay import Box

#: Largest table or report that is read, in bytes.
LIMIT = 64 << 20

#: Coding of the report parts (DCM) that are looked at.
_FINDING, _CENTER, _OUTLINE, _PROBABILITY, _INTENT = "111059", "111010", "111041", ("111047", "111012"), "111056"

#: Rendering intents: required, optional, and "not for presentation".
_INTENTS: Mapping[str, str] = {"111150": "required", "111151": "optional", "111152": "not for presentation"}


@dataclass
class _Found:
    """What the files say of one case."""

    probability: float | None = None
    boxes: list[Box] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class CadMark:
    """One finding of a CAD report, in pixels of the original file: (row, column), centres at integers."""

    sop_instance_uid: str
    finding: str
    probability: float | None
    intent: str
    centre: tuple[float, float] | None
    outline: tuple[tuple[float, float], ...]


class Taker:
    """Collects predictions of one model from files.

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
    originals : iterable of Path
        The DICOM files the containers were imported from; needed for CAD reports only (containers hold no identifiers).
    """

    def __init__(
        self,
        model_id: str,
        cases: Mapping[str, Path],
        threshold: float = 0.5,
        labels: tuple[str, str] = ("benign", "malignant"),
        originals: Iterable[Path] = (),
    ) -> None:
        self.model_id, self.threshold, self.labels = model_id, threshold, labels
        self._folders = dict(cases)
        self._open: dict[str, OpenCase] = {}
        self._originals = list(originals)
        self._uids: dict[str, tuple[str, str]] | None = None
        self._found: dict[str, _Found] = {}
        self.faults: list[Fault] = []

    def take(self, path: Path) -> None:
        """Read one file; its faults are added to ``faults``."""
        try:
            if path.stat().st_size > LIMIT:
                raise ValueError(f"is larger than {LIMIT >> 20} MB")
            content = path.read_bytes()
            if content[128:132] == b"DICM":
                self._take_report(path, content)
            elif path.suffix.lower() == ".json":
                self._take_json(path, content)
            elif path.suffix.lower() == ".csv":
                self._take_csv(path, content)
            else:
                raise ValueError("is neither a CSV or JSON table nor a DICOM report")
        except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            self.faults.append(Fault(str(path), f"cannot be taken ({error})", "correct the file or leave it out"))

    def predictions(self) -> list[Prediction]:
        """Return one prediction for each case found, or raise all faults at once.

        Raises
        ------
        InputFaults
            If any file had a fault.
        """
        if self.faults:
            raise InputFaults(self.faults)
        return [self._prediction(case_id, found) for case_id, found in sorted(self._found.items())]

    # --- tables

    def _take_csv(self, path: Path, content: bytes) -> None:
        digest = hashlib.sha256(content).hexdigest()
        rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
        if not rows:
            raise ValueError("holds no rows")
        columns = {str(c).strip() for c in rows[0] if c is not None}
        abus = {"c_x", "c_y", "c_z", "len_x", "len_y", "len_z"} <= columns
        if not abus and "case_id" not in columns:
            raise ValueError("has no column case_id")
        for line, row in enumerate(rows, 2):
            where = f"{path}: row {line}"
            try:
                values = {str(k).strip(): (v or "").strip() for k, v in row.items() if k is not None and isinstance(v, str)}
                self._take_abus(where, values) if abus else self._take_row(where, values)
                case_id = values.get("case_id") or values.get("id") or values.get("public_id") or ""
                if case_id in self._found:
                    self._found[case_id].files[path.name] = digest
            except (ValueError, KeyError) as error:
                self.faults.append(Fault(where, str(error).strip("'\""), "correct the row"))

    def _take_row(self, where: str, row: Mapping[str, str]) -> None:
        case_id = row["case_id"]
        probability = _number(row["probability"], "probability") if row.get("probability") else None
        box = None
        if row.get("start_row"):
            axes = ("slice", "row", "column") if row.get("start_slice") else ("row", "column")
            start = [_number(row.get(f"start_{a}", ""), f"start_{a}") for a in axes]
            stop = [_number(row.get(f"stop_{a}", ""), f"stop_{a}") for a in axes]
            score = _number(row["score"], "score") if row.get("score") else probability
            box = self._box(case_id, row.get("image_id", ""), start, stop, score, row.get("label", ""), row.get("space", "shown"))
        self._add(case_id, probability, box)

    def _take_abus(self, where: str, row: Mapping[str, str]) -> None:
        case_id = row.get("case_id") or row.get("id") or row.get("public_id") or ""
        volumes = [i for i in self._case(case_id).images if i.kind == "volume"]
        if len(volumes) != 1:
            raise ValueError(f"the case {case_id} has {len(volumes)} volumes, the table names none of them")
        centre = [_number(row[f"c_{a}"], f"c_{a}") for a in "zyx"]
        size = [_number(row[f"len_{a}"], f"len_{a}") for a in "zyx"]
        score = _number(row.get("score") or row.get("probability") or "1", "score")
        start, stop = ([c + sign * n / 2 for c, n in zip(centre, size, strict=True)] for sign in (-1, 1))
        self._add(case_id, score, self._box(case_id, volumes[0].id, start, stop, score, "", row.get("space") or "source"))

    def _take_json(self, path: Path, content: bytes) -> None:
        document = json.loads(content)
        if document.get("schema") != 1 or not isinstance(document.get("cases"), list):
            raise ValueError("is not a table of schema 1 with a list 'cases'")
        digest = hashlib.sha256(content).hexdigest()
        space = str(document.get("space", "shown"))
        for number, entry in enumerate(document["cases"]):
            where = f"{path}: cases[{number}]"
            try:
                case_id = str(entry["case_id"])
                probability = _number(entry["probability"], "probability") if entry.get("probability") is not None else None
                self._add(case_id, probability, None)
                for b in entry.get("boxes", []):
                    score = _number(b["score"], "score") if b.get("score") is not None else probability
                    start, stop = [float(v) for v in b["start"]], [float(v) for v in b["stop"]]
                    image_id = str(b["image_id"])
                    self._add(case_id, None, self._box(case_id, image_id, start, stop, score, str(b.get("label", "")), space))
                self._found[case_id].files[path.name] = digest
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                self.faults.append(Fault(where, f"cannot be taken ({error})", "correct the entry"))

    # --- CAD reports

    def _take_report(self, path: Path, content: bytes) -> None:
        digest = hashlib.sha256(content).hexdigest()
        marks = cad_marks(content)
        uids = self._uid_index()
        for mark in marks:
            if mark.intent == "not for presentation":
                continue
            if mark.sop_instance_uid not in uids:
                raise ValueError("it marks an image that is not among the original files given; name their folder as well")
            case_id, image_id = uids[mark.sop_instance_uid]
            points = mark.outline or ((mark.centre,) if mark.centre else ())
            if not points:
                raise ValueError("a finding has neither outline nor centre")
            # back from pixel centres to edges, as boxes count
            low = [min(p[a] for p in points) + 0.5 for a in (0, 1)]
            high = [max(p[a] for p in points) + 0.5 for a in (0, 1)]
            if not mark.outline:
                low, high = [v - 10 for v in low], [v + 10 for v in high]
            score = None if mark.probability is None else mark.probability / 100
            box = self._box(case_id, image_id, low, high, score, "", "source")
            self._add(case_id, score, box)
            found = self._found[case_id]
            found.files[path.name] = digest
            found.notes.append(f"{image_id}: {mark.finding}, rendering {mark.intent}")

    def _uid_index(self) -> dict[str, tuple[str, str]]:
        """Map SOP Instance UIDs of the originals to (case id, image id): by file hash, then by laterality and view."""
        if self._uids is not None:
            return self._uids
        import pydicom

        by_hash: dict[str, str] = {}
        for case_id in self._folders:
            for digest in self._case(case_id).source.get("hashes", []):
                by_hash[str(digest)] = case_id
        self._uids = {}
        for path in self._originals:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            if digest not in by_hash:
                continue
            header = pydicom.dcmread(path, stop_before_pixels=True, force=False)
            side = str(header.get("ImageLaterality") or header.get("Laterality") or "")
            view = str(header.get("ViewPosition") or "")
            if not view and header.get("ViewCodeSequence"):
                view = _view_of(str(header.ViewCodeSequence[0].get("CodeMeaning", "")))
            images = [i for i in self._case(by_hash[digest]).images if i.role == "current" and i.kind == "image"]
            fitting = [i for i in images if (not side or i.laterality == side) and (not view or i.view == view)]
            if len(fitting) == 1:
                self._uids[str(header.SOPInstanceUID)] = (by_hash[digest], fitting[0].id)
        return self._uids

    # --- what both share

    def _case(self, case_id: str) -> OpenCase:
        if case_id not in self._folders:
            raise ValueError(f"the case {case_id!r} is not in this study")
        if case_id not in self._open:
            self._open[case_id] = open_case(self._folders[case_id])
        return self._open[case_id]

    def _box(
        self,
        case_id: str,
        image_id: str,
        start: Sequence[float],
        stop: Sequence[float],
        score: float | None,
        label: str,
        space: str,
    ) -> Box:
        try:
            image = self._case(case_id).image(image_id)
        except KeyError:
            known = ", ".join(i.id for i in self._case(case_id).images)
            raise ValueError(f"the case {case_id} has no image {image_id!r}; it has {known}") from None
        axes = 3 if image.kind in ("volume", "cine") else 2
        if len(start) != axes or len(stop) != axes:
            raise ValueError(f"a box in {image_id} needs {axes} axes")
        if not all(math.isfinite(v) for v in (*start, *stop)) or any(b <= a for a, b in zip(start, stop, strict=True)):
            raise ValueError(f"a box in {image_id} is empty or inside out")
        if space == "source":
            start, stop = _from_source(image, start, stop)
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
        return Box(image_id, tuple(a for a, _ in inside), tuple(b for _, b in inside), value, word)

    def _add(self, case_id: str, probability: float | None, box: Box | None) -> None:
        self._case(case_id)
        found = self._found.setdefault(case_id, _Found())
        if probability is not None:
            if not 0 <= probability <= 1:
                raise ValueError(f"the probability {probability:g} is not between 0 and 1")
            found.probability = probability if found.probability is None else max(found.probability, probability)
        if box is not None:
            found.boxes.append(box)

    def _prediction(self, case_id: str, found: _Found) -> Prediction:
        scores = [b.score for b in found.boxes]
        probability = found.probability if found.probability is not None else max(scores, default=0.0)
        positive = probability >= self.threshold
        return Prediction(
            model_id=self.model_id,
            case_id=case_id,
            fingerprint=self._case(case_id).fingerprint,
            probability=probability,
            threshold=self.threshold,
            call=self.labels[int(positive)],
            positive=positive,
            boxes=tuple(sorted(found.boxes, key=lambda b: -b.score)),
            provenance={
                "source": "made elsewhere",
                "files": found.files,
                "notes": found.notes,
                "code_version": reader_app.__version__,
                "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
                "training_data": "unknown (made elsewhere)",
            },
        )


def read(
    files: Iterable[Path],
    model_id: str,
    cases: Mapping[str, Path],
    threshold: float = 0.5,
    labels: tuple[str, str] = ("benign", "malignant"),
    originals: Iterable[Path] = (),
) -> list[Prediction]:
    """Return the predictions that files made elsewhere hold; see :class:`Taker` for the arguments.

    Raises
    ------
    InputFaults
        All faults of all files at once; then nothing is taken.
    """
    taker = Taker(model_id, cases, threshold, labels, originals)
    for path in files:
        taker.take(path)
    return taker.predictions()


def cad_marks(content: bytes) -> list[CadMark]:
    """Return the findings of a Mammography CAD SR.

    Raises
    ------
    ValueError
        If the file is no such report or a finding does not lead to an image.
    """
    import pydicom
    from pydicom.errors import InvalidDicomError

    try:
        root = pydicom.dcmread(io.BytesIO(content))
    except (InvalidDicomError, EOFError) as error:
        raise ValueError(f"is no DICOM file that can be read ({error})") from None
    if str(root.get("SOPClassUID", "")) != "1.2.840.10008.5.1.4.1.1.88.50":
        raise ValueError("is no Mammography CAD report")
    marks: list[CadMark] = []
    _walk(root, root, "required", marks, 0)
    return marks


def _walk(root: Any, node: Any, intent: str, marks: list[CadMark], depth: int) -> None:
    if depth > 40:
        raise ValueError("the report is nested deeper than any CAD report")
    children = node.get("ContentSequence") or []
    for child in children:
        if _name(child) == _INTENT:
            intent = _INTENTS.get(str(child.ConceptCodeSequence[0].CodeValue), intent)
    if _name(node) == _FINDING:
        marks.append(_mark(root, node, intent))
    for child in children:
        _walk(root, child, intent, marks, depth + 1)


def _mark(root: Any, node: Any, intent: str) -> CadMark:
    uid, probability = "", None
    centre: tuple[float, float] | None = None
    outline: tuple[tuple[float, float], ...] = ()
    for child in node.get("ContentSequence") or []:
        name = _name(child)
        if name in _PROBABILITY and probability is None:
            probability = float(child.MeasuredValueSequence[0].NumericValue)
        if child.get("ValueType") == "SCOORD":
            # DICOM places (column, row) with the centre of the first pixel at 0.5
            data = [float(v) - 0.5 for v in child.GraphicData]
            points = tuple((data[k + 1], data[k]) for k in range(0, len(data) - 1, 2))
            if name == _CENTER and points:
                centre = points[0]
            elif name == _OUTLINE:
                outline = points
            uid = _referenced(root, child.ContentSequence[0]) or uid
    if not uid:
        raise ValueError("a finding does not name its image")
    return CadMark(uid, str(node.ConceptCodeSequence[0].get("CodeMeaning", "finding")), probability, intent, centre, outline)


def _referenced(root: Any, reference: Any) -> str:
    target = reference
    if "ReferencedContentItemIdentifier" in reference:
        target = root
        for place in list(reference.ReferencedContentItemIdentifier)[1:]:
            target = target.ContentSequence[int(place) - 1]
    items = target.get("ReferencedSOPSequence")
    return str(items[0].ReferencedSOPInstanceUID) if items else ""


def _name(node: Any) -> str:
    sequence = node.get("ConceptNameCodeSequence")
    return str(sequence[0].get("CodeValue", "")) if sequence else ""


def _view_of(meaning: str) -> str:
    text = meaning.lower()
    return "MLO" if "oblique" in text else "CC" if "cranio-caudal" in text or "craniocaudal" in text else ""


def _from_source(image: CaseImage, start: Sequence[float], stop: Sequence[float]) -> tuple[list[float], list[float]]:
    """Map a box from the file's array to the shown one: its first and last pixels, then the exclusive edge again."""
    first, last = image.from_source(start), image.from_source([v - 1 for v in stop])
    low = [min(a, b) for a, b in zip(first, last, strict=True)]
    high = [max(a, b) + 1 for a, b in zip(first, last, strict=True)]
    return low, high


def _number(text: Any, name: str) -> float:
    try:
        value = float(text)
    except (TypeError, ValueError):
        raise ValueError(f"{name} {text!r} is no number") from None
    if not math.isfinite(value):
        raise ValueError(f"{name} {text!r} is no finite number")
    return value
