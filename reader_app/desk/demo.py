"""The demonstration: a whole study on phantoms, made, predicted, checked and frozen; read by simulated readers when asked."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from reader_app import __version__
from reader_app.desk import importing, tables
from reader_app.desk.aids import run_model
from reader_app.desk.checking import check
from reader_app.desk.newstudy import new_study
from reader_app.desk.progress import Progress, silent
from reader_app.errors import InputFaults, LogFault
from reader_app.imaging import phantoms
from reader_app.store import readlog
from reader_app.store.studyfolder import StudyFolder

#: The three kinds are taken in turn, so that any number of cases is a mixed list.
_KINDS = ("mammography", "abvs", "ultrasound")

#: Protocols whose systems judge one kind of images only.
_KINDS_OF = {"bong2023": ("ultrasound",), "kim2021": ("ultrasound",), "liu2025": ("abvs",), "zhou2023": ("mammography",)}


@dataclass(frozen=True, slots=True)
class DemoSize:
    """How large the demonstration is; recorded beside it, so that an unchanged one is opened again in seconds."""

    protocol: str = "demo"
    cases: int = 24
    readers: int = 3
    seed: int = 1

    def as_document(self) -> dict[str, object]:
        """Return the size with the version of the program that makes it."""
        return {
            "program": __version__,
            "protocol": self.protocol,
            "cases": self.cases,
            "readers": self.readers,
            "seed": self.seed,
        }


def make_demo(out: Path, size: DemoSize | None = None, progress: Progress = silent) -> Path:
    """Make the demonstration study, or return the one that is already there.

    Parameters
    ----------
    out : Path
        Folder of the demonstration; the study comes to lie in ``out/study``.
    size : DemoSize, optional
    progress : Progress

    Returns
    -------
    Path
        The frozen study folder.

    Raises
    ------
    InputFaults
        If ``out`` holds something else, or the study made has faults.
    """
    size = size or DemoSize()
    study = out / "study"
    note = out / "demo.json"
    if note.exists() and json.loads(note.read_text(encoding="utf-8")) == size.as_document():
        return study
    if study.exists():
        if not note.exists() and not (out / ".making-demo").exists():
            raise InputFaults(f"{study}: this is not a demonstration; name another folder with --out")
        shutil.rmtree(study)
        note.unlink(missing_ok=True)
    out.mkdir(parents=True, exist_ok=True)
    (out / ".making-demo").touch()
    new_study(study, size.protocol, study_id=size.protocol)
    groups = ("junior", "junior", "senior")
    readers = [{"reader_id": f"R{i + 1:02d}", "group": groups[i % 3], "arm": ""} for i in range(size.readers)]
    tables.write_rows(study / "readers.csv", ["reader_id", "group", "arm"], readers)
    _make_cases(study, size, progress)
    for model in StudyFolder.load(study).definition.models:
        run_model(study, model.model_id, progress=progress)
    found = check(study)
    if found.faults:
        raise InputFaults(found.faults)
    StudyFolder.load(study).freeze()
    tables.write_text(note, json.dumps(size.as_document(), indent=2) + "\n")
    (out / ".making-demo").unlink(missing_ok=True)
    return study


def put_simulated_reads_aside(out: Path) -> int:
    """Move the logs of simulated readers out of the demonstration, so that a person finds it unread; return how many.

    They come to lie in ``out/simulated-logs``; logs that a person began stay.
    """
    moved = 0
    for log in sorted((out / "study" / "logs").glob("*.readlog")):
        try:
            simulated = any(run.clock_kind != "system" for run in readlog.read(log).runs)
        except LogFault:
            continue
        if simulated:
            (out / "simulated-logs").mkdir(exist_ok=True)
            log.replace(out / "simulated-logs" / log.name)
            moved += 1
    return moved


def _make_cases(study: Path, size: DemoSize, progress: Progress) -> None:
    """Make the phantoms: kinds in turn, every other one of a kind malignant, pseudonyms without meaning."""
    cases, truth = [], []
    kinds = _KINDS_OF.get(size.protocol, _KINDS)
    for number in range(size.cases):
        case_id = f"C{number + 1:03d}"
        kind = kinds[number % len(kinds)]
        progress(number, size.cases, f"phantom {case_id}")
        malignant = (number // len(kinds) + (number if len(kinds) > 1 else 0)) % 2 == 1
        phantom = phantoms.demo_case(kind, seed=size.seed * 100_000 + number, malignant=malignant)
        fingerprint = phantoms.write_container(phantom, study / "images" / case_id, case_id)
        own = {
            "case_id": case_id,
            "modality": kind,
            "breasts": "".join(phantom.breasts),
            "stratum": "",
            "fingerprint": fingerprint,
        }
        cases.append({**own, **phantom.clinical})
        truth += phantom.reference_rows(case_id)
    progress(size.cases, size.cases, "")
    importing.enter_cases(study, cases)
    importing.enter_reference(study, truth)
