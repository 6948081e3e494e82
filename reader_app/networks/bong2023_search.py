"""The Bayesian search for the layers of bong2023's clinical network, by Optuna's tree-structured Parzen estimator.

The paper found 30-60-120-60-30 by such a search and does not print its space; ours is three to five layers of 15, 30, 60 or 120.
The first trial is always the paper's. Each trial is a short training, judged by the AUC on the validation women; finished trials
are kept in the work folder, so that the same command goes on after a kill and gives the same answer.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from reader_app.errors import EnvironmentFault
from reader_app.networks import bong2023, training
from reader_app.networks.bong2023 import ClinicalNetwork
from reader_app.networks.bong2023_data import ClinicalTask
from reader_app.networks.training import Progress, Settings

SIZES: tuple[int, ...] = (15, 30, 60, 120)
DEPTHS: tuple[int, int] = (3, 5)

#: A trial's training; the chosen sizes are trained in full afterwards.
TRIAL = Settings("adam", rate=2e-3, decay=1e-3, warmup=10, batch=32, epochs=20, patience=6)


def search(
    task: ClinicalTask,
    trials: int,
    seed: int,
    age: tuple[float, float],
    store: Path,
    progress: Progress | None = None,
) -> tuple[tuple[int, ...], list[dict[str, Any]]]:
    """Return the hidden sizes of the best trial (of equals the first) and all trials.

    Parameters
    ----------
    task : ClinicalTask
        Training and validation women.
    trials : int
        How many sizes to try; the first is the paper's.
    seed : int
        Of the search and of every trial's weights.
    age : tuple of float
        Mean and deviation of the training women's age.
    store : Path
        Folder for ``clinical-search-*.json``.
    progress : callable, optional
        Told (done, total, text).

    Raises
    ------
    EnvironmentFault
        If Optuna is not installed.
    """
    try:
        import optuna
    except ImportError:
        raise EnvironmentFault(
            "The search needs Optuna; install the program with its extra 'networks', or leave --search out."
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    path = store / f"clinical-search-{task.train.identity[:8]}-{seed}.json"
    known: dict[str, float] = json.loads(path.read_text()) if path.exists() else {}
    done: list[dict[str, Any]] = []

    def value(hidden: Sequence[int]) -> float:
        key = "-".join(map(str, hidden))
        if key not in known:
            known[key] = _trial(task, hidden, seed, age)
            store.mkdir(parents=True, exist_ok=True)
            work = path.with_suffix(".part")
            work.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
            work.replace(path)
        return known[key]

    def objective(trial: Any) -> float:
        depth = trial.suggest_int("layers", *DEPTHS)
        hidden = [int(trial.suggest_categorical(f"layer_{k + 1}", SIZES)) for k in range(depth)]
        auc = value(hidden)
        done.append({"hidden": hidden, "auc": auc})
        if progress is not None:
            progress(len(done), trials, f"clinical search: {'-'.join(map(str, hidden))}, auc {auc:.3f}")
        return auc

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    study.enqueue_trial({"layers": len(bong2023.HIDDEN), **{f"layer_{k + 1}": n for k, n in enumerate(bong2023.HIDDEN)}})
    study.optimize(objective, n_trials=trials)
    best = max(done, key=lambda row: float(row["auc"]))
    return tuple(best["hidden"]), done


def _trial(task: ClinicalTask, hidden: Sequence[int], seed: int, age: tuple[float, float]) -> float:
    torch.manual_seed(seed + 1)
    network = ClinicalNetwork(hidden)
    network.age_mean_std.copy_(torch.tensor(age))
    history = training.fit(
        network,
        stage="clinical-trial",
        batches=task.batches,
        steps_per_epoch=task.steps,
        loss=task.loss,
        validate=task.validate,
        settings=Settings(**{**asdict(TRIAL), "seed": seed}),
        device=task.where,
    )
    return max(float(h["auc"]) for h in history)
