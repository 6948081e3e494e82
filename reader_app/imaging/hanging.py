"""Hanging protocols as data: which image goes to which pane in each reading step; exact match or a refusal in words."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reader_app import paths
from reader_app.errors import Fault, StudyFileError
from reader_app.imaging.caseimage import MODALITIES, NewImage

SCALES: tuple[str, ...] = ("fit", "same_size", "true_size", "actual_pixels")
ALIGNMENTS: tuple[str, ...] = ("back_to_back", "centre", "top")
PLANES: tuple[str, ...] = ("", "coronal", "transverse", "sagittal")


@dataclass(frozen=True, slots=True)
class Pane:
    """One pane of a step.

    Attributes
    ----------
    image : str
        Image id ("RCC"), or "RCC@prior" (newest prior), "*" (next image that no other pane shows), "scan" (the volume chosen
        by the reader).
    plane : str
        For volumes: coronal, transverse or sagittal; "" for images.
    row, column, rows, columns : int
        Place in the step's grid of panes, and how many cells it spans.
    quadrant : str
        "" for the whole image; "upper" or "lower" for a step at actual pixels that walks through the image.
    """

    image: str
    plane: str = ""
    row: int = 0
    column: int = 0
    rows: int = 1
    columns: int = 1
    quadrant: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One arrangement on the screen; readers go through the steps with one key."""

    name: str
    panes: tuple[Pane, ...]
    scale: str = "fit"
    align: str = "back_to_back"
    optional: bool = False


@dataclass(frozen=True, slots=True)
class HangingProtocol:
    """How cases of one modality are hung.

    Attributes
    ----------
    name, title, modality : str
        Identity, words, and one of mammography, abvs, ultrasound.
    requires : tuple of str
        Image ids that must all be there (exact match); empty for modalities whose number of images varies.
    steps : tuple of Step
        In reading order; optional steps are left out when their images are not there.
    """

    name: str
    title: str
    modality: str
    requires: tuple[str, ...]
    steps: tuple[Step, ...]

    def problems(self, images: Sequence[NewImage]) -> list[str]:
        """Return why these images cannot be hung by this protocol, each in words; empty when they can."""
        ids = {i.id for i in images}
        found = [
            f"view {name} is missing, which hanging protocol '{self.title}' requires" for name in self.requires if name not in ids
        ]
        volumes = any(p.plane for s in self.steps for p in s.panes)
        if volumes and not any(i.kind == "volume" for i in images):
            found.append(f"there is no volume, which hanging protocol '{self.title}' requires")
        if not images:
            found.append("there is no image")
        return found

    def steps_for(self, images: Sequence[NewImage], show_priors: bool = True) -> tuple[Step, ...]:
        """Return the steps that these images can fill; steps with priors only where there are some and the study shows them."""
        return tuple(s for s in self.steps if not s.optional or all(resolve(p, images, show_priors) is not None for p in s.panes))


def resolve(pane: Pane, images: Sequence[NewImage], show_priors: bool = True) -> NewImage | None:
    """Return the image that a pane names, or None. "*" and "scan" are chosen by the viewer and give the first grid image."""
    name, _, role = pane.image.partition("@")
    if role == "prior":
        fit = [i for i in images if i.role == "prior" and i.grid and i.laterality + i.view == name]
        fit.sort(key=lambda i: -(i.exam_days if i.exam_days is not None else -(10**6)))
        return fit[0] if fit and show_priors else None
    if name in ("*", "scan"):
        return next((i for i in images if i.grid and i.role == "current"), None)
    return next((i for i in images if i.id == name), None)


