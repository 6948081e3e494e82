"""A study's stored predictions against its reference standard, as scored cases for the tables of the papers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reader_app.ai import results, variants
from reader_app.ai.results import Prediction
from reader_app.analysis import reference
from reader_app.analysis.analyze import analyze
from reader_app.analysis.options import Options
from reader_app.desk.evaluating import Scored, fill
from reader_app.desk.importing import REFERENCE
from reader_app.desk.papers import TABLES
from reader_app.errors import Fault, InputFaults, ReaderAppError
from reader_app.imaging.container import open_case
from reader_app.store.studyfolder import StudyFolder

#: What a stand-alone evaluation keeps of the result document.
_PARTS = ("accuracy", "roc", "roc_paired", "mcnemar", "decision_curve", "warnings")

_HIGH = ("4", "5", "6")


def systems_of(study: Path) -> list[str]:
    """Return the systems whose predictions a study holds, in alphabetical order."""
    return sorted({str(p.provenance.get("system", "")) for p in _predictions(StudyFolder.load(study))} - {""})


def evaluate(system: str, study: Path) -> dict[str, Any]:
    """Evaluate every model of one system on the cases of a study.

    Parameters
    ----------
    system : str
        Name of the system as its bundles state it.
    study : Path
        A study with predictions and a reference standard; nothing needs to have been read. A column ``cohort`` (training,
        internal, external) of the case table or the reference standard divides the cases as the papers do; DLR_LH is judged
        against a column ``birads`` of the reference standard where there is one.

    Returns
    -------
    dict
        :func:`reader_app.desk.evaluating.fill`'s, with the sections "accuracy", "roc", "roc_paired", "mcnemar", "decision_curve"
        and "warnings" of the result document (the models stand as conditions of one reader).

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
    frame = reference.load(path).frame
    truth = frame.groupby("case_id", sort=False)["malignant"].max()
    cohorts = {c.case_id: c.clinical.get("cohort", "") for c in folder.cases}
    if "cohort" in frame:
        cohorts |= {str(k): str(v) for k, v in frame.groupby("case_id")["cohort"].first().items() if v}
    rows: list[dict[str, object]] = []
    scored: list[Scored] = []
    embeddings: dict[str, dict[str, tuple[Any, bool]]] = {}
    models: dict[str, dict[str, object]] = {}
    for own in _predictions(folder):
        if not _is_of(system, own) or own.case_id not in truth.index:
            continue
        bad = bool(truth[own.case_id])
        rows.append(
            {
                "reader_id": "model", "condition": own.model_id, "case_id": own.case_id,
                "score": own.probability, "call": int(own.positive),
            }
        )  # fmt: skip
        told = models.setdefault(own.model_id, {"model_id": own.model_id, "cases": 0, "threshold": own.threshold})
        told["cases"] = int(str(told["cases"])) + 1
        told["training_data"] = own.provenance.get("training_data", "not stated")
        own_rows = frame[frame["case_id"] == own.case_id]
        category = str(own_rows["birads"].iloc[0]) if "birads" in frame else ""
        where = _localised(folder, own, own_rows) if system == "kim2021" else None
        for said in variants.said(own):
            right = bad
            if said.lesion_type:
                right = bool((own_rows["lesion_type"] == said.lesion_type).any())
            elif own.model_id == "DLR_LH" and category:
                right = category[:1] in _HIGH
            scored.append(Scored(own.case_id, cohorts.get(own.case_id, ""), said.variant, right, said.score, said.call, where))
            if own.embedding is not None:
                embeddings.setdefault(own.model_id, {})[own.case_id] = (own.embedding, right)
            if said.variant == "DLR_BM" and category.upper() == "4A":
                scored.append(Scored(own.case_id, "", "DLR_BM@4A", right, said.score, said.call))
    if not rows:
        raise InputFaults(
            [Fault(str(study / "aids"), f"there is no prediction of {system}", "run its models: reader-app ai run DIR")]
        )
    used = {str(row["case_id"]) for row in rows}
    source = f"{len(used)} cases of the study {folder.definition.study_id}, {sum(bool(truth[c]) for c in used)} malignant"
    document = fill(system, scored, source, list(models.values()), embeddings)
    found = analyze(pd.DataFrame(rows), frame[frame["case_id"].isin(used)], options=Options(conditions=tuple(models)))
    return document | {part: [row for row in found[part] if row.get("reader_id", "model") == "model"] for part in _PARTS}


def _is_of(system: str, own: Prediction) -> bool:
    """Return whether a prediction is a system's: as it says itself or, made elsewhere, by the id of the system's model."""
    known = {row.variant for table in TABLES.get(system, ()) for row in table.rows}
    guessed = system if own.model_id in known or system not in TABLES else ""
    return str(own.provenance.get("system", guessed)) == system


def _predictions(folder: StudyFolder) -> list[Prediction]:
    out = []
    for model in folder.definition.models:
        for case in folder.cases:
            try:
                own = results.load(folder.aid_dir(model.model_id), case.case_id)
            except (ReaderAppError, FileNotFoundError):
                continue
            if own.status in ("ok", "no_finding"):
                out.append(own)
    return out


def _localised(folder: StudyFolder, own: Prediction, lesions: Any) -> bool | None:
    """Return whether the region of the map overlaps a lesion of the reference standard, drawn as a disc; None where unknown."""
    try:
        images = {i.id: i for i in open_case(folder.container(own.case_id)).images}
    except ReaderAppError:
        return None
    known = []
    for row in lesions.to_dict("records"):
        image = images.get(str(row.get("image_id") or ""))
        place = [row.get(k) for k in ("x_mm", "y_mm", "radius_mm")]
        if image is None or image.spacing_mm is None or any(v is None or np.isnan(float(v)) for v in place):
            continue
        disc = _disc(tuple(image.array.shape[:2]), tuple(image.spacing_mm[-2:]), *(float(v) for v in place))
        found = variants.localised(own, image.id, disc)
        if found is not None:
            known.append(found.overlaps)
    return any(known) if known else None


def _disc(shape: tuple[int, ...], spacing: tuple[float, ...], x_mm: float, y_mm: float, radius_mm: float) -> NDArray[np.bool_]:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    away = (rows * spacing[0] - y_mm) ** 2 + (columns * spacing[1] - x_mm) ** 2
    return np.asarray(away <= radius_mm**2, np.bool_)
