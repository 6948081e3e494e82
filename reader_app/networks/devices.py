"""How far the predictions of a bundle on the CPU and on CUDA lie apart."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from reader_app.ai import bundle as bundles
from reader_app.errors import BundleError, EnvironmentFault
from reader_app.imaging import container
from reader_app.networks import classifier_measure, device, evaluation, registry
from reader_app.networks.training import Progress


@dataclass(frozen=True, slots=True)
class Apart:
    """The difference of two devices on the same phantoms.

    Attributes
    ----------
    model_id : str
        Model.
    cases : int
        Phantoms judged.
    largest, mean : float
        Absolute difference of the probabilities.
    calls : int
        Cases that the two call differently.
    devices : tuple of str
        In words.
    """

    model_id: str
    cases: int
    largest: float
    mean: float
    calls: int
    devices: tuple[str, str]

    def __str__(self) -> str:
        one, other = self.devices
        return (
            f"{self.model_id}: {self.cases} phantoms on {one} and on {other}: largest difference of the probability "
            f"{self.largest:.2e}, mean {self.mean:.2e}, {self.calls} called differently"
        )


def compare(bundle: Path, count: int = 20, first: str = "cpu", second: str = "cuda", progress: Progress | None = None) -> Apart:
    """Judge phantoms with a bundle on two devices.

    Raises
    ------
    EnvironmentFault
        If a device cannot be used.
    BundleError
        If the bundle is unsound.
    """
    try:
        wheres: list[torch.device] = [device.choose(first), device.choose(second)]
    except EnvironmentFault as fault:
        if "CUDA" not in str(fault):
            raise
        text = "Skipped: No CUDA device can be used on this machine, so there is nothing to compare the CPU with."
        raise EnvironmentFault(f"{text} Run this where there is one.") from None
    device.settle(0)
    found = bundles.load(bundle)
    modality = evaluation.MODALITY.get(found.system, "ultrasound")
    predict = [registry.load(found, where) for where in wheres]
    away, calls = [], 0
    for number in range(count):
        case = evaluation.one_case(modality, evaluation.FIRST_SEED + number)
        images = tuple(container.CaseImage(**vars(i)) for i in case.images)
        opened = container.OpenCase(Path(), f"P{number + 1}", modality, images, "0")
        one, other = (p(opened, classifier_measure.clinical_of(case)) for p in predict)
        if "not_applicable" in (one.status, other.status):
            continue
        away.append(abs(one.probability - other.probability))
        calls += one.positive != other.positive
        if progress is not None:
            progress(number + 1, count, "phantoms")
    if not away:
        raise BundleError(f"{bundle}: the model applies to none of the phantoms ({modality}); there is nothing to compare.")
    words = (device.describe(wheres[0]), device.describe(wheres[1]))
    return Apart(found.model_id, len(away), max(away), sum(away) / len(away), int(calls), words)
