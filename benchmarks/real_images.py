"""Real ultrasound pictures: kim2021's three networks and lu2025's DLR_BM trained and judged on BUSI, their maps on BUS-BRA masks.

Benign against malignant, five folds, near-duplicate pictures in one fold, no pretrained weights. The small trunks run on all
folds, for as many epochs as a quarter of an hour a network on one CPU thread allows (24; the area of the folds still rose from 8
to 24); of the full networks one short run says what they would cost here. The area counts every picture once, judged by the
network that did not see it, after the last epoch (the epoch of the best held-out area, which bundles keep, would flatter); its
interval is DeLong's, clustered by group. Maps are judged as kim2021 does: the region of at least 0.3 of the min-max scaled
activation of the called class shares a pixel with the drawn lesion; the stricter figures and a negative control (the lesion moved
to the mirrored place) stand beside it, and the same for the held-out pictures of BUSI where that copy has masks, so that what
another machine costs can be told from what a small network cannot do anywhere.
``python -m benchmarks.real_images [--json] [--epochs 24] [--only kim2021] [--full none] [--work DIR]``

Without the pictures (READER_APP_TEST_DATA, or ``shared/data`` beside the checkout) it says so and ends with status 0.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.report import Result, arguments, show

#: Model of the program, its small trunk, its full one.
NETWORKS = (
    ("kim2021", "kim2021", "small", "resnet34"),
    ("kim2021", "kim2021_vgg16", "small_vgg16", "vgg16"),
    ("kim2021", "kim2021_googlenet", "small_googlenet", "googlenet"),
    ("lu2025", "DLR_BM", "small", "resnet50"),
)
AIM = 0.90
SEED = 1


def data(name: str) -> Path | None:
    """Return the folder of a real data set, or None."""
    root = os.environ.get("READER_APP_TEST_DATA")
    base = Path(root) if root else Path(__file__).resolve().parents[2] / "shared" / "data"
    return base / name if (base / name).is_dir() else None


def cross_validate(system: str, model_id: str, trunk: str, busi: Path, epochs: int, work: Path) -> tuple[dict[str, Any], Any]:
    """Train all folds through the program's own trainer; return figures and (network, working window) of its bundle."""
    import numpy as np
    import torch

    from reader_app.analysis import accuracy, roc
    from reader_app.networks import backbones, checkpoint, croptask, image_samples, registry

    started = time.process_time()
    out = work / model_id
    registry.train(system, model=model_id, data=busi, out=out, backbone=trunk, epochs=epochs, folds=5, seed=SEED, device="cpu")
    note = work / f"{model_id}.work" / "cpu_seconds.json"
    spent = (json.loads(note.read_text()) if note.exists() else 0.0) + time.process_time() - started
    note.write_text(json.dumps(spent))
    metrics = json.loads((out / "metrics.json").read_text())
    recipe = registry._recipe(system, model_id)
    window = recipe.windows(trunk)["ultrasound"].window
    pictures = image_samples.load(busi, window, cropped=not recipe.whole)
    score = np.full(pictures.count, np.nan)
    network = recipe.make(trunk)
    last: list[float] = []
    mapped: list[tuple[bool, tuple[Any, ...]]] = []
    listed = image_samples.listed(busi)
    for fold in range(5):
        task = croptask.CropTask([pictures.samples], "malignant", fold, 5, 16, torch.device("cpu"))
        tensors, _ = checkpoint.read(
            work / f"{model_id}.work" / f"{model_id}-{trunk}-{pictures.identity[:8]}-fold{fold + 1}of5.safetensors"
        )
        network.load_state_dict({k[6:]: v for k, v in tensors.items() if k.startswith("model.")})
        found = task.embed(network, task.held)["ultrasound"][0].numpy()
        score[task.held["ultrasound"]] = found
        network.eval()
        for row in task.held["ultrasound"] if recipe.whole else ():
            own = listed[int(row)]
            if own.mask is not None:
                mapped.append(
                    (own.malignant, map_row(network, window, image_samples._read(own.path), image_samples._read(own.mask)))
                )
        last.append(float(metrics["history"][fold][-1]["auc"]))
    truth = pictures.samples.malignant.astype(bool)
    area = roc.auc(score, truth, pictures.samples.group)
    called = accuracy.accuracy(accuracy.count((score >= 0).astype(float), truth))
    network.load_state_dict(checkpoint.read(out / "weights.safetensors")[0])
    network.eval()
    figures = {
        "model_id": model_id,
        "trunk": trunk,
        "parameters": sum(p.numel() for p in backbones.build(trunk).parameters()),
        "pictures": pictures.count,
        "malignant": int(truth.sum()),
        "groups": pictures.groups,
        "epochs": epochs,
        "auc": area.estimate,
        "auc_ci95": [area.lower, area.upper],
        "auc_of_folds_last_epoch": last,
        "auc_of_folds_best_epoch": metrics["fold_auc"],
        "sensitivity": called.sensitivity.estimate,
        "specificity": called.specificity.estimate,
        "cpu_seconds": round(spent, 1),
        **({"maps_on_held_out_busi": overlap(mapped)} if mapped else {}),
        "scores": [round(float(v), 4) for v in score],
    }
    return figures, (network, window, truth)


