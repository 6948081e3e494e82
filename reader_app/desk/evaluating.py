"""Models alone against the reference standard: each paper's tables, filled from predictions, the printed figures beside them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from reader_app.analysis import accuracy, mcnemar, reclassification, roc
from reader_app.desk import evaluating_maps
from reader_app.desk.papers import TABLES, WARNING, PaperRow, PaperTable
from reader_app.errors import Fault, StudyFileError

_LOCALISED, _ADVICE = ("localised_benign", "localised_malignant"), ("advised", "malignant_of_these")
_SHARES = ("sensitivity", "specificity", "accuracy", "ppv", "npv", "f1", *_LOCALISED, *_ADVICE)


@dataclass(frozen=True, slots=True)
class Scored:
    """One variant's answer about one case, with the truth.

    Attributes
    ----------
    case_id, cohort, variant : str
        Cohort "" counts as internal.
    truth : bool
    score : float
    call : bool
    localised : bool or None
        Whether the region of the map overlaps the drawn lesion; None where it is not known.
    """

    case_id: str
    cohort: str
    variant: str
    truth: bool
    score: float
    call: bool
    localised: bool | None = None


def fill(
    system: str,
    rows: Sequence[Scored],
    source: str,
    models: Sequence[Mapping[str, Any]],
    embeddings: Mapping[str, Mapping[str, tuple[Any, bool]]] | None = None,
) -> dict[str, Any]:
    """Return a system's tables filled from scored cases.

    Parameters
    ----------
    system : str
        One of the five.
    rows : sequence of Scored
    source : str
        What the cases are, in words.
    models : sequence of mapping
        "model_id", "cases", "threshold", "training_data" of each model.
    embeddings : mapping, optional
        Model -> case -> (embedding, class), for the maps of lu2025.

    Returns
    -------
    dict
        ``{"schema": 2, "system", "comparable": False, "warning", "source", "models", "tables": [...], "maps": [...]}``; a table
        has "title", "metrics", "rows" (label, variant, cohort, n, malignant, here, printed) and "pairs" (DeLong, exact McNemar,
        printed p); maps are those of :func:`reader_app.desk.evaluating_maps.embedding_maps`.

    Raises
    ------
    StudyFileError
        If the system is not known.
    """
    if system not in TABLES:
        raise StudyFileError([Fault(system, "is no system of this program", f"use one of {', '.join(TABLES)} or all")])
    by: dict[tuple[str, str], list[Scored]] = {}
    for row in (*rows, *co_decided(rows)):
        by.setdefault((row.variant, row.cohort or "internal"), []).append(row)
    return {
        "schema": 2,
        "system": system,
        "comparable": False,
        "warning": WARNING,
        "source": source,
        "models": [dict(m) for m in models],
        "tables": [_filled(table, by) for table in TABLES[system]],
        "maps": evaluating_maps.embedding_maps((embeddings or {}) if system == "lu2025" else {}),
    }


def co_decided(rows: Sequence[Scored]) -> list[Scored]:
    """Return what both models of lu2025 together advise on each case at 4A: a row a case and advice, called where it is given."""
    risk = {row.case_id: row for row in rows if row.variant == "DLR_LH"}
    both = [(risk[row.case_id], row) for row in rows if row.variant == "DLR_BM@4A" and row.case_id in risk]
    if not both:
        return []
    advice = reclassification.co_decision(*(np.array([pair[k].call for pair in both], np.bool_) for k in (0, 1)))
    return [
        Scored(row.case_id, "", f"4A:{name}", row.truth, float(given == value), bool(given == value))
        for given, (_, row) in zip(advice, both, strict=True)
        for value, name in ((-1, "down"), (0, "keep"), (1, "up"))
    ]


def _filled(table: PaperTable, by: Mapping[tuple[str, str], list[Scored]]) -> dict[str, Any]:
    rows = [_filled_row(row, table.metrics, by.get((row.variant, row.cohort), [])) for row in table.rows]
    pairs = []
    for one, other, cohort, sensitivity, specificity, area in table.pairs:
        printed = {"sensitivity_p": sensitivity, "specificity_p": specificity, "auc_p": area}
        found = compared(by.get((one, cohort), []), by.get((other, cohort), []))
        if found or any(printed.values()):
            pairs.append({"variants": [one, other], "cohort": cohort, "here": found, "printed": printed})
    return {"title": table.title, "metrics": list(table.metrics), "note": table.note, "rows": rows, "pairs": pairs}


def _filled_row(row: PaperRow, metrics: Sequence[str], cases: Sequence[Scored]) -> dict[str, Any]:
    out: dict[str, Any] = {"label": row.label, "variant": row.variant, "cohort": row.cohort, "n": len(cases)}
    out["malignant"] = sum(c.truth for c in cases)
    out["here"] = measured(cases, metrics) if cases else {}
    out["printed"] = dict(row.printed)
    return out


def _arrays(cases: Sequence[Scored]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    return (
        np.array([c.score for c in cases], float),
        np.array([float(c.call) for c in cases], float),
        np.array([c.truth for c in cases], np.bool_),
    )


def measured(cases: Sequence[Scored], metrics: Sequence[str]) -> dict[str, dict[str, float | None]]:
    """Return estimate and 95 % interval of each metric: DeLong's for the area, Wilson's for shares."""
    score, call, truth = _arrays(cases)
    if set(metrics) == set(_ADVICE):
        given, bad = int(call.sum()), int((truth & (call > 0)).sum())
        counted = accuracy.proportion(given, len(call)), accuracy.proportion(bad, given)
        return {name: _estimate(share) for name, share in zip(_ADVICE, counted, strict=True)}
    area = roc.auc(score, truth)
    shares = accuracy.accuracy(accuracy.count(call, truth))
    out: dict[str, dict[str, float | None]] = {}
    for name in metrics:
        if name == "auc":
            out[name] = _estimate(area)
        elif name == "se":
            out[name] = {"estimate": area.se, "lower": None, "upper": None}
        elif name == "youden":
            points = roc.curve(score, truth)
            best = roc.youden(points) if points is not None else None
            out[name] = {"estimate": None if best is None else best.j, "lower": None, "upper": None}
        elif name.startswith("localised_"):
            own = [c.localised for c in cases if c.localised is not None and c.truth == name.endswith("malignant")]
            if own:
                out[name] = _estimate(accuracy.proportion(sum(own), len(own)))
        elif name == "fisher_p":
            found = [[sum(c.localised == hit for c in cases if c.truth == bad) for hit in (True, False)] for bad in (False, True)]
            if all(map(sum, found)):
                out[name] = {"estimate": float(stats.fisher_exact(found).pvalue), "lower": None, "upper": None}
        else:
            out[name] = _estimate(getattr(shares, name))
    return out


def _estimate(value: Any) -> dict[str, float | None]:
    return {"estimate": value.estimate, "lower": value.lower, "upper": value.upper}


def compared(first: Sequence[Scored], second: Sequence[Scored]) -> dict[str, float | None]:
    """Compare two variants on the cases both judged: DeLong for the areas, exact McNemar for sensitivity and specificity."""
    other = {c.case_id: c for c in second}
    pairs = [(c, other[c.case_id]) for c in first if c.case_id in other]
    if not pairs:
        return {}
    a, b = (_arrays([p[k] for p in pairs]) for k in (0, 1))
    truth = a[2]
    right = [(v[1] == truth).astype(float) for v in (a, b)]
    return {
        "n": float(len(pairs)),
        "auc_p": roc.compare(a[0], b[0], truth).p,
        "sensitivity_p": mcnemar.paired(right[0][truth], right[1][truth]).p,
        "specificity_p": mcnemar.paired(right[0][~truth], right[1][~truth]).p,
    }


def evaluation_text(document: Mapping[str, Any]) -> str:
    """Return an evaluation as text: each table with "here" above "printed"."""
    lines = [f"{document['system']}: {document['source']}"]
    lines += [f"  {m['model_id']}: {m['training_data']}" for m in document["models"]]
    lines += [document["warning"], ""]
    for table in document["tables"]:
        metrics = table["metrics"]
        lines.append(table["title"])
        wide = max(20, *(len(r["label"]) for r in table["rows"]))
        head = " ".join(f"{m.replace('_', ' '):>20}" for m in metrics)
        lines.append(f"  {'':{wide}} {'cohort':10} {'':>14} {head}")
        for row in table["rows"]:
            n = f"here (n={row['n']})" if row["n"] else "here: none"
            own = " ".join(f"{_span(row['here'].get(m), m):>20}" for m in metrics)
            printed = " ".join(f"{row['printed'].get(m, ''):>20}" for m in metrics)
            lines.append(f"  {row['label']:{wide}} {row['cohort']:10} {n:>14} {own}")
            lines.append(f"  {'':{wide}} {'':10} {'printed':>14} {printed}")
        for pair in table["pairs"]:
            lines.append("  " + _pair_text(pair))
        if table["note"]:
            lines.append(f"  Note: {table['note']}")
        lines.append("")
    lines += evaluating_maps.in_words(document.get("maps", ()))
    return "\n".join(lines).rstrip()


def _pair_text(pair: Mapping[str, Any]) -> str:
    words = {"auc_p": "DeLong", "sensitivity_p": "McNemar sensitivity", "specificity_p": "McNemar specificity"}
    cells = []
    for key, word in words.items():
        own, printed = pair["here"].get(key), pair["printed"][key]
        if own is None and not printed:
            continue
        cells.append(f"{word} p {'-' if own is None else f'{own:.3g}'}" + (f" (printed {printed})" if printed else ""))
    return f"{pair['variants'][0]} v {pair['variants'][1]}, {pair['cohort']}: {'; '.join(cells)}"


def _span(found: Mapping[str, float | None] | None, metric: str) -> str:
    if not found or found.get("estimate") is None:
        return "-"
    scale, digits = (100, 1) if metric in _SHARES else (1, 3)
    text = f"{scale * _number(found['estimate']):.{digits}f}"
    if found.get("lower") is None:
        return text
    return f"{text} ({scale * _number(found['lower']):.{digits}f}-{scale * _number(found['upper']):.{digits}f})"


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def write(document: Mapping[str, Any], folder: Path) -> tuple[Path, Path]:
    """Write ``evaluation_<system>.json`` and ``.csv`` (one row a cell), and maps as PNG, into a folder; return both paths."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"evaluation_{document['system']}"
    as_json, as_csv = folder / f"{stem}.json", folder / f"{stem}.csv"
    as_json.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    as_csv.write_text(as_table(document), encoding="utf-8", newline="")
    if document.get("maps"):
        evaluating_maps.draw(document["maps"], folder / f"{stem}_tsne.png", document["source"])
    return as_json, as_csv


def as_table(document: Mapping[str, Any]) -> str:
    """Return an evaluation as CSV text: a row for each cell, figures as fractions, the printed text apart."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    head = ("system", "table", "row", "variant", "cohort", "n", "malignant", "metric", "estimate", "lower", "upper")
    writer.writerow([*head, "printed_not_comparable"])
    for table in document["tables"]:
        for row in table["rows"]:
            for metric in table["metrics"]:
                own = row["here"].get(metric) or {}
                told = [own.get(k) for k in ("estimate", "lower", "upper")]
                first = [
                    document["system"],
                    table["title"],
                    row["label"],
                    row["variant"],
                    row["cohort"],
                    row["n"],
                    row["malignant"],
                ]
                writer.writerow(
                    [*first, metric, *("" if v is None else f"{v:.6g}" for v in told), row["printed"].get(metric, "")]
                )
    return stream.getvalue()
