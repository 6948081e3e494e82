"""Every key of ``study.toml``, declared once: type, range, default, meaning. Loader and protocol reference are made from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reader_app.errors import Fault
from reader_app.study.assessment import CATEGORIES
from reader_app.study.caselist import MODALITIES


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a table.

    Attributes
    ----------
    name : str
        As written in the file.
    kind : str
        "text", "whole number", "number", "yes or no", "list of text", "list of whole numbers", "table", "list of tables" or
        "text or table".
    meaning : str
        One sentence for the coordinator.
    default : object
        Used when the key is absent; None for a key that must be there or has no value.
    required : bool
        Whether its absence is a fault.
    choices : tuple of str
        The allowed texts (or members of a list of text); empty for any.
    low, high : float or None
        The allowed range of a number, both ends included.
    """

    name: str
    kind: str
    meaning: str
    default: object = None
    required: bool = False
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None


PLANES: tuple[str, ...] = ("coronal", "transverse", "sagittal")

CONDITIONS: tuple[str, ...] = ("unaided", "aided_concurrent", "aided_sequential", "aided_staged")

#: Keys by table; "" is the top of the file, "assessment.score" the table ``score`` within ``[assessment]``.
TABLES: dict[str, tuple[Key, ...]] = {
    "": (
        Key("format", "whole number", "Version of this file format: 1.", required=True, low=1, high=1),
        Key("id", "text", "Short name of the study; part of every shuffle and every log.", required=True),
        Key("title", "text", "Name of the study as readers see it.", required=True),
        Key("description", "text", "What the study asks, for the coordinator and the workbook.", default=""),
        Key("notice", "text", "Shown to readers at log-in, for example that a model was trained on phantoms.", default=""),
        Key("assessment", "table", "What a reader answers.", default={}),
        Key("display", "table", "How the aid looks: conditions of the experiment.", default={}),
        Key("timing", "table", "Timing rules.", default={}),
        Key("questions", "list of tables", "Questions beyond category and score, in the order of the form.", default=[]),
        Key("questionnaires", "list of tables", "Questions between blocks of cases: workload, confidence ...", default=[]),
        Key("models", "list of tables", "The models whose stored predictions serve as aids.", default=[]),
        Key("rounds", "list of tables", "The rounds in the order in which they are read.", required=True),
        Key("randomisation", "table", "The seed of every order.", required=True),
        Key("analysis", "table", "What was decided about the analysis before the first read; frozen with the study.", default={}),
    ),
    "assessment": (
        Key("scale", "text", "The scale of the categories.", default="birads", choices=("birads",)),
        Key(
            "categories",
            "list of text",
            "BI-RADS categories that can be chosen.",
            default=["0", "1", "2", "3", "4A", "4B", "4C", "5"],
            choices=CATEGORIES,
        ),
        Key("positive_from", "text", "Lowest category that counts as positive.", default="4A", choices=CATEGORIES[1:]),
        Key("level", "text", "What is judged: the whole case or each breast.", default="case", choices=("case", "breast")),
        Key("score", "table", "The score of suspicion.", default={}),
        Key("note", "yes or no", "Whether free text can be written.", default=True),
        Key("marks", "yes or no", "Whether findings can be marked on the images.", default=True),
    ),
    "assessment.score": (
        Key("kind", "text", "percent: 0 to 100; none: no score is asked.", default="percent", choices=("percent", "none")),
        Key("required", "yes or no", "Whether a case can be validated only with a score.", default=True),
    ),
    "display": (
        Key("aid_threshold", "number", "Heatmap values below it are not drawn.", default=0.35, low=0, high=1),
        Key("aid_opacity", "number", "Opacity of the heatmap.", default=0.55, low=0, high=1),
        Key("reader_may_hide_aid", "yes or no", "Whether the reader can switch the aid off and on.", default=True),
        Key("reader_may_adjust_aid", "yes or no", "Whether the reader can change threshold and opacity.", default=False),
        Key("reader_judges_findings", "yes or no", "Whether each finding of the aid can be accepted or rejected.", default=False),
        Key(
            "findings_must_be_judged",
            "yes or no",
            "Whether a case can be validated only when every finding of its aid has been accepted or rejected.",
            default=False,
        ),
        Key("show_priors", "yes or no", "Whether earlier exams of the same woman are shown.", default=True),
    ),
    "timing": (
        Key(
            "idle_pause_s", "whole number", "Seconds without input until the images are covered.", default=120, low=10, high=7200
        ),
        Key(
            "min_display_ms",
            "whole number",
            "A case can be validated this long after its display.",
            default=300,
            low=0,
            high=60000,
        ),
        Key("session_max_min", "whole number", "No new case after so many minutes of a sitting; 0: no limit.", default=0, low=0),
        Key("break_after_min", "whole number", "A break is proposed after this many minutes; 0: never.", default=0, low=0),
    ),
    "questions": (
        Key("id", "text", "Short name of the question; a column of the workbook.", required=True),
        Key("text", "text", "The question as readers see it.", required=True),
        Key(
            "kind",
            "text",
            "choice, yes_no, number, text, or scale: a whole number from low to high on a slider.",
            default="choice",
            choices=("choice", "yes_no", "number", "scale", "text"),
        ),
        Key("choices", "list of text", "The answers to choose from."),
        Key("lexicon", "text", "Instead of choices: the name of a list of terms in the lexicons of the program."),
        Key("many", "yes or no", "Whether several choices can be taken.", default=False),
        Key(
            "level",
            "text",
            "unit: for each unit that is judged; case: once for the patient; finding: for each finding that was marked.",
            default="unit",
            choices=("unit", "case", "finding"),
        ),
        Key("required", "yes or no", "Whether a case can be validated only with an answer, where it is asked.", default=True),
        Key("modalities", "list of text", "Only for cases of these modalities.", choices=MODALITIES),
        Key("when", "table", "The condition under which it is asked.", default={}),
        Key("low", "number", "Lowest number."),
        Key("high", "number", "Highest number."),
        Key("low_text", "text", "What stands at the low end of a scale.", default=""),
        Key("high_text", "text", "What stands at the high end of a scale.", default=""),
    ),
    "questions.when": (
        Key("category", "list of text", "The category is one of these.", choices=CATEGORIES),
        Key("question", "text", "A question declared before ..."),
        Key("is", "list of text", "... has one of these answers."),
        Key("marks", "text", "Nothing (none) or something (some) has been marked.", choices=("none", "some")),
    ),
    "questionnaires": (
        Key("id", "text", "Short name of the questionnaire.", required=True),
        Key("title", "text", "Heading as readers see it.", default=""),
        Key("text", "text", "What is said above the questions.", default=""),
        Key(
            "when",
            "text",
            "after_cases: after so many cases of a round, while it goes on; round_end; session_end: before the reader leaves.",
            required=True,
            choices=("after_cases", "round_end", "session_end"),
        ),
        Key("every", "whole number", "With after_cases: after every so many cases.", low=1),
        Key("rounds", "list of whole numbers", "Only in these rounds; all but training rounds when left out."),
        Key("template", "text", "Instead of questions: the name of a ready list of questions, for example nasa_tlx."),
        Key("questions", "list of tables", "The questions, with the keys of [[questions]]; each is asked once.", default=[]),
    ),
    "models": (
        Key("id", "text", "Name of the model; also of its folder under aids/.", required=True),
        Key("title", "text", "Name as readers see it.", default=""),
        Key("explanation", "text", "One plain sentence for readers on what the model says.", default=""),
        Key("of", "text", "Id of the model from whose predictions this set of aids is prepared, some of them changed."),
        Key("changes", "list of tables", "With of: which aids are withheld or changed on purpose.", default=[]),
    ),
    "models.changes": (
        Key(
            "kind",
            "text",
            "withheld: no aid is available; inverted: the opposite score and call; swapped: the aid of another case.",
            required=True,
            choices=("withheld", "inverted", "swapped"),
        ),
        Key("stratum", "list of text", "Only cases of these strata of cases.csv; all of them unless share or sample says less."),
        Key("share", "number", "This share of the cases, drawn from a seed that the coordinator keeps.", low=0, high=1),
        Key("sample", "whole number", "This many of the cases, drawn likewise.", low=1),
    ),
    "rounds": (
        Key("number", "whole number", "1, 2, 3 ... in reading order.", required=True, low=1),
        Key("title", "text", "Name of the round as readers see it.", default=""),
        Key("condition", "text or table", "What the reader has; a table gives it by arm.", required=True, choices=CONDITIONS),
        Key("aid", "text or table", "Id of the model whose predictions are shown; a table gives it by arm."),
        Key("refines", "whole number", "Number of the earlier round whose answers this round refines.", low=1),
        Key("show_earlier_answer", "yes or no", "Whether the refined answer is shown beside the form.", default=True),
        Key(
            "cases",
            "text or table",
            "Which cases: all, or by stratum, or by the answer given earlier.",
            default="all",
            choices=("all",),
        ),
        Key("planes", "list of text", "Planes of ABVS volumes that are shown; all when left out.", choices=PLANES),
        Key("training", "yes or no", "Whether it is training: its cases stay apart and count for nothing.", default=False),
        Key("order", "text", "Case order.", default="shuffled", choices=("shuffled", "as_listed")),
        Key("min_washout_days", "whole number", "Days since the previous round was finished.", default=0, low=0, high=3650),
        Key(
            "feedback",
            "yes or no",
            "In training: whether the reader is told the reference of training_key.csv after each validated case.",
            default=False,
        ),
        Key("repeat", "table", "Cases that come a second time in this round, to measure agreement with oneself.", default={}),
    ),
    "rounds.repeat": (
        Key("share", "number", "This share of the cases of the round, drawn once for all readers.", low=0, high=1),
        Key("sample", "whole number", "This many of them, drawn likewise.", low=1),
        Key("cases", "list of text", "These cases, by id."),
        Key("min_gap", "whole number", "At least this many places between the two readings.", default=10, low=1),
    ),
    "rounds.cases": (
        Key("stratum", "list of text", "Cases of these strata of cases.csv."),
        Key("sample", "whole number", "This many of all cases (or of the strata), drawn once for all readers.", low=1),
        Key("left_at", "list of text", "Cases that this reader left at one of these categories ...", choices=CATEGORIES),
        Key("of_round", "whole number", "... in the round of this number.", low=1),
    ),
    "randomisation": (Key("seed", "whole number", "Any whole number; drawn once, never changed.", required=True, low=0),),
    "analysis": (
        Key("primary_endpoint", "text", "What the study is judged by, in words; for example: AUC of the score.", default=""),
        Key("comparison", "list of text", "The two conditions that are compared, the reference first."),
        Key(
            "hypothesis",
            "text",
            "What is to be shown.",
            default="superiority",
            choices=("superiority", "non-inferiority", "equivalence", "description"),
        ),
        Key("margin", "number", "Margin of non-inferiority or equivalence, in the unit of the endpoint.", low=0),
        Key("alpha", "number", "Two-sided level of significance.", default=0.05, low=0.000001, high=0.5),
        Key(
            "endpoint",
            "text",
            "Figure of merit of the multi-reader analysis.",
            default="auc",
            choices=("auc", "sensitivity", "specificity", "wafroc"),
        ),
        Key(
            "match",
            "text",
            "When a mark hits a lesion: within its radius of its centre, or by the overlap of their boxes.",
            default="distance",
            choices=("distance", "iou"),
        ),
        Key(
            "overlap", "number", 'Least intersection over union of a hit, with match = "iou".', default=0.1, low=0.000001, high=1
        ),
        Key("plan", "text", "The analysis plan, as long as need be, or where the registered one is found.", default=""),
    ),
}

