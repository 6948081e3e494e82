"""What the desk shows of a study at a glance: every step, its state, and what it still needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reader_app.ai import results
from reader_app.desk import status as progress_status
from reader_app.desk import tables, writing
from reader_app.desk.gathering import Gathered, gather_folder
from reader_app.desk.importing import REFERENCE
from reader_app.errors import Fault, InputFaults, ReaderAppError
from reader_app.store.studyfolder import StudyFolder


@dataclass(frozen=True, slots=True)
class AidState:
    """How far one model's predictions are.

    Attributes
    ----------
    scores : tuple of float
        The probabilities at hand, for a histogram.
    provenance : mapping
        Of the first prediction: bundle, device, training data.
    """

    model_id: str
    title: str
    rounds: tuple[int, ...]
    done: int
    total: int
    scores: tuple[float, ...]
    positives: int
    provenance: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Overview:
    """A study at a glance; whatever could not be loaded is named in ``faults`` and left empty."""

    path: Path
    folder: StudyFolder | None = None
    faults: tuple[Fault, ...] = ()
    cases: tuple[dict[str, str], ...] = ()
    without_images: tuple[str, ...] = ()
    aids: tuple[AidState, ...] = ()
    has_reference: bool = False
    progress: tuple[progress_status.RoundStatus, ...] = ()
    gathered: Gathered | None = None
    log_faults: tuple[Fault, ...] = field(default=())
    writing: int = 0  # places of writing in pixels that nobody has decided about

    @property
    def is_frozen(self) -> bool:
        """Whether the study is frozen."""
        return self.folder is not None and self.folder.is_frozen


def overview(study: Path, today: str) -> Overview:
    """Look at everything in a study folder; a fault in one part does not hide the others."""
    try:
        folder = StudyFolder.load(study)
    except InputFaults as fault:
        return Overview(study, faults=fault.faults)
    rows = tuple(tables.read_rows(study / "cases.csv"))
    lacking = tuple(case.case_id for case in folder.cases if not (folder.container(case.case_id) / "manifest.json").exists())
    gathered: Gathered | None = None
    log_faults: tuple[Fault, ...] = ()
    progress: tuple[progress_status.RoundStatus, ...] = ()
    if folder.is_frozen:
        try:
            gathered = gather_folder(folder)
            progress = tuple(progress_status.rows(gathered, today))
        except InputFaults as fault:
            log_faults = fault.faults
    return Overview(
        study,
        folder,
        cases=rows,
        without_images=lacking,
        aids=tuple(_aid_states(folder)),
        has_reference=(study / REFERENCE).exists(),
        progress=progress,
        gathered=gathered,
        log_faults=log_faults,
        writing=0 if folder.is_frozen else len(_undecided(study)),
    )


def _undecided(study: Path) -> list[writing.Place]:
    try:
        return writing.undecided(study)
    except ReaderAppError:
        return []  # a container that cannot be opened is named by the check


def _aid_states(folder: StudyFolder) -> list[AidState]:
    states = []
    for model in folder.definition.models:
        found = []
        for case in folder.cases:
            try:
                found.append(results.load(folder.aid_dir(model.model_id), case.case_id))
            except (ReaderAppError, FileNotFoundError):
                continue
        states.append(
            AidState(
                model.model_id,
                model.title,
                tuple(r.number for r in folder.definition.rounds if model.model_id in r.models),
                len(found),
                len(folder.cases),
                tuple(p.probability for p in found if p.status == "ok"),
                sum(p.positive for p in found),
                dict(found[0].provenance) if found else {},
            )
        )
    return states
