"""Import: cases a minute, the decoders' own share of it, and how its cost grows with the number of files.

Four-view exams (JPEG lossless, 12 bit) and ABVS volumes (uncompressed) written here are imported by the product. The limit is
what must be done whatever the program: decode every file once with the same decoder, store and hash the result; measured in one
plain process in the same run. Bars are on CPU time (workers included); the wall clock is reported. A second import of the same
files measures what checking them costs; its growth from few to many files tells whether cost grows in step.
"""

from __future__ import annotations

import hashlib
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import generate_uid

from benchmarks.report import Result, arguments, show
from reader_app.imaging.importer import import_sources

VIEWS = {"RCC": ("P", "L"), "LCC": ("A", "R"), "RMLO": ("P", "FL"), "LMLO": ("A", "FR")}
_SV1, _EXPLICIT = "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.1"


def _dataset(sop: str, modality: str, study: str, syntax: str) -> Dataset:
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.SOPClassUID, ds.SOPInstanceUID, ds.Modality = sop, generate_uid(), modality
    ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = sop, ds.SOPInstanceUID
    ds.file_meta.TransferSyntaxUID = syntax
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.StudyDate = study, generate_uid(), "20260101"
    ds.PatientID = ds.PatientName = ""
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PixelRepresentation = 1, "MONOCHROME2", 0
    return ds


def write_exams(folder: Path, count: int, shape: tuple[int, int]) -> list[Path]:
    """Write four-view exams; all share four encoded textures, so that writing them takes little time."""
    rng = np.random.default_rng(1)
    r, c = np.mgrid[: shape[0], : shape[1]]
    paths = []
    encoded = {}
    for name in VIEWS:
        chest = shape[1] - 1 if name[0] == "R" else 0
        inside = ((r / shape[0] - 0.5) / 0.45) ** 2 + ((c - chest) / (0.7 * shape[1])) ** 2 < 1
        image = np.where(inside, 1500 + 400 * np.sin(r / 90.0) + rng.normal(0, 25, shape), 0).clip(0, 4095).astype(np.uint16)
        encoded[name] = imagecodecs.ljpeg_encode(image, bitspersample=12)
    for number in range(count):
        study = generate_uid()
        for name, orientation in VIEWS.items():
            ds = _dataset("1.2.840.10008.5.1.4.1.1.1.2", "MG", study, _SV1)
            ds.ImageLaterality, ds.ViewPosition, ds.PatientOrientation = name[0], name[1:], list(orientation)
            ds.PresentationIntentType, ds.ImagerPixelSpacing = "FOR PRESENTATION", [0.07, 0.07]
            ds.WindowCenter, ds.WindowWidth = 1700, 1500
            ds.Rows, ds.Columns, ds.BitsAllocated, ds.BitsStored, ds.HighBit = *shape, 16, 12, 11
            ds.PixelData = encapsulate([encoded[name]])
            ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
            path = folder / f"exam{number:05d}" / f"{name}.dcm"
            path.parent.mkdir(parents=True, exist_ok=True)
            pydicom.dcmwrite(path, ds, enforce_file_format=True)
            paths.append(path)
    return paths


def write_volumes(folder: Path, count: int, shape: tuple[int, int, int]) -> list[Path]:
    """Write multi-frame ABVS volumes, uncompressed."""
    frames = np.random.default_rng(2).integers(0, 256, shape, dtype=np.uint8)
    paths = []
    for number in range(count):
        ds = _dataset("1.2.840.10008.5.1.4.1.1.3.1", "US", generate_uid(), _EXPLICIT)
        ds.ManufacturerModelName, ds.SeriesDescription = "Invenia", "R AP"
        ds.PixelSpacing, ds.SpacingBetweenSlices, ds.NumberOfFrames = [0.07, 0.2], 0.5, shape[0]
        ds.Rows, ds.Columns, ds.BitsAllocated, ds.BitsStored, ds.HighBit = *shape[1:], 8, 8, 7
        ds.PixelData = frames.tobytes()
        ds["PixelData"].VR = "OB"
        path = folder / f"volume{number:03d}.dcm"
        folder.mkdir(parents=True, exist_ok=True)
        pydicom.dcmwrite(path, ds, enforce_file_format=True)
        paths.append(path)
    return paths