_TYPES: dict[str, tuple[type, ...]] = {
    "text": (str,), "whole number": (int,), "number": (int, float), "yes or no": (bool,), "list of text": (list, tuple),
    "list of whole numbers": (list, tuple), "table": (dict,), "list of tables": (list, tuple), "text or table": (str, dict),
}  # fmt: skip


def read_table(table: str, given: Mapping[str, Any], place: str, faults: list[Fault]) -> dict[str, Any]:
    """Return a table with every declared key; what is wrong goes to ``faults`` and is replaced by the default.

    Parameters
    ----------
    table : str
        Name in :data:`TABLES`.
    given : mapping
        What the file says.
    place : str
        File and key of the table, for the faults.
    faults : list of Fault
        Extended in place.
    """
    declared = {key.name: key for key in TABLES[table]}
    for name in given:
        if name not in declared:
            faults.append(Fault(_at(place, name), "this key is not known", f"use one of {', '.join(declared)}"))
    values: dict[str, Any] = {}
    for name, key in declared.items():
        values[name] = key.default
        if name not in given:
            if key.required:
                faults.append(Fault(_at(place, name), "this key is missing", f"add it ({key.kind}: {key.meaning})"))
            continue
        wrong = _wrong(key, given[name])
        if wrong:
            faults.append(Fault(_at(place, name), wrong))
        else:
            values[name] = given[name]
    return values


