"""Thousands of merges in any order against a model that says what must be in the study afterwards."""

from __future__ import annotations

import math
import random
import shutil
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from store.logs import AT, opened, run_info
from store.studies import frozen_study

from reader_app.store import logfile, merge, readlog
from reader_app.store.studyfolder import StudyFolder
from reader_app.study.events import Assessed

#: How far each file of the stock is along its reader's log; a fork leaves the main line after the given stage.
MAIN = {"R01": 4, "R02": 3}
FORK = ("R01", 1)


@dataclass
class MergeTrial:
    """What a series of merges found."""

    merges: int = 0
    refused: int = 0
    violations: int = 0


@dataclass(frozen=True)
class Stock:
    """Files that may come home: (reader, stage) by file, "fork" and "tampered" apart."""

    home: StudyFolder
    stages: dict[Path, tuple[str, int]]
    fork: Path
    tampered: Path


def make_stock(folder: Path) -> Stock:
    """Write the study and all files once."""
    home = frozen_study(folder / "home", cases=1, size=16)
    station = StudyFolder.load(Path(shutil.copytree(home.path, folder / "station")))
    stick = folder / "stick"
    stick.mkdir()
    stages: dict[Path, tuple[str, int]] = {}
    for reader_id, count in MAIN.items():
        for stage in range(count):
            log = station.open_log(reader_id, run_info())
            log.append([Assessed("case-01", "case", str(stage + 1))] * (stage + 1), AT)
            log.close()
            stages[Path(shutil.copyfile(log.path, stick / f"{reader_id}-{stage}.readlog"))] = (reader_id, stage)
    fork = Path(shutil.copyfile(stick / f"{FORK[0]}-{FORK[1]}.readlog", stick / "fork.readlog"))
    log = opened(fork, FORK[0], home.plan(FORK[0]).plan_hash)
    log.append([Assessed("case-01", "case", "5")], AT)
    log.close()
    tampered = Path(shutil.copyfile(stick / "R02-2.readlog", stick / "tampered.readlog"))
    db = sqlite3.connect(tampered, isolation_level=None)
    db.execute("DROP TRIGGER event_no_update")
    db.execute("UPDATE event SET mono_ns = 1 WHERE seq = 2")
    db.execute(logfile.SCHEMA["event_no_update"])
    db.close()
    return Stock(home, stages, fork, tampered)


def merge_trials(stock: Stock, number: int, seed: int = 1, naive: bool = False, seconds: float = math.inf) -> MergeTrial:
    """Merge random files in random order and compare what is there with the model.

    Parameters
    ----------
    stock : Stock
    number : int
        Merges.
    naive : bool
        True: the negative control, a merge in which the last file wins.
    seconds : float
        The series ends after so long, also with fewer merges.
    """
    chance = random.Random(seed)
    report = MergeTrial()
    act: Callable[[StudyFolder, Sequence[Path]], bool] = _last_wins if naive else _merged
    heads = {path: readlog.read(path).head for path in (*stock.stages, stock.fork)}
    files = [*stock.stages, *stock.stages, stock.fork, stock.tampered]
    end = time.monotonic() + seconds
    while report.merges < number and time.monotonic() < end:
        shutil.rmtree(stock.home.path / "logs", ignore_errors=True)
        model: dict[str, Path] = {}
        for _ in range(chance.randrange(1, 6)):
            chosen = chance.choices(files, k=chance.randrange(1, 5))
            wanted = _model(stock, model, chosen)
            accepted = act(stock.home, chosen)
            model = wanted or model
            report.merges += 1
            report.refused += wanted is None
            right = _there(stock.home) == {reader_id: heads[path] for reader_id, path in model.items()}
            report.violations += accepted != (wanted is not None) or not right
            if not right:
                break
    return report


def _there(home: StudyFolder) -> dict[str, tuple[int, str] | None]:
    """Return the head of each log in the study; None for one that is not sound."""
    logs = (home.path / "logs").glob("*.readlog")
    return {path.stem: None if readlog.verify(path) else readlog.read(path).head for path in logs}


def _model(stock: Stock, now: dict[str, Path], chosen: Sequence[Path]) -> dict[str, Path] | None:
    """Return the file that each reader's log must equal afterwards, or None where the merge must be refused."""
    if stock.tampered in chosen:
        return None
    after = dict(now)
    for path in chosen:
        reader_id = FORK[0] if path == stock.fork else stock.stages[path][0]
        held = after.get(reader_id)
        if held is None or _continues(stock, held, path):
            after[reader_id] = path
        elif not _continues(stock, path, held):
            return None
    return after


def _continues(stock: Stock, short: Path, long: Path) -> bool:
    """Return whether one log of a reader is the beginning of the other."""
    if short == long:
        return True
    if short == stock.fork:
        return False
    stage = stock.stages[short][1]
    return stage <= FORK[1] if long == stock.fork else stage <= stock.stages[long][1]


def _merged(home: StudyFolder, files: Sequence[Path]) -> bool:
    return not merge.merge(home, files).conflicts


def _last_wins(home: StudyFolder, files: Sequence[Path]) -> bool:
    (home.path / "logs").mkdir(exist_ok=True)
    for file in files:
        rows = file.name.split("-")[0].removesuffix(".readlog")
        reader_id = {"fork": FORK[0], "tampered": "R02"}.get(rows, rows)
        shutil.copyfile(file, home.log_path(reader_id))
    return True
