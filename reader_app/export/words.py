"""Words for machine names: what a person reads in the workbook and the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from reader_app.study.audit import CODES
from reader_app.study.caselist import CaseEntry
from reader_app.study.definition import CaseRule, ModelSpec, Round

NOTICE = "Research use only – not for diagnosis"

_CONDITIONS = {
    "unaided": "Unaided",
    "aided_concurrent": "Aided",
    "aided_sequential": "Aided, sequential",
    "aided_staged": "Aided, staged",
    "final": "Final",
    "model": "Model alone",
}
_MODALITIES = {"mammography": "Mammography", "abvs": "ABVS", "ultrasound": "Ultrasound"}
_UNITS = {"case": "Case", "R": "Right breast", "L": "Left breast"}
_TRUTH = {"1": "malignant", "0": "benign"}
_AS_TRUTH = {"1": "1", "1.0": "1", "true": "1", "0": "0", "0.0": "0", "false": "0"}
_STATUS = {
    "ok": "shown",
    "no_finding": "no finding",
    "not_applicable": "not applicable to this case",
    "failed": "not available (the model failed)",
}
_DISTURBANCES = {"suspend": "computer slept", "clock_step": "clock was set", "stall": "program stalled"}
ANALYSES = {"or": "Obuchowski–Rockette", "dbm": "Dorfman–Berbaum–Metz", "gallas": "Gallas U-statistics"}
GENERALISE = {"readers_and_cases": "readers and cases", "cases": "cases", "readers": "readers"}
_ENDPOINTS = {
    "auc": "AUC",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "froc": "FROC (mean sensitivity)",
    "afroc": "AFROC area",
    "wafroc": "wAFROC area",
    "hr_auc": "AUC of the highest mark",
    "max_llf": "share of lesions marked",
    "lroc": "LROC area",
}
_COMPONENTS = {
    "var_r": "variance of readers (σ²R)",
    "var_c": "variance of cases (σ²C)",
    "var_tr": "variance of condition × reader (σ²TR)",
    "var_tc": "variance of condition × case (σ²TC)",
    "var_rc": "variance of reader × case (σ²RC)",
    "var_error": "variance of condition × reader × case, and error (σ²TRC)",
    "var": "error variance (σ²ε)",
    "cov1": "error covariance, same reader, other condition (Cov1)",
    "cov2": "error covariance, other reader, same condition (Cov2)",
    "cov3": "error covariance, other reader, other condition (Cov3)",
    "r1": "error correlation, same reader, other condition (r1)",
    "r2": "error correlation, other reader, same condition (r2)",
    "r3": "error correlation, other reader, other condition (r3)",
}
_ORDERS = {"shuffled": "shuffled for each reader and round", "as_listed": "as listed"}


def condition(name: str) -> str:
    """Return the words for a condition; names of rounds and of the user's own only begin with a capital."""
    return _CONDITIONS.get(name, name[:1].upper() + name[1:])


def modality(name: str) -> str:
    """Return the words for a modality."""
    return _MODALITIES.get(name, name)


def unit(name: str) -> str:
    """Return the words for a unit of assessment ("case", "R", "L")."""
    return _UNITS.get(name, name)


def truth(value: str) -> str:
    """Return "malignant" or "benign" for the reference standard's "1" or "0"; empty when it is not known."""
    return _TRUTH.get(value.strip(), "")


def as_truth(value: str) -> str:
    """Return "1" or "0" for a truth value of a reference table however it was written; empty when it says neither."""
    return _AS_TRUTH.get(value.strip().lower(), "")


def disturbances(codes: Sequence[str]) -> str:
    """Return the words for what happened to time during a read, each with how often; empty for nothing."""
    count = Counter(codes)
    return "; ".join(_DISTURBANCES.get(code, code) + (f" ({n} times)" if n > 1 else "") for code, n in count.items())


def aid_status(name: str) -> str:
    """Return the words for the status of an aid."""
    return _STATUS.get(name, name)


def deviation(code: str) -> str:
    """Return what the auditor means by a code."""
    return CODES.get(code, code)


def endpoint(name: object) -> str:
    """Return the words for a figure of merit."""
    return _ENDPOINTS.get(str(name), "" if name is None else str(name))


def component(name: str, conditions: Sequence[str] = ()) -> str:
    """Return what a variance component is, in words with its symbol; those of U-statistics name their conditions.

    Parameters
    ----------
    conditions : sequence of str
        In words, in the order of the analysis; ``var_1`` is the variance of the first one's mean, ``cov_1_2`` their covariance.
    """
    kind, *places = name.split("_")
    if places and all(place.isdigit() and int(place) <= len(conditions) for place in places):
        named = " and ".join(conditions[int(place) - 1] for place in places)
        return f"{'variance' if kind == 'var' else 'covariance'} of the mean: {named}"
    return _COMPONENTS.get(name, name)


def order(name: str) -> str:
    """Return the words for a round's case order."""
    return _ORDERS.get(name, name)


def reader(reader_id: object, titles: dict[str, str] | None = None) -> str:
    """Return the words for the reader of a result row: a pseudonym, a model's title, or all readers together."""
    if reader_id is None:
        return "All readers"
    return (titles or {}).get(str(reader_id), str(reader_id))


def case_rule(rule: CaseRule) -> str:
    """Return the words for the cases of a round."""
    if rule.kind == "stratum":
        return "stratum " + ", ".join(rule.values)
    if rule.kind == "sample":
        return (
            f"a sample of {rule.count}"
            + (f" from stratum {', '.join(rule.values)}" if rule.values else "")
            + ", the same for all readers"
        )
    if rule.kind == "left_at":
        return f"those that the reader left at {', '.join(rule.values)} in round {rule.of_round}"
    return "all"


def round_condition(a_round: Round) -> str:
    """Return the words for a round's condition, by arm where arms differ."""
    parts = [(f"arm {arm}: " if arm else "") + condition(name) for arm, name in sorted(a_round.condition.items())]
    return "; ".join(parts) + (" (training, not counted)" if a_round.training else "")


def round_aid(a_round: Round, titles: Mapping[str, str]) -> str:
    """Return the title of the model whose aid a round shows, by arm where arms differ."""
    parts = [(f"arm {arm}: " if arm else "") + titles.get(model, model) for arm, model in sorted(a_round.aid.items())]
    return "; ".join(parts) or "none"


def model_titles(models: tuple[ModelSpec, ...]) -> dict[str, str]:
    """Return the title of each model by its id."""
    return {model.model_id: model.title or model.model_id for model in models}


def breasts(case: CaseEntry) -> str:
    """Return the words for the breasts that a case shows."""
    return {("R",): "right", ("L",): "left", ("R", "L"): "both"}.get(case.breasts, "")


def variable(name: str) -> str:
    """Return a heading for a clinical variable's column name."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:] if words.lower() != "brca" else "BRCA"
