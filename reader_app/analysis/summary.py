"""The result document as plain text, for a terminal: the main tables only, percentages and intervals rounded for reading."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

#: So many warnings are shown; the document holds all of them.
MAX_WARNINGS = 12

Document = Mapping[str, Any]


def as_text(results: Document) -> str:
    """Return a readable summary of a result document (``analyze.analyze``)."""
    parts = [
        _input(results),
        _table("Accuracy (percent, with interval)", _accuracy(results)),
        _table("Area under the ROC curve", _roc(results)),
        _table("Multi-reader comparison (readers and cases random)", _mrmc(results)),
        _table("Non-inferiority (readers and cases random)", _noninferiority(results)),
        _table("McNemar, exact (pairs without any change left out)", _mcnemar(results)),
        _table("Agreement of the readers", _agreement(results)),
        _table("Reading time in seconds", _times(results)),
        _table("What became of category 4A", _reclassification(results)),
        _table("Localization", _localization(results)),
        _warnings(results),
    ]
    return "\n\n".join(p for p in parts if p)


def number(value: float | None, digits: int = 3) -> str:
    """Return a number with so many decimals, or a dash."""
    return "-" if value is None else f"{value:.{digits}f}"


def p_value(value: float | None) -> str:
    """Return a p-value as papers print it; a dash where there is none."""
    if value is None:
        return "-"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _interval(estimate: Mapping[str, Any], scale: float = 1.0, digits: int = 3) -> str:
    value, lower, upper = (None if estimate[k] is None else scale * estimate[k] for k in ("estimate", "lower", "upper"))
    limits = "" if lower is None or upper is None else f" ({number(lower, digits)} to {number(upper, digits)})"
    return number(value, digits) + limits


def _who(row: Mapping[str, Any]) -> str:
    name = row["reader_id"] or (f"all of {row['group']}" if row["group"] else "all readers")
    return f"{name}, {row['lesion_type']}" if row["lesion_type"] else str(name)


def _table(title: str, rows: Sequence[Sequence[str]]) -> str:
    """Return a titled table with aligned columns; "" when it has no row beside its header."""
    if len(rows) < 2:
        return ""
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([title, "-" * len(title), *lines])


def _input(results: Document) -> str:
    given = results["input"]
    conditions = ", ".join(given["conditions"])
    interim = "\nINTERIM ANALYSIS: not all rounds were locked." if given["options"]["interim"] else ""
    return (
        f"{given['readers']} readers, {given['cases']} cases ({given['malignant']} malignant); conditions: {conditions}{interim}"
    )


def _accuracy(results: Document) -> list[list[str]]:
    rows = [["reader", "condition", "sensitivity", "specificity", "accuracy"]]
    for row in results["accuracy"]:
        measures = [_interval(row[name], 100, 1) for name in ("sensitivity", "specificity", "accuracy")]
        rows.append([_who(row), row["condition"], *measures])
    return rows


def _roc(results: Document) -> list[list[str]]:
    rows = [["reader", "condition", "from", "area"]]
    used = {row["score"] for row in results["roc"]}
    wanted = next((name for name in ("score", "assessment", "call") if name in used), None)
    rows += [[_who(r), r["condition"], r["score"], _interval(r["auc"])] for r in results["roc"] if r["score"] == wanted]
    return rows


def _mrmc(results: Document) -> list[list[str]]:
    rows = [["endpoint", "from", "analysis", "comparison", "difference", "p", "p (Holm)"]]
    for row in results["mrmc"]:
        if row["generalise"] != "readers_and_cases" or row["group"]:
            continue
        for d in row["differences"]:
            comparison = f"{d['condition_a']} - {d['condition_b']}"
            cells = [row["endpoint"], row["score"], row["analysis"], comparison, _interval(d["difference"])]
            rows.append([*cells, p_value(d["p"]), p_value(d["p_holm"])])
    return rows


def _noninferiority(results: Document) -> list[list[str]]:
    rows = [["endpoint", "from", "analysis", "not inferior", "to", "margin", "p (one-sided)"]]
    for row in results["mrmc"]:
        if row["generalise"] != "readers_and_cases" or row["group"]:
            continue
        for d in row["differences"]:
            a, b = d["condition_a"], d["condition_b"]
            for way, first, second in (("a_to_b", a, b), ("b_to_a", b, a)):
                found = d.get("noninferiority", {}).get(way)
                if found is not None:
                    cells = [row["endpoint"], row["score"], row["analysis"], first, second]
                    rows.append([*cells, f"{d['margin']:g}", p_value(found["p"])])
    return rows


def _mcnemar(results: Document) -> list[list[str]]:
    rows = [["reader", "comparison", "measure", "only first right", "only second right", "p"]]
    for row in results["mcnemar"]:
        if row["model_id"] is None and row["reader_id"] is not None and row["b"] + row["c"] > 0:
            comparison = f"{row['condition_a']} / {row['condition_b']}"
            rows.append([_who(row), comparison, row["measure"], str(row["b"]), str(row["c"]), p_value(row["p"])])
    return rows


def _agreement(results: Document) -> list[list[str]]:
    rows = [["condition", "raters", "cases", "Fleiss' kappa", "words"]]
    for row in results["agreement"]["fleiss"]:
        group = f" ({row['group']})" if row["group"] else ""
        cells = [row["condition"] + group, str(row["raters"]), str(row["n"]), _interval(row["kappa"])]
        rows.append([*cells, row.get("words") or "-"])
    return rows


def _times(results: Document) -> list[list[str]]:
    rows = [["reader", "condition", "n", "median (quartiles)", "mean"]]
    for row in results["time"]["by_reader"]:
        middle = f"{number(row['median'], 1)} ({number(row['q1'], 1)} to {number(row['q3'], 1)})"
        rows.append([_who(row), row["condition"], str(row["n"]), middle, number(row["mean"], 1)])
    model = results["time"]["model"]
    if model["ratio"]["estimate"] is not None:
        rows.append(
            ["mixed model", model["formula"].rpartition("; ")[2], "", _interval(model["ratio"]), f"p {p_value(model['p'])}"]
        )
    return rows


def _reclassification(results: Document) -> list[list[str]]:
    rows = [["reader", "from / to", "at 4A", "down (malignant)", "kept (malignant)", "up (malignant)"]]
    order = {c: n for n, c in enumerate(results["input"]["conditions"])}
    for row in results["reclassification"]:
        if order[row["condition_from"]] < order[row["condition_to"]]:
            moves = [f"{m['benign'] + m['malignant']} ({m['malignant']})" for m in (row["down"], row["unchanged"], row["up"])]
            rows.append([_who(row), f"{row['condition_from']} / {row['condition_to']}", str(row["n"]), *moves])
    return rows


def _localization(results: Document) -> list[list[str]]:
    rows = [["reader", "condition", "lesions found", "marks a case"]]
    for row in results["localization"]:
        found = f"{row['hit']} of {row['lesions']}"
        rows.append([_who(row), row["condition"], found, number(row["marks_per_case"], 2)])
    return rows


def _warnings(results: Document) -> str:
    count = Counter((str(w.get("section") or ""), str(w["text"])) for w in results["warnings"])
    texts = [
        ("" if section in ("", "input") else f"{section}, ") + text + (f" ({number} rows)" if number > 1 else "")
        for (section, text), number in count.items()
    ]
    if not texts:
        return ""
    shown = texts[:MAX_WARNINGS]
    if len(texts) > MAX_WARNINGS:
        shown.append(f"... and {len(texts) - MAX_WARNINGS} more in the JSON document")
    return "\n".join(["Notes", "-----", *shown])
