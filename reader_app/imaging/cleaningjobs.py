"""What a worker does for de-identification: one DICOM file in, a clean copy or a reason out."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reader_app.errors import ImageError
from reader_app.imaging import burnedin, decode, deidentify, dicomfile, grouping, pixeldecisions
from reader_app.imaging.deidentify import Deidentifier


def clean(path: str, out: str, secret: str, decided: Sequence[Mapping[str, Any]], cases: Mapping[str, str]) -> str:
    """Write the copy and return its path below ``out``.

    Raises
    ------
    ImageError
        If the file is no DICOM file, cannot be cleaned, or holds writing that nobody has decided about.
    """
    source, key = Path(path), bytes.fromhex(secret)
    with source.open("rb") as stream:
        head = stream.read(132)
        stream.seek(0)
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if head[128:] != b"DICM":
        raise ImageError(f"{source.name}: is not a DICOM file; only these can be de-identified (pictures become cases by import)")
    ds = dicomfile.read_dataset(source, header_only=False)
    own = [d for d in map(pixeldecisions.parse, decided) if d.sha256 == digest]
    if any(d.verdict == pixeldecisions.REFUSE for d in own):
        raise ImageError(f"{source.name}: the coordinator left it out because of writing in its pixels")
    boxes = [(d.box[0], d.box[1], d.box[2], d.box[3]) for d in own if d.verdict == pixeldecisions.BLACK_OUT and d.box]
    if "PixelData" in ds:
        _refuse_undecided(ds, source.name, own)
    case_id = cases.get(digest) or grouping.pseudonym(f"{ds.get('PatientID', '')}|{ds.get('StudyInstanceUID', '')}", key)
    uid = Deidentifier(key).uid(str(ds.get("SOPInstanceUID", digest)))
    target = Path(out) / case_id / f"{uid}.dcm"
    deidentify.clean_file(source, target, case_id, key, boxes)
    return f"{case_id}/{uid}.dcm"


def _refuse_undecided(ds: Any, name: str, own: Sequence[pixeldecisions.Decision]) -> None:
    found: list[tuple[int, ...]] = [tuple(box) for box in burnedin.in_frames(decode.pixels(ds, name))]
    if str(ds.get("BurnedInAnnotation", "")).upper() == "YES" and not found:
        found = [()]
    undecided = [box for box in found if pixeldecisions.verdict_on(box, own) == pixeldecisions.OPEN]
    if undecided:
        where = " ".join(map(str, undecided[0])) or "somewhere"
        raise ImageError(
            f"{name}: nobody has decided about writing in its pixels ({where}); import the file and use: reader-app writing"
        )
