"""How many readers and cases a study needs: from a pilot's components, or from published ranges."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from reader_app.analysis.mrmc import BOTH, CASES
from reader_app.analysis.power import Components, Power, Ranges, design_table, malignant_needed
from reader_app.errors import Fault, InputFaults

COMPONENTS = ("var_tr", "var", "cov1", "cov2", "cov3", "cases")


def pilot_components(results: Mapping[str, Any]) -> Components:
    """Return the Obuchowski-Rockette components of an analysed pilot.

    Raises
    ------
    InputFaults
        If the pilot has none (one reader, one condition, or not fully crossed).
    """
    for row in results["mrmc"]:
        own = row.get("components") or {}
        if row["analysis"] == "or" and all(own.get(name) is not None for name in COMPONENTS[:-1]):
            return _components({**own, "cases": results["input"]["units"]})  # breasts or lesions where the pilot judged those
    what = "it gives no variance components"
    raise InputFaults([Fault("the pilot", what, "two conditions and two readers who all read all cases are needed")])


def given_components(text: str) -> Components:
    """Return components from ``var_tr=0.0002,var=0.0011,cov1=...,cov2=...,cov3=...,cases=60``."""
    pairs = dict(part.split("=", 1) for part in text.replace(" ", "").split(",") if "=" in part)
    missing = [name for name in COMPONENTS if name not in pairs]
    try:
        values = {name: float(pairs[name]) for name in COMPONENTS if name in pairs}
    except ValueError as error:
        raise InputFaults([Fault("--components", f"{error}", "write numbers with a decimal point")]) from error
    if missing:
        raise InputFaults([Fault("--components", f"lacks {', '.join(missing)}", f"give {', '.join(COMPONENTS)}")])
    wrong = [name for name, value in values.items() if not math.isfinite(value)]
    if wrong or values["cases"] < 2 or values["var"] <= 0:
        name = wrong[0] if wrong else "cases" if values["cases"] < 2 else "var"
        remedy = "cases are at least 2, var is above 0, and all are numbers"
        raise InputFaults([Fault("--components", f"{name}={values[name]:g} cannot be", remedy)])
    return _components(values)


def _check(effect: float, readers: Sequence[int], wanted: float, alpha: float, generalise: str) -> None:
    """Refuse a design that nothing can be said about."""
    faults = []
    if not 0 < effect < 1:
        faults.append(Fault("--effect", f"{effect:g} is not between 0 and 1", "it is a difference of areas or shares, e.g. 0.05"))
    for name, value in (("--power", wanted), ("--alpha", alpha)):
        if not 0 < value < 1:
            faults.append(Fault(name, f"{value:g} is not between 0 and 1"))
    fewest = 1 if generalise == CASES else 2
    if not readers or min(readers) < fewest:
        what = f"{min(readers)} reader(s) do not generalise to readers" if readers else "no number of readers is named"
        faults.append(Fault("--readers", what, f"name numbers from {fewest} on, e.g. 4,6; --generalise cases: for these readers"))
    if faults:
        raise InputFaults(faults)


def _components(own: Mapping[str, float]) -> Components:
    return Components(own["var_tr"], own["var"], own["cov1"], own["cov2"], own["cov3"], int(own["cases"]))


def from_pilot(
    pilot: Components, effect: float, readers: Sequence[int], wanted: float, generalise: str, alpha: float
) -> dict[str, Any]:
    """Return the smallest number of cases for each number of readers (Hillis, Obuchowski, Berbaum 2011)."""
    _check(effect, readers, wanted, alpha, generalise)
    try:
        found = design_table(pilot, effect, readers, wanted, generalise, alpha)
    except ValueError as error:
        raise InputFaults([Fault("the pilot", f"{error}", "its answers do not vary; take a larger one")]) from error
    method = "Hillis, Obuchowski, Berbaum 2011, from the pilot's Obuchowski-Rockette components"
    return _document(method, asdict(pilot), effect, readers, wanted, alpha, found)


def from_ranges(ranges: Ranges, effect: float, readers: Sequence[int], wanted: float, alpha: float) -> dict[str, Any]:
    """Return the smallest number of cases for each number of readers from published ranges (Obuchowski, Hillis 2011)."""
    _check(effect, readers, wanted, alpha, BOTH)
    limits = {
        "auc": (0.5, 1.0), "between": (0.0, 1.0), "within": (0.0, 1.0), "r1": (0.0, 1.0), "r2": (0.0, 1.0), "r3": (0.0, 1.0),
        "rb": (0.0, 1.0), "benign_per_malignant": (0.01, 100.0),
    }  # fmt: skip
    faults = [
        Fault(f"--{name.replace('_', '-')}", f"{value:g} is not between {limits[name][0]:g} and {limits[name][1]:g}")
        for name, value in asdict(ranges).items()
        if not limits[name][0] <= value <= limits[name][1] or (name == "auc" and value in limits[name])
    ]
    if faults:
        raise InputFaults(faults)
    found = [malignant_needed(ranges, effect, own, wanted, alpha) for own in readers]
    return _document("Obuchowski, Hillis 2011, from published ranges", asdict(ranges), effect, readers, wanted, alpha, found)


def _document(
    method: str,
    given: Mapping[str, float],
    effect: float,
    readers: Sequence[int],
    wanted: float,
    alpha: float,
    found: Sequence[Power | None],
) -> dict[str, Any]:
    rows = [
        {"readers": own, "cases": None if power is None else power.cases, "power": None if power is None else power.power}
        for own, power in zip(readers, found, strict=True)
    ]
    return {
        "schema": 1, "method": method, "given": dict(given), "effect": effect, "wanted_power": wanted, "alpha": alpha,
        "designs": rows,
    }  # fmt: skip
