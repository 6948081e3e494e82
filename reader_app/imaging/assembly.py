"""From decoded files to the images of a case: hung or placed, with scale and grey-scale, and what is missing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from reader_app.errors import ImageError
from reader_app.imaging import abvs, blinding, burnedin, fourview, greyscale, mammogram, pixeldecisions, scanconvert, ultrasound
from reader_app.imaging.caseimage import NewImage, OpenCase
from reader_app.imaging.grouping import Group
from reader_app.imaging.planning import CasePlan, Piece, candidates_of, position_of
from reader_app.imaging.workers import Answer


@dataclass
class Decoded:
    """The answers of the workers for one plan."""

    plan: CasePlan
    folder: Path
    answers: dict[int, Answer] = field(default_factory=dict)
    kept: bool = False


@dataclass
class Assembled:
    """A case ready to be written, or why not."""

    images: list[NewImage] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)
    files: int = 0
    fingerprint: str = ""
    breasts: str = ""
    kept: bool = False
    blinding: dict[str, Any] = field(default_factory=dict)
    #: Image id -> SHA-256 of the files it was made of, in the order of the file's frames.
    origins: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def kept_case(cls, decoded: Decoded, case: OpenCase) -> Assembled:
        """Return the outcome for a container that was already there."""
        breasts = "".join(side for side in "RL" if any(i.laterality == side for i in case.images))
        files = sum(len(p.sources) for p in decoded.plan.pieces)
        faults, notes = list(case.source.get("faults", [])), list(case.source.get("notes", []))
        blinding = dict(case.source.get("blinding", {}))
        return cls([], faults, notes, decoded.plan.refused, files, case.fingerprint, breasts, True, blinding)


def assemble(own: Group, decoded: Decoded) -> Assembled:
    """Turn decoded pieces into the images of a container."""
    plan = decoded.plan
    result = Assembled(faults=list(plan.faults), notes=list(plan.notes), refused=dict(plan.refused))
    good: list[tuple[Piece, dict[str, Any], Path]] = []
    for index, piece in enumerate(plan.pieces):
        answer = decoded.answers[index]
        if answer.reason:
            _refuse(result, piece, answer.reason)
            continue
        if any(d.verdict == pixeldecisions.REFUSE for d in piece.decided):
            reason = f"{piece.name}: the coordinator left it out because of writing in its pixels"
            result.notes.append(reason)
            result.refused |= {id(s): reason for s in piece.sources}
            continue
        good.append((piece, answer.value, decoded.folder / f"{index}.npy"))
        result.notes += [f"{_label(piece)}: {note}" for note in answer.value.get("notes", [])]
    result.blinding = blinding.examine(own, [(p, a) for p, a, _ in good])
    build = {"abvs": _abvs, "ultrasound": _ultrasound}.get(own.modality)
    if own.modality == "mammography":
        _mammography(good, result, plan)
    elif build is not None:
        build(good, result)
    blinding.name_images(result.blinding, result.origins)
    result.files = sum(len(p.sources) for p, _, _ in good if id(p.sources[0]) not in result.refused)
    if not result.images and not result.faults:
        result.faults.append("no file of this case can be read")
    result.notes = [*_together(result.notes), *blinding.sentences(result.blinding)]
    return result


def _together(notes: list[str]) -> list[str]:
    """Say once what holds of several images: "R_AP, R_LAT: ..."."""
    by_text: dict[str, list[str]] = {}
    for note in dict.fromkeys(notes):
        who, colon, text = note.partition(": ")
        named = bool(colon) and " " not in who and "." not in who
        by_text.setdefault(text if named else note, []).extend([who] if named else [])
    return [f"{', '.join(who)}: {text}" if who else text for text, who in by_text.items()]


def _refuse(result: Assembled, piece: Piece, reason: str) -> None:
    result.faults.append(reason)
    result.refused |= {id(s): reason for s in piece.sources}


def _label(piece: Piece) -> str:
    return piece.view.name if piece.view is not None else "_".join(p for p in piece.scan if p) or "image"


def _pixels(path: Path, piece: Piece, invert: bool = False) -> Any:
    array: Any = np.load(path, mmap_mode="r", allow_pickle=False)
    if array.dtype.name not in ("uint8", "uint16") or array.ndim not in (3, 4):
        raise ImageError("a decoder returned pixels of an unexpected kind")
    return burnedin.black_out(array, piece.black_out, invert) if piece.black_out else array


def _mammography(good: list[tuple[Piece, dict[str, Any], Path]], result: Assembled, plan: CasePlan) -> None:
    decoded = {id(piece): (piece, answer, path) for piece, answer, path in good if answer["grey"] is not None}
    for piece, answer, _ in good:
        if answer["grey"] is None:
            _refuse(result, piece, f"{piece.name}: is a colour picture, not a mammogram")
    candidates, priors = candidates_of(CasePlan([piece for piece, _, _ in decoded.values()]))
    for candidate in candidates:
        candidate.key = decoded[id(candidate.key)]
    if not candidates:
        return
    _refuse_repeated(candidates, result)
    choice = plan.choice(candidates, priors)
    result.faults += choice.faults
    result.notes += choice.notes
    chosen = {id(c): pane for (_, pane), c in choice.grid.items()}
    used: set[str] = set()
    for candidate in [*choice.grid.values(), *choice.strip]:
        piece, answer, path = candidate.key
        view = piece.view
        stem = view.name if candidate.role == "current" else f"{view.name}_P{priors.index(candidate.role) + 1}"
        number = 1
        identity = stem if id(candidate) in chosen else f"{stem}_X1"
        while identity in used:
            number += 1
            identity = f"{stem}_X{number}"
        used.add(identity)
        array = _pixels(path, piece, bool(answer["grey"]["invert"]))[0]
        result.origins[identity] = [piece.sources[0].sha256]
        transform, notes = mammogram.hanging_of(piece.facts, view, answer["chest_side"])
        row_column, source = mammogram.spacing(piece.facts, piece.name)
        given = piece.sources[0].row.spacing_mm if piece.sources[0].row is not None else None
        if row_column is None and given is not None and len(given) == 2:
            row_column, source = (given[0], given[1]), "the case table"
        if row_column is not None and transform[0]:
            row_column = (row_column[1], row_column[0])
        result.notes += [*notes, *(f"{view.name}: {n}" for n in view.notes)]
        result.images.append(
            NewImage(
                identity,
                mammogram.apply_hanging(array, transform),
                laterality=view.laterality,
                view=view.view,
                role="current" if candidate.role == "current" else "prior",
                grid=id(candidate) in chosen,
                spacing_mm=row_column,
                spacing_source=source,
                grey=greyscale.from_json(answer["grey"]),
                chest_wall=None if view.is_detail else "right" if view.laterality == "R" else "left",
                padding=_pair(answer["padding"]),
                title=view.title,
                exam_days=piece.days,
                source_axes=mammogram.source_axes(transform),
            )
        )


def _refuse_repeated(candidates: list[fourview.Candidate], result: Assembled) -> None:
    """One picture under two names cannot be right in both: both are left out."""
    seen: dict[str, fourview.Candidate] = {}
    for candidate in list(candidates):
        digest = hashlib.sha256(np.ascontiguousarray(_pixels(candidate.key[2], candidate.key[0])[0]).data).hexdigest()
        twin = seen.setdefault(digest, candidate)
        if twin.view.name != candidate.view.name:
            for one, other in ((twin, candidate), (candidate, twin)):
                if one in candidates:
                    candidates.remove(one)
                text = f"holds the same pixels as {other.key[0].name}, but as {one.view.name} instead of {other.view.name}"
                _refuse(result, one.key[0], f"{one.key[0].name}: {text}; find out which is right")


def _pair(value: Any) -> tuple[int, int] | None:
    return None if value is None else (int(value[0]), int(value[1]))


def _abvs(good: list[tuple[Piece, dict[str, Any], Path]], result: Assembled) -> None:
    used: set[str] = set()
    for piece, answer, path in good:
        try:
            array = _pixels(path, piece)
            if answer["grey"] is None or array.ndim != 3:
                raise ImageError(f"{piece.name}: is in colour; a volume must be grey")
            placement = _placement(piece, answer, array.shape)
            nipple, said = _nipple(piece, placement, array.shape)
            volume, padding, fan = (
                placement.apply(array),
                _pair(answer["padding"]),
                abvs.curved(piece.facts, placement, array.shape),
            )
            if fan is not None and not piece.as_acquired:
                volume, padding = scanconvert.convert(volume, fan, path.with_suffix(".upright.npy"), padding, piece.name)
                placement = abvs.upright(placement, fan)
                nipple = None if nipple is None else (nipple[0], *fan.to_upright(nipple[1], nipple[2]))
                said = [*said, f"drawn in its true shape from the lines of a curved probe (radius {fan.radius_mm:g} mm)"]
            elif fan is not None:
                fan = None
                said = [
                    *said,
                    "left as acquired: the lines of its curved probe stand side by side, widths at depth are too large",
                ]
            elif abvs.track_radius_mm(piece.facts):
                said = [*said, abvs.CURVED_TRACK.format(abvs.track_radius_mm(piece.facts))]
        except ImageError as error:
            _refuse(result, piece, str(error))
            continue
        side, scan = piece.scan
        stem = "_".join(part for part in (side, scan) if part) or "VOL"
        stem += "" if piece.role == "current" else "_P"
        identity, number = stem, 1
        while identity in used:
            number += 1
            identity = f"{stem}_{number}"
        used.add(identity)
        result.origins[identity] = [s.sha256 for s in piece.sources]
        if not side:
            result.notes.append(f"{identity}: the breast is not stated")
        result.notes += [f"{identity}: {n}" for n in (*placement.notes, *said)]
        result.images.append(
            NewImage(
                identity,
                volume,
                "volume",
                side,
                scan or "VOL",
                piece.role,
                spacing_mm=placement.spacing_mm,
                spacing_source=placement.source,
                affine=placement.affine,
                grey=greyscale.from_json(answer["grey"]),
                nipple_index=nipple,
                padding=padding,
                exam_days=piece.days,
                probe=abvs.probe_geometry(piece.facts),
                source_axes=placement.axes,
                fan=fan,
            )
        )
    order = {"AP": 0, "LAT": 1, "MED": 2, "SUP": 3, "INF": 4}
    result.images.sort(key=lambda i: (i.role, "RL".find(i.laterality), order.get(i.view, 9), i.id))


def _nipple(
    piece: Piece, placement: abvs.Placement, shape: tuple[int, ...]
) -> tuple[tuple[float, float, float] | None, list[str]]:
    """Return the nipple mark in the volume as acquired, from the case table or the file, and what to say of it."""
    row = piece.sources[0].row
    if row is not None and row.nipple:
        found = placement.to_canonical(row.nipple, shape)
        if found is None:
            raise ImageError(
                f"{piece.name}: the nipple of line {row.line} of the case table lies outside its {shape} voxels; correct it"
            )
        return found, ["nipple mark from the case table"]
    found = abvs.nipple_index(piece.facts, placement, shape)
    return found, [] if found is None else ["nipple mark from the scanner's private element; see in the preview whether it fits"]


def _placement(piece: Piece, answer: Mapping[str, Any], shape: tuple[int, ...]) -> abvs.Placement:
    row = piece.sources[0].row
    given = row.spacing_mm if row is not None and row.spacing_mm is not None and len(row.spacing_mm) == 3 else None
    axes = row.axes if row is not None else ""
    if "affine" in answer:
        return abvs.place_file(answer["affine"], shape, bool(answer["stated"]), piece.name, given, axes)
    facts = dict(piece.facts)
    if given is not None:
        facts |= {"SpacingBetweenSlices": given[0], "PixelSpacing": [given[1], given[2]]}
    positions = [p for s in piece.sources if (p := position_of(s)) is not None] if len(piece.sources) > 1 else []
    return abvs.place_dicom(facts, shape, piece.name, positions if len(positions) == len(piece.sources) else [])


def _ultrasound(good: list[tuple[Piece, dict[str, Any], Path]], result: Assembled) -> None:
    for number, (piece, answer, path) in enumerate(good, start=1):
        facts, row = piece.facts, piece.sources[0].row
        array = _pixels(path, piece)
        cine = array.shape[0] > 1
        try:
            found, notes = ultrasound.regions(facts, array.shape[1], array.shape[2], piece.name)
            row_column, source = ultrasound.spacing(facts, found, piece.name)
        except ImageError as error:
            _refuse(result, piece, str(error))
            continue
        if row is not None and row.spacing_mm is not None and len(row.spacing_mm) == 2:
            row_column, source = (row.spacing_mm[0], row.spacing_mm[1]), "the case table"
        words = piece.sources[0].words
        side = str(facts.get("ImageLaterality") or facts.get("Laterality") or "").upper() or words.laterality
        doppler = ultrasound.is_doppler(facts, found, answer["colour_share"]) or words.view in ("DOPPLER", "CDFI")
        time = ultrasound.frame_time_ms(facts) if cine else None
        result.notes += [f"US{number}: {n}" for n in notes]
        result.origins[f"US{number}"] = [piece.sources[0].sha256]
        spacing = None if row_column is None else ((0.0, *row_column) if cine else row_column)
        result.images.append(
            NewImage(
                f"US{number}",
                array if cine else array[0],
                "cine" if cine else "image",
                side if side in ("R", "L") else "",
                "DOPPLER" if doppler else "US",
                piece.role,
                spacing_mm=spacing,
                spacing_source=source,
                grey=None if answer["grey"] is None else greyscale.from_json(answer["grey"]),
                padding=_pair(answer["padding"]),
                exam_days=piece.days,
                frame_time_ms=time,
                regions=tuple(found),
                source_axes=(1, 2, 3) if cine else (1, 2),
            )
        )
