"""The systems that can be trained and run here: what they are, how to train one, how to load a bundle of one."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reader_app.ai.bundle import ONNX
from reader_app.errors import BundleError

if TYPE_CHECKING:
    import torch

    from reader_app.ai.bundle import Bundle
    from reader_app.ai.results import Prediction
    from reader_app.imaging.container import OpenCase
    from reader_app.networks.classifier import WindowClassifier
    from reader_app.networks.croptask import Recipe


@dataclass(frozen=True, slots=True)
class System:
    """One published system.

    Attributes
    ----------
    system, title : str
        Id in the program; one line.
    models : tuple of str
        Model ids that can be trained.
    modalities : tuple of str
        What its demo bundles judge.
    backbones : tuple of str
        The paper's first, then others.
    """

    system: str
    title: str
    models: tuple[str, ...]
    modalities: tuple[str, ...]
    backbones: tuple[str, ...]

    def as_document(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}


SYSTEMS: tuple[System, ...] = (
    System(
        "lu2025",
        "Two embedding classifiers for a two-stage reading: BI-RADS 2/3 v 4/5, then benign v malignant",
        ("DLR_LH", "DLR_BM"),
        ("ultrasound", "mammography", "abvs"),
        ("resnet50", "small", "resnet18", "resnet34", "resnet101"),
    ),
    System(
        "kim2021",
        "Weakly supervised classification of ultrasound images with class activation maps",
        (
            "kim2021_vgg16_roi",
            "kim2021_roi",
            "kim2021_googlenet_roi",
            "kim2021_vgg16_unet",
            "kim2021_unet",
            "kim2021_googlenet_unet",
            "kim2021_vgg16",
            "kim2021_googlenet",
            "kim2021",
        ),
        ("ultrasound",),
        ("resnet34", "vgg16", "googlenet", "small", "small_vgg16", "small_googlenet"),
    ),
    System(
        "bong2023",
        "Mask R-CNN on ultrasound, a perceptron on clinical data, and both combined: masses under one centimetre",
        ("bong2023",),
        ("ultrasound",),
        ("resnet101", "small"),
    ),
    System(
        "zhou2023",
        "Lesions of four mammographic views read together, left with right and CC with MLO",
        ("zhou2023",),
        ("mammography",),
        ("resnet50", "resnet18", "small"),
    ),
    System(
        "liu2025",
        "Lesions of breast volume scans found on three planes, benign v malignant by three-plane fusion",
        ("liu2025_T", "liu2025_S", "liu2025_C", "liu2025_TS", "liu2025"),
        ("abvs",),
        ("resnet50", "vgg19", "densenet161", "resnet101", "small"),
    ),
)


@dataclass(frozen=True, slots=True)
class Reports:
    """What came out of several trainings; ``str()`` of it is made for a person."""

    reports: tuple[object, ...]

    def __str__(self) -> str:
        return "\n".join(str(report) for report in self.reports)


def systems() -> tuple[System, ...]:
    """Return the systems of this build."""
    return SYSTEMS


def _system(name: str) -> System:
    for system in SYSTEMS:
        if system.system == name:
            return system
    raise BundleError(f"The system {name!r} is not known; use one of {', '.join(s.system for s in SYSTEMS)}.")


def train(
    system: str,
    *,
    model: str | None = None,
    data: Path | None = None,
    phantoms: int | None = None,
    out: Path,
    backbone: str | None = None,
    weights: Path | None = None,
    epochs: int | None = None,
    folds: int | None = None,
    seed: int = 1,
    device: str = "auto",
    progress: Callable[[int, int, str], None] | None = None,
    calibrate: int | None = None,
    test: int | None = None,
    search: int | None = None,
    fusion: str | None = None,
    work: Path | None = None,
) -> object:
    """Train one model of a system, or all, and write the bundles; continued where a killed run of the same command stopped.

    Parameters
    ----------
    system, model : str
        "lu2025" and, where it has several, which model; "all" trains them one after the other.
    data, phantoms : Path or int
        A folder with a table of images, or the number of phantoms of each modality.
    out : Path
        Folder of the bundle; stages are kept in ``<out>.work``. With all models, the folder in which each gets its own.
    backbone : str, optional
        The paper's by default; "small" for CPUs.
    weights : Path, optional
        Safetensors to start from.
    epochs, folds, seed, device
        Optimisation; defaults are the paper's (for the small backbone fewer epochs).
    progress : callable, optional
        Told (done, total, text).
    calibrate, test : int, optional
        Further phantoms for the operating point and for the figures in the manifest; by default a sixth and a fifth of the
        training phantoms, at least 10 and at most 60 and 80.
    search : int, optional
        bong2023: trials of the Bayesian search for the clinical network's layers.
    fusion : str, optional
        liu2025: how features of several planes are joined.
    work : Path, optional
        lu2025 and kim2021: where stages are kept instead.

    Returns
    -------
    object
        A report; ``str()`` of it is made for a person.
    """
    chosen = _system(system)
    if model == "all":
        from reader_app.networks.classifier_measure import keeping_phantoms

        same: dict[str, Any] = {
            "data": data, "phantoms": phantoms, "backbone": backbone, "weights": weights, "epochs": epochs, "folds": folds,
            "seed": seed, "device": device, "progress": progress, "calibrate": calibrate, "test": test, "search": search,
            "fusion": fusion, "work": out.parent / f"{out.name}.work",
        }  # fmt: skip
        with keeping_phantoms():
            return Reports(tuple(train(system, model=name, out=out / name, **same) for name in chosen.models))
    model_id = model or chosen.models[-1]
    if model_id not in chosen.models:
        raise BundleError(f"{system} has no model {model_id!r}; use all, or one of {', '.join(chosen.models)}.")
    trunk = _trunk(chosen, model_id, backbone)
    if trunk not in chosen.backbones:
        raise BundleError(f"{system} has no backbone {trunk!r}; use one of {', '.join(chosen.backbones)}.")
    for option, count in (("--phantoms", phantoms), ("--calibrate", calibrate), ("--test", test), ("--search", search)):
        if count is not None and count < 1:
            raise BundleError(f"{option} {count} is too few; give at least 1.")
    if search is not None and system != "bong2023":
        raise BundleError(f"--search looks for the layers of bong2023's clinical network; {system} has none, leave it out.")
    if fusion is not None and system != "liu2025":
        raise BundleError(f"--fusion joins the planes of liu2025; {system} has none, leave it out.")
    if data is not None and (calibrate is not None or test is not None):
        raise BundleError("--calibrate and --test count phantoms; leave them out with --data, which holds cases back by itself.")
    if system == "zhou2023":
        if folds not in (None, 1):
            raise BundleError("zhou2023 is trained with one split; leave --folds out.")
        from reader_app.networks import zhou2023_train

        return zhou2023_train.train(out, phantoms, trunk, weights, epochs, seed, device, progress, calibrate, test, data)
    if system == "bong2023":
        if folds not in (None, 1):
            raise BundleError("bong2023 is trained on one split, as in its paper; leave --folds out.")
        from reader_app.networks import bong2023_train

        return bong2023_train.train(
            out, phantoms, data, trunk, weights, epochs, seed, device, progress, calibration=calibrate, test=test, search=search
        )
    if system == "liu2025":
        if folds not in (None, 1):
            raise BundleError("liu2025 is trained with one split; leave --folds out.")
        from reader_app.networks import liu2025_train

        return liu2025_train.train(
            model_id, out, phantoms, data, trunk, weights, epochs, seed, device, progress, calibrate, test, fusion
        )
    from reader_app.networks import classifier_train

    return classifier_train.train(
        _recipe(system, model_id),
        out,
        phantoms,
        data,
        trunk,
        weights,
        epochs,
        folds or 5,
        seed,
        device,
        progress,
        work,
        calibration=calibrate,
        test=test,
    )


def _trunk(system: System, model_id: str, backbone: str | None) -> str:
    if system.system == "kim2021":
        from reader_app.networks import kim2021

        return kim2021.trunk_of(model_id, backbone)
    return backbone or system.backbones[0]


def _recipe(system: str, model_id: str) -> Recipe:
    from reader_app.networks import kim2021, lu2025
    from reader_app.networks.croptask import Recipe

    if system == "kim2021":
        region = kim2021.region_of(model_id)
        make: Callable[[str], WindowClassifier] = kim2021.GapCamNetwork
        if region:
            from reader_app.networks.kim2021_roi import RoiNetwork

            make = functools.partial(RoiNetwork, automatic=region == "unet")
        return Recipe(
            system,
            model_id,
            kim2021.TITLES[model_id],
            "kim2021: weakly supervised deep learning on breast ultrasound",
            kim2021.MODELS[model_id],
            "malignant",
            make,
            ("ultrasound",),
            True,
            {"region_share": kim2021.REGION, "region_from": "lowest"},
            region,
        )
    return Recipe(
        system,
        model_id,
        lu2025.TITLES[model_id],
        "lu2025: two deep-learning radiomics models with two-stage reading",
        lu2025.MODELS[model_id],
        "high" if model_id == "DLR_LH" else "malignant",
        lu2025.DlrNetwork,
        ("mammography", "abvs", "ultrasound"),
        False,
        {"explain": "window", "region_share": 0.4},
    )


def load(bundle: Bundle, where: torch.device) -> Callable[[OpenCase, Mapping[str, str]], Prediction]:
    """Return the prediction function of a bundle on a device.

    Raises
    ------
    BundleError
        If the system or model is not known here, or the weights do not fit.
    """
    if bundle.system == ONNX:
        from reader_app.networks.onnx_model import OnnxModel

        return OnnxModel(bundle, where).predict
    chosen = _system(bundle.system)
    if bundle.model_id not in chosen.models:
        raise BundleError(f"{bundle.path}: {bundle.system} has no model {bundle.model_id!r}; check the manifest.")
    if bundle.system == "zhou2023":
        from reader_app.networks.zhou2023 import FourViewModel

        return FourViewModel(bundle, where).predict
    if bundle.system == "bong2023":
        from reader_app.networks.bong2023_predict import BongModel

        return BongModel(bundle, where).predict
    if bundle.system == "liu2025":
        from reader_app.networks.liu2025_predict import Liu2025Model

        return Liu2025Model(bundle, where).predict
    from reader_app.networks.classifier_predict import ClassifierModel

    network = _recipe(bundle.system, bundle.model_id).make(str(bundle.manifest.get("backbone", "")))
    return ClassifierModel(bundle, network, where).predict
