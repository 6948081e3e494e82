"""How many readers and cases a study needs: from a pilot's components, or from published ranges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

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
            return _components({**own, "cases": results["input"]["cases"]})
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
    return _components(values)


def _components(own: Mapping[str, float]) -> Components:
    return Components(own["var_tr"], own["var"], own["cov1"], own["cov2"], own["cov3"], int(own["cases"]))


def from_pilot(
    pilot: Components, effect: float, readers: Sequence[int], wanted: float, generalise: str, alpha: float
) -> dict[str, Any]:
    """Return the smallest number of cases for each number of readers (Hillis, Obuchowski, Berbaum 2011)."""
    found = design_table(pilot, effect, readers, wanted, generalise, alpha)
    method = "Hillis, Obuchowski, Berbaum 2011, from the pilot's Obuchowski-Rockette components"
    return _document(method, asdict(pilot), effect, readers, wanted, alpha, found)


def from_ranges(ranges: Ranges, effect: float, readers: Sequence[int], wanted: float, alpha: float) -> dict[str, Any]:
    """Return the smallest number of cases for each number of readers from published ranges (Obuchowski, Hillis 2011)."""
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
