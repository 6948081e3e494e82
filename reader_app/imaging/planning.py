"""What a group of files will become, as far as headers, table and names tell; nothing is decoded yet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from reader_app.errors import ImageError
from reader_app.imaging import abvs, fourview, mammogram
from reader_app.imaging.grouping import Group, Source
from reader_app.imaging.pixeldecisions import BLACK_OUT, Decision

_JOBS = "reader_app.imaging.jobs:"


@dataclass
class Piece:
    """One image to be decoded: usually one file, for a stack of slices many."""

    sources: list[Source]
    modality: str
    view: mammogram.View | None = None
    scan: tuple[str, str] = ("", "")
    role: str = "current"
    days: int | None = 0
    as_acquired: bool = False
    decided: tuple[Decision, ...] = ()

    @property
    def name(self) -> str:
        """File name for messages."""
        return self.sources[0].path.name

    @property
    def facts(self) -> dict[str, Any]:
        """Header facts of the first file."""
        return self.sources[0].facts

    @property
    def black_out(self) -> list[tuple[int, ...]]:
        """Parts of the picture to overwrite: the case table's and the coordinator's."""
        row = self.sources[0].row
        return [*(row.black_out if row is not None else ()), *(d.box for d in self.decided if d.verdict == BLACK_OUT and d.box)]

    def job(self, out: Path) -> tuple[str, dict[str, Any]]:
        """Return function and arguments for a worker."""
        kind = self.sources[0].kind
        if len(self.sources) > 1:
            return _JOBS + "decode_stack", {"paths": [str(s.path) for s in self.sources], "out": str(out)}
        arguments: dict[str, Any] = {"path": str(self.sources[0].path), "out": str(out)}
        if kind == "picture":
            return _JOBS + "decode_picture", {**arguments, "background": self.modality == "mammography"}
        return _JOBS + ("decode_volume" if kind == "volume" else "decode_dicom"), arguments


@dataclass
class CasePlan:
    """What a group will become, as far as its headers tell.

    Attributes
    ----------
    pieces : list of Piece
        To be decoded.
    refused : dict
        id(source) -> reason.
    faults, notes : list of str
        Of the case.
    left_out : list of str
        Objects that are no view to be read: a fault where the exam lacks a view, else worth a note.
    required : tuple of str
        Mammographic views without which the exam is incomplete.
    """

    pieces: list[Piece] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    required: tuple[str, ...] = mammogram.GRID

    def choice(self, candidates: Sequence[fourview.Candidate], priors: Sequence[str]) -> fourview.Choice:
        """Return which mammograms fill the panes; what was left out is told as a fault where a view is missing."""
        made = fourview.choose(candidates, priors, self.required)
        faults, notes = made.faults, (*made.notes, *self.left_out)
        return replace(made, notes=notes) if not faults else replace(made, faults=(*faults, *self.left_out))

    def recipe(self, version: int) -> str:
        """Return what the container depends on besides the files' bytes: our rules and what the table said."""
        rows = []
        for piece in self.pieces:
            row = piece.sources[0].row
            said = (row.view, row.laterality, row.spacing_mm, row.axes, row.black_out, row.nipple) if row is not None else ()
            rows.append([piece.modality, piece.role, piece.days, piece.scan, piece.as_acquired, *said])
        own = "" if self.required == mammogram.GRID else f" {' '.join(self.required)}"
        return f"{version} {json.dumps(rows, default=str)}{own}"


def pieces_of(own: Group) -> CasePlan:
    """Decide from headers, table and names what each file of a group is."""
    plan = CasePlan(required=own.required)
    usable: list[Source] = []
    for source in own.sources:
        reason = source.facts.get("refused") or source.contradiction() or _no_pixels(source)
        if reason:
            plan.refused[id(source)] = str(reason)
        else:
            usable.append(source)
    if own.modality == "mammography":
        _plan_mammography(own, usable, plan)
    elif own.modality == "abvs":
        _plan_abvs(own, usable, plan)
    elif own.modality == "ultrasound":
        for source in usable:
            role, days = own.roles.get(id(source), ("current", 0))
            plan.pieces.append(Piece([source], "ultrasound", role=role, days=days))
            if source.kind == "picture" and not own.told and (source.row is None or not source.row.modality):
                plan.notes.append(
                    f"nothing states what {source.path.name} is; taken for hand-held ultrasound (else use --as or a table)"
                )
    else:
        plan.refused |= {
            id(s): f"{s.path.name}: is not recognised as a breast image; if it is one, name its modality in the case table"
            for s in usable
        }
    for piece in plan.pieces:
        piece.decided = own.decided.get(piece.sources[0].sha256, ())
    _drop_twins(plan)
    plan.faults += sorted(set(plan.refused.values()) - set(plan.left_out))
    if not plan.pieces:
        plan.faults += plan.left_out
    if not plan.pieces and not plan.faults:
        plan.faults.append("no file of this case can be read")
    return plan


