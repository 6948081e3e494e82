"""Own data for the detectors: a folder of imported cases and a table with one row a lesion and image; splits by patient.

The folder is what ``reader-app import`` makes (a study folder, or any folder with ``images/<case_id>``), so that every file type,
hanging, spacing and check of the import holds here too. Beside it lies ``lesions.csv``:

============== ====================================================================================================
column          what
============== ====================================================================================================
case_id         folder of the case under ``images``
patient_id      by default the case; cases of one patient are never split
cohort          empty (the program splits), ``training``, ``calibration`` or ``test``
image_id        image the lesion is seen in; empty in a row that only says something about the case
lesion_id       the same lesion has the same number in every image; 1 by default
malignant       1, 0 or empty (unknown), of the lesion, or of the case where ``image_id`` is empty
type            mass, calcification, asymmetry or distortion (mammograms; mass by default)
start, stop     first and exclusive last index of the box, axis by axis with blanks between: ``row column`` or
                ``slice row column``, as the viewer shows them
mask            instead of a box: a .npy file (bool or 0/1, of the image's shape) relative to the table
shape, margin,  BI-RADS descriptors; empty where unknown
distribution
============== ====================================================================================================

A case with a row but without a lesion row has no lesion. Refused, with every fault named: a patient in two cohorts, the same
pixels under two patients, boxes outside their image, unknown images or words.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reader_app.errors import Fault, ReaderAppError, TableError
from reader_app.imaging.container import OpenCase, open_case
from reader_app.imaging.phantoms import LesionTruth

#: Parts of the data, in this order, and the share of the patients that goes into each where the table does not say.
COHORTS: tuple[str, ...] = ("training", "calibration", "test")
SHARES: tuple[float, ...] = (0.7, 0.15, 0.15)

KINDS: tuple[str, ...] = ("mass", "calcification", "asymmetry", "distortion")

#: Words of the descriptors.
WORDS: Mapping[str, tuple[str, ...]] = {
    "shape": ("oval", "round", "irregular"),
    "margin": ("circumscribed", "obscured", "microlobulated", "indistinct", "spiculated"),
    "distribution": ("diffuse", "regional", "grouped", "linear", "segmental"),
}


@dataclass(frozen=True, eq=False)
class Entry:
    """One case.

    Attributes
    ----------
    case_id, patient, cohort : str
        Who and in which part of the data.
    directory : Path
        Its container.
    malignant : int
        1, 0, or -1 for unknown.
    lesions : tuple of LesionTruth
        One entry a lesion and image; ``malignant`` is -1 where unknown.
    masks : tuple of Path or None
        Of each lesion.
    """

    case_id: str
    patient: str
    cohort: str
    directory: Path
    malignant: int
    lesions: tuple[LesionTruth, ...]
    masks: tuple[Path | None, ...]

    def open(self) -> OpenCase:
        """Open the container."""
        return open_case(self.directory)


def read(folder: Path, modality: str, seed: int) -> list[Entry]:
    """Return the cases of a folder; all faults are raised together.

    Parameters
    ----------
    folder : Path
        See the module; the table may be named instead.
    modality : str
        What the cases must be.
    seed : int
        Draws the patients of each cohort where the table does not say.
    """
    table = folder if folder.is_file() else folder / "lesions.csv"
    if not table.is_file():
        raise TableError([Fault(str(folder), "holds no lesions.csv", "put the table of the lesions beside the folder images")])
    faults: list[Fault] = []
    rows: dict[str, list[tuple[str, dict[str, str]]]] = {}
    with table.open(newline="", encoding="utf-8-sig") as stream:
        for line, row in enumerate(csv.DictReader(stream), 2):
            plain = {str(k).strip(): str(v or "").strip() for k, v in row.items()}
            rows.setdefault(plain.get("case_id", ""), []).append((f"{table}: row {line}", plain))
    entries: list[Entry] = []
    pixels: dict[str, Entry] = {}
    for case_id, own in rows.items():
        try:
            entry, seen = _entry(table.parent, case_id, own, modality, faults)
        except ReaderAppError as error:
            faults.append(Fault(own[0][0], f"the case {case_id!r} cannot be opened ({error})", "import it again"))
            continue
        entries.append(entry)
        for digest in seen:
            other = pixels.setdefault(digest, entry)
            if other.patient != entry.patient:
                what = f"the cases {other.case_id} and {case_id} show the same pixels under two patients"
                faults.append(Fault(str(table), what, "give both one patient_id, or leave one out"))
    if not entries and not faults:
        faults.append(Fault(str(table), "lists no cases", "add rows"))
    faults += _leaks(table, entries)
    if faults:
        raise TableError(faults)
    return split(entries, seed)


def _leaks(table: Path, entries: Sequence[Entry]) -> list[Fault]:
    stated: dict[str, set[str]] = {}
    for entry in entries:
        stated.setdefault(entry.patient, set()).add(entry.cohort)
    return [
        Fault(str(table), f"the patient {patient} is in {' and '.join(sorted(c or 'no stated cohort' for c in cohorts))}",
              "put all cases of a patient into one cohort")
        for patient, cohorts in stated.items()
        if len(cohorts) > 1
    ]  # fmt: skip


def split(entries: Sequence[Entry], seed: int) -> list[Entry]:
    """Return the entries with their cohorts: patients whose cohort the table leaves open are drawn, whole, from the seed."""
    from dataclasses import replace

    open_patients = sorted({e.patient for e in entries if not e.cohort})
    order = np.random.default_rng([seed, 41]).permutation(len(open_patients))
    edges = np.cumsum(SHARES) * len(open_patients)
    drawn = {open_patients[k]: COHORTS[int(np.searchsorted(edges, place, "right"))] for place, k in enumerate(order)}
    return [e if e.cohort else replace(e, cohort=drawn[e.patient]) for e in entries]


def _entry(
    home: Path, case_id: str, rows: Sequence[tuple[str, dict[str, str]]], modality: str, faults: list[Fault]
) -> tuple[Entry, list[str]]:
    directory = home / "images" / case_id
    if not case_id or not directory.is_dir():
        raise TableError([Fault(rows[0][0], f"there is no folder images/{case_id}", "correct the column case_id")])
    case = open_case(directory)
    if case.modality != modality:
        faults.append(Fault(rows[0][0], f"{case_id} holds {case.modality} images, not {modality}", "leave the case out"))
    images = {i.id: i for i in case.images}
    lesions, masks = [], []
    stated, patient, cohort = -1, case_id, ""
    for where, row in rows:
        patient = row.get("patient_id") or patient
        cohort = row.get("cohort", "").lower() or cohort
        malignant = _flag(row.get("malignant", ""), where, faults)
        image_id = row.get("image_id", "")
        if not image_id:
            stated = max(stated, malignant)
            continue
        if image_id not in images:
            faults.append(Fault(where, f"{case_id} has no image {image_id!r}", f"use one of {', '.join(images)}"))
            continue
        shape = images[image_id].array.shape
        mask = home / row["mask"] if row.get("mask") else None
        box = _box_of_mask(mask, shape, where, faults) if mask is not None else _box(row, shape, where, faults)
        said = _words(row, where, faults)
        if box is None or said is None:
            continue
        number = row.get("lesion_id") or "1"
        if not number.isdigit():
            faults.append(Fault(where, f"the lesion_id {number!r} is no whole number", "number the lesions of a case from 1"))
            continue
        side = images[image_id].laterality
        lesions.append(LesionTruth(number, image_id, malignant, said[0], side, box[0], box[1], *said[1:]))  # type: ignore[arg-type]
        masks.append(mask)
    if cohort not in ("", *COHORTS):
        faults.append(Fault(rows[0][0], f"the cohort {cohort!r} is not known", f"use {', '.join(COHORTS)} or leave it empty"))
    worst = max([stated, *(int(lesion.malignant) for lesion in lesions)])
    pixels = [hashlib.sha256(np.ascontiguousarray(i.array).tobytes()).hexdigest() for i in case.images if i.view != "DOPPLER"]
    return Entry(case_id, patient, cohort, directory, worst, tuple(lesions), tuple(masks)), pixels


def _flag(text: str, where: str, faults: list[Fault]) -> int:
    if text in ("", "0", "1"):
        return int(text or -1)
    faults.append(Fault(where, f"malignant is {text!r}", "write 1, 0, or nothing when it is unknown"))
    return -1


def _words(row: Mapping[str, str], where: str, faults: list[Fault]) -> tuple[str, str, str, str] | None:
    kind = row.get("type", "").lower() or "mass"
    found = [kind]
    for column, known in (("type", KINDS), *WORDS.items()):
        word = kind if column == "type" else row.get(column, "").lower()
        if word not in ("", *known):
            faults.append(Fault(where, f"the {column} {word!r} is not known", f"use one of {', '.join(known)}"))
            return None
        if column != "type":
            found.append(word)
    return found[0], found[1], found[2], found[3]


Edges = tuple[tuple[float, ...], tuple[float, ...]]


def _box(row: Mapping[str, str], shape: Sequence[int], where: str, faults: list[Fault]) -> Edges | None:
    try:
        start, stop = (tuple(float(v) for v in row.get(name, "").split()) for name in ("start", "stop"))
    except ValueError:
        start = stop = ()
    axes = len(shape)
    if len(start) != axes or len(stop) != axes:
        faults.append(Fault(where, f"start and stop are not {axes} numbers each", "write them with blanks between"))
        return None
    if not all(0 <= a < b <= n for a, b, n in zip(start, stop, shape, strict=True)):
        faults.append(Fault(where, f"the box {start} to {stop} does not lie in an image of {tuple(shape)}", "correct it"))
        return None
    return start, stop


def load_mask(path: Path) -> NDArray[np.bool_]:
    """Read a mask; nothing but plain numbers is read.

    Raises
    ------
    OSError, ValueError
        If there is no such file or it is no array of numbers.
    """
    return np.asarray(np.load(path, allow_pickle=False)) > 0


def _box_of_mask(path: Path, shape: Sequence[int], where: str, faults: list[Fault]) -> Edges | None:
    try:
        mask = load_mask(path)
    except (OSError, ValueError):
        faults.append(Fault(where, f"the mask {path.name} cannot be read", "save it as a .npy array of 0 and 1"))
        return None
    if mask.shape != tuple(shape) or not mask.any():
        faults.append(Fault(where, f"the mask {path.name} is empty or not of the image's shape {tuple(shape)}", "draw it again"))
        return None
    lines = [np.flatnonzero(mask.any(axis=tuple(a for a in range(mask.ndim) if a != axis))) for axis in range(mask.ndim)]
    return tuple(float(n[0]) for n in lines), tuple(float(n[-1] + 1) for n in lines)


def identity(entries: Sequence[Entry]) -> str:
    """Return a SHA-256 over the pixels' fingerprints, labels and cohorts."""
    digest = hashlib.sha256()
    for entry in sorted(entries, key=lambda e: e.case_id):
        digest.update(repr((entry.case_id, entry.open().fingerprint, entry.cohort, entry.malignant, entry.lesions)).encode())
    return digest.hexdigest()


def describe(folder: Path, entries: Sequence[Entry]) -> str:
    """Return what a model was trained on, in words."""
    patients = len({e.patient for e in entries})
    name = (folder.parent if folder.is_file() else folder).resolve().name
    return f"trained on {len(entries)} cases of {patients} patients of {name} (sha256 {identity(entries)[:12]})"