def cpu_s() -> float:
    """Return processor seconds of this process and of its ended children."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def bare_cost(paths: list[Path], folder: Path) -> float:
    """Return the CPU seconds to read, decode, store and hash the files in one plain process, nothing else."""
    start = cpu_s()
    for number, path in enumerate(paths):
        ds = pydicom.dcmread(path)
        if ds.file_meta.TransferSyntaxUID == _SV1:
            array = imagecodecs.jpegsof3_decode(next(pydicom.encaps.generate_frames(ds.PixelData, number_of_frames=1)))
        else:
            array = np.frombuffer(ds.PixelData, np.uint8).reshape(ds.NumberOfFrames, ds.Rows, ds.Columns)
        target = folder / f"{number}.npy"
        np.save(target, array)
        with target.open("rb") as stream:
            hashlib.file_digest(stream, "sha256").hexdigest()
        target.unlink()
    return cpu_s() - start


def hash_cost(paths: list[Path]) -> float:
    """Return the CPU seconds to hash files once: the least that checking them can cost."""
    start = cpu_s()
    for path in paths:
        with path.open("rb") as stream:
            hashlib.file_digest(stream, "sha256").hexdigest()
    return cpu_s() - start


def timed_import(source: Path, images: Path) -> tuple[float, float, int]:
    """Import and return (wall s, CPU s, complete cases)."""
    wall, cpu = time.perf_counter(), cpu_s()
    report = import_sources([source], images)
    if not report.complete:
        raise SystemExit(f"the import is not complete: {[c.faults for c in report.cases if c.faults][:3]}")
    return time.perf_counter() - wall, cpu_s() - cpu, len(report.cases)


def measure(exams: int, volumes: int, shape: tuple[int, int], volume_shape: tuple[int, int, int]) -> list[Result]:
    """Run all measurements."""
    results = []
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for title, paths, source, bar in (
            ("four-view exams", write_exams(root / "mg", exams, shape), root / "mg", 3.0),
            ("ABVS volumes", write_volumes(root / "us", volumes, volume_shape), root / "us", 6.0),
        ):
            limit = bare_cost(paths, root)
            wall, cpu, cases = timed_import(source, root / title[:4] / "images")
            more = {"cases": cases, "files": len(paths), "wall_s": wall, "cpu_s": cpu, "bare_cpu_s": limit}
            more = {key: round(value, 1) for key, value in more.items()}
            rate, ratio = 60 * cases / wall, cpu / limit
            against = "decode, store, hash"
            results.append(Result(f"import {title}", rate, "cases/min", f"CPU <= {bar:g} x", ratio <= bar, ratio, against, more))
            _, again, _ = timed_import(source, root / title[:4] / "images")
            stored = [p for p in (root / title[:4] / "images").rglob("*") if p.is_file()]
            hashing = hash_cost([*paths, *stored])
            ratio, words = again / hashing, "hashing sources and containers once"
            results.append(Result(f"again, {title}", again / cases, "CPU s/case", "CPU <= 4 x", ratio <= 4.0, ratio, words))
        few = write_exams(root / "few", 10, (96, 64)) and timed_import(root / "few", root / "f" / "images")
        many = write_exams(root / "many", 10 * exams, (96, 64)) and timed_import(root / "many", root / "m" / "images")
        each = many[1] / many[2]
        ratio = each / (few[1] / few[2])
        results.append(
            Result("growth of cost a case", each, "CPU s/case", "CPU <= 1.2 x", ratio <= 1.2, ratio, f"{few[2]} cases")
        )
    return results


def main() -> int:
    """Measure and print."""
    parser = arguments(__doc__)
    parser.add_argument("--exams", type=int, default=100)
    parser.add_argument("--volumes", type=int, default=20)
    parser.add_argument("--quick", action="store_true", help="6 exams, 2 volumes")
    options = parser.parse_args()
    if options.quick:
        options.exams, options.volumes = 6, 2
    if os.name == "nt":
        print("this measurement needs a Unix system (CPU time of ended processes)", file=sys.stderr)
        return 3
    return show(measure(options.exams, options.volumes, (4096, 3328), (300, 800, 1024)), options.json)


if __name__ == "__main__":
    sys.exit(main())
