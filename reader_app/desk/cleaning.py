"""Original DICOM files without identity: for passing on, with everything a reading needs (PS3.15 Basic Profile and options)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reader_app.desk.progress import Cancelled, Progress, never, silent
from reader_app.errors import Fault, InputFaults
from reader_app.imaging import grouping, pixeldecisions
from reader_app.imaging.workers import Job, WorkerPool

_CLEAN = "reader_app.imaging.cleaningjobs:clean"


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What became of one file: the copy's path below the target folder, or why there is none."""

    source: str
    copy: str = ""
    reason: str = ""


def clean_files(
    study: Path,
    sources: Sequence[Path],
    out: Path,
    progress: Progress = silent,
    cancelled: Cancelled = never,
    workers: int | None = None,
) -> list[Cleaned]:
    """Write de-identified copies of DICOM files, one folder a case, named by their new UIDs.

    The study's secret gives pseudonyms, UIDs and dates the same shift every time. Boxes that the coordinator blacked out
    (`reader-app writing`) are blacked out in the copies too; files whose writing nobody has decided about are not copied.

    Parameters
    ----------
    study : Path
        Whose secret, cases and decisions are used.
    sources : sequence of Path
        Files and folders.
    out : Path
        An empty or new folder.

    Raises
    ------
    InputFaults
        If a source is missing or the folder holds something.
    """
    faults = [Fault(str(path), "there is no such file or folder", "check the path") for path in sources if not path.exists()]
    if out.is_dir() and any(out.iterdir()):
        faults.append(Fault(str(out), "this folder is not empty", "choose another --out"))
    if faults:
        raise InputFaults(faults)
    secret = grouping.salt(study / "images", create=True)
    decided, cases = pixeldecisions.load(study), _cases_by_hash(study)
    found, _ = grouping.find([Path(s) for s in sources], None)
    result: list[Cleaned] = []
    jobs = (
        Job(
            number,
            _CLEAN,
            {
                "path": str(source.path),
                "out": str(out),
                "secret": secret.hex(),
                "decided": [d.to_json() for own in decided.values() for d in own],
                "cases": cases,
            },
            source.path.name,
        )
        for number, source in enumerate(found)
    )
    out.mkdir(parents=True, exist_ok=True)
    with WorkerPool(workers, modules=("reader_app.imaging.cleaningjobs",)) as crew:
        for done, answer in enumerate(crew.map(jobs, cancelled), start=1):
            shown = found[answer.key].shown
            result.append(Cleaned(shown, reason=answer.reason) if answer.reason else Cleaned(shown, str(answer.value)))
            progress(done, len(found), shown)
    return sorted(result, key=lambda c: c.source)


def _cases_by_hash(study: Path) -> dict[str, str]:
    """Return SHA-256 of a source file -> case id, from the containers of the study."""
    found: dict[str, str] = {}
    for path in (study / "images").glob("*/container.json"):
        document = json.loads(path.read_text(encoding="utf-8"))
        for digest in document["source"].get("hashes", []):
            found[str(digest)] = str(document["case_id"])
    return found