def map_row(network: Any, window: int, grey: Any, mask: Any) -> tuple[Any, ...]:
    """Return the score of a picture, how the map of its called class lies to the drawn lesion, and to the mirrored place."""
    import cv2
    import numpy as np
    import torch

    from reader_app.networks import kim2021, preprocess

    lesion = cv2.resize(mask, (grey.shape[1], grey.shape[0]), interpolation=cv2.INTER_NEAREST) > 0
    x = preprocess.ultrasound_grey(preprocess.whole_image(grey, window))
    with torch.no_grad():
        features = network.trunk(torch.from_numpy(x)[None, None])
        z = float(network.pooled_score(features))
        evidence = network.cell_evidence(features)[0].numpy() * (1 if z >= 0 else -1)
    factor = (grey.shape[0] / window, grey.shape[1] / window)
    there = kim2021.on_image(np.asarray(evidence, np.float32), network.trunk.cells, factor, grey.shape)
    return z, kim2021.localise(there, lesion), kim2021.localise(there, lesion[::-1, ::-1])


def overlap(rows: Sequence[tuple[bool, tuple[Any, ...]]]) -> dict[str, Any]:
    """Return how the maps of pictures lie to their drawn lesions: (malignant, :func:`map_row`) of each."""
    import numpy as np
    from scipy.stats import fisher_exact

    from reader_app.networks import training

    bad = np.array([r[0] for r in rows])
    found, control = ([r[1][k] for r in rows] for k in (1, 2))
    hit = np.array([f.overlaps for f in found])
    table = [[int((hit & bad).sum()), int((~hit & bad).sum())], [int((hit & ~bad).sum()), int((~hit & ~bad).sum())]]
    return {
        "pictures": len(rows),
        "malignant": int(bad.sum()),
        "auc": training.auc(bad, [r[1][0] for r in rows]),
        "overlap_malignant": float(hit[bad].mean()),
        "overlap_benign": float(hit[~bad].mean()),
        "fisher_p": float(fisher_exact(table)[1]),
        "peak_inside": float(np.mean([f.peak_inside for f in found])),
        "iou": float(np.mean([f.iou for f in found])),
        "region_share_of_image": float(np.mean([f.share for f in found])),
        "negative_control_overlap": float(np.mean([f.overlaps for f in control])),
        "negative_control_peak_inside": float(np.mean([f.peak_inside for f in control])),
        "negative_control_iou": float(np.mean([f.iou for f in control])),
    }


def elsewhere(network: Any, window: int, folder: Path) -> dict[str, Any]:
    """Return how the maps of a network lie to the drawn lesions of BUS-BRA pictures (another country, another machine)."""
    import cv2

    rows = []
    for path in sorted((folder / "images").glob("*.png")):
        grey = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        mask = cv2.imread(str(folder / "masks" / path.name), cv2.IMREAD_GRAYSCALE)
        if grey is not None and mask is not None:
            rows.append(("malignant" in path.name, map_row(network, window, grey, mask)))
    return overlap(rows)


