"""Predictions made elsewhere, matched to the cases of a study and checked.

Taken are tables (CSV, JSON, TDSC-ABUS), Mammography CAD SR (TID 4000), measurement reports (TID 1500), segmentations (binary and
fractional) and parametric maps. A prediction from elsewhere says so in its provenance, with the SHA-256 of the file it came from.
Nothing is guessed: a row that names an unknown case or image, a box outside its image, or a report of an image that is not among
the originals given is a fault, and with any fault nothing is taken.

CSV columns: ``case_id``, ``probability`` and, for a box, ``image_id`` with ``start_row, start_column, stop_row, stop_column``
(volumes also ``start_slice, stop_slice``), ``score``, ``label``, ``space``; several rows a case are several boxes. TDSC-ABUS
tables (``id, c_x, c_y, c_z, len_x, len_y, len_z, score``; x = column, y = row, z = slice) are taken for one-volume cases. JSON:
``{"schema": 1, "space": "shown", "cases": [{"case_id", "probability", "boxes": [{"image_id", "start", "stop", "score",
"label"}], "maps": [{"image_id", "array"}], "status", "reason"}]}``; a map is a ``.npy`` file beside the table, 0 to 1 on the
image's own pixels. ``space``: "shown" = index of the container (hung); "source" = index of the original file, which is mapped.

A segmentation gives a map and a box around each of its parts; its score is 1 (binary) or the highest fraction inside, and a
table of the same import that states a probability of the case overrides both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from reader_app.ai.external import tables
from reader_app.ai.external.dicomfiles import DicomTaker
from reader_app.ai.external.intake import Intake
from reader_app.ai.external.originals import Originals
from reader_app.ai.results import Prediction
from reader_app.errors import Fault, ImageError, InputFaults
from reader_app.imaging.workers import WorkerPool

#: Largest table and largest DICOM result that is read, in bytes.
LIMIT, DICOM_LIMIT = 64 << 20, 2 << 30

_JOBS = ("reader_app.imaging.reports", "reader_app.imaging.mapobjects")


def read(
    files: Iterable[Path],
    model_id: str,
    cases: Mapping[str, Path],
    threshold: float = 0.5,
    labels: tuple[str, str] = ("benign", "malignant"),
    originals: Iterable[Path] = (),
) -> list[Prediction]:
    """Return the predictions that files made elsewhere hold, one for each case they speak of.

    Parameters
    ----------
    files : iterable of Path
        Tables and DICOM results.
    model_id : str
        Id under which the predictions are to be stored.
    cases : mapping of str to Path
        Case id -> container folder.
    threshold : float
        Operating point applied to probabilities.
    labels : tuple of str
        Negative and positive call.
    originals : iterable of Path
        The DICOM files (or folders of them) the containers were imported from: needed for DICOM results only, which name images
        by UIDs that containers do not hold.

    Raises
    ------
    InputFaults
        All faults of all files at once; then nothing is taken.
    """
    intake = Intake(model_id, cases, threshold, labels)
    faults: list[Fault] = []
    with WorkerPool(1, modules=_JOBS) as crew:
        dicom = DicomTaker(intake, Originals(intake, originals, crew), crew)
        for path in files:
            try:
                faults += _take(intake, dicom, path)
            except ImageError as error:
                text = str(error).removeprefix(f"{path.name}: ")
                faults.append(Fault(str(path), f"cannot be taken ({text})", "correct the file or leave it out"))
            except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
                faults.append(Fault(str(path), f"cannot be taken ({error})", "correct the file or leave it out"))
    if faults:
        raise InputFaults(faults)
    return intake.predictions()


def _take(intake: Intake, dicom: DicomTaker, path: Path) -> list[Fault]:
    with path.open("rb") as stream:
        is_dicom = stream.read(132)[128:] == b"DICM"
    limit = DICOM_LIMIT if is_dicom else LIMIT
    if path.stat().st_size > limit:
        raise ValueError(f"is larger than {limit >> 20} MB")
    if is_dicom:
        dicom.take(path)
        return []
    kind = path.suffix.lower()
    if kind == ".json":
        return list(tables.take_json(intake, str(path), path.name, path.read_bytes()))
    if kind == ".csv":
        return list(tables.take_csv(intake, str(path), path.name, path.read_bytes()))
    raise ValueError("is neither a CSV or JSON table nor a DICOM report, segmentation or map")


__all__ = ["read"]
