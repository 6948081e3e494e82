"""What the report says, in which order, before it becomes a page or paper: sections of texts, tables and figures.

A section appears only when there is something to say; a checklist points only to sections that are really there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reader_app.export import (
    figures,
    figures_change,
    reportmarks,
    reportparts,
    reportresults,
    sheets_features,
    sheets_given,
    words,
)
from reader_app.export.checklists import CHECKLISTS, Checklist
from reader_app.export.content import WorkbookContent
from reader_app.export.layout import Table
from reader_app.export.resultrows import Results, method_word
from reader_app.export.sheets_changes import aids_sheet
from reader_app.export.sheets_mrmc import mrmc_sheet
from reader_app.export.sheets_results import net_table, symmetry_table
from reader_app.export.sheets_study import readme_sheet, study_sheet
from reader_app.export.sheets_times import times_sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Figures in the order of the report: name, function, caption.
FIGURES: tuple[tuple[str, Callable[[WorkbookContent], Figure | None], str], ...] = (
    ("flow", figures_change.flow, "Flow of cases, readers and reads."),
    ("accuracy", figures.accuracy, "Sensitivity and specificity of each reader and condition, with intervals."),
    (
        "roc",
        figures.roc,
        "ROC curves. Thin: single readers; thick: mean of the readers (vertical average); dashed black: models.",
    ),
    ("forest", figures.forest, "Difference of AUC by reader with intervals; blue: all readers."),
    ("froc", figures_change.froc, "Free-response curves. Thin: single readers; thick: all readers."),
    ("agreement", figures_change.agreement, "Pairwise agreement of BI-RADS categories."),
    ("sankey", figures_change.sankey, "BI-RADS categories before and after the aid, all readers; strong bands: changed."),
    ("times", figures.times, "Reading times: median, quartiles, 1.5 interquartile ranges; logarithmic scale."),
    (
        "embedding",
        figures_change.embedding,
        "Map of the models’ embeddings (t-SNE): cases that are alike to the model lie together; axes have no unit.",
    ),
    ("decision", figures_change.decision, "Decision curves: net benefit of biopsy at or above each threshold."),
)
CAPTIONS = {name: caption for name, _, caption in FIGURES}

_DEVIATIONS = "deviations"

INTERIM = "INTERIM – some rounds are not finished. These figures must not be reported."

_MRMC = (
    "Do the findings hold for other readers and other cases? “readers and cases”: both are samples; “cases”: these very readers, "
    "other cases; “readers”: other readers, these very cases. Negative variance components are reported as they are."
)
_GUIDELINES = (
    "Where this report answers an item, and what is left to the investigator. Nothing is ticked: a section shows what the "
    "logs and tables hold, not that the study was done well. Items are paraphrased; the published lists are the authority."
)


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Show:
    """A table under a small heading (or none); ``folded``: opened by a click on the page, printed in full on paper."""

    title: str
    table: Table
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure, by name."""

    name: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Large numbers, each with what it counts."""

    entries: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Guideline:
    """A reporting guideline."""

    checklist: Checklist


Block = Text | Show | Picture | Facts | Guideline


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report."""

    anchor: str
    title: str
    blocks: tuple[Block, ...]


def sections(content: WorkbookContent, drawn: Iterable[str]) -> list[Section]:
    """Return the sections that there is something to say in.

    Parameters
    ----------
    drawn : iterable of str
        Names of the figures at hand.
    """
    at_hand = set(drawn)
    made = [
        Section("glance", "At a glance", (Facts(facts(content)),)),
        Section("flow", "Flow of cases and reads", (Picture("flow"), Show("", reportparts.reading_progress(content)))),
        _design(content),
        _cases(content),
        *_models(content),
        *_results(content),
        Section("questionnaires", "Questionnaires", (Show("", reportparts.questionnaires(content)),)),
        Section(_DEVIATIONS if content.given is None else "no-logs", "Deviations from the protocol", _deviations(content)),
        Section("log", "Analysis log", _log(content)),
    ]
    kept = []
    for own in made:
        blocks = tuple(block for block in own.blocks if _has_content(block, at_hand))
        if any(not isinstance(block, Text) for block in blocks) or (own.anchor in (_DEVIATIONS, "no-logs") and blocks):
            kept.append(Section(own.anchor, own.title, blocks))
    guidelines: list[Block] = [Text(_GUIDELINES), *(Guideline(own) for own in CHECKLISTS)]
    return [*kept, Section("checklists", "Reporting guidelines", tuple(guidelines))]