def cost(trunk: str, images: int, steps: int) -> dict[str, Any]:
    """Return what a full network costs: seconds an image of training and of inference, highest memory; in this process."""
    import torch

    from reader_app.networks import kim2021

    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = kim2021.GapCamNetwork(trunk)
    optimiser = torch.optim.Adam(network.parameters(), 1e-4)
    x, y = torch.randn(images, 1, 224, 224), torch.arange(images) % 2
    network.train()
    started = time.process_time()
    for _ in range(steps):
        loss = torch.nn.functional.cross_entropy(network(x)[0], y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    train = (time.process_time() - started) / (images * steps)
    network.eval()
    started = time.process_time()
    with torch.no_grad():
        network(x)
    return {
        "trunk": trunk,
        "batch": images,
        "train_cpu_s_an_image": round(train, 3),
        "inference_cpu_s_an_image": round((time.process_time() - started) / images, 3),
        "peak_memory_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
    }


def short_run(busi: Path, work: Path, pictures: int = 80) -> dict[str, Any]:
    """Train the full ResNet34 for one epoch on a few pictures through the program's trainer; return its cost."""
    from reader_app.networks import registry

    few = work / "few"
    if not few.exists():
        for name in ("benign", "malignant"):
            (few / name).mkdir(parents=True)
            for path in sorted((busi / name).glob("*.png"))[: pictures // 2]:
                (few / name / path.name).write_bytes(path.read_bytes())
    started = time.process_time()
    registry.train("kim2021", model="kim2021", data=few, out=work / "full", epochs=1, folds=1, seed=SEED, device="cpu")
    spent = time.process_time() - started
    history = json.loads((work / "full" / "metrics.json").read_text())["history"][0]
    memory = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2)
    return {
        "trunk": "resnet34",
        "pictures": pictures,
        "epochs": 1,
        "cpu_seconds": round(spent, 1),
        "loss": history[-1]["loss"],
        "peak_memory_gb": memory,
        "hours_for_five_folds_of_100_epochs_on_busi": round(spent / pictures * 647 * 500 / 3600, 0),
    }


def main(given: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = arguments(__doc__)
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--only", action="append", help="only this model (may be repeated)")
    parser.add_argument("--full", action="append", help="only this of short, resnet34, vgg16, googlenet; none leaves all out")
    parser.add_argument("--work", type=Path, help="folder for what is trained; given again, it goes on there")
    parser.add_argument("--cost", help="one full network's cost as JSON, in a process of its own")
    asked = parser.parse_args(given)
    if asked.cost:
        if asked.cost == "short":
            found = short_run(Path(os.environ["READER_APP_BUSI"]), asked.work)
        else:
            found = cost(asked.cost, 4 if asked.cost == "vgg16" else 8, 2)
        sys.stdout.write(json.dumps(found) + "\n")
        return 0
    busi, bra = data("busi_images"), data("bus_bra_sample")
    if busi is None:
        sys.stdout.write("skipped: the real pictures 'busi_images' are not at hand (set READER_APP_TEST_DATA)\n")
        return 0
    busi = busi / "Dataset_BUSI_with_GT"
    import torch

    torch.set_num_threads(int(os.environ.get("READER_APP_THREADS", "1")))
    work = asked.work or Path(tempfile.mkdtemp(prefix="real-images-"))
    results, scores, truth = [], {}, None
    for system, model_id, trunk, _ in NETWORKS:
        if asked.only and model_id not in asked.only:
            continue
        figures, (network, window, truth) = cross_validate(system, model_id, trunk, busi, asked.epochs, work)
        scores[model_id] = figures.pop("scores")
        more: dict[str, Any] = {**figures, "hardware": "one CPU thread, no GPU"}
        if bra is not None:
            more["maps_on_bus_bra"] = elsewhere(network, window, next(bra.rglob("masks")).parent)
        name = f"{model_id} ({trunk}) on BUSI, cross-validated AUC"
        results.append(
            Result(name, figures["auc"], "", f"aim {AIM} on a GPU with the full network", figures["auc"] >= AIM, more=more)
        )
        sys.stderr.write(f"{name} {figures['auc']:.3f}, {figures['cpu_seconds']} CPU-s\n")
    results += _pairs(scores, truth)
    for kind in ("short", "resnet34", "vgg16", "googlenet"):
        if not asked.full or kind in asked.full:
            found = _apart(kind, busi, work)
            name = f"full {found['trunk']}, " + ("one short run" if kind == "short" else "one image")
            value = found["cpu_seconds"] if kind == "short" else found["train_cpu_s_an_image"]
            results.append(Result(name, value, "CPU-s", "told, no bar", True, more=found))
    return show(results, asked.json)


def _pairs(scores: dict[str, list[float]], truth: Any) -> list[Result]:
    """Compare kim2021's networks in pairs: DeLong for the areas, exact McNemar for sensitivity and specificity at 0.5."""
    import numpy as np

    from reader_app.analysis import mcnemar, roc

    out = []
    names = [n for n in scores if n.startswith("kim2021")]
    for k, one in enumerate(names):
        for other in names[k + 1 :]:
            a, b = np.array(scores[one]), np.array(scores[other])
            found = roc.compare(a, b, truth)
            right = [((v >= 0) == truth).astype(float) for v in (a, b)]
            more = {
                "delong_p": found.p,
                "mcnemar_sensitivity_p": mcnemar.paired(right[0][truth], right[1][truth]).p,
                "mcnemar_specificity_p": mcnemar.paired(right[0][~truth], right[1][~truth]).p,
            }
            out.append(
                Result(f"AUC {one} less {other}", float(found.difference.estimate or 0), "", "told, no bar", True, more=more)
            )
    return out


def _apart(kind: str, busi: Path, work: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.real_images", "--cost", kind, "--work", str(work)]
    surroundings = {**os.environ, "READER_APP_BUSI": str(busi), "READER_APP_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=surroundings)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    sys.exit(main())
