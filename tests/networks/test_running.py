"""A bundle in use: through the worker process, in image index, on the right side, refused where it does not belong."""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from reader_app import paths
from reader_app.ai import bundle as bundles
from reader_app.ai import results
from reader_app.ai.client import Worker
from reader_app.errors import BundleError, EnvironmentFault, WorkerError
from reader_app.imaging import phantoms
from reader_app.imaging.container import CaseImage, OpenCase, open_case
from reader_app.networks import checkpoint, device, lu2025, registry, worker

Manifest = Callable[..., dict[str, Any]]
COMMAND = [sys.executable, "-m", "reader_app.networks.worker"]
CPU = torch.device("cpu")


def test_predictions_through_the_process(random_bundle: bundles.Bundle, cases: dict[str, Path], tmp_path: Path) -> None:
    listed = [(name, path, {"age": "61"}) for name, path in cases.items()]
    with Worker(COMMAND) as client:
        outcome = client.run(random_bundle, listed, tmp_path, device="cpu")
        assert outcome.done == tuple(cases) and not outcome.reused and outcome.device.startswith("CPU")
        again = client.run(random_bundle, listed, tmp_path, device="cpu")
        assert again.reused == tuple(cases)
    for name, path in cases.items():
        found = results.load(tmp_path, name)
        assert found.status == "ok" and results.matches(found, open_case(path).fingerprint)
        assert found.provenance["bundle_sha256"] == random_bundle.sha256
        assert found.provenance["training_data"].startswith("trained on phantoms")
        assert {"device", "torch", "preprocessing", "code_version", "date"} <= set(found.provenance)
        assert found.embedding is not None and found.embedding.shape == (128,)
        shapes = {i.id: i.array.shape for i in open_case(path).images}
        for heat in found.heatmaps:
            last = heat.index_of(tuple(n - 1 for n in heat.grid.shape))
            step = max(heat.scale)
            assert all(-step < v < n + step for v, n in zip(last, shapes[heat.image_id], strict=False))
        for box in found.boxes:
            assert all(0 <= a < b <= n for a, b, n in zip(box.start, box.stop, shapes[box.image_id], strict=False))


def test_results_are_bit_stable(random_bundle: bundles.Bundle, cases: dict[str, Path]) -> None:
    predict = registry.load(random_bundle, CPU)
    a, b = (predict(open_case(cases["U1"]), {"age": "50"}) for _ in range(2))
    assert a.probability == b.probability
    assert all(np.array_equal(x.grid, y.grid) for x, y in zip(a.heatmaps, b.heatmaps, strict=True))
    other = predict(open_case(cases["U1"]), {"age": "80"})
    assert other.probability != a.probability
    assert "age missing" in predict(open_case(cases["U1"]), {}).provenance["notes"][0]


def test_nothing_is_fitted_on_the_cases_of_a_study(random_bundle: bundles.Bundle, cases: dict[str, Path]) -> None:
    """A case gets the same probability alone, among others, and after others; threshold and calibration are the bundle's."""
    alone = registry.load(random_bundle, CPU)(open_case(cases["U1"]), {"age": "50"})
    among = registry.load(random_bundle, CPU)
    others = [among(open_case(path), {"age": "70"}) for name, path in cases.items() if name != "U1"]
    again = among(open_case(cases["U1"]), {"age": "50"})
    assert others and again.probability == alone.probability
    point = random_bundle.manifest["operating_points"]["ultrasound"]["threshold"]
    assert {p.threshold for p in (alone, again)} == {point}
    assert bundles.load(random_bundle.path).sha256 == random_bundle.sha256


def test_stale_predictions_are_made_again(random_bundle: bundles.Bundle, cases: dict[str, Path], tmp_path: Path) -> None:
    case = open_case(cases["U1"])
    made = registry.load(random_bundle, CPU)(case, {})
    results.save(tmp_path, results.with_clinical(made, {"age": "50", "brca": ""}))
    assert worker.current(tmp_path, case, random_bundle, {"age": "50 "}) is not None
    assert worker.current(tmp_path, case, random_bundle, {"age": "51"}) is None
    results.save(tmp_path, made)
    assert worker.current(tmp_path, case, random_bundle, {"age": "51"}) is not None
    results.save(tmp_path, replace(made, fingerprint="0" * 64))
    assert worker.current(tmp_path, case, random_bundle) is None
    results.save(tmp_path, replace(made, provenance={**made.provenance, "bundle_sha256": "0"}))
    assert worker.current(tmp_path, case, random_bundle) is None
    (tmp_path / "U1.npz").write_bytes(b"")
    assert worker.current(tmp_path, case, random_bundle) is None


