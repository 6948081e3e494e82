"""liu2025 on own scans: imported ABVS cases with a table of lesions (:mod:`reader_app.networks.lesion_table`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from reader_app.errors import BundleError
from reader_app.imaging.phantom_abvs import LesionMask
from reader_app.networks import checkpoint, lesion_table
from reader_app.networks.lesion_table import Entry
from reader_app.networks.liu2025_predict import Working
from reader_app.networks.liu2025_samples import Exam, Outlined, VolumeSamples, of_exams
from reader_app.networks.liu2025_train import Cohorts
from reader_app.networks.training import Progress


def exam(entry: Entry) -> Exam:
    """Return one case with its lesions: drawn masks where there are any, else boxes."""
    lesions: dict[str, list[Outlined]] = {}
    for lesion, path in zip(entry.lesions, entry.masks, strict=True):
        mask = None
        if path is not None:
            first = [int(v) for v in lesion.start]
            part = tuple(slice(int(a), int(b)) for a, b in zip(lesion.start, lesion.stop, strict=True))
            mask = LesionMask((first[0], first[1], first[2]), np.ascontiguousarray(lesion_table.load_mask(path)[part]))
        lesions.setdefault(lesion.image_id, []).append(Outlined(lesion.start, lesion.stop, mask, int(lesion.malignant)))
    return Exam(entry.open(), {k: tuple(v) for k, v in lesions.items()}, entry.malignant)


def exams(entries: Sequence[Entry]) -> Iterator[Exam]:
    """Yield the cases of a cohort."""
    for entry in entries:
        yield exam(entry)


def cohorts(folder: Path, work: Path, working: Working, seed: int, progress: Progress | None) -> Cohorts:
    """Return the cohorts of a folder; the training material is made once and kept in ``work``.

    Raises
    ------
    TableError
        If the table has faults, leakage between cohorts or patients among them.
    BundleError
        If a cohort is empty.
    """
    entries = lesion_table.read(folder, "abvs", seed)
    own = {cohort: [e for e in entries if e.cohort == cohort] for cohort in lesion_table.COHORTS}
    patients = sorted({e.patient for e in own["training"]})
    if len(patients) < 2 or not own["calibration"] or not own["test"]:
        have = ", ".join(f"{len(v)} {k}" for k, v in own.items())
        raise BundleError(f"{folder}: too few cases ({have}); training needs two patients, and calibration and test one each.")
    # numbers in a drawn order, so that neither the names nor the order of the table decide who chooses the best epoch
    order = np.random.default_rng([seed, 43]).permutation(len(patients))
    number = {patient: int(order[k]) for k, patient in enumerate(patients)}
    sizes = f"{seed}-{working.mm}-{working.window}-{working.beside}"
    path = work / f"liu2025-samples-{lesion_table.identity(entries)[:12]}-{sizes}.safetensors"
    if path.exists():
        samples = VolumeSamples.of_tensors(checkpoint.read(path)[0])
    else:
        tell = None if progress is None else lambda done, total: progress(done, total, "scans (abvs)")
        keys = range(seed * 100_000, seed * 100_000 + len(own["training"]))
        numbers = [number[e.patient] for e in own["training"]]
        samples = of_exams(exams(own["training"]), keys, working, numbers, tell)
        checkpoint.write(path, samples.tensors(), {})
    return Cohorts(
        samples,
        lambda: exams(own["calibration"]),
        lambda: exams(own["test"]),
        len(own["calibration"]),
        len(own["test"]),
        lesion_table.describe(folder, entries),
        "--data FOLDER",
        "held-out patients",
    )
