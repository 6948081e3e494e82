"""Writing in the pixels of a study's images: shown to the coordinator, decided, and the decision carried out and recorded.

The decision acts at once on the verified container (blacked-out pixels are gone from it), is kept in ``pixel_decisions.json`` so
that a later import of the same files decides the same, and stands in the container's blinding report and in the import report.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reader_app.desk import importing, tables
from reader_app.errors import Fault, InputFaults, StudyFileError
from reader_app.imaging import blinding, burnedin, container, pixeldecisions
from reader_app.imaging.caseimage import CaseImage, NewImage, OpenCase
from reader_app.imaging.importreport import ImportReport
from reader_app.imaging.pixeldecisions import BLACK_OUT, KEEP, OPEN, REFUSE, Decision
from reader_app.imaging.window import lookup_table
from reader_app.store.studyfolder import StudyFolder

VERDICTS: tuple[str, ...] = (BLACK_OUT, KEEP, REFUSE)


@dataclass(frozen=True, slots=True)
class Place:
    """One place of writing.

    Attributes
    ----------
    case_id, image_id : str
        Where it lies.
    sha256 : str
        Of the file that the image was made of.
    box : tuple of int
        (row, column, row end, column end) in the file's own pixels; empty for the whole picture.
    decision : str
        "open", "black_out" or "keep"; "" where nothing was found.
    """

    case_id: str
    image_id: str
    sha256: str
    box: tuple[int, ...]
    decision: str = OPEN


def places(study: Path, only_open: bool = False) -> list[Place]:
    """Return the places of writing in all containers of a study, in order of case and image."""
    found: list[Place] = []
    for directory in sorted(
        p.parent for p in (study / "images").glob("*/" + container.MANIFEST) if not p.parent.name.startswith(".")
    ):
        case = container.open_case(directory)
        for entry in case.source.get("blinding", {}).get("writing", []):
            if entry.get("image") and (not only_open or entry["decision"] == OPEN):
                box = tuple(int(v) for v in entry["box"])
                found.append(Place(case.case_id, str(entry["image"]), str(entry["sha256"]), box, str(entry["decision"])))
    return found


def other_images(study: Path, known: Sequence[Place]) -> list[Place]:
    """Return every image of the study in which none of the known places lies, as a whole picture with the decision ""."""
    seen = {(p.case_id, p.image_id) for p in known}
    found: list[Place] = []
    for row in tables.read_rows(study / "cases.csv"):
        directory = study / "images" / row["case_id"]
        if not (directory / container.MANIFEST).is_file():
            continue
        origins = container.open_case(directory).source.get("origins", {})
        found += [
            Place(row["case_id"], image_id, hashes[0], (), "")
            for image_id, hashes in origins.items()
            if hashes and (row["case_id"], image_id) not in seen
        ]
    return found


def undecided(study: Path) -> list[Place]:
    """Return the places of writing of the cases in ``cases.csv`` that nobody has decided about."""
    listed = {row["case_id"] for row in tables.read_rows(study / "cases.csv")}
    return [place for place in places(study, only_open=True) if place.case_id in listed]


def picture(study: Path, place: Place) -> tuple[NDArray[np.uint8], tuple[int, int, int, int] | None]:
    """Return the image as the reader's window would show it first, and the box in it.

    Returns
    -------
    picture : ndarray of uint8, shape (rows, columns) or (rows, columns, 3)
        Of a cine or volume the plane of the file's first frame.
    box : (row, column, row end, column end) or None
        In this picture; None for the whole.
    """
    image = container.open_case(study / "images" / place.case_id).image(place.image_id)
    plane: NDArray[Any] = np.asarray(image.array if image.kind == "image" else image.array[_first(image)])
    if image.grey is not None:
        plane = lookup_table(image.grey, None, False, image.padding, image.array.dtype)[plane.view(f"u{plane.dtype.itemsize}")]
    start_stop = _shown_box(image, place.box) if place.box else None
    return np.ascontiguousarray(plane, dtype=np.uint8), start_stop


def file_box(study: Path, place: Place, shown: Sequence[int]) -> tuple[int, ...]:
    """Return a box drawn in `picture` as a box of the file's own pixels."""
    image = container.open_case(study / "images" / place.case_id).image(place.image_id)
    row, column, row_end, column_end = shown
    lead = () if image.kind == "image" else (float(_first(image)),)
    corners = [image.to_source((*lead, float(r), float(c)))[-2:] for r in (row, row_end - 1) for c in (column, column_end - 1)]
    low, high = (tuple(f(c[i] for c in corners) for i in (0, 1)) for f in (min, max))
    return (int(low[0]), int(low[1]), int(np.ceil(high[0])) + 1, int(np.ceil(high[1])) + 1)


