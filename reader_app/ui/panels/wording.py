"""Words for protocol values: units, conditions, what is missing, model calls. Plain language, one place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reader_app.study.definition import Condition
from reader_app.study.session import Answer
from reader_app.ui.language import tr

CALLS: Mapping[str, str] = {
    "high": "high risk",
    "low": "low risk",
    "malignant": "malignant",
    "benign": "benign",
}
#: Columns of the case table that serve models and tables; they would tell a reader where the lesion is, or of groups.
NOT_FOR_READERS: tuple[str, ...] = ("roi", "cohort")
CLINICAL: Mapping[str, str] = {
    "age": "Age",
    "family_history": "Family history",
    "brca": "BRCA",
    "density": "Density",
    "symptom": "Symptom",
    "symptoms": "Symptoms",
    "menopause": "Menopause",
    "palpable": "Palpable",
}


def unit_heading(unit: str) -> str:
    """Return the heading of a unit's category question."""
    if unit == "R":
        return tr("Right breast · BI-RADS")
    if unit == "L":
        return tr("Left breast · BI-RADS")
    return tr("BI-RADS")


def unit_name(unit: str) -> str:
    """Return a unit in running text."""
    if unit.startswith("#"):
        return tr("finding {n}", n=unit[1:])
    return {"R": tr("right"), "L": tr("left")}.get(unit, tr("case"))


def likelihood(category: str) -> str:
    """Return what the manual says of a category, in the reader's language."""
    texts = {
        "0": tr("Incomplete"),
        "1": tr("Negative"),
        "2": tr("Benign"),
        "3": tr("Probably benign, ≤ 2 %"),
        "4": tr("Suspicious, 2–95 %"),
        "4A": tr("Low suspicion, 2–10 %"),
        "4B": tr("Moderate suspicion, 10–50 %"),
        "4C": tr("High suspicion, 50–95 %"),
        "5": tr("Highly suggestive, ≥ 95 %"),
        "6": tr("Biopsy-proven malignancy"),
    }
    return texts.get(category, "")


def condition(value: Condition) -> str:
    """Return a condition in two or three words, for the chip in the top bar."""
    return {
        Condition.UNAIDED: tr("unaided"),
        Condition.AIDED_CONCURRENT: tr("with aid"),
        Condition.AIDED_SEQUENTIAL: tr("unaided, then aid"),
        Condition.AIDED_STAGED: tr("with aid"),
    }[value]


def condition_sentence(value: Condition) -> str:
    """Return what a condition means for the reader."""
    return {
        Condition.UNAIDED: tr("You read without any aid."),
        Condition.AIDED_CONCURRENT: tr("The aid is on the screen from the start of each case."),
        Condition.AIDED_SEQUENTIAL: tr(
            "You answer without the aid first; that answer is sealed; then the aid is shown and you may revise."
        ),
        Condition.AIDED_STAGED: tr("The aid is on the screen from the start; you decide again on cases you have read before."),
    }[value]


def missing(needs: Sequence[str], units: Sequence[str], questions: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Return what validation still needs, in pieces that make one phrase when joined; by breast where there are two.

    Parameters
    ----------
    needs : sequence of str
        From ``session.missing``.
    units : sequence of str
        The units judged.
    questions : mapping of str to str
        The texts of the study's own questions by id.
    """
    names = {"category": tr("category"), "score": tr("suspicion"), "aid": tr("the aid")}
    groups: dict[str, list[str]] = {}
    judged = [rest for kind, _, rest in (need.partition(":") for need in needs) if kind == "finding"]
    for need in needs:
        kind, _, rest = need.partition(":")
        if kind == "finding":
            if rest == judged[0]:
                groups.setdefault("", []).append(tr("your word on finding {n} of the aid", n=", ".join(judged)))
            continue
        question, _, unit = rest.rpartition(":")
        name = (questions or {}).get(question, question) if kind == "question" else names.get(kind, kind)
        groups.setdefault(unit if unit.startswith("#") or (len(units) > 1 and unit in units) else "", []).append(name)
    pieces: list[str] = []
    for unit, own in groups.items():
        head = f"{unit_name(unit)} {own[0]}" if unit else own[0]
        pieces += [f" · {head}" if pieces else head, *(f", {name}" for name in own[1:])]
    return tuple(pieces)


def answer(own: Answer) -> str:
    """Return a locked answer in a few words."""
    parts = []
    for unit, category in own.categories.items():
        head = "BI-RADS " if len(own.categories) == 1 else f"{unit_name(unit)} "
        parts.append(head + category + (f" · {own.scores[unit]}" if unit in own.scores else ""))
    return ", ".join(parts)


def clinical_name(column: str) -> str:
    """Return the name of a clinical variable for people."""
    known = CLINICAL.get(column.lower())
    return tr(known) if known else column.replace("_", " ").capitalize()


def call(name: str) -> str:
    """Return a model's call in words."""
    return tr(CALLS[name]) if name in CALLS else name


def minutes(seconds: float) -> str:
    """Return a rough time for people."""
    whole = max(1, round(seconds / 60))
    if whole >= 90:
        return tr("about {n} h left", n=f"{whole / 60:.1f}")
    return tr("about {n} min left", n=whole)
