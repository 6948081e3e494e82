"""The stored predictions of a study folder, by hash: which are here, which are frozen, and taking over a later round's."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from reader_app.errors import Fault, StudyFileError
from reader_app.store.canonical import sha256_file
from reader_app.store.disk import write_atomically

if TYPE_CHECKING:
    from reader_app.store.studyfolder import StudyFolder


def missing(folder: StudyFolder, model_id: str) -> tuple[str, ...]:
    """Return the cases of whose frozen predictions of a model the files are not here (a closed round's, in a package)."""
    directory = folder.aid_dir(model_id)
    listed = folder.lock.aids.get(model_id, {}) if folder.lock is not None else {case.case_id: "" for case in folder.cases}
    return tuple(case_id for case_id in listed if not (directory / f"{case_id}.json").is_file())


def faults(folder: StudyFolder, model_id: str, case_ids: Iterable[str] | None = None) -> list[Fault]:
    """Compare a model's stored predictions with the lock.

    This opens the aids: a reading program calls it only for a round that shows them.

    Parameters
    ----------
    model_id : str
    case_ids : iterable of str, optional
        Only these cases; all that the lock names if absent.
    """
    locked = folder.lock.aids.get(model_id, {}) if folder.lock is not None else {}
    found = []
    for case_id in locked if case_ids is None else case_ids:
        path = folder.aid_dir(model_id) / f"{case_id}.json"
        if case_id not in locked:
            found.append(Fault(str(path), "no prediction was frozen for this case", "ask the coordinator"))
        elif not path.is_file():
            found.append(Fault(str(path), "the stored prediction is missing", "bring the package of this round"))
        elif (now := sha256_file(path)) != locked[case_id]:
            what = f"the prediction was changed after the study was frozen: frozen {locked[case_id]}, now {now}"
            found.append(Fault(str(path), what, "bring back the frozen file"))
    return found


def install(folder: StudyFolder, source: Path, model_id: str) -> int:
    """Take over a model's predictions, when its round opens, from another folder that holds this study.

    Parameters
    ----------
    source : Path
        Folder with ``<case_id>.json`` and ``<case_id>.npz`` files.
    model_id : str

    Returns
    -------
    int
        How many were new here.

    Raises
    ------
    StudyFileError
        If one is not the frozen prediction; then none is taken over.
    """
    locked = folder.lock.aids.get(model_id, {}) if folder.lock is not None else {}
    wanted = [case_id for case_id in missing(folder, model_id) if (source / f"{case_id}.json").is_file()]
    wrong = []
    for case_id in wanted:
        given = source / f"{case_id}.json"
        now = sha256_file(given)
        if now != locked.get(case_id):
            what = f"this is not the frozen prediction: frozen {locked.get(case_id)}, here {now}"
            wrong.append(Fault(str(given), what, "ask the coordinator for the package of this study"))
        elif not _arrays_sound(given):
            wrong.append(Fault(str(given.with_suffix(".npz")), "its arrays are missing or damaged", "copy the package again"))
    if wrong:
        raise StudyFileError(wrong)
    target = folder.aid_dir(model_id)
    target.mkdir(parents=True, exist_ok=True)
    for case_id in wanted:
        write_atomically(target / f"{case_id}.npz", (source / f"{case_id}.npz").read_bytes())
        write_atomically(target / f"{case_id}.json", (source / f"{case_id}.json").read_bytes())
    return len(wanted)


def _arrays_sound(prediction: Path) -> bool:
    """Return whether the arrays beside a prediction's JSON file are those it names."""
    try:
        expected = json.loads(prediction.read_text(encoding="utf-8"))["arrays"]["sha256"]
        return bool(sha256_file(prediction.with_suffix(".npz")) == expected)
    except (OSError, ValueError, KeyError, TypeError):
        return False
