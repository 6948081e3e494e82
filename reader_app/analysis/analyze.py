"""All statistics of a reader study from its tables: the result document (JSON schema 1).

Beyond the keys that the outer interface fixes, rows carry a few more (``on``, ``model_id``, ``p_clustered``, ``p_holm`` ...) and
the document the sections ``net_reclassification``, ``aid_use``, ``co_decision``, ``bootstrap``, ``baseline``, ``association``,
``embedding`` and ``cohorts``; readers of schema 1 may ignore them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from reader_app.analysis import reference as ref
from reader_app.analysis.blocks import Block, block
from reader_app.analysis.design import Design, prepare
from reader_app.analysis.estimate import Notes
from reader_app.analysis.options import Options
from reader_app.analysis.sections import change, diagnostic, features, localize, multireader, readers
from reader_app.analysis.sections.context import Context, Row, holm
from reader_app.analysis.tables import Checked, TableSource, read_marks, read_predictions, read_reads

SCHEMA = 1


def analyze(
    reads: TableSource,
    reference: TableSource,
    marks: TableSource | None = None,
    predictions: TableSource | None = None,
    options: Options | None = None,
    clinical: pd.DataFrame | None = None,
    embeddings: features.Embeddings | None = None,
    shown: Mapping[str, Mapping[str, tuple[float, str]]] | None = None,
) -> dict[str, Any]:
    """Analyse a reader study.

    Parameters
    ----------
    reads, reference, marks, predictions
        Paths of CSV or XLSX files, or DataFrames, with the columns of the outer interface.
    options
        Choices; defaults as the command line has them.
    clinical
        Features of the cases beside those in further columns of the reference: ``case_id`` and a column of text for each.
    embeddings
        By model and case, for the t-SNE maps.
    shown
        By model or prepared set of aids and case: the call that readers were shown (NaN: none) and what was done to the aid
        ("true", "withheld", "inverted", "swapped"); without it, the predictions' calls, all true.

    Returns
    -------
    dict
        The result document; ready for ``json.dumps`` (no NaN, no numpy types).

    Raises
    ------
    TableError
        If a table has faults; each names its row and column.
    """
    options = options or Options()
    notes = Notes()
    tables: dict[str, Checked | None] = {
        "reads": read_reads(reads),
        "marks": None if marks is None else read_marks(marks),
        "predictions": None if predictions is None else read_predictions(predictions),
    }
    truth = ref.load(reference)
    for table in tables.values():
        for line in table.warnings if table is not None else ():
            notes.add(line, "input")
    checked = tables["reads"]
    assert checked is not None
    design = prepare(checked, truth, tables["predictions"], options, notes)
    context = Context(design, options, notes, _blocks(design, options), shown or {})
    if options.interim:
        notes.add("interim analysis: not all rounds were locked", "input")
    for departure in options.departures():
        notes.add(departure, "input")
    _warn_clusters(context)
    froc, localization, from_marks = _from_marks(context, tables["marks"])
    baseline, association = features.association_rows(context, clinical)
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "input": _input(context, {**tables, "reference": ref.checked(truth)}),
        "accuracy": diagnostic.accuracy_rows(context),
        "roc": diagnostic.roc_rows(context),
        "roc_paired": diagnostic.roc_paired_rows(context),
        "mcnemar": diagnostic.mcnemar_rows(context),
        "mrmc": multireader.mrmc_rows(context) + from_marks,
        "froc": froc,
        "localization": localization,
        "agreement": readers.agreement_section(context),
        "time": readers.time_section(context),
        "reclassification": change.reclassification_rows(context),
        "transitions": change.transition_rows(context),
        "decision_curve": diagnostic.decision_curve_rows(context),
        "net_reclassification": change.net_reclassification_rows(context),
        "aid_use": change.aid_use_rows(context),
        "co_decision": change.co_decision_rows(context),
        "bootstrap": multireader.bootstrap_rows(context),
        "baseline": baseline,
        "association": association,
        "embedding": features.embedding_rows(context, embeddings),
        "cohorts": features.cohort_rows(context),
    }
    document["multiplicity"] = _multiplicity(document)
    document["warnings"] = notes.rows
    return {key: _plain(value) for key, value in document.items()}


def _blocks(design: Design, options: Options) -> list[Block]:
    types = sorted({t for t in design.reads["lesion_type"] if t})
    return [block(design, options), *(block(design, options, t) for t in types)]


def _from_marks(context: Context, marks: Checked | None) -> tuple[list[Row], list[Row], list[Row]]:
    """Return the sections made from marks; the endpoint wafroc without marks is noted."""
    if marks is not None:
        return localize.sections(context, marks)
    if context.options.endpoint == "wafroc":
        context.notes.add("f: not estimable, the endpoint wafroc needs marks", "mrmc", endpoint="wafroc")
    return [], [], []


def _input(context: Context, tables: dict[str, Checked | None]) -> Row:
    whole = context.blocks[0]
    answered = np.isfinite(np.stack([whole.score, whole.rank, whole.call]))
    read = np.asarray(answered.any(axis=(0, 1, 2)))
    cases = {u[0] for u, used in zip(whole.units, read, strict=True) if used}
    malignant = context.design.reference.cases()
    return {
        "readers": len(whole.readers),
        "conditions": list(whole.conditions),
        "cases": len(cases),
        "malignant": int(sum(bool(malignant[c]) for c in cases)),
        "units": int(read.sum()),
        "level": whole.level,
        "options": context.options.as_json(),
        "sha256": {name: table.sha256 for name, table in tables.items() if table is not None},
    }


def _warn_clusters(context: Context) -> None:
    """Warn where units of one patient are taken as independent."""
    options = context.options
    if options.cluster is not None:
        if not context.design.reference.names(options.cluster):
            context.notes.add(f"the reference has no {options.cluster}: each case is taken as one patient", "input")
        return
    whole = context.blocks[0]
    if len(set(whole.case.tolist())) < len(whole.units):
        context.notes.add(
            f"several {whole.level}s of one case are taken as independent; --cluster patient_id takes clustering into account",
            "input",
        )
    frame = context.design.reference.frame
    patients = frame.loc[frame["patient_id"] != "", ["case_id", "patient_id"]].drop_duplicates()
    if patients["patient_id"].duplicated().any():
        context.notes.add(
            "several cases belong to one patient and are taken as independent; choose --cluster patient_id", "input"
        )


def _multiplicity(document: dict[str, Any]) -> Row:
    """Adjust by Holm within each family: one section, measure and pair of conditions over the readers."""
    families: dict[tuple[str, ...], list[Row]] = {}
    keys = ("score", "measure", "test", "condition_a", "condition_b", "model_id", "lesion_type", "level")
    for section, rows in (
        ("roc_paired", document["roc_paired"]),
        ("mcnemar", document["mcnemar"]),
        ("time.paired", document["time"]["paired"]),
    ):
        for row in rows:
            row["p_holm"] = None
            if row["reader_id"] is not None and row["p"] is not None:
                name = (section, *(f"{k}={row[k]}" for k in keys if row.get(k) is not None))
                families.setdefault(name, []).append(row)
    tests = []
    for name, rows in families.items():
        for row, adjusted in zip(rows, holm([r["p"] for r in rows]), strict=True):
            row["p_holm"] = adjusted
            tests.append(
                {"family": ", ".join(name), "section": name[0], "reader_id": row["reader_id"], "p": row["p"], "p_holm": adjusted}
            )
    return {"method": "holm", "tests": tests}


def _plain(value: Any) -> Any:
    """Return plain Python values: numpy scalars as numbers, numbers that are not finite as None."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
