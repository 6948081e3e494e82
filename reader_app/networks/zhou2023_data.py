"""zhou2023 on own exams: imported mammograms with a table of lesions (:mod:`reader_app.networks.lesion_table`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from reader_app.errors import BundleError
from reader_app.networks import checkpoint, lesion_table, preprocess
from reader_app.networks.lesion_table import Entry
from reader_app.networks.training import Progress
from reader_app.networks.zhou2023 import views_of
from reader_app.networks.zhou2023_measure import Exam
from reader_app.networks.zhou2023_samples import sample
from reader_app.networks.zhou2023_train import Cohorts
from reader_app.networks.zhou2023_views import stack

#: Share of the training patients that choose the best epoch.
HELD = 0.2


def exam(entry: Entry, mm: float) -> Exam:
    """Return one exam with its stack; lesions of views that are not judged (extra views) are left out."""
    views = views_of(preprocess.judged_images(entry.open()))
    name = {image.id: view for view, image in views.items()}
    lesions = [replace(o, image_id=name[o.image_id]) for o in entry.lesions if o.image_id in name]
    stacked = stack(views, mm)
    return sample(lesions, float(entry.malignant), stacked), stacked


def exams(entries: Sequence[Entry], mm: float) -> Iterator[Exam]:
    """Yield the exams of a cohort."""
    for entry in entries:
        yield exam(entry, mm)


def cohorts(folder: Path, work: Path, mm: float, seed: int, progress: Progress | None) -> Cohorts:
    """Return the cohorts of a folder; stacks are made once and kept in ``work``.

    Raises
    ------
    TableError
        If the table has faults, leakage between cohorts or patients among them.
    BundleError
        If a cohort is empty.
    """
    entries = lesion_table.read(folder, "mammography", seed)
    own = {cohort: [e for e in entries if e.cohort == cohort] for cohort in lesion_table.COHORTS}
    patients = sorted({e.patient for e in own["training"]})
    if len(patients) < 2 or not own["calibration"] or not own["test"]:
        have = ", ".join(f"{len(v)} {k}" for k, v in own.items())
        raise BundleError(f"{folder}: too few cases ({have}); training needs two patients, and calibration and test one each.")
    drawn = np.random.default_rng([seed, 43]).permutation(patients)[: max(1, round(HELD * len(patients)))]
    chosen = set(drawn.tolist())
    source = lesion_table.describe(folder, entries)
    key = lesion_table.identity(entries)[:12]
    files = []
    for done, entry in enumerate(own["training"]):
        file = work / f"exams-{mm:g}-{key}" / f"{entry.case_id}.safetensors"
        if not file.exists():
            checkpoint.write(file, exam(entry, mm)[0], {})
        files.append(file)
        if progress is not None:
            progress(done + 1, len(own["training"]), "exams (mammography)")
    return Cohorts(
        files,
        [e.patient in chosen for e in own["training"]],
        lambda: exams(own["calibration"], mm),
        lambda: exams(own["test"], mm),
        len(own["calibration"]),
        len(own["test"]),
        source,
        "--data FOLDER",
        "held-out patients",
    )