def load(path: Path) -> HangingProtocol:
    """Read one protocol from TOML.

    Raises
    ------
    StudyFileError
        Listing every fault with its key.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise StudyFileError([Fault(str(path), "there is no such hanging protocol", "check the name")]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StudyFileError([Fault(str(path), f"is not valid TOML ({error})", "correct it")]) from error
    return parse(document, str(path))


def parse(document: Mapping[str, Any], file: str) -> HangingProtocol:
    """Build a protocol from a parsed document; unknown keys are refused."""
    faults: list[Fault] = []
    _known(document, {"format", "name", "title", "modality", "requires", "steps"}, file, faults)
    if document.get("format") != 1:
        faults.append(Fault(f"{file}, format", f"is {document.get('format')!r}", "write format = 1"))
    if document.get("modality") not in MODALITIES:
        faults.append(Fault(f"{file}, modality", f"is {document.get('modality')!r}", f"use one of {', '.join(MODALITIES)}"))
    steps = []
    for number, entry in enumerate(document.get("steps", []), start=1):
        place = f"{file}, step {number}"
        _known(entry, {"name", "scale", "align", "optional", "panes"}, place, faults)
        for key, allowed in (("scale", SCALES), ("align", ALIGNMENTS)):
            if entry.get(key, allowed[0]) not in allowed:
                faults.append(Fault(f"{place}, {key}", f"is {entry[key]!r}", f"use one of {', '.join(allowed)}"))
        panes = tuple(_pane(p, f"{place}, pane {i}", faults) for i, p in enumerate(entry.get("panes", []), start=1))
        cells = [(p.row + r, p.column + c) for p in panes for r in range(p.rows) for c in range(p.columns)]
        if not panes or len(cells) != len(set(cells)):
            faults.append(Fault(place, "has no pane, or panes that lie on each other", "correct row and column"))
        steps.append(
            Step(
                str(entry.get("name", f"step {number}")),
                panes,
                str(entry.get("scale", "fit")),
                str(entry.get("align", "back_to_back")),
                bool(entry.get("optional", False)),
            )
        )
    if not steps:
        faults.append(Fault(file, "has no steps", "add [[steps]]"))
    if faults:
        raise StudyFileError(faults)
    requires = tuple(str(r) for r in document.get("requires", []))
    return HangingProtocol(str(document["name"]), str(document["title"]), str(document["modality"]), requires, tuple(steps))


def _pane(entry: Mapping[str, Any], place: str, faults: list[Fault]) -> Pane:
    _known(entry, {"image", "plane", "row", "column", "rows", "columns", "quadrant"}, place, faults)
    pane = Pane(
        str(entry.get("image", "")),
        str(entry.get("plane", "")),
        int(entry.get("row", 0)),
        int(entry.get("column", 0)),
        int(entry.get("rows", 1)),
        int(entry.get("columns", 1)),
        str(entry.get("quadrant", "")),
    )
    if not pane.image or pane.plane not in PLANES or pane.quadrant not in ("", "upper", "lower"):
        faults.append(Fault(place, "names no image, or an unknown plane or quadrant", "correct it"))
    return pane


def _known(entry: Mapping[str, Any], keys: set[str], place: str, faults: list[Fault]) -> None:
    for key in sorted(set(entry) - keys):
        faults.append(Fault(f"{place}, {key}", "is not a known key", f"use {', '.join(sorted(keys))}"))


def standard(modality: str) -> HangingProtocol:
    """Return the program's own protocol for a modality (``resources/hanging``)."""
    return load(paths.resource(f"hanging/{modality}.toml"))


def for_study(modality: str, study: Path | None = None) -> HangingProtocol:
    """Return the study's own protocol ``hanging/<modality>.toml`` where there is one, else the standard one."""
    found = own(modality, study) if study is not None else None
    return found or standard(modality)


def own(modality: str, study: Path) -> HangingProtocol | None:
    """Return the study's own protocol, or None where it has none."""
    path = study / "hanging" / f"{modality}.toml"
    return load(path) if path.is_file() else None


def as_given(protocol: HangingProtocol, images: Sequence[NewImage]) -> HangingProtocol:
    """Return a protocol for a few files looked at: the views that are there side by side, and of its steps those they fill."""
    there = [i for i in images if i.grid and i.role == "current" and i.id in protocol.requires]
    if len(there) == len(protocol.requires) or not there:
        return protocol
    there.sort(key=lambda i: (i.laterality != "R", i.view))
    panes = tuple(Pane(image.id, column=number) for number, image in enumerate(there))
    filled = tuple(s for s in protocol.steps if all(resolve(p, images) is not None for p in s.panes))
    return replace(protocol, requires=(), steps=(Step("the files given", panes, "same_size"), *filled))
