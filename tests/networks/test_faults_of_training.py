"""A killed training goes on to the same bundle; memory that runs out is one sentence or half the batch; devices are compared."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from reader_app import paths
from reader_app.ai import bundle as bundles
from reader_app.errors import EnvironmentFault
from reader_app.networks import device, devices, training
from reader_app.networks.classifier import judge_planes
from reader_app.networks.lu2025 import DlrNetwork
from reader_app.networks.preprocess import Plane
from reader_app.networks.training import Settings

CPU = torch.device("cpu")
COMMAND = "-m reader_app ai train kim2021 --phantoms 12 --calibrate 4 --test 4 --backbone small --epochs 6 --folds 1 --device cpu"


def _train(out: Path, kill_when: str = "") -> int:
    """Run the command of a person; with ``kill_when`` end it by SIGKILL as soon as its work folder holds such a file."""
    command = [sys.executable, *COMMAND.split(), "--out", str(out)]
    surroundings = {**os.environ, "READER_APP_THREADS": "1", "OMP_NUM_THREADS": "1"}
    running = subprocess.Popen(command, env=surroundings, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    work = out.parent / f"{out.name}.work"
    while kill_when and running.poll() is None:
        if any(work.glob(kill_when)):
            running.send_signal(signal.SIGKILL)
            break
        time.sleep(0.01)
    _, told = running.communicate(timeout=120)
    assert kill_when or running.returncode == 0, told.decode()
    return int(running.returncode)


@pytest.mark.slow
def test_training_killed_at_three_moments_ends_in_the_same_bundle(tmp_path: Path) -> None:
    """After the phantoms, after the first epoch, and again; the weights are those of a run nobody disturbed."""
    assert _train(tmp_path / "whole") == 0
    for moment in ("samples-*.safetensors", "*fold1of1.json", "*fold1of1.json"):
        assert _train(tmp_path / "killed", moment) == -signal.SIGKILL
        assert not (tmp_path / "killed").exists()
    (history,) = (tmp_path / "killed.work").glob("*fold1of1.json")
    assert 1 <= len(json.loads(history.read_text())) < 6
    assert _train(tmp_path / "killed") == 0
    one, other = (bundles.load(tmp_path / name) for name in ("whole", "killed"))
    assert one.sha256 == other.sha256
    (curves,) = (tmp_path / "killed.work").glob("*.png")
    assert curves.read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    "error", [torch.cuda.OutOfMemoryError("CUDA out of memory"), RuntimeError("DefaultCPUAllocator: can't allocate memory")]
)
def test_memory_that_runs_out_in_training_is_one_sentence(error: Exception, tmp_path: Path) -> None:
    def loss(network: torch.nn.Module, batch: int, rng: np.random.Generator) -> torch.Tensor:
        raise error

    with pytest.raises(EnvironmentFault, match=r"not enough free memory.*smaller backbone"):
        training.fit(
            torch.nn.Linear(1, 1),
            stage="s",
            batches=lambda rng: [1],
            steps_per_epoch=1,
            loss=loss,
            validate=lambda network: {"auc": 0.5},
            settings=Settings(epochs=1),
            device=CPU,
        )
    assert not device.lacks_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


def test_inference_halves_its_batch_where_memory_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    network = DlrNetwork("small").eval()
    rng = np.random.default_rng(0)
    planes = [Plane("a", k, rng.normal(size=(96, 96)).astype(np.float32), (1.0, 1.0)) for k in range(5)]
    plenty = judge_planes(network, planes, 96, CPU)
    forward, seen = network.trunk.forward, []

    def short(x: torch.Tensor) -> torch.Tensor:
        seen.append(len(x))
        if len(x) > 2:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return forward(x)

    monkeypatch.setattr(network.trunk, "forward", short)
    little = judge_planes(network, planes, 96, CPU)
    assert seen == [5, 2, 3, 1, 2]
    assert [j.score for j in little] == pytest.approx([j.score for j in plenty], abs=1e-5)

    def broken(x: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("another fault")

    monkeypatch.setattr(network.trunk, "forward", broken)
    with pytest.raises(RuntimeError, match="another fault"):
        judge_planes(network, planes, 96, CPU)


def test_one_device_agrees_with_itself_and_missing_cuda_is_said() -> None:
    shipped = paths.resource("bundles") / "kim2021"
    same = devices.compare(shipped, 2, "cpu", "cpu")
    assert same.largest == 0.0 and same.calls == 0 and "2 phantoms" in str(same)
    drawn = devices.compare(paths.resource("bundles") / "kim2021_googlenet_roi", 1, "cpu", "cpu")
    assert drawn.cases == 1  # with the drawn region, without which it applies to nothing and nothing is compared
    if not torch.cuda.is_available():
        with pytest.raises(EnvironmentFault, match="Skipped: No CUDA device"):
            devices.compare(shipped, 2)


def test_the_number_of_threads_can_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    try:
        for given, expected in (("3", 3), ("1", 1), ("", 1)):
            monkeypatch.setenv("READER_APP_THREADS", given)
            device.settle(0)
            assert torch.get_num_threads() == expected
    finally:
        torch.set_num_threads(before)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cpu_and_cuda_say_the_same() -> None:
    for name in ("kim2021", "DLR_BM", "bong2023"):
        found = devices.compare(paths.resource("bundles") / name, 10)
        assert found.largest < 0.01 and found.calls == 0, str(found)