def own_place(study: Path, case_id: str, image_id: str, text: str) -> Place:
    """Return a place that the coordinator names by four numbers in the file's own pixels.

    Raises
    ------
    InputFaults
        If there is no such image or the text is no box.
    """
    numbers = re.findall(r"-?\d+", text)
    if len(numbers) != 4 or int(numbers[2]) <= int(numbers[0]) or int(numbers[3]) <= int(numbers[1]):
        raise InputFaults([Fault(f"box {text!r}", "is no box", "write: first row, first column, row end, column end")])
    directory = study / "images" / case_id
    if not (directory / container.MANIFEST).is_file():
        raise InputFaults([Fault(str(directory), f"there is no case {case_id}", "see cases.csv")])
    origins = container.open_case(directory).source.get("origins", {})
    if image_id not in origins:
        raise InputFaults([Fault(str(directory), f"has no image {image_id}", f"it has {', '.join(origins) or 'none'}")])
    return Place(case_id, image_id, origins[image_id][0], tuple(int(n) for n in numbers))


def save_picture(study: Path, place: Place, directory: Path, number: int) -> Path:
    """Write the image with its box as PNG and return its path."""
    import cv2

    shown, box = picture(study, place)
    drawn = np.ascontiguousarray(np.repeat(shown[..., None], 3, axis=2) if shown.ndim == 2 else shown[..., ::-1])
    if box is not None:
        cv2.rectangle(drawn, (box[1] - 3, box[0] - 3), (box[3] + 2, box[2] + 2), (0, 165, 255), 2)
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{place.case_id}_{place.image_id}_{number:03d}.png"
    path.write_bytes(cv2.imencode(".png", drawn)[1].tobytes())
    return path


def decide(study: Path, chosen: Sequence[Place], verdict: str, day: str) -> None:
    """Carry out and record a decision about places of writing.

    Parameters
    ----------
    verdict : str
        "black_out": overwrite the boxes; "keep": the writing is harmless; "refuse": leave the images out of the study.
    day : str
        ISO date, for the record.

    Raises
    ------
    StudyFileError
        If the study is frozen.
    InputFaults
        If a whole picture is to be blacked out, for then nothing is left to read.
    """
    if StudyFolder.load(study).is_frozen:
        raise StudyFileError([Fault(str(study), "the study is frozen", "decide about writing before the freeze")])
    if verdict not in VERDICTS:
        raise ValueError(verdict)
    if verdict == BLACK_OUT and any(not p.box for p in chosen):
        what = "the file says that it holds writing, but not where"
        raise InputFaults([Fault(str(study), what, "draw a box round it in the desk, or name one with --box")])
    pixeldecisions.add(study, [Decision(p.sha256, p.box, verdict, day) for p in chosen])
    decided = pixeldecisions.load(study)
    for case_id in sorted({p.case_id for p in chosen}):
        _carry_out(study, case_id, [p for p in chosen if p.case_id == case_id], verdict, decided)


def _carry_out(
    study: Path, case_id: str, chosen: Sequence[Place], verdict: str, decided: dict[str, tuple[Decision, ...]]
) -> None:
    directory = study / "images" / case_id
    case = container.open_case(directory)
    source = _source(case, chosen, verdict, decided)
    named = {p.image_id for p in chosen}
    leaves = verdict == REFUSE and _is_needed(case, named)
    if verdict == KEEP:
        container.restate(directory, source)
    else:
        images = [_image(i, [p for p in chosen if p.image_id == i.id], verdict) for i in case.images]
        left = [i for i in images if i is not None]
        modality = case.modality
        del case, images  # their maps must be closed before the folder is replaced
        if left:
            container.write(directory, case_id, modality, left, source)
        else:
            shutil.rmtree(directory)
    _update_tables(study, case_id, directory, leaves)
    _update_report(study, case_id, source, leaves)


