"""Ultrasound pictures from a folder as training crops, with near-duplicates and patients kept together.

Either a table (``table.csv``: ``file``, and ``malignant`` 0/1 or ``label`` benign/malignant; optional ``birads``,
``patient_id``, ``age``, ``mask``, a lesion's box ``top``, ``left``, ``bottom``, ``right`` in pixels, ``cohort``) with a row a
picture or a row a lesion, or two folders ``benign`` and ``malignant`` as in BUSI (``normal`` is left out;
``<name>_mask.png`` beside a picture is its mask). Where a mask is known and crops are asked for, the largest region with a margin
of 30 pixels is taken (a square), else the whole picture. Pictures without a patient id are grouped by a perceptual hash, because
public sets hold the same lesion several times. Rows of the cohort "training" (or none) are learnt from, in folds; all others
("internal", "external") are only judged at the end, and a patient or near-duplicate in both is refused.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from reader_app.errors import Fault, TableError
from reader_app.networks.phantom_samples import LESION, Samples
from reader_app.networks.preprocess import ultrasound_grey, whole_image

#: Bits of 256 in which the hashes of near-duplicates may differ.
NEAR = 14

MARGIN = 30

#: The cohort that is learnt from.
TRAINING = "training"


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of the table."""

    path: Path
    malignant: bool
    high: bool
    patient: str
    age: float
    mask: Path | None
    box: tuple[int, int, int, int] | None = None
    cohort: str = TRAINING


@dataclass(frozen=True, eq=False)
class Pictures:
    """Loaded pictures.

    Attributes
    ----------
    samples : Samples
        Crops, labels, groups.
    identity : str
        SHA-256 over the files and labels.
    count, groups : int
        Pictures, and groups that stay together.
    name : str
        Folder name.
    cohorts : mapping of str to Samples
        Pictures of other cohorts, only judged.
    """

    samples: Samples
    identity: str
    count: int
    groups: int
    name: str
    cohorts: Mapping[str, Samples]

    def describe(self) -> str:
        """Return what a model was trained on, in words."""
        return f"trained on {self.count} pictures of {self.name} in {self.groups} groups (sha256 {self.identity[:12]})"


def listed(folder: Path) -> list[Picture]:
    """Return the pictures of a folder; all faults of its table are raised together."""
    table = folder if folder.is_file() else folder / "table.csv"
    if table.is_file():
        return _from_table(table)
    found: list[Picture] = []
    for name in ("benign", "malignant"):
        for path in sorted((folder / name).glob("*.png")):
            if "_mask" in path.stem:
                continue
            mask = path.with_name(f"{path.stem}_mask.png")
            bad = name == "malignant"
            found.append(Picture(path, bad, bad, "", float("nan"), mask if mask.is_file() else None))
    if not found:
        what = "holds neither a table.csv nor folders 'benign' and 'malignant' with PNG pictures"
        raise TableError([Fault(str(folder), what, "choose the folder of the pictures")])
    return found


def _from_table(table: Path) -> list[Picture]:
    faults: list[Fault] = []
    found: list[Picture] = []
    with table.open(newline="", encoding="utf-8-sig") as stream:
        for line, row in enumerate(csv.DictReader(stream), 2):
            where = f"{table}: row {line}"
            path = table.parent / (row.get("file") or "")
            if not row.get("file") or not path.is_file():
                faults.append(Fault(where, f"the picture {row.get('file')!r} is missing", "correct the column 'file'"))
                continue
            word = (row.get("malignant") or row.get("label") or "").strip().lower()
            if word not in ("0", "1", "benign", "malignant"):
                faults.append(Fault(where, "says neither benign nor malignant", "fill 'malignant' (0/1) or 'label'"))
                continue
            bad = word in ("1", "malignant")
            birads = (row.get("birads") or "").strip()
            high = birads[:1] in ("4", "5", "6") if birads else bad
            mask = table.parent / row["mask"] if row.get("mask") else None
            try:
                age = float(row.get("age") or "nan")
            except ValueError:
                faults.append(Fault(where, f"the age {row.get('age')!r} is no number", "correct or empty it"))
                continue
            edges = [(row.get(k) or "").strip() for k in ("top", "left", "bottom", "right")]
            box = None
            if any(edges):
                try:
                    top, left, bottom, right = (round(float(v)) for v in edges)
                except ValueError:
                    top = left = bottom = right = 0
                box = (top, left, bottom, right)
                if not (0 <= top < bottom and 0 <= left < right):
                    faults.append(Fault(where, "has no sound box of its lesion", "fill top, left, bottom and right in pixels"))
                    continue
            cohort = (row.get("cohort") or "").strip().lower() or TRAINING
            patient = (row.get("patient_id") or "").strip()
            found.append(Picture(path, bad, high, patient, age, mask, box, cohort))
    if faults:
        raise TableError(faults)
    if not found:
        raise TableError([Fault(str(table), "lists no pictures", "add rows")])
    return found