def test_worker_killed_in_the_middle(random_bundle: bundles.Bundle, cases: dict[str, Path], tmp_path: Path) -> None:
    listed = [("M1", cases["M1"])] * 40
    client = Worker(COMMAND)
    seen = threading.Event()

    def kill() -> None:
        seen.wait(60)
        if client.pid is not None:
            os.kill(client.pid, signal.SIGKILL)

    client.start()
    thread = threading.Thread(target=kill)
    thread.start()
    with client, pytest.raises(WorkerError) as caught:
        client.run(
            random_bundle, listed, tmp_path, device="cpu", again=True, progress=lambda d, n, c: seen.set() if d > 1 else None
        )
    thread.join()
    assert "SIGKILL" in str(caught.value) and "M1" in str(caught.value) and "\n" not in str(caught.value)
    assert results.load(tmp_path, "M1").status == "ok"  # what was finished is whole


def test_cancel_keeps_what_is_done(random_bundle: bundles.Bundle, cases: dict[str, Path], tmp_path: Path) -> None:
    listed = [("M1", cases["M1"])] * 60
    done: list[int] = []
    with Worker(COMMAND) as client:
        outcome = client.run(
            random_bundle,
            listed,
            tmp_path,
            device="cpu",
            again=True,
            progress=lambda d, n, c: done.append(d),
            cancelled=lambda: len(done) > 2,
        )
        assert outcome.cancelled and 0 < len(outcome.done) < 60
        assert client.run(random_bundle, [("U1", cases["U1"])], tmp_path, device="cpu").done == ("U1",)


def test_faults_come_back_as_sentences(
    random_bundle: bundles.Bundle, cases: dict[str, Path], tmp_path: Path, make_manifest: Manifest
) -> None:
    with Worker(COMMAND) as client:
        if not torch.cuda.is_available():
            with pytest.raises(EnvironmentFault, match="No CUDA device"):
                client.run(random_bundle, [("U1", cases["U1"])], tmp_path, device="cuda")
        unfit = bundles.write(
            tmp_path / "unfit", make_manifest(backbone="resnet18"), {bundles.WEIGHTS: random_bundle.weights.read_bytes()}
        )
        with pytest.raises(BundleError, match="do not fit"):
            client.run(unfit, [("U1", cases["U1"])], tmp_path, device="cpu")
        strange = bundles.write(tmp_path / "strange", make_manifest(system="other"), {bundles.WEIGHTS: b"x"})
        with pytest.raises(BundleError, match="'other' is not known"):
            client.run(strange, [("U1", cases["U1"])], tmp_path, device="cpu")
        assert client.run(random_bundle, [("U1", cases["U1"])], tmp_path, device="cpu").done == ("U1",)


def test_output_of_libraries_does_not_reach_the_messages(tmp_path: Path) -> None:
    code = (
        "import sys; from reader_app.networks import worker; import threading, os\n"
        "t = threading.Timer(0.1, lambda: (print('noise'), os.write(1, b'more noise')))\n"
        "t.start(); sys.exit(worker.serve())"
    )
    run = subprocess.run([sys.executable, "-c", code], input="", capture_output=True, text=True, timeout=60, check=True)
    lines = run.stdout.splitlines()
    assert len(lines) == 1 and json.loads(lines[0])["type"] == "hello"
    time.sleep(0)


def test_not_applicable_says_why(
    random_bundle: bundles.Bundle, cases: dict[str, Path], tmp_path: Path, make_manifest: Manifest
) -> None:
    weights = random_bundle.weights.read_bytes()
    only = {"modalities": {"ultrasound": {"mm": 0.7, "window": 48}}, "clinical": [{"name": "age", "mean": 50.0}]}
    us_only = bundles.write(tmp_path / "us", make_manifest(input=only), {bundles.WEIGHTS: weights})
    found = registry.load(us_only, CPU)(open_case(cases["M1"]), {})
    assert found.status == "not_applicable" and "mammography" in found.reason and not found.heatmaps
    far = {**only, "embedding_limit": 1e-9}
    strict = bundles.write(tmp_path / "far", make_manifest(input=far), {bundles.WEIGHTS: weights})
    found = registry.load(strict, CPU)(open_case(cases["U1"]), {})
    assert found.status == "not_applicable" and "differ" in found.reason