def _at(place: str, name: str) -> str:
    return f"{place}, key {name}" if place.endswith((".toml", ".json")) or "," not in place else f"{place}.{name}"


def _wrong(key: Key, value: object) -> str:
    """Return what is wrong with a value, or an empty text."""
    types = _TYPES[key.kind]
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        return f"{value!r} is not a {key.kind}"
    if isinstance(value, int | float) and not isinstance(value, bool):
        if value != value or (key.low is not None and value < key.low) or (key.high is not None and value > key.high):
            return f"{value!r} is not {_range(key)}"
        return ""
    if isinstance(value, str):
        if key.required and key.kind == "text" and not value.strip():
            return "the text is empty"
        return "" if not key.choices or value in key.choices else f"{value!r} is not one of {', '.join(key.choices)}"
    if key.kind == "list of text" and isinstance(value, list | tuple):
        for member in value:
            if not isinstance(member, str):
                return f'{member!r} is not a text; write it in quotation marks, as "{member}"'
            if key.choices and member not in key.choices:
                return f"{member!r} is not one of {', '.join(key.choices)}"
        if len(set(value)) < len(value):
            return "a value is listed twice"
        return "" if value else "the list is empty"
    if key.kind == "list of whole numbers" and isinstance(value, list | tuple):
        if not value or not all(type(member) is int and member >= 1 for member in value):
            return f"{value!r} is not a list of whole numbers from 1"
        return "a value is listed twice" if len(set(value)) < len(value) else ""
    if key.kind == "list of tables" and isinstance(value, list | tuple):
        return "" if all(isinstance(member, dict) for member in value) else f"it is not a list of tables; write [[{key.name}]]"
    return ""


def _range(key: Key) -> str:
    if key.low is not None and key.high is not None:
        return f"{key.low:g}" if key.low == key.high else f"from {key.low:g} to {key.high:g}"
    return f"{key.low:g} or more" if key.low is not None else "a finite number"