def candidates_of(plan: CasePlan) -> tuple[list[fourview.Candidate], list[str]]:
    """Return the mammograms on offer for the panes, and the prior roles from the newest to the oldest."""
    found = []
    for order, piece in enumerate(plan.pieces):
        if piece.view is not None:
            role = piece.role if piece.role == "current" else f"prior{-(piece.days or 0)}"
            found.append(fourview.Candidate(piece, piece.view, order, role))
    priors = sorted({c.role for c in found if c.role != "current"}, key=lambda r: int(r.removeprefix("prior") or 0))
    return found, priors


def _no_pixels(source: Source) -> str:
    if source.kind == "dicom" and not source.facts.get("has_pixels"):
        return f"{source.path.name}: holds no image (it is a report, presentation state or similar); it was left out"
    return ""


def _drop_twins(plan: CasePlan) -> None:
    """The same file twice counts once."""
    seen: dict[str, str] = {}
    for piece in list(plan.pieces):
        key = "|".join([piece.view.name if piece.view else "", *(s.sha256 for s in piece.sources)])
        if key in seen:
            plan.pieces.remove(piece)
            plan.notes.append(f"{piece.name} is the same file as {seen[key]}")
        seen.setdefault(key, piece.name)


def _plan_mammography(own: Group, usable: list[Source], plan: CasePlan) -> None:
    for source in usable:
        role, days = own.roles.get(id(source), ("current", 0))
        try:
            if source.kind == "volume":
                raise ImageError(f"{source.path.name}: is a volume, not a mammogram; name its modality in the case table")
            view = mammogram.classify(source.facts, source.words, source.path.name)
            mammogram.spacing(source.facts, source.path.name)
        except ImageError as error:
            plan.refused[id(source)] = str(error)
            if isinstance(error, mammogram.OtherObject) and source.row is None:
                plan.left_out.append(str(error))
            continue
        plan.pieces.append(Piece([source], "mammography", view, role=role, days=days))


def _plan_abvs(own: Group, usable: list[Source], plan: CasePlan) -> None:
    stacks: dict[str, list[Source]] = {}
    for source in usable:
        facts = source.facts
        frames = int(facts.get("NumberOfFrames", 1)) if str(facts.get("NumberOfFrames", "1")).isdigit() else 1
        if source.kind == "dicom" and frames == 1:
            stacks.setdefault(str(facts.get("SeriesInstanceUID") or source.path.parent), []).append(source)
        elif source.kind == "picture":
            plan.refused[id(source)] = (
                f"{source.path.name}: a single picture is no volume; give the volume or import it as ultrasound"
            )
        else:
            _add_volume(own, [source], plan)
    for members in stacks.values():
        if len(members) < 8:
            plan.refused |= {id(s): f"{s.path.name}: {len(members)} single slice(s) make no volume" for s in members}
            continue
        try:
            _add_volume(own, _in_order(members), plan)
        except ImageError as error:
            plan.refused |= {id(s): str(error) for s in members}


def _add_volume(own: Group, sources: list[Source], plan: CasePlan) -> None:
    role, days = own.roles.get(id(sources[0]), ("current", 0))
    try:
        scan = abvs.scan_of(sources[0].facts, sources[0].words, sources[0].path.name)
    except ImageError as error:
        plan.refused |= {id(s): str(error) for s in sources}
        return
    row = sources[0].row
    as_acquired = own.as_acquired or (row is not None and row.geometry == "acquired")
    plan.pieces.append(Piece(sources, "abvs", scan=scan, role=role, days=days, as_acquired=as_acquired))


def _in_order(members: list[Source]) -> list[Source]:
    """Order single slices by position along their normal, else by instance number; gaps in the numbers are refused."""
    positions = [position_of(s) for s in members]
    orientation = members[0].facts.get("ImageOrientationPatient")
    if all(p is not None for p in positions) and isinstance(orientation, list) and len(orientation) == 6:
        values = np.asarray([float(v) for v in orientation], np.float64)
        normal = np.cross(values[:3], values[3:])
        along = {id(s): float(np.dot(normal, np.asarray(p))) for s, p in zip(members, positions, strict=True)}
        return sorted(members, key=lambda s: along[id(s)])
    numbers = [s.facts.get("InstanceNumber") for s in members]
    whole = [int(n) for n in numbers if isinstance(n, (int, float))]
    name = members[0].path.name
    if len(whole) != len(members) or len(set(whole)) != len(whole):
        raise ImageError(
            f"{name}: the slices of its series have no order (positions and instance numbers are missing or repeated)"
        )
    if max(whole) - min(whole) + 1 != len(whole):
        raise ImageError(f"{name}: {max(whole) - min(whole) + 1 - len(whole)} slice(s) of its series are missing; copy it again")
    return [s for _, s in sorted(zip(whole, members, strict=True), key=lambda pair: pair[0])]


def position_of(source: Source) -> list[float] | None:
    """Return ImagePositionPatient (x, y, z), or None when it is absent or no three numbers."""
    value = source.facts.get("ImagePositionPatient")
    try:
        return [float(v) for v in value] if isinstance(value, list) and len(value) == 3 else None
    except ValueError:
        return None
