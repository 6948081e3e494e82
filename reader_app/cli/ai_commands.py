"""Subcommands around models: ``reader-app ai systems|train|evaluate|run|devices|import|prepare`` and the hidden ``worker``."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from reader_app.cli.progress import ProgressBar
from reader_app.cli.study_commands import JSON, STUDY


def add_to(sub: Any) -> None:
    """Add the subcommands of this module."""
    ai = sub.add_parser("ai", help="list, train, evaluate and run models; take predictions made elsewhere")
    ai_sub = ai.add_subparsers(dest="ai_command", metavar="systems|train|evaluate|run|import|prepare", required=True)

    systems = ai_sub.add_parser("systems", help="the systems that can be trained here")
    systems.add_argument("--json", action="store_true", help=JSON)
    systems.set_defaults(run=_systems)

    train = ai_sub.add_parser("train", help="train a system on a folder with a table, or on phantoms")
    train.add_argument("system", help="one of `reader-app ai systems`")
    source = train.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", type=Path, help="folder with images and a table (see: adding a model)")
    source.add_argument("--phantoms", type=int, metavar="N", help="train on N phantoms of each kind")
    train.add_argument("--model", help="which model of the system, e.g. DLR_LH; all trains them all")
    train.add_argument("--out", type=Path, required=True, help="folder of the bundle to make; of all bundles with --model all")
    train.add_argument("--backbone", help="the paper's backbone by default; 'small' for CPUs")
    train.add_argument("--weights", type=Path, help="start from these weights: safetensors, or another bundle's folder")
    train.add_argument("--epochs", type=int, help="default: the system's own number")
    train.add_argument("--folds", type=int, help="cross-validate in so many parts")
    train.add_argument("--calibrate", type=int, metavar="N", help="further phantoms for the operating point")
    train.add_argument("--test", type=int, metavar="N", help="further phantoms for the figures in the manifest")
    train.add_argument("--search", type=int, metavar="N", help="bong2023: search the clinical network's layers in N trials")
    train.add_argument("--fusion", metavar="HOW", help="liu2025: join the planes by hybrid (the paper's), add or concatenate")
    train.add_argument("--seed", type=int, default=1, help="the same seed gives the same weights on the same machine")
    train.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"), help="auto: CUDA where there is one")
    train.set_defaults(run=_train)

    evaluate = ai_sub.add_parser(
        "evaluate",
        help="the tables of a system's paper, filled from a study's predictions or from phantoms, printed figures beside",
    )
    evaluate.add_argument("system", help="bong2023, kim2021, liu2025, lu2025, zhou2023, or all that the study has")
    cases = evaluate.add_mutually_exclusive_group(required=True)
    cases.add_argument("--study", type=Path, metavar="DIR", help="a study with predictions and a reference standard")
    cases.add_argument(
        "--phantoms",
        type=int,
        metavar="N",
        help="N held-out phantoms, judged now (of ultrasound also training and external ones)",
    )
    evaluate.add_argument(
        "--bundle", type=Path, action="append", metavar="BUNDLE", help="with --phantoms: other bundles than ours"
    )
    evaluate.add_argument("--seed", type=int, default=1, help="with --phantoms: draws other phantoms")
    evaluate.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"), help="auto: CUDA where there is one")
    evaluate.add_argument("--out", type=Path, metavar="FOLDER", help="also write evaluation_SYSTEM.json, .csv and pictures there")
    evaluate.add_argument("--json", action="store_true", help=JSON)
    evaluate.set_defaults(run=_evaluate)

    run = ai_sub.add_parser("run", help="predict every case of a study beforehand")
    run.add_argument("study", metavar="DIR", type=Path, help=STUDY)
    run.add_argument(
        "--model", action="append", metavar="BUNDLE", help="a bundle's folder or name; default: all models of the study"
    )
    run.add_argument("--device", default="auto", metavar="WHERE", help="auto, cpu, cuda, or several: cuda:0,cuda:1")
    run.add_argument("--program", metavar="COMMAND", help="ask a program outside instead of a bundle (see: adding a model)")
    run.add_argument("--threshold", type=float, default=0.5, help="operating point of a program's scores (default 0.5)")
    run.set_defaults(run=_run)

    apart = ai_sub.add_parser("devices", help="how far a bundle's predictions on the CPU and on CUDA lie apart, on phantoms")
    apart.add_argument("bundle", help="a bundle's folder, or the name of one that ships with the program")
    apart.add_argument("--phantoms", type=int, default=20, metavar="N", help="cases to compare on (default 20)")
    apart.set_defaults(run=_devices)

    imported = ai_sub.add_parser("import", help="take predictions made elsewhere")
    imported.add_argument("study", metavar="DIR", type=Path, help=STUDY)
    imported.add_argument("files", metavar="FILE", type=Path, nargs="+", help="tables (csv, xlsx, json) or DICOM objects")
    imported.add_argument("--model", required=True, metavar="ID", help="the study's id of the model they are of")
    imported.add_argument("--threshold", type=float, default=0.5, help="operating point applied to the scores (default 0.5)")
    imported.add_argument(
        "--originals",
        metavar="PATH",
        type=Path,
        nargs="+",
        default=[],
        help="the imported DICOM files or their folders, for reports, segmentations and maps",
    )
    imported.set_defaults(run=_import)

    prepared = ai_sub.add_parser("prepare", help="prepare the sets of aids of which some are withheld or changed on purpose")
    prepared.add_argument("study", metavar="DIR", type=Path, help=STUDY)
    prepared.add_argument("--model", metavar="ID", help="only this set")
    prepared.set_defaults(run=_prepare)

    worker = sub.add_parser("worker")  # started by ai run; without a help text the list of commands leaves it out
    worker.set_defaults(run=_worker)


def _prepare(given: argparse.Namespace) -> int:
    from reader_app.desk import aidsets

    for own in aidsets.prepare(given.study, given.model):
        counts = ", ".join(f"{count} {kind}" for kind, count in own.counts.items() if count)
        print(f"{own.model_id} from {own.of}: {counts}")
    return 0


def _systems(given: argparse.Namespace) -> int:
    from reader_app.networks import registry

    rows = registry.systems()
    if given.json:
        print(json.dumps({"schema": 1, "systems": [row.as_document() for row in rows]}, ensure_ascii=False, indent=1))
    else:
        for row in rows:
            print(f"{row.system}: {row.title}")
            print(f"  models     {', '.join(reversed(row.models))}")
            print(f"  images     {', '.join(row.modalities)}")
            print(f"  backbones  {', '.join(row.backbones)}")
    return 0


def _train(given: argparse.Namespace) -> int:
    from reader_app.networks import registry

    with ProgressBar(f"train {given.system}", "step") as bar:
        report = registry.train(
            given.system,
            model=given.model,
            data=given.data,
            phantoms=given.phantoms,
            out=given.out,
            backbone=given.backbone,
            weights=given.weights,
            epochs=given.epochs,
            folds=given.folds,
            seed=given.seed,
            device=given.device,
            progress=bar,
            calibrate=given.calibrate,
            test=given.test,
            search=given.search,
            fusion=given.fusion,
        )
    print(report)
    return 0


def _evaluate(given: argparse.Namespace) -> int:
    from reader_app.desk.evaluating import Scored, evaluation_text, fill, write
    from reader_app.desk.evaluating_study import evaluate, systems_of

    if given.study is not None:
        names = (systems_of(given.study) or ["all"]) if given.system == "all" else [given.system]
        documents = [evaluate(name, given.study) for name in names]
    else:
        from reader_app.networks import evaluation

        documents = []
        for name in sorted(evaluation.MODALITY) if given.system == "all" else [given.system]:
            with ProgressBar(f"evaluate {name}") as bar:
                found = evaluation.phantom_rows(name, given.phantoms, given.bundle or (), given.seed, given.device, bar)
            rows = [Scored(**row) for row in found.rows]
            documents.append(fill(name, rows, found.source, found.models, found.embeddings))
    for document in documents:
        if given.out is not None:
            write(document, given.out)
        if not given.json:
            print(evaluation_text(document), end="\n\n" if len(documents) > 1 else "\n")
    if given.json:
        print(json.dumps(documents[0] if len(documents) == 1 else documents, ensure_ascii=False, indent=1))
    return 0


def _run(given: argparse.Namespace) -> int:
    from reader_app.desk.aids import run_model
    from reader_app.store.studyfolder import StudyFolder

    if given.program is not None:
        return _run_program(given)
    models = given.model or [own.model_id for own in StudyFolder.load(given.study).definition.models if not own.of]
    for model in models:
        with ProgressBar(model) as bar:
            done = run_model(given.study, model, given.device, bar)
        computed = done.computed - len(done.not_applicable)
        line = f"{done.model_id}: {computed} computed on {done.device}, {done.current} were current"
        if done.not_applicable:
            line += f"; not applicable to {', '.join(done.not_applicable)}"
        print("\n  ".join([line, *done.why()]))
    return 0


def _run_program(given: argparse.Namespace) -> int:
    import shlex

    from reader_app.desk.aids import run_program
    from reader_app.errors import InputFaults

    command = shlex.split(given.program, posix=os.name != "nt")
    if len(given.model or []) != 1 or not command:
        raise InputFaults("--program needs one --model ID, the id of the study's model that the program's answers belong to.")
    done = run_program(given.study, given.model[0], command, given.threshold)
    line = f"{done.model_id}: {done.computed} computed by {done.device}, {done.current} were current"
    line += f"; not applicable to {', '.join(done.not_applicable)}" if done.not_applicable else ""
    print("\n  ".join([line, *done.why()]))
    return 0


def _devices(given: argparse.Namespace) -> int:
    from reader_app.desk.aids import find_bundle
    from reader_app.networks import devices

    with ProgressBar("devices") as bar:
        found = devices.compare(find_bundle(given.bundle), given.phantoms, progress=bar)
    print(found)
    return 0


def _import(given: argparse.Namespace) -> int:
    from reader_app.desk.aids import import_predictions

    taken = import_predictions(given.study, given.model, given.files, given.threshold, given.originals)
    print(f"{given.model}: predictions of {taken} case(s) taken")
    return 0


def _worker(given: argparse.Namespace) -> int:
    from reader_app.networks.worker import serve

    return serve()