def _has_content(block: Block, drawn: set[str]) -> bool:
    if isinstance(block, Show):
        return bool(block.table.rows)
    return block.name in drawn if isinstance(block, Picture) else True


def facts(content: WorkbookContent) -> list[tuple[str, str]]:
    """Return the numbers at a glance."""
    truth = content.truth()
    malignant = sum(value == "1" for value in truth.values())
    found = [
        (str(len(content.cases)), "cases"),
        (f"{malignant} / {len(truth) - malignant}", "malignant / benign by the reference standard"),
        (str(len(content.readers)), "readers"),
        (str(len(content.study.rounds)), "rounds" if content.given is None else "conditions"),
        (str(len(content.reads)), "reads"),
    ]
    if content.given is None:
        found.append((str(sum(len(items) for items in content.deviations.values())), "protocol deviations found"))
    return found


def _design(content: WorkbookContent) -> Section:
    rounds, settings, readers, *further = study_sheet(content).tables
    shown = [rounds, settings, *(own for own in further if own.name == "analysis_plan"), readers]
    if content.given is not None:  # an anchor of its own: tables do not show the design that checklists ask for
        return Section("given", "What was given", tuple(Show(own.title, own) for own in shown))
    return Section("design", "Design", tuple(Show(own.title, own) for own in shown))


def _cases(content: WorkbookContent) -> Section:
    """Return the baseline table and the features against pathology and BI-RADS, each set of tests folded."""
    features = sheets_features.printed(content)
    blocks: list[Block] = [Show("", reportparts.baseline(content))]
    blocks += [Text(own.note) for own in features[:1]]
    blocks += [Show(own.title, own, folded=True) for own in features]
    return Section("baseline", "Cases", tuple(blocks))


def _models(content: WorkbookContent) -> list[Section]:
    models = aids_sheet(content).tables[-1]
    if not models.rows:
        return []
    cohorts = reportresults.cohorts(Results(content))
    anchor = "aids" if content.given is None else "predictions"  # a table of predictions says nothing of what made them
    return [Section(anchor, "Models", (Show("", models), Show(cohorts.title, cohorts), Picture("embedding")))]


