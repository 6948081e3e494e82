"""The systems that can be trained and run here: what they are, how to train one, how to load a bundle of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reader_app.errors import BundleError

if TYPE_CHECKING:
    import torch

    from reader_app.ai.bundle import Bundle
    from reader_app.ai.results import Prediction
    from reader_app.imaging.container import OpenCase


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
)


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
) -> object:
    """Train one model of a system and write its bundle; continued where a killed run of the same command stopped.

    Parameters
    ----------
    system, model : str
        "lu2025" and, where it has several, which model.
    data, phantoms : Path or int
        A folder with a table of images, or the number of phantoms of each modality.
    out : Path
        Folder of the bundle; stages are kept in ``<out>.work``.
    backbone : str, optional
        The paper's by default; "small" for CPUs.
    weights : Path, optional
        Safetensors to start from.
    epochs, folds, seed, device
        Optimisation; defaults are the paper's (for the small backbone fewer epochs).
    progress : callable, optional
        Told (done, total, text).

    Returns
    -------
    object
        A report; ``str()`` of it is made for a person.
    """
    chosen = _system(system)
    model_id = model or chosen.models[-1]
    if model_id not in chosen.models:
        raise BundleError(f"{system} has no model {model_id!r}; use one of {', '.join(chosen.models)}.")
    trunk = backbone or chosen.backbones[0]
    if trunk not in chosen.backbones:
        raise BundleError(f"{system} has no backbone {trunk!r}; use one of {', '.join(chosen.backbones)}.")
    if phantoms is None:
        raise BundleError(f"{system} can be trained on phantoms only so far; give --phantoms N instead of {data}.")
    from reader_app.networks import lu2025_train

    return lu2025_train.train(model_id, phantoms, out, trunk, weights, epochs, folds or 5, seed, device, progress)


def load(bundle: Bundle, where: torch.device) -> Callable[[OpenCase, Mapping[str, str]], Prediction]:
    """Return the prediction function of a bundle on a device."""
    _system(bundle.system)
    from reader_app.networks.lu2025_predict import Lu2025Model

    return Lu2025Model(bundle, where).predict