def _image(image: CaseImage, chosen: Sequence[Place], verdict: str) -> NewImage | None:
    if verdict == REFUSE and chosen:
        return None
    plain = {f.name: getattr(image, f.name) for f in fields(NewImage)}
    array = np.array(image.array)
    if chosen:
        frames = array if image.kind != "image" else array[None]
        boxes = [_shown_box(image, p.box) for p in chosen]
        frames = burnedin.black_out(frames, boxes, image.grey is not None and image.grey.invert)
        array = frames if image.kind != "image" else frames[0]
    return NewImage(**{**plain, "array": array})


def _first(image: CaseImage) -> int:
    """Return the plane of the array that was the file's first frame."""
    axis = image.source_axes[0] if image.source_axes else 1
    return 0 if axis > 0 else image.array.shape[0] - 1


def _shown_box(image: CaseImage, box: Sequence[int]) -> tuple[int, int, int, int]:
    """Return a box of the file's pixels as one of the image's (hung, upright) plane."""
    lead, after = ((), ()) if image.kind == "image" else ((0,), (1,))
    start, stop = image.box_from_source((*lead, *box[:2]), (*after, *box[2:]))
    rows, columns = image.array.shape[-2:] if image.grey is not None else image.array.shape[-3:-1]
    top, left = (max(0, int(np.floor(v))) for v in start[-2:])
    bottom, right = (min(n, int(np.ceil(v))) for v, n in zip(stop[-2:], (rows, columns), strict=True))
    return top, left, bottom, right


def _is_needed(case: OpenCase, refused: set[str]) -> bool:
    """Whether the case cannot be read without the refused images: a pane stays empty, or nothing current is left."""
    gone = [i for i in case.images if i.id in refused and i.role == "current"]
    left = [i for i in case.images if i.id not in refused and i.role == "current"]
    return (case.modality == "mammography" and any(i.grid for i in gone)) or not left


def _source(case: OpenCase, chosen: Sequence[Place], verdict: str, decided: dict[str, tuple[Decision, ...]]) -> dict[str, Any]:
    """Return what the container shall say of its origin after the decision."""
    source = dict(case.source)
    report = json.loads(json.dumps(source.get("blinding", {})))
    old = blinding.sentences(report)
    writing = report.setdefault("writing", [])
    for place in chosen:
        if not any(w["sha256"] == place.sha256 and tuple(w["box"]) == place.box for w in writing):
            number = next((w["file"] for w in writing if w["sha256"] == place.sha256), 0)
            writing.append({"file": number, "sha256": place.sha256, "image": place.image_id, "box": list(place.box)})
    notes = [n for n in source.get("notes", []) if n not in old]
    if verdict == REFUSE:
        refused = sorted({p.image_id for p in chosen})
        report["writing"] = [w for w in writing if w["sha256"] not in {p.sha256 for p in chosen}]
        notes.append(f"{', '.join(refused)}: the coordinator left it out because of writing in its pixels")
    for place in report["writing"]:
        before = place.get("decision", OPEN)
        now = pixeldecisions.verdict_on(tuple(place["box"]), decided.get(place["sha256"], ()))
        place["decision"] = before if now == OPEN else now
    # a whole picture that the file states is settled by any decision about its file
    known = sorted({h for h in source.get("hashes", []) if h in decided})
    return source | {
        "blinding": report,
        "notes": list(dict.fromkeys([*notes, *blinding.sentences(report)])),
        "decided": [d.stated() for d in sorted(d for sha in known for d in decided[sha])],
    }


def _update_tables(study: Path, case_id: str, directory: Path, leaves: bool) -> None:
    path = study / "cases.csv"
    rows = tables.read_rows(path)
    if leaves:
        tables.write_rows(path, tables.header(path), [r for r in rows if r["case_id"] != case_id])
    elif any(r["case_id"] == case_id for r in rows):
        importing.enter_cases(study, [{"case_id": case_id, "fingerprint": container.open_case(directory).fingerprint}])


def _update_report(study: Path, case_id: str, source: dict[str, Any], leaves: bool) -> None:
    path = study / "import_report.json"
    if not path.is_file():
        return
    report = ImportReport.from_json(json.loads(path.read_text(encoding="utf-8")))
    for number, case in enumerate(report.cases):
        if case.case_id == case_id:
            old = set(blinding.sentences(case.blinding))
            notes = [n for n in case.notes if n not in old]
            added = [n for n in source["notes"] if n not in notes]
            status = ("incomplete" if (study / "images" / case_id).is_dir() else "refused") if leaves else case.status
            report.cases[number] = replace(case, blinding=source["blinding"], notes=[*notes, *added], status=status)
    report.write(study)
