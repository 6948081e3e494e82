"""Tables of the cases' features: association with BI-RADS group and pathology, maps of embeddings, models by cohort."""

from __future__ import annotations

from reader_app.export import words
from reader_app.export.content import WorkbookContent
from reader_app.export.layout import Column, Kind, Table, Value
from reader_app.export.resultrows import METHOD, Results, asked, estimate, methods, number, text

_OUTCOMES = {"pathology": "Pathology", "birads": "BI-RADS of the readers"}


def association(content: WorkbookContent) -> Table:
    """Return clinical and lexicon features against pathology and against the readers' BI-RADS group (Lu et al. 2025, Table 2)."""
    columns = (
        Column("Against", "What divides the cases: pathology, or the readers' BI-RADS.", width=20, key="outcome"),
        Column("Feature", "Clinical or lexicon variable.", width=24, key="feature"),
        Column("Value", "Category of the feature; empty in the row of the whole feature.", width=18, key="value"),
        Column("All", "Mean ± SD, or number (per cent).", width=18, key="total"),
        Column("First group", "Name of the group with less suspicion.", width=16, key="group_a"),
        Column("In the first group", "Mean ± SD, or number (per cent).", width=18, key="in_group_a"),
        Column("Second group", "Name of the group with more suspicion.", width=16, key="group_b"),
        Column("In the second group", "Mean ± SD, or number (per cent).", width=18, key="in_group_b"),
        Column("p", "Two-sided p-value, not adjusted for the number of features.", Kind.P, 10, "p"),
        Column("Test", "The test that p is of, or why there is none.", width=30, key="test"),
    )
    rows: list[tuple[Value, ...]] = []
    for row in Results(content).rows("association"):
        names, groups = row["group_names"], row["groups"]
        level = row.get("kind") == "level"
        rows.append(
            (
                *(_OUTCOMES.get(str(row.get("outcome")), str(row.get("outcome"))), words.variable(str(row["variable"]))),
                *(text(row.get("category")) or None, text(row.get("total"))),
                *(names[0], groups[0], names[1], groups[1]),
                *(None if level else asked(row.get("p")), text(row.get("test")) or None),
            )
        )
    note = (
        "BI-RADS: the median category of all readers under the first condition. Measurements: t test where both groups look "
        "normal, else Mann–Whitney; categories: chi-square (corrected for 2 x 2), Fisher where an expected count is below 5."
    )
    return Table("association", "Features of the cases against pathology and against BI-RADS", columns, rows, note)


def printed(content: WorkbookContent) -> list[Table]:
    """Return the association as a paper prints it: one table for pathology, one for BI-RADS, the groups as columns."""
    source = association(content)
    found: list[Table] = []
    for outcome in dict.fromkeys(str(row[0]) for row in source.rows):
        own = [row for row in source.rows if row[0] == outcome]
        columns = (
            Column("Feature", "Feature, or one of its values."),
            *(Column(str(name), "Mean ± SD, or number (per cent).") for name in ("All", own[0][4], own[0][6])),
            *(Column("p", "Two-sided.", Kind.P), Column("Test", "Of p.")),
        )
        rows: list[tuple[Value, ...]] = [
            (f"{row[1]}: {row[2]}" if row[2] else row[1], row[3], row[5], row[7], row[8], row[9]) for row in own
        ]
        found.append(Table(source.name, f"Features of the cases against {outcome}", columns, rows, source.note))
    return found


def embedding(content: WorkbookContent) -> Table:
    """Return the coordinates of the maps of the models' embeddings."""
    results = Results(content)
    columns = (
        Column("Model", "Whose inner representation of the cases is mapped.", width=20, key="model_id"),
        Column("Case", "Pseudonym of the case.", width=14, key="case_id"),
        Column("x", "Place on the map; it has no unit.", Kind.NUMBER, 10, "x"),
        Column("y", "Place on the map; it has no unit.", Kind.NUMBER, 10, "y"),
        Column("Reference standard", "Malignant or benign.", width=14, key="reference"),
        Column("Method", "How the map was made.", width=34, key="method"),
    )
    rows: list[tuple[Value, ...]] = [
        (results.model(row), point[0], number(point[1]), number(point[2]), words.truth(str(point[3])), text(row.get("method")))
        for row in results.rows("embedding")
        for point in row["points"]
    ]
    note = "Neighbours on the map are alike to the model; distances between far groups and the axes mean nothing."
    return Table("embedding", "Map of the models’ embeddings (t-SNE)", columns, rows, note)


def cohorts(content: WorkbookContent) -> Table:
    """Return area and accuracy of each model in each cohort of the predictions."""
    results = Results(content)
    names = (("auc", "AUC"), ("sensitivity", "Sensitivity"), ("specificity", "Specificity"), ("accuracy", "Accuracy"))
    columns = (
        Column("Model", "Title of the model.", width=20, key="model_id"),
        Column("Cohort", "Subset of the cases (stratum of the case table, or column cohort).", width=16, key="cohort"),
        Column("Cases", "Number of cases.", Kind.INTEGER, 8, "cases"),
        Column("Malignant", "Number of malignant cases.", Kind.INTEGER, 10, "malignant"),
        *(
            column
            for key, title in names
            for column in results.estimate_columns(
                title, f"{title} of the model alone in this cohort.", key, Kind.NUMBER if key == "auc" else Kind.PERCENT
            )
        ),
        METHOD,
    )
    rows: list[tuple[Value, ...]] = [
        (
            *(results.model(row), text(row.get("cohort")), number(row.get("cases")), number(row.get("malignant"))),
            *(cell for key, _ in names for cell in estimate(row.get(key))),
            methods(row, [key for key, _ in names]),
        )
        for row in results.rows("cohorts")
    ]
    return Table("cohorts", "Models by cohort", columns, rows)