def test_no_pickle_anywhere() -> None:
    """Neither the ai nor the networks package unpickles, evaluates or loads torch files."""
    root = Path(lu2025.__file__).parent.parent
    bad = []
    for path in [*root.joinpath("ai").glob("*.py"), *root.joinpath("networks").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [a.name for a in node.names] + [getattr(node, "module", "") or ""]
                bad += [(path.name, n) for n in names if n.split(".")[0] in ("pickle", "dill", "joblib", "marshal", "shelve")]
            if isinstance(node, ast.Call):
                text = ast.unparse(node.func)
                if text in ("torch.load", "torch.jit.load", "torch.export.load", "eval", "exec", "os.system"):
                    bad.append((path.name, text))
                if text == "np.load" and "allow_pickle=False" not in ast.unparse(node):
                    bad.append((path.name, text))
    assert not bad


def test_weights_of_another_kind_are_refused(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(2)}, tmp_path / "evil.safetensors")
    with pytest.raises(BundleError, match="safetensors"):
        checkpoint.read(tmp_path / "evil.safetensors")
    with pytest.raises(EnvironmentFault, match="not known"):
        device.choose("tpu")
    with pytest.raises(BundleError, match="not known"):
        registry.train("nothing", out=tmp_path)


def _opened(case: phantoms.PhantomCase) -> OpenCase:
    return OpenCase(Path(), "c", case.modality, tuple(CaseImage(**vars(i)) for i in case.images), "f" * 64)


@pytest.fixture(scope="module")
def demo_model() -> object:
    folder = paths.resource("bundles") / "DLR_BM"
    return registry.load(bundles.load(folder), CPU)


def test_a_lesion_on_the_left_gives_a_box_in_a_left_view(demo_model) -> None:  # type: ignore[no-untyped-def]
    sides = {"R": 0, "L": 0}
    right = 0
    for seed in range(300_000_000, 300_000_012):
        case = phantoms.mammogram_exam(seed, True, pixel_mm=0.3, kinds=("mass",))
        found = demo_model(_opened(case), case.clinical)
        if found.boxes:
            sides[case.lesions[0].laterality] += 1
            right += found.boxes[0].image_id[0] == case.lesions[0].laterality
    assert min(sides.values()) >= 2
    assert right >= 0.75 * sum(sides.values())


@pytest.mark.parametrize("modality", ["ultrasound", "abvs"])
def test_boxes_of_the_demo_model_lie_on_the_lesion(demo_model, modality: str) -> None:  # type: ignore[no-untyped-def]
    hits, boxes = 0, 0
    for seed in range(300_000_100, 300_000_108):
        case = phantoms.demo_case(modality, seed, True)
        found = demo_model(_opened(case), case.clinical)
        for box in found.boxes[:1]:
            lesion = next(t for t in case.lesions if t.image_id == box.image_id)
            middle = [(a + b) / 2 for a, b in zip(box.start, box.stop, strict=True)]
            hits += all(
                a - 0.25 * (b - a) <= m <= b + 0.25 * (b - a) for m, a, b in zip(middle, lesion.start, lesion.stop, strict=True)
            )
            boxes += 1
    assert boxes >= 4 and hits >= 0.6 * boxes


def test_demo_bundles_are_sound_and_say_what_they_are() -> None:
    for model in ("DLR_LH", "DLR_BM", "kim2021"):
        found = bundles.load(paths.resource("bundles") / model)
        assert found.phantom_trained and found.manifest["command"].startswith(f"reader-app ai train {found.system} ")
        assert found.weights.stat().st_size < 3_000_000
        for modality, row in found.manifest["measured"].items():
            if modality != "cohort":
                assert row["auc"] >= 0.8


def test_kim2021_judges_whole_ultrasound_images() -> None:
    predict = registry.load(bundles.load(paths.resource("bundles") / "kim2021"), CPU)
    case = phantoms.ultrasound_case(300_000_200, True, doppler=False)
    found = predict(_opened(case), {})
    assert found.status == "ok" and {h.image_id for h in found.heatmaps} == {"US1", "US2"} and not found.provenance["notes"]
    other = phantoms.abvs_volume(300_000_200, True, shape=(40, 48, 64), spacing_mm=(2.0, 0.9, 1.8))
    assert predict(_opened(other), {}).status == "not_applicable"
