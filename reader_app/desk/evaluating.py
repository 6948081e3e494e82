"""Models alone against the reference standard: the tables their papers print, from the stored predictions of a study."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reader_app.ai import results
from reader_app.analysis import tables
from reader_app.analysis.analyze import analyze
from reader_app.analysis.options import Options
from reader_app.desk.importing import REFERENCE
from reader_app.errors import Fault, InputFaults, ReaderAppError
from reader_app.store.studyfolder import StudyFolder

#: What a stand-alone evaluation keeps of the result document.
_PARTS = ("accuracy", "roc", "roc_paired", "mcnemar", "decision_curve", "warnings")


def evaluate(system: str, study: Path) -> dict[str, Any]:
    """Evaluate every model of one system on the cases of a study.

    The models stand as conditions of one reader, so that they are compared in pairs: DeLong for the areas, exact McNemar for
    sensitivity, specificity and accuracy at each model's own operating point.

    Parameters
    ----------
    system : str
        Name of the system as its bundles state it; "all" takes every model of the study.
    study : Path
        A study with predictions and a reference standard; nothing needs to have been read.

    Returns
    -------
    dict
        ``{"schema": 1, "system", "models": [...], "accuracy", "roc", "roc_paired", "mcnemar", "decision_curve", "warnings"}``.

    Raises
    ------
    InputFaults
        If there is no reference standard or no prediction of that system.
    """
    import pandas as pd

    folder = StudyFolder.load(study)
    path = study / REFERENCE
    if not path.exists():
        raise InputFaults([Fault(str(path), "there is no reference standard", "import it with the case table")])
    rows: list[dict[str, object]] = []
    models: dict[str, dict[str, object]] = {}
    for model in folder.definition.models:
        for case in folder.cases:
            try:
                own = results.load(folder.aid_dir(model.model_id), case.case_id)
            except (ReaderAppError, FileNotFoundError):
                continue
            if own.status not in ("ok", "no_finding") or system not in ("all", own.provenance.get("system", system)):
                continue
            rows.append(
                {
                    "reader_id": "model", "condition": own.model_id, "case_id": own.case_id,
                    "score": own.probability, "call": int(own.positive),
                }
            )  # fmt: skip
            told = models.setdefault(own.model_id, {"model_id": own.model_id, "cases": 0, "threshold": own.threshold})
            told["cases"] = int(str(told["cases"])) + 1
            told["training_data"] = own.provenance.get("training_data", "not stated")
    if not rows:
        raise InputFaults(
            [Fault(str(study / "aids"), f"there is no prediction of {system}", "run its models: reader-app ai run DIR")]
        )
    predicted = {str(row["case_id"]) for row in rows}
    truth = tables.load_table(path, REFERENCE).frame
    truth = truth[truth["case_id"].isin(predicted)]
    found = analyze(pd.DataFrame(rows), truth, options=Options(conditions=tuple(models)))
    kept = {part: [row for row in found[part] if row.get("reader_id", "model") == "model"] for part in _PARTS}
    return {"schema": 1, "system": system, "models": list(models.values()), **kept}


def evaluation_text(document: dict[str, Any]) -> str:
    """Return the main table of an evaluation as text."""
    areas = {row["condition"]: row["auc"] for row in document["roc"] if row["score"] == "score"}
    lines = [f"{'model':12} {'cases':>5}  {'AUC (95 %)':24} {'sensitivity':>24} {'specificity':>24} {'accuracy':>24}"]
    for row in document["accuracy"]:
        name = row["condition"]
        cells = " ".join(f"{_span(row[key], 100):>24}" for key in ("sensitivity", "specificity", "accuracy"))
        lines.append(f"{name:12} {row['tp'] + row['fp'] + row['tn'] + row['fn']:>5}  {_span(areas.get(name), 1):24} {cells}")
    for row in document["roc_paired"]:
        if row["p"] is not None:
            lines.append(f"AUC {row['condition_a']} v {row['condition_b']}: DeLong p = {row['p']:.3g}")
    for model in document["models"]:
        lines.append(f"{model['model_id']}: {model['training_data']}")
    return "\n".join(lines)


def _span(estimate: dict[str, Any] | None, scale: float) -> str:
    if not estimate or estimate.get("estimate") is None:
        return "not estimable"
    digits = 1 if scale == 100 else 3
    text = f"{scale * estimate['estimate']:.{digits}f}"
    if estimate.get("lower") is None:
        return text
    return f"{text} ({scale * estimate['lower']:.{digits}f}–{scale * estimate['upper']:.{digits}f})"
