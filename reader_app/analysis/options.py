"""What a user may choose for an analysis; the defaults are those of ``reader-app analyze``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reader_app.errors import Fault, InputFaults
from reader_app.study.assessment import CATEGORIES

_CHOICES: dict[str, tuple[str, ...]] = {
    "ci": ("wilson", "exact", "wald"),
    "covariance": ("delong", "jackknife", "bootstrap", "unbiased"),
    "endpoint": ("auc", "sensitivity", "specificity", "wafroc"),
    "level": ("case", "breast", "lesion"),
    "zero": ("error", "positive", "negative", "exclude"),
    "match": ("distance", "iou"),
}


@dataclass(frozen=True, slots=True)
class Options:
    """Choices of one analysis.

    Attributes
    ----------
    positive_from : str
        Lowest BI-RADS category that counts as positive.
    ci : str
        Interval of proportions: "wilson", "exact" (Clopper-Pearson) or "wald".
    covariance : str
        Error covariance of the multi-reader analysis: "delong", "jackknife", "bootstrap" or "unbiased".
    endpoint : str
        Primary multi-reader endpoint: "auc", "sensitivity", "specificity" or "wafroc".
    level : str
        Unit of the analysis: "case", "breast" or "lesion".
    by : str or None
        "group" adds rows for each group of readers.
    cluster : str or None
        Column of the reference that clusters the units (for example "patient_id").
    zero : str
        What BI-RADS 0 means: "error", "positive", "negative" or "exclude".
    margin : float or None
        Non-inferiority margin (> 0) of the primary endpoint.
    alpha : float
        Two-sided level; intervals have coverage ``1 - alpha``.
    seed : int
        Seed of every resampling.
    bootstrap : int
        Number of bootstrap draws.
    conditions : tuple of str
        Order of the conditions as in the study; alphabetical when empty.
    categories : tuple of str
        The study's scale, for agreement weights; inferred when empty.
    aids : mapping of str to str
        Model shown in each aided condition, for the statistics of advice followed and overruled.
    match : str
        When a mark hits a lesion: "distance" (its centre lies within the lesion's radius) or "iou" (their boxes overlap).
    overlap : float
        Least intersection over union of a hit, with ``match`` "iou"; in volumes of the boxes in 3-D.
    planned : mapping of str to object
        What the study decided about options before the first read; departures from it are noted.
    interim : bool
        The analysis was made before all rounds were locked.
    """

    positive_from: str = "4A"
    ci: str = "wilson"
    covariance: str = "delong"
    endpoint: str = "auc"
    level: str = "case"
    by: str | None = None
    cluster: str | None = None
    zero: str = "error"
    margin: float | None = None
    alpha: float = 0.05
    seed: int = 1
    bootstrap: int = 2000
    conditions: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    aids: Mapping[str, str] = field(default_factory=dict)
    match: str = "distance"
    overlap: float = 0.1
    planned: Mapping[str, Any] = field(default_factory=dict)
    interim: bool = False

    def __post_init__(self) -> None:
        faults = [
            Fault(f"option --{name}", f"{getattr(self, name)!r} is not known", f"choose {', '.join(choices)}")
            for name, choices in _CHOICES.items()
            if getattr(self, name) not in choices
        ]
        if self.positive_from not in CATEGORIES or self.positive_from == "0":
            faults.append(
                Fault("option --positive-from", f"{self.positive_from!r} is no category", f"choose {', '.join(CATEGORIES[1:])}")
            )
        if self.by not in (None, "group"):
            faults.append(Fault("option --by", f"{self.by!r} is not known", "choose group"))
        if not 0 < self.alpha < 1:
            faults.append(Fault("option --alpha", f"{self.alpha} is not between 0 and 1"))
        if self.margin is not None and not 0 < self.margin < 1:
            faults.append(Fault("option --margin", f"{self.margin} is not between 0 and 1"))
        if not 0 < self.overlap <= 1:
            faults.append(Fault("option --overlap", f"{self.overlap} is not above 0 and up to 1"))
        if self.bootstrap < 100:
            faults.append(Fault("option bootstrap", f"{self.bootstrap} draws are too few", "take 100 or more"))
        if faults:
            raise InputFaults(faults)

    def as_json(self) -> dict[str, Any]:
        """Return the options as they stand in the result document."""
        return {
            "positive_from": self.positive_from,
            "ci": self.ci,
            "covariance": self.covariance,
            "endpoint": self.endpoint,
            "level": self.level,
            "by": self.by,
            "cluster": self.cluster,
            "zero": self.zero,
            "margin": self.margin,
            "alpha": self.alpha,
            "seed": self.seed,
            "bootstrap": self.bootstrap,
            "conditions": list(self.conditions),
            "categories": list(self.categories),
            "aids": dict(self.aids),
            "match": self.match,
            "overlap": self.overlap if self.match == "iou" else None,
            "planned": dict(self.planned),
            "interim": self.interim,
        }

    def departures(self) -> list[str]:
        """Return a sentence for each option that is not as the study planned it."""
        stated = self.as_json()
        return [
            f"option {name}: {stated[name]} was used, but the study's plan says {value}"
            for name, value in self.planned.items()
            if name in stated and stated[name] != value
        ]
