"""Everything that would stop or spoil a study, found at once and before the first read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from reader_app.ai import results
from reader_app.analysis import reference
from reader_app.desk import writing
from reader_app.desk.importing import REFERENCE
from reader_app.desk.progress import Progress, silent
from reader_app.errors import Fault, InputFaults, ReaderAppError
from reader_app.imaging import container
from reader_app.store import decisions
from reader_app.store.studyfolder import StudyFolder


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a check found.

    Attributes
    ----------
    faults : tuple of Fault
        Must be mended before the study can be frozen.
    remarks : tuple of str
        Worth knowing; they stop nothing.
    """

    faults: tuple[Fault, ...]
    remarks: tuple[str, ...]


def check(study: Path, progress: Progress = silent) -> CheckReport:
    """Check a study folder: files, readers, containers, hanging, aids and the reference standard.

    Every container is hashed against its manifest, so that the time grows with the bytes of the images.
    """
    try:
        folder = StudyFolder.load(study)
    except InputFaults as fault:
        return CheckReport(fault.faults, ())
    faults: list[Fault] = []
    remarks: list[str] = []
    if not folder.cases:
        faults.append(Fault(str(study / "cases.csv"), "no case is listed", "import images with: reader-app import"))
    if not folder.readers:
        faults.append(Fault(str(study / "readers.csv"), "no reader is listed", "add a row for each reader"))
    for position, case in enumerate(folder.cases):
        progress(position, len(folder.cases), case.case_id)
        faults += _container_faults(folder, case.case_id, case.fingerprint, case.modality)
    progress(len(folder.cases), len(folder.cases), "")
    faults += _aid_faults(folder)
    faults += _writing_faults(study)
    remarks += _same_images(folder)
    remarks += _reference_remarks(folder, faults)
    remarks += _custody_remarks(study)
    return CheckReport(tuple(faults), tuple(remarks))


def _writing_faults(study: Path) -> list[Fault]:
    found = writing.undecided(study)
    if not found:
        return []
    named = ", ".join(sorted({place.case_id for place in found})[:5])
    what = f"nobody has decided about writing in the pixels at {len(found)} place(s), of {named}"
    return [Fault(str(study / "images"), what, f"look at it in the desk under Cases, or with: reader-app writing {study}")]


def _same_images(folder: StudyFolder) -> list[str]:
    """Name cases that hold the very same pixels: one examination under two names spoils a study unless it is meant."""
    by_fingerprint: dict[str, list[str]] = {}
    for case in folder.cases:
        if case.fingerprint:
            by_fingerprint.setdefault(case.fingerprint, []).append(case.case_id)
    return [
        f"The cases {', '.join(names)} hold the same images; keep one of them in cases.csv unless the repeat is meant."
        for names in by_fingerprint.values()
        if len(names) > 1
    ]


def _container_faults(folder: StudyFolder, case_id: str, fingerprint: str, modality: str) -> list[Fault]:
    directory = folder.container(case_id)
    if not directory.is_dir():
        return [Fault(str(directory), f"case {case_id} has no images", "import them, or take the case out of cases.csv")]
    found = container.verify(directory)
    if found:
        return found
    case = container.open_case(directory)
    if fingerprint and case.fingerprint != fingerprint:
        what = "the images are not those that cases.csv names (fingerprint differs)"
        return [Fault(str(directory), what, "import the case again")]
    if case.modality != modality:
        return [Fault(str(directory), f"the images are {case.modality}, cases.csv says {modality}", "correct cases.csv")]
    return []


def _aid_faults(folder: StudyFolder) -> list[Fault]:
    """Return what is missing or foreign among the predictions that the aided rounds need."""
    faults = []
    for model_id in folder.aided_models():
        missing = []
        for case in folder.cases:
            directory = folder.aid_dir(model_id)
            if not (directory / f"{case.case_id}.json").exists():
                missing.append(case.case_id)
                continue
            try:
                prediction = results.load(directory, case.case_id)
            except ReaderAppError as fault:
                faults.append(Fault(str(directory / f"{case.case_id}.json"), str(fault), "run the model again"))
                continue
            if case.fingerprint and not results.matches(prediction, case.fingerprint):
                what = f"the prediction of {model_id} was made on other images than case {case.case_id} has now"
                faults.append(Fault(str(directory / f"{case.case_id}.json"), what, "run the model again"))
        if missing:
            named = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
            what = f"no prediction of model {model_id} for {named}"
            faults.append(
                Fault(str(folder.aid_dir(model_id)), what, f"run it: reader-app ai run {folder.path} --model {model_id}")
            )
    return faults


def _reference_remarks(folder: StudyFolder, faults: list[Fault]) -> list[str]:
    path = folder.path / REFERENCE
    if not path.exists():
        return [f"There is no {REFERENCE}: accuracy cannot be computed until it is there."]
    try:
        known = set(reference.load(path).case_ids)
    except InputFaults as fault:
        faults += fault.faults
        return []
    lacking = sorted({case.case_id for case in folder.cases} - known)
    if lacking:
        return [f"The reference standard lacks {len(lacking)} case(s): {', '.join(lacking[:5])}."]
    return []


def _custody_remarks(study: Path) -> list[str]:
    """Remind that nobody has noted where the table lies that leads from the pseudonyms back to people."""
    if any(decision.kind == "custody_noted" for decision in decisions.load(study).taken):
        return []
    how = f"reader-app decide {study} custody_noted place=WHERE --reason WHY --who NAME"
    return [f"It is not noted where the table of re-identification is kept (never on a reading machine); note it with: {how}"]
