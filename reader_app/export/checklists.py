"""Reporting guidelines as "item -> where in this report" or "to be filled in by the investigator". Nothing is ever ticked.

An item points into the report only if the section it needs was really made from data; everything that no log can prove (why the
study was done, how readers were recruited, how the reference standard was established ...) stays with the investigator. The items
are paraphrased and grouped; the published checklists are the authority.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

FILL_IN = "to be filled in by the investigator"


@dataclass(frozen=True, slots=True)
class Item:
    """One point of a guideline: its number or block, what it asks, and the section of the report that answers it (or none)."""

    number: str
    asks: str
    section: str = ""


@dataclass(frozen=True, slots=True)
class Checklist:
    """A guideline."""

    name: str
    source: str
    items: tuple[Item, ...]


CHECKLISTS: tuple[Checklist, ...] = (
    Checklist(
        "FDA, computer-assisted detection devices: clinical performance assessment",
        "Guidance of 28 September 2022 (document 1698), by topic",
        (
            Item("Design", "Multi-reader multi-case design, conditions, order of reading", "design"),
            Item("Design", "Interval between reading sessions (washout)", "design"),
            Item("Design", "Randomisation of readers, cases and reading order, with seed", "design"),
            Item("Readers", "Number, qualification, experience and training of readers"),
            Item("Cases", "Sampling of cases, case mix, data poolability"),
            Item("Cases", "Characteristics of the cases", "baseline"),
            Item("Truth", "How the reference standard was established, by whom, blinded to what"),
            Item("Endpoint", "Pre-specified endpoints and statistical analysis plan"),
            Item("Scoring", "Rule by which a read counts as positive", "accuracy"),
            Item("Scoring", "Rule by which a mark counts as hitting a lesion", "localisation"),
            Item("Results", "ROC analysis and area under the curve", "roc"),
            Item("Results", "Sensitivity and specificity with intervals", "accuracy"),
            Item("Results", "Results of each reader", "accuracy"),
            Item("Results", "Multi-reader analysis with variance components", "mrmc"),
            Item("Results", "Deviations from the protocol and software errors", "deviations"),
        ),
    ),
    Checklist(
        "STARD 2015",
        "30 items for reports of diagnostic accuracy studies",
        (
            Item("1–2", "Title and abstract identify a study of diagnostic accuracy"),
            Item("3–4", "Background, intended use, objectives and hypotheses"),
            Item("5", "Data collection before or after the reference standard"),
            Item(
                "6–9", "Eligibility, how, where and when participants were identified; consecutive, random or convenience series"
            ),
            Item("10a", "Index test in sufficient detail: the reading conditions", "design"),
            Item("10b, 11", "Reference standard and rationale"),
            Item("12a", "Definition of test positivity cut-offs; pre-specified or exploratory", "accuracy"),
            Item("12b", "Positivity of the reference standard"),
            Item("13a", "Whether clinical information and reference standard were available to the readers", "design"),
            Item("13b", "Whether index test results were available to those who assessed the reference standard"),
            Item("14", "Methods for estimating or comparing accuracy", "log"),
            Item("15", "How indeterminate index test results were handled", "log"),
            Item("16", "How missing data were handled", "flow"),
            Item("17", "Analyses of variability between readers", "agreement"),
            Item("18", "Intended sample size and how it was determined"),
            Item("19", "Flow of participants, with a diagram", "flow"),
            Item("20", "Baseline characteristics of participants", "baseline"),
            Item("21a", "Distribution of severity in those with the condition"),
            Item("21b", "Distribution of alternative diagnoses"),
            Item("22", "Interval between index test and reference standard"),
            Item("23", "Cross tabulation of index test by reference standard", "accuracy"),
            Item("24", "Estimates of accuracy and their precision", "accuracy"),
            Item("25", "Adverse events"),
            Item("26–27", "Limitations; implications for practice"),
            Item("28–30", "Registration number, protocol, funding"),
        ),
    ),
    Checklist(
        "CLAIM 2024 update",
        "Artificial intelligence in medical imaging, by block",
        (
            Item("Study", "Design, goal, prospective or retrospective"),
            Item("Data", "Sources, selection, de-identification, handling of missing data"),
            Item("Data", "Flow of cases", "flow"),
            Item("Data", "Characteristics of the cases", "baseline"),
            Item("Reference", "Definition and source of the reference standard"),
            Item("Model", "Identity and version of the model", "aids"),
            Item("Model", "Architecture, initialisation, training procedure"),
            Item("Model", "Data the model was trained on, as its bundle states it", "aids"),
            Item("Evaluation", "Metrics with intervals", "accuracy"),
            Item("Evaluation", "Comparison with and without the aid", "roc"),
            Item("Evaluation", "Failure analysis of incorrectly classified cases"),
            Item("Availability", "Program, versions and seeds", "log"),
        ),
    ),
    Checklist(
        "DECIDE-AI 2022",
        "Early clinical evaluation of decision support, by block",
        (
            Item("Users", "Who the readers were, training and experience"),
            Item("System", "Version, inputs, outputs, how shown to the user", "aids"),
            Item("Implementation", "Setting, number of cases, exposure to the system", "design"),
            Item("Interaction", "Agreement of users with the system; advice followed and overruled", "change"),
            Item("Interaction", "Right decisions that became wrong with a wrong aid", "change"),
            Item("Workflow", "Reading times", "times"),
            Item("Safety", "Errors, malfunctions, deviations", "deviations"),
            Item("Human factors", "Usability evaluation and learning curve of users"),
            Item("Ethics", "Approval, equity, risks to patients"),
        ),
    ),
    Checklist(
        "GRRAS 2011",
        "15 items for reliability and agreement studies",
        (
            Item("1–5", "Title, population and raters of interest, what is known, rationale"),
            Item("6–7", "Sample size of subjects and raters; how chosen"),
            Item("8", "Experience and training of raters"),
            Item("9", "Independence of ratings", "design"),
            Item("10", "Statistical analysis", "log"),
            Item("11", "Actual number of raters and subjects, number of replicates", "flow"),
            Item("12", "Characteristics of raters and subjects", "baseline"),
            Item("13", "Estimates of reliability and agreement with their uncertainty", "agreement"),
            Item("14", "Practical relevance of results"),
            Item("15", "Detailed results", "log"),
        ),
    ),
)


def answer(item: Item, sections: Collection[str]) -> str:
    """Return the section id that answers an item, or the empty text when the investigator must.

    Parameters
    ----------
    sections : collection of str
        Ids of the sections that were made from data in this report.
    """
    return item.section if item.section in sections else ""