def _results(content: WorkbookContent) -> list[Section]:
    results = Results(content)
    limit = content.positive_from()
    text = f"A case is called positive from BI-RADS {limit}. Intervals ({results.coverage}): {methods_used(results)}. "
    text += "PPV and NPV hold at this study's prevalence."
    curves, other_curves = reportresults.split(results.rows("roc"))
    pairs, other_pairs = reportresults.split(results.rows("roc_paired"))
    primary, others = reportresults.mrmc_rows(results)
    further = {own.name: own for own in mrmc_sheet(content).tables}
    time_tables = [own for own in times_sheet(content).tables if own.name in ("times_model", "learning")]
    forward = reportresults.forward(results, results.rows("reclassification"))
    return [
        Section(
            "accuracy",
            "Accuracy",
            (
                Text(text),
                Picture("accuracy"),
                Show("", reportresults.accuracy(results)),
                Show("McNemar: the same cases under two conditions", reportresults.mcnemar(results), folded=True),
            ),
        ),
        Section(
            "roc",
            "ROC",
            (
                *(Picture("roc"), Picture("forest"), Show("", reportresults.areas(results, curves))),
                Show("Differences between conditions, by reader", reportresults.differences(results, pairs), folded=True),
                Show("Areas from BI-RADS and from the call", reportresults.areas(results, other_curves), folded=True),
                Show("Differences of those", reportresults.differences(results, other_pairs), folded=True),
            ),
        ),
        Section(
            "mrmc",
            "Multi-reader multi-case analysis",
            (
                *(Text(_MRMC), Show("", reportresults.mrmc(results, primary))),
                Show("Other analyses and endpoints", reportresults.mrmc(results, others), folded=True),
                *(Show(own.title, own) for name, own in further.items() if name == "bootstrap"),
                Show("Tests of any difference", further["mrmc_tests"], folded=True),
                Show("Variance components", further["mrmc_components"], folded=True),
            ),
        ),
        Section(
            "localisation",
            "Localisation",
            (
                Text(reportmarks.rule(results)),
                Picture("froc"),
                Show("Lesions hit", reportmarks.localisation(results)),
                Show("Figures of merit from marks", reportmarks.merit(results)),
                Show("Lesions hit, by type", reportmarks.localisation(results, by_type=True), folded=True),
                Show("Figures of merit, by type of lesion", reportmarks.merit(results, by_type=True), folded=True),
            ),
        ),
        Section(
            "agreement",
            "Agreement",
            (Picture("agreement"), Show("All coefficients", reportresults.agreement(results), folded=True)),
        ),
        Section(
            "change",
            "Change with the aid",
            (
                Picture("sankey"),
                Show("Re-stratification", reportresults.restratification(results, forward)),
                Show(
                    "Co-decision: what the models together would have made of the category",
                    reportresults.restratification(results, results.rows("co_decision")),
                ),
                Show("Advice followed and overruled", reportresults.aid_use(results)),
                Show("Verdicts on the findings of the aid", reportparts.verdicts(content)),
                Show("Net reclassification", net_table(results), folded=True),
                Show("Symmetry of the transitions", symmetry_table(results), folded=True),
            ),
        ),
        Section(
            "times",
            "Reading times",
            (
                *(Picture("times"), Show("", reportresults.times(results))),
                Show("The same cases under two conditions", reportresults.time_tests(results), folded=True),
                *(Show(own.title, own, folded=own.name == "learning") for own in time_tables),
            ),
        ),
        Section("decision", "Decision curves", (Picture("decision"),)),
    ]


def methods_used(results: Results) -> str:
    """Return the methods of the intervals of proportions."""
    names = ("sensitivity", "specificity", "ppv", "npv", "accuracy", "f1")
    used = {
        method_word(row[name].get("method"))
        for row in results.rows("accuracy")
        for name in names
        if isinstance(row.get(name), dict)
    }
    return "; ".join(sorted(name for name in used if name)) or "not stated"


def _deviations(content: WorkbookContent) -> tuple[Block, ...]:
    if content.given is not None:
        return (Text(sheets_given.NO_LOGS),)
    counted = reportparts.deviations(content)
    if not counted.rows:
        return (Text("The independent auditor found no deviation in the logs."),)
    return (
        Text("Found in the logs by an independent auditor; every single one stands in the workbook."),
        Show("", counted),
    )


def _log(content: WorkbookContent) -> tuple[Block, ...]:
    blocks: list[Block] = []
    for entry in readme_sheet(content, []).tables:
        if entry.name in ("options", "versions", "hashes", "logs"):
            blocks.append(Show(entry.title, entry))
        elif entry.name == "warnings":
            blocks.append(Show(f"{entry.title} ({len(entry.rows)})", entry, folded=True))
    return tuple(blocks)


def stamp(content: WorkbookContent) -> str:
    """Return when and by which version the report was written."""
    moment = content.written_utc.replace("T", " ").replace("Z", " UTC")
    return f"Written {moment} by reader-app {content.versions.get('reader-app', '')}".rstrip()


def foot(content: WorkbookContent) -> str:
    """Return the line at the end of the report."""
    return ("INTERIM. " if content.interim else "") + f"{words.NOTICE}. {stamp(content)}."
