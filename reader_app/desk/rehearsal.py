"""Simulated readers: their answers are written here, where the truth is; the reading program gets only the scripts."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from reader_app import paths
from reader_app.ai import results as predictions
from reader_app.analysis import simulate
from reader_app.desk import standins, tables
from reader_app.desk.importing import REFERENCE
from reader_app.desk.progress import Cancelled, Progress, never, silent
from reader_app.errors import EnvironmentFault, Fault, InputFaults, ReaderAppError
from reader_app.store import readlog
from reader_app.store.studyfolder import StudyFolder
from reader_app.study.events import RoundFinished

#: Skill by experience group; near what the published studies print for their readers without aid.
_SKILLS = {
    "junior": simulate.Skill(auc=0.80, seconds=38.0),
    "middle": simulate.Skill(auc=0.86, seconds=32.0),
    "senior": simulate.Skill(auc=0.91, seconds=26.0, aid_weight=0.3),
}

#: Wall-clock limit for one simulated reader, seconds.
_READER_LIMIT_S = 1800


def whole(
    study: Path,
    out: Path,
    readers: int | None = None,
    cases: int = 12,
    seed: int = 1,
    simulated: bool = False,
    progress: Progress = silent,
    cancelled: Cancelled = never,
) -> list[Path]:
    """Rehearse a study from its protocol to its results, on a copy: simulated readers, workbook, tables and report.

    The parameters are those of :func:`copy_study`.

    Returns
    -------
    list of Path
        The files of the results, in ``out``.

    Raises
    ------
    ReaderAppError
        If it was cancelled, or as its parts do.
    """
    from reader_app.desk.exporting import export  # the libraries of the results, when there are some

    def told(done: int, total: int, text: str) -> None:
        if cancelled():
            raise ReaderAppError(f"The rehearsal was stopped; what it had written lies in {out}.")
        progress(done, total, text)

    told(0, 1, "a copy of the study")
    copy = copy_study(study, out, readers, cases, seed, simulated, told)
    run(copy, out, seed, told)
    return export(copy, ["xlsx", "csv", "report"], out, progress=told)


def run(study: Path, out: Path, seed: int = 1, progress: Progress = silent) -> None:
    """Write the scripts to ``out/scripts`` and let every simulated reader read; screenshots come to ``out/screenshots``.

    Rounds that a simulated reader has finished already are not read again.
    """
    scripts = write_scripts(study, out / "scripts", seed)
    read_headless(study, scripts, out / "screenshots", progress)


def copy_study(
    study: Path,
    out: Path,
    readers: int | None = None,
    cases: int = 12,
    seed: int = 1,
    simulated: bool = False,
    progress: Progress = silent,
) -> Path:
    """Copy a study for a rehearsal, without any log, so that no simulated read can ever be taken for a real one.

    What the study does not have yet is stood in for in the copy: phantoms where it lists no case, and predictions by the bundles
    that ship with the program or, where there is none, simulated ones (:mod:`reader_app.desk.standins`).

    Parameters
    ----------
    study : Path
        Frozen or not; the copy is frozen.
    out : Path
        Folder of the rehearsal; must be new or empty.
    readers : int, optional
        That many readers S01, S02 ... instead of the study's own, groups taken in turn from them.
    cases : int
        How many phantoms stand in for the cases of a study that has none.
    seed : int
        Of phantoms and simulated predictions.
    simulated : bool
        Simulate the predictions also where a bundle could make them.

    Returns
    -------
    Path
        The frozen copy, ``out/study``.
    """
    if out.exists() and any(out.iterdir()):
        raise InputFaults([Fault(str(out), "the folder of the rehearsal is not empty", "name a new one with --out")])
    copy = out / "study"
    shutil.copytree(study, copy, ignore=shutil.ignore_patterns("logs", "assignment.lock.json", ".*"), copy_function=_link_or_copy)
    (copy / "logs").mkdir(exist_ok=True)
    if readers is not None:
        own = tables.read_rows(copy / "readers.csv")
        if not own:
            raise InputFaults([Fault(str(study / "readers.csv"), "no reader is listed", "add a row for each reader")])
        rows = [{**own[i % len(own)], "reader_id": f"S{i + 1:02d}"} for i in range(readers)]
        (copy / "readers.csv").unlink()
        tables.write_rows(copy / "readers.csv", list(rows[0]), rows)
    if not StudyFolder.load(copy).cases:
        standins.add_phantoms(copy, cases, seed, progress)
    standins.fill_aids(copy, seed, simulated, progress)
    StudyFolder.load(copy).freeze()
    return copy


def _link_or_copy(source: str, target: str) -> str:
    """Link the large arrays (nothing ever writes into one), copy the rest."""
    if source.endswith(".npy"):
        try:
            os.link(source, target)
            return target
        except OSError:
            pass
    return shutil.copy2(source, target)


def write_scripts(study: Path, out: Path, seed: int = 1) -> dict[str, Path]:
    """Write one answer script per reader of a frozen study.

    Parameters
    ----------
    study : Path
        A frozen study with a reference standard.
    out : Path
        Folder for the scripts (not inside the study).
    seed : int
        Of the simulation.

    Returns
    -------
    dict of str to Path
        Script file by reader id.
    """
    folder = StudyFolder.load(study)
    path = study / REFERENCE
    if not path.exists():
        raise InputFaults([Fault(str(path), "simulated readers need a reference standard", "import one with the case table")])
    plans = [folder.plan(reader.reader_id) for reader in folder.readers]
    probabilities = {
        model.model_id: _probabilities(folder, model.model_id)
        for model in folder.definition.models
        if model.model_id in folder.aided_models()
    }
    skills = {reader.reader_id: _SKILLS.get(reader.group, simulate.Skill()) for reader in folder.readers}
    scripts = simulate.scripts(plans, path, probabilities, skills, seed, standins.scenes(folder))
    out.mkdir(parents=True, exist_ok=True)
    files = {}
    for reader_id, script in scripts.items():
        files[reader_id] = out / f"{reader_id}.json"
        tables.write_text(files[reader_id], json.dumps(script, indent=1, ensure_ascii=False) + "\n")
    return files


def _probabilities(folder: StudyFolder, model_id: str) -> dict[str, float]:
    """Return what a model says, by case; nothing for a case to which it says nothing (not applicable, failed, withheld)."""
    found = {case.case_id: predictions.load(folder.aid_dir(model_id), case.case_id) for case in folder.cases}
    return {case_id: own.probability for case_id, own in found.items() if own.status in ("ok", "no_finding")}


def read_headless(
    study: Path, scripts: dict[str, Path], screenshots: Path | None, progress: Progress = silent, at_once: int | None = None
) -> None:
    """Let every simulated reader read all rounds through the real reading window, off-screen, in processes of their own.

    Raises
    ------
    EnvironmentFault
        If a reading process fails or takes longer than its limit; its own words are passed on.
    """
    limit = at_once or min(len(scripts), max(1, os.cpu_count() or 1))
    waiting = list(scripts.items())
    running: dict[str, tuple[subprocess.Popen[bytes], float, Path]] = {}
    done = 0
    known: dict[str, int] = {}
    looked = time.monotonic()
    try:
        while waiting or running:
            while waiting and len(running) < limit:
                reader_id, script = waiting.pop(0)
                pictures = screenshots if screenshots is not None and not running and done == 0 else None
                words = script.with_suffix(".out")
                running[reader_id] = (_start(study, reader_id, script, pictures, words), time.monotonic(), words)
                progress(done, len(scripts), ", ".join(running))
            time.sleep(0.1)
            if time.monotonic() - looked > 1.0:
                looked = time.monotonic()
                progress(done, len(scripts), ", ".join(_at_hand(reader_id, own[2]) for reader_id, own in running.items()))
            for reader_id, (process, since, words) in list(running.items()):
                status = process.poll()
                if status is None and time.monotonic() - since > _READER_LIMIT_S:
                    process.kill()
                    raise EnvironmentFault(
                        f"The simulated reader {reader_id} took longer than {_READER_LIMIT_S} s and was stopped."
                    )
                if status is not None:
                    del running[reader_id]
                    if status != 0:
                        said = words.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-12:]
                        raise EnvironmentFault(
                            f"The simulated reader {reader_id} stopped with status {status}: " + " / ".join(said)
                        )
                    read = _events_of(study, reader_id)
                    if read > known.get(reader_id, 0) and _has_more(study, reader_id):  # sent home; comes back another day
                        known[reader_id] = read
                        waiting.append((reader_id, scripts[reader_id]))
                        continue
                    done += 1
                    progress(done, len(scripts), ", ".join(running))
    finally:
        for process, _, _ in running.values():
            process.kill()
            process.wait()


def _at_hand(reader_id: str, words: Path) -> str:
    """Return a reader's name and how far the log has come, as the reading process says it ("saved 412")."""
    try:
        last = words.read_bytes()[-200:].decode("utf-8", errors="replace").split("\n")
    except OSError:
        last = []
    saved = [line.removeprefix("saved ") for line in last[:-1] if line.startswith("saved ")]
    return f"{reader_id} (entry {saved[-1]})" if saved else reader_id


def _events_of(study: Path, reader_id: str) -> int:
    """Return how many events a reader's log holds."""
    path = StudyFolder.load(study).log_path(reader_id)
    return len(readlog.read(path).logged) if path.exists() else 0


def _has_more(study: Path, reader_id: str) -> bool:
    """Return whether rounds are left for a simulated reader whose sitting was over (its longest time, or a washout)."""
    folder = StudyFolder.load(study)
    logged = readlog.read(folder.log_path(reader_id)).logged
    finished = {entry.event.round_no for entry in logged if isinstance(entry.event, RoundFinished)}
    return any(entry.number not in finished for entry in folder.plan(reader_id).rounds)


def program() -> list[str]:
    """Return the command that starts this very program again."""
    return [sys.executable] if paths.is_frozen() else [sys.executable, "-m", "reader_app"]


def _start(study: Path, reader_id: str, script: Path, screenshots: Path | None, words: Path) -> subprocess.Popen[bytes]:
    command: Sequence[str] = [*program(), "read", str(study), "--reader", reader_id, "--script", str(script)]
    if screenshots is not None:
        command = [*command, "--screenshots", str(screenshots)]
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONUNBUFFERED": "1"}
    with words.open("wb") as said:
        return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT)
