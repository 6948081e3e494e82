"""The case container: what a reading station opens instead of hospital files.

A folder of raw arrays (``.npy``, opened as memory maps), one ``container.json`` with geometry and grey-scale, and
``manifest.json`` with the SHA-256 of every file. It carries no identifier of a patient, no date, no source file name and no
truth. Pixels lie as they are shown: nobody downstream flips or transposes.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reader_app.errors import Fault, ImageError
from reader_app.imaging import fingerprint as fp
from reader_app.imaging.air import find_skin
from reader_app.imaging.caseimage import DTYPES, KINDS, MODALITIES, CaseImage, NewImage, OpenCase, Region, check, safe_name
from reader_app.imaging.pyramid import column_major, halve, pyramid
from reader_app.imaging.scanconvert import Fan
from reader_app.imaging.window import GreyScale, Preset

__all__ = [
    "CONTAINER", "DTYPES", "KINDS", "MANIFEST", "MODALITIES", "CaseImage", "NewImage", "OpenCase", "Region", "column_major",
    "halve", "open_case", "pyramid", "restate", "safe_name", "verify", "write",
]  # fmt: skip

SCHEMA = 1
CONTAINER = "container.json"
MANIFEST = "manifest.json"


def write(
    directory: Path, case_id: str, modality: str, images: Sequence[NewImage], source: Mapping[str, Any] | None = None
) -> str:
    """Write a container; it appears under ``directory`` whole or not at all.

    Parameters
    ----------
    directory : Path
        The container's own folder, ``<study>/images/<case_id>``; an older container there is replaced.
    case_id, modality : str
        Pseudonym; one of :data:`MODALITIES`.
    images : sequence of NewImage
        At least one; ids must be unique.
    source : mapping, optional
        ``{"kinds": [...], "notes": [...], "hashes": [...]}``: file formats and assumptions in words. No identifiers.

    Returns
    -------
    str
        The fingerprint.

    Raises
    ------
    ImageError
        If the images do not form a sound container.
    OSError
        If the disk refuses.
    """
    check(case_id, modality, images)
    directory.parent.mkdir(parents=True, exist_ok=True)
    work = directory.parent / f".{case_id}.{uuid.uuid4().hex}.part"
    work.mkdir()
    try:
        records = [_store_image(work, image) for image in images]
        document = {
            "schema": SCHEMA,
            "case_id": case_id,
            "modality": modality,
            "images": records,
            "source": dict(source or {"kinds": [], "notes": []}),
        }
        _store_json(work / CONTAINER, document)
        names = sorted(p.name for p in work.iterdir())
        files = {n: {"sha256": fp.of_file(work / n), "bytes": (work / n).stat().st_size} for n in names}
        identity = fp.of_images((r["id"], str(files[r["array"]]["sha256"])) for r in records)
        _store_json(work / MANIFEST, {"schema": SCHEMA, "files": files, "fingerprint": identity})
        for path in work.iterdir():
            _sync(path)
        _sync(work)
        _take_place(work, directory)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    return identity


def restate(directory: Path, source: Mapping[str, Any]) -> None:
    """Replace what a container says of its origin; its pixels and fingerprint stay."""
    document, manifest = _read_json(directory / CONTAINER), _read_json(directory / MANIFEST)
    part = directory.parent / f".{directory.name}.{uuid.uuid4().hex}.json"
    _store_json(part, {**document, "source": dict(source)})
    _sync(part)
    manifest["files"][CONTAINER] = {"sha256": fp.of_file(part), "bytes": part.stat().st_size}
    os.replace(part, directory / CONTAINER)
    _store_json(part, manifest)
    _sync(part)
    os.replace(part, directory / MANIFEST)


def open_case(directory: Path) -> OpenCase:
    """Open a container for display: JSON and memory maps only.

    Raises
    ------
    ImageError
        If the folder is no container of this program or its files do not fit their description.
    """
    document = _read_json(directory / CONTAINER)
    manifest = _read_json(directory / MANIFEST)
    for name, content in ((CONTAINER, document), (MANIFEST, manifest)):
        if content.get("schema") != SCHEMA:
            raise ImageError(
                f"{directory / name}: schema {content.get('schema')!r} is not known; update the program or import again"
            )
    try:
        images = tuple(_open_image(directory, record) for record in document["images"])
        return OpenCase(
            directory,
            str(document["case_id"]),
            str(document["modality"]),
            images,
            str(manifest["fingerprint"]),
            document["source"],
            manifest["files"],
        )
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise ImageError(f"{directory}: the container cannot be opened ({error}); import the case again") from error


def verify(directory: Path, deep: bool = False) -> list[Fault]:
    """Check a container against its manifest, and the description against the arrays; an empty list means sound.

    Parameters
    ----------
    directory : Path
        The container's folder.
    deep : bool
        Also recompute pyramids and second-order copies from the full-resolution arrays.
    """
    place = str(directory)
    remedy = "import the case again"
    try:
        manifest = _read_json(directory / MANIFEST)
        files: Mapping[str, Any] = manifest["files"]
    except (ImageError, KeyError) as error:
        return [Fault(place, f"its manifest is missing or unreadable ({error})", remedy)]
    faults = []
    present = {p.name for p in directory.iterdir()} - {MANIFEST}
    for name in sorted(present | set(files)):
        path = directory / name
        if name not in files:
            faults.append(Fault(str(path), "is not listed in the manifest", "remove it or " + remedy))
        elif not safe_name(name) or name not in present:
            faults.append(Fault(str(path), "is listed in the manifest but missing", remedy))
        elif path.stat().st_size != files[name].get("bytes") or fp.of_file(path) != files[name].get("sha256"):
            faults.append(Fault(str(path), "was changed after import (its SHA-256 differs from the manifest)", remedy))
    if faults:
        return faults
    try:
        case = open_case(directory)
    except ImageError as error:
        return [Fault(place, str(error), remedy)]
    arrays = {r["id"]: r["array"] for r in _read_json(directory / CONTAINER)["images"]}
    if fp.of_images((i, str(files[a]["sha256"])) for i, a in arrays.items()) != case.fingerprint:
        faults.append(Fault(place, "the fingerprint in the manifest does not belong to these pixels", remedy))
    if case.case_id != directory.name:
        faults.append(
            Fault(place, f"holds the case {case.case_id!r} but the folder is named {directory.name!r}", "rename it back")
        )
    try:
        check(case.case_id, case.modality, case.images)
    except ImageError as error:
        faults.append(Fault(place, str(error), remedy))
    for image in case.images if deep else ():
        levels = pyramid(np.asarray(image.array), image.padding) if image.kind == "image" else []
        same = len(levels) == len(image.pyramid) and all(
            np.array_equal(a, b) for a, b in zip(levels, image.pyramid, strict=False)
        )
        if image.column_major is not None:
            same = same and np.array_equal(image.column_major, np.moveaxis(image.array, 2, 0))
        if not same:
            faults.append(Fault(place, f"the reduced or reordered copies of {image.id} do not belong to its pixels", remedy))
    return faults


def _store_image(work: Path, image: NewImage) -> dict[str, Any]:
    array = np.ascontiguousarray(image.array)
    name = f"{image.id}.npy"
    np.save(work / name, array, allow_pickle=False)
    levels = pyramid(array, image.padding) if image.kind == "image" else []
    level_names = [f"{image.id}.{k}.npy" for k in range(1, len(levels) + 1)]
    for level_name, level in zip(level_names, levels, strict=True):
        np.save(work / level_name, np.ascontiguousarray(level), allow_pickle=False)
    columns_name = f"{image.id}.cols.npy" if image.kind == "volume" else None
    if columns_name:
        np.save(work / columns_name, column_major(array), allow_pickle=False)
    skin_name = None
    if image.kind == "volume" and image.grey is not None:
        skin = find_skin(array, image.grey, image.padding)
        if skin is not None:
            skin_name = f"{image.id}.skin.npy"
            np.save(work / skin_name, skin, allow_pickle=False)
    return {
        "id": image.id,
        "kind": image.kind,
        "laterality": image.laterality,
        "view": image.view,
        "role": image.role,
        "grid": image.grid,
        "array": name,
        "pyramid": level_names,
        "column_major": columns_name,
        "skin": skin_name,
        "shape": list(array.shape),
        "dtype": array.dtype.name,
        "channels": 1 if image.grey is not None else 3,
        "spacing_mm": None if image.spacing_mm is None else [float(v) for v in image.spacing_mm],
        "spacing_source": image.spacing_source,
        "affine": None if image.affine is None else [[float(v) for v in row] for row in image.affine],
        "grey": None if image.grey is None else _store_grey(work, image.id, image.grey),
        "nipple_index": None if image.nipple_index is None else [float(v) for v in image.nipple_index],
        "chest_wall": image.chest_wall,
        "padding": None if image.padding is None else [int(v) for v in image.padding],
        "title": image.title,
        "exam_days": image.exam_days,
        "frame_time_ms": image.frame_time_ms,
        "regions": [
            {
                "start": list(r.start),
                "stop": list(r.stop),
                "kind": r.kind,
                "spacing_mm": None if r.spacing_mm is None else list(r.spacing_mm),
            }
            for r in image.regions
        ],
        "probe": None if image.probe is None else {k: float(v) for k, v in image.probe.items()},
        "source_axes": list(image.source_axes),
        "fan": None if image.fan is None else image.fan.to_json(),
    }


def _store_grey(work: Path, image_id: str, grey: GreyScale) -> dict[str, Any]:
    presets = []
    for number, preset in enumerate(grey.presets):
        table = None
        if preset.lut is not None:
            table = f"{image_id}.lut{number}.npy"
            np.save(work / table, np.ascontiguousarray(preset.lut, dtype=np.uint16), allow_pickle=False)
        presets.append(
            {
                "name": preset.name,
                "function": preset.function,
                "center": float(preset.center),
                "width": float(preset.width),
                "lut": table,
                "lut_first": preset.lut_first,
                "lut_bits": preset.lut_bits,
            }
        )
    return {
        "slope": float(grey.slope),
        "intercept": float(grey.intercept),
        "invert": grey.invert,
        "presets": presets,
        "bits": grey.bits,
    }


def _open_image(directory: Path, record: Mapping[str, Any]) -> CaseImage:
    array = _map(directory, record["array"])
    if list(array.shape) != list(record["shape"]) or array.dtype.name != record["dtype"]:
        raise ImageError(
            f"{directory / str(record['array'])}: its shape or type is not what the container states; import the case again"
        )
    grey = record["grey"]
    return CaseImage(
        id=str(record["id"]),
        array=array,
        kind=str(record["kind"]),
        laterality=str(record["laterality"]),
        view=str(record["view"]),
        role=str(record["role"]),
        grid=bool(record["grid"]),
        spacing_mm=None if record["spacing_mm"] is None else tuple(float(v) for v in record["spacing_mm"]),
        spacing_source=str(record["spacing_source"]),
        affine=None if record["affine"] is None else np.asarray(record["affine"], dtype=np.float64),
        grey=None if grey is None else _open_grey(directory, grey),
        nipple_index=None if record["nipple_index"] is None else _triple(record["nipple_index"]),
        chest_wall=record["chest_wall"],
        padding=None if record["padding"] is None else (int(record["padding"][0]), int(record["padding"][1])),
        title=str(record["title"]),
        exam_days=record["exam_days"],
        frame_time_ms=record["frame_time_ms"],
        regions=tuple(
            Region(tuple(r["start"]), tuple(r["stop"]), r["kind"], None if r["spacing_mm"] is None else tuple(r["spacing_mm"]))
            for r in record["regions"]
        ),
        probe=record["probe"],
        source_axes=tuple(record["source_axes"]),
        fan=Fan.from_json(record["fan"]) if record.get("fan") else None,
        pyramid=tuple(_map(directory, name) for name in record["pyramid"]),
        column_major=None if record["column_major"] is None else _map(directory, record["column_major"]),
        channels=int(record["channels"]),
        skin=np.array(_map(directory, record["skin"])) if record.get("skin") else None,
        files=(record["array"], *record["pyramid"], *([record["column_major"]] if record["column_major"] else [])),
    )


def _open_grey(directory: Path, record: Mapping[str, Any]) -> GreyScale:
    presets = tuple(
        Preset(
            str(p["name"]),
            str(p["function"]),
            float(p["center"]),
            float(p["width"]),
            None if p["lut"] is None else np.asarray(_map(directory, p["lut"])),
            p["lut_first"],
            int(p["lut_bits"]),
        )
        for p in record["presets"]
    )
    return GreyScale(float(record["slope"]), float(record["intercept"]), bool(record["invert"]), presets, int(record["bits"]))


def _triple(values: Sequence[Any]) -> tuple[float, float, float]:
    a, b, c = (float(v) for v in values)
    return a, b, c


#: Python 3.11 parses array headers with a state that all threads share: two at once can meet in a SystemError.
_PARSING = threading.Lock()


def _map(directory: Path, name: str) -> NDArray[Any]:
    if not isinstance(name, str) or not safe_name(name):
        raise ImageError(f"{directory}: {name!r} is no plain file name; the container was tampered with")
    for attempt in range(3):
        try:
            with _PARSING:
                mapped: NDArray[Any] = np.load(directory / name, mmap_mode="r", allow_pickle=False)
            return mapped
        except SystemError:  # another thread was parsing something else at that moment; the file is as it was
            if attempt == 2:
                raise
    raise ImageError(f"{directory / name}: cannot be opened; import the case again")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ImageError(f"{path}: the file is missing; import the case again") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ImageError(f"{path}: cannot be read ({error}); import the case again") from error
    if not isinstance(content, dict):
        raise ImageError(f"{path}: is not a JSON object; import the case again")
    return content


def _store_json(path: Path, document: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(document, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def _sync(path: Path) -> None:
    if os.name == "nt" and path.is_dir():  # a folder cannot be synced there
        return
    handle = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _take_place(work: Path, directory: Path) -> None:
    old = None
    if directory.exists():
        old = directory.parent / f".{directory.name}.{uuid.uuid4().hex}.old"
        directory.rename(old)
    work.rename(directory)
    _sync(directory.parent)
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)