def perceptual_hash(grey: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return 256 bits: whether each of 16 x 16 means is darker than its right neighbour."""
    small = cv2.resize(grey, (17, 16), interpolation=cv2.INTER_AREA).astype(np.int16)
    return np.asarray((small[:, 1:] > small[:, :-1]).ravel(), np.bool_)


def groups_of(hashes: NDArray[np.bool_], patients: Iterable[str]) -> NDArray[np.int64]:
    """Return a group number for each picture: the same patient, or a near-duplicate of any member, is the same group."""
    n = len(hashes)
    parent = list(range(n))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    first: dict[str, int] = {}
    for i, patient in enumerate(patients):
        if patient:
            parent[root(i)] = root(first.setdefault(patient, i))
    bits = hashes.astype(np.float32)
    ones = bits.sum(1)
    different = ones[:, None] + ones[None] - 2 * bits @ bits.T
    for i, j in np.argwhere(np.triu(different <= NEAR, 1)):
        parent[root(int(i))] = root(int(j))
    roots = [root(i) for i in range(n)]
    number = {r: k for k, r in enumerate(dict.fromkeys(roots))}
    return np.array([number[r] for r in roots], np.int64)


def load(folder: Path, window: int, cropped: bool) -> Pictures:
    """Read the pictures of a folder.

    Parameters
    ----------
    folder : Path
        See the module.
    window : int
        Pixels a side of the crops.
    cropped : bool
        Crop to the largest region of the mask where there is one.
    """
    rows = listed(folder)
    pixels, hashes = [], []
    digest = hashlib.sha256()
    for row in rows:
        grey = _read(row.path)
        hashes.append(perceptual_hash(grey))
        digest.update(hashlib.sha256(grey.tobytes()).digest() + bytes([row.malignant, row.high]))
        if row.box is not None or row.cohort != TRAINING:
            digest.update(f"{row.box} {row.cohort}".encode())
        part = grey
        if cropped and row.box is not None:
            part = _square(grey, row.box)
        elif cropped and row.mask is not None:
            part = _largest(grey, _read(row.mask))
        pixels.append(ultrasound_grey(whole_image(part, window)))
    groups = groups_of(np.stack(hashes), [r.patient for r in rows])
    # folds take groups in a drawn order, so that neither folder nor file order decides
    order = np.random.default_rng(0).permutation(groups.max() + 1)
    age = np.array([r.age for r in rows], np.float32)
    known = age[np.isfinite(age)]
    cohort = np.array([r.cohort for r in rows])
    _refuse_leakage(rows, groups, cohort)
    made = Samples(
        "ultrasound",
        np.stack(pixels).astype(np.float16),
        np.array([r.malignant for r in rows], np.uint8),
        np.array([r.high for r in rows], np.uint8),
        np.full(len(rows), LESION, np.uint8),
        np.where(np.isfinite(age), age, known.mean() if len(known) else 50.0).astype(np.float32),
        order[groups].astype(np.int64),
    )
    learnt = cohort == TRAINING
    if len(np.unique(made.malignant[learnt])) < 2:
        raise TableError([Fault(str(folder), "holds no benign or no malignant picture to learn from", "add pictures of both")])
    others = {str(name): _part(made, cohort == name) for name in np.unique(cohort[~learnt])}
    count, own = int(learnt.sum()), len(np.unique(groups[learnt]))
    return Pictures(_part(made, learnt), digest.hexdigest(), count, own, folder.resolve().name, others)


def _part(whole: Samples, rows: NDArray[np.bool_]) -> Samples:
    w = whole
    return Samples(w.modality, w.pixels[rows], w.malignant[rows], w.high[rows], w.kind[rows], w.age[rows], w.group[rows])


def _refuse_leakage(rows: list[Picture], groups: NDArray[np.int64], cohort: NDArray[np.str_]) -> None:
    """Raise a TableError naming pictures of one patient, or near-duplicates, that are learnt from and judged."""
    faults = []
    for group in np.unique(groups[cohort != TRAINING]):
        own = np.flatnonzero(groups == group)
        names = sorted({str(c) for c in cohort[own]})
        if len(names) > 1:
            first, other = own[0], next(k for k in own if cohort[k] != cohort[own[0]])
            what = f"is of the same patient or nearly the same picture as {rows[other].path.name}, but of cohort {cohort[first]}"
            faults.append(Fault(str(rows[first].path), f"{what}, not {cohort[other]}", "put both into one cohort"))
    if faults:
        raise TableError(faults)


def _read(path: Path) -> NDArray[np.uint8]:
    content = np.frombuffer(path.read_bytes(), np.uint8)
    image = cv2.imdecode(content, cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise TableError([Fault(str(path), "is no picture that can be read", "save it as PNG or remove it")])
    return np.asarray(image, np.uint8)


def lesion_of(mask: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where a mask shows a lesion: above half of its own highest value, as some sets draw classes in colours."""
    return np.asarray(mask > mask.max(initial=0) / 2, np.bool_)


def _largest(grey: NDArray[np.uint8], mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if mask.shape != grey.shape:
        mask = np.asarray(cv2.resize(mask, (grey.shape[1], grey.shape[0]), interpolation=cv2.INTER_NEAREST), np.uint8)
    count, _, stats, _ = cv2.connectedComponentsWithStats(lesion_of(mask).astype(np.uint8))
    if count < 2:
        return grey
    x, y, w, h = (int(v) for v in stats[1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])), :4])
    return _square(grey, (y, x, y + h, x + w))


def _square(grey: NDArray[np.uint8], box: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """Return the square around a box (top, left, bottom, right) with the margin."""
    y, x, h, w = box[0], box[1], box[2] - box[0], box[3] - box[1]
    side = max(w, h) + 2 * MARGIN
    top = int(np.clip(y + h / 2 - side / 2, 0, max(0, grey.shape[0] - side)))
    left = int(np.clip(x + w / 2 - side / 2, 0, max(0, grey.shape[1] - side)))
    return grey[top : top + side, left : left + side]
