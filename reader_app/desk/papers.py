"""What the five papers print in their tables of models alone, to stand beside this program's own figures, never to be compared.

Percentages and areas are given as printed (interval in brackets). Misprints are left as they are; ``systems.md`` of the project
lists them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class PaperRow:
    """A row of a printed table.

    Attributes
    ----------
    label : str
        As the paper says.
    variant : str
        What fills it here (:mod:`reader_app.ai.variants`); "" where this program has no such variant.
    cohort : str
        "training", "internal" or "external"; own cases fill it by their column ``cohort``, cases without one count as internal.
    printed : mapping
        Metric -> printed text.
    """

    label: str
    variant: str
    cohort: str
    printed: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PaperTable:
    """A printed table and the pairs that the paper compares.

    Attributes
    ----------
    title : str
        Number and heading.
    metrics : tuple of str
        Columns.
    rows : tuple of PaperRow
    pairs : tuple of tuple
        (variant, variant, cohort, printed p of sensitivity, of specificity, of the areas), "" where none is printed.
    note : str
        What a reader of the table must know.
    """

    title: str
    metrics: tuple[str, ...]
    rows: tuple[PaperRow, ...]
    pairs: tuple[tuple[str, str, str, str, str, str], ...] = field(default=())
    note: str = ""


def _row(label: str, variant: str, cohort: str, metrics: tuple[str, ...], *printed: str) -> PaperRow:
    return PaperRow(label, variant, cohort, {m: p for m, p in zip(metrics, printed, strict=False) if p})


_BONG = ("sensitivity", "specificity", "accuracy", "auc")
_IMAGE, _REGRESSION, _TREE = "Image model", "Combined model (regression model)", "Combined model (decision tree model)"
_BONG_TABLE = PaperTable(
    "Table 2. Predictive models in the validation and testing data sets",
    _BONG,
    (
        _row(_IMAGE, "image", "internal", _BONG, "63.3 (51.1-75.5)", "90 (82.4-97.6)", "76.7 (70.9-83.7)", "0.85 (0.78-0.92)"),
        _row(_REGRESSION, "logistic", "internal", _BONG, "78.3 (67.9-88.8)", "85 (76-94)", "81.7 (74.4-86.8)"),
        _row(_TREE, "tree", "internal", _BONG, "75 (62.1-85.3)", "91.7 (81.6-97.2)", "83.3 (75.4-89.5)"),
        _row(_IMAGE, "image", "training", _BONG, "67.1 (61.8-72.4)", "85.3 (82.3-88.3)", "78.7 (74.7-82.5)", "0.86"),
        _row(_REGRESSION, "logistic", "training", _BONG, "76 (71.2-80.8)", "80.4 (77.1-83.8)", "78.8 (75.6-81.6)"),
        _row(_TREE, "tree", "training", _BONG, "72 (66.6-77)", "83.1 (79.6-86.1)", "79.1 (76.2-81.8)"),
    ),
    (("image", "logistic", "internal", "0.003", "0.083", ""), ("image", "tree", "internal", "0.081", "0.748", "")),
    "The paper calls its McNemar exact, but 0.003 and 0.083 are the uncorrected chi-square of its counts (9 v 0, 3 v 0). "
    "A rule that only upgrades cannot raise specificity, as the printed tree does.",
)

_KIM = ("auc", "sensitivity", "specificity")
_NETS = (("VGG16", "kim2021_vgg16"), ("ResNet34", "kim2021"), ("GoogLeNet", "kim2021_googlenet"))


def _kim(cohort: str, weak: tuple[tuple[str, str, str], ...], manual: tuple[str, ...], auto: tuple[str, ...]) -> list[PaperRow]:
    rows = [_row(f"Weakly supervised {n}", v, cohort, _KIM, *p) for (n, v), p in zip(_NETS, weak, strict=True)]
    rows += [
        _row(f"Fully supervised, drawn ROI, {n}", f"{v}_roi", cohort, _KIM, a) for (n, v), a in zip(_NETS, manual, strict=True)
    ]
    return rows + [
        _row(f"Fully supervised, U-Net ROI, {n}", f"{v}_unet", cohort, _KIM, a) for (n, v), a in zip(_NETS, auto, strict=True)
    ]


def _kim_pairs(cohort: str, printed: tuple[str, str, str]) -> list[tuple[str, str, str, str, str, str]]:
    pairs = [(v, f"{v}_roi", cohort, "", "", "> 0.05") for _, v in _NETS]
    return pairs + [(v, f"{v}_unet", cohort, "", "", p) for (_, v), p in zip(_NETS, printed, strict=True)]


_KIM_TABLES = (
    PaperTable(
        "Tables 2 and 3. Weakly and fully supervised networks in the internal and external validation sets",
        _KIM,
        (
            *_kim(
                "internal",
                (("0.96", "87", "91"), ("0.92", "82", "91"), ("0.94", "87", "94")),
                ("0.96", "0.94", "0.96"),
                ("0.96", "0.92", "0.95"),
            ),
            *_kim(
                "external",
                (("0.89", "91", "72"), ("0.86", "78", "80"), ("0.90", "88", "76")),
                ("0.91", "0.89", "0.92"),
                ("0.85", "0.84", "0.87"),
            ),
        ),
        (
            ("kim2021_vgg16", "kim2021", "internal", "", "", ""),
            ("kim2021_vgg16", "kim2021_googlenet", "internal", "", "", ""),
            ("kim2021", "kim2021_googlenet", "internal", "", "", ""),
            *_kim_pairs("internal", ("> 0.05", "> 0.05", "> 0.05")),
            *_kim_pairs("external", ("0.04", "> 0.05", "> 0.05")),
        ),
    ),
    PaperTable(
        "Table 4. Localisation: the region overlaps the drawn lesion",
        ("localised_benign", "localised_malignant", "fisher_p"),
        tuple(
            PaperRow(name, variant, cohort, {"localised_benign": benign, "localised_malignant": bad})
            for cohort, values in (
                ("internal", (("99", "100"), ("99", "100"), ("100", "100"))),
                ("external", (("99", "100"), ("96", "98"), ("97", "100"))),
            )
            for (name, variant), (benign, bad) in zip(_NETS, values, strict=True)
        ),
        note="Benign against malignant by Fisher's exact test; a region that covers most of a picture overlaps anything.",
    ),
)

_LIU = ("sensitivity", "specificity", "ppv", "npv", "accuracy", "auc", "f1")
_LIU_TABLES = (
    PaperTable(
        "Table 3. ResNet50 on one, two and three planes",
        _LIU,
        (
            _row(
                "Transverse",
                "liu2025_T",
                "internal",
                _LIU,
                *["87.0", "85.5", "83.9", "88.3", "86.2"],
                "0.946 (0.916-0.977)",
                "85.5",
            ),
            _row(
                "Sagittal",
                "liu2025_S",
                "internal",
                _LIU,
                *["79.6", "91.9", "89.6", "83.8", "86.2"],
                "0.952 (0.919-0.984)",
                "84.3",
            ),
            _row(
                "Coronal", "liu2025_C", "internal", _LIU, *["79.6", "95.2", "93.5", "84.3", "87.9"], "0.938 (0.895-0.975)", "86.0"
            ),
            _row(
                "Feature fusion 1 (T + S)",
                "liu2025_TS",
                "internal",
                _LIU,
                *["88.9", "90.3", "88.9", "90.3", "89.7"],
                "0.963 (0.938-0.989)",
                "88.9",
            ),
            _row(
                "Feature fusion 2 (T + S + C)",
                "liu2025",
                "internal",
                _LIU,
                *["98.2", "90.3", "89.8", "98.3", "94.0"],
                "0.984 (0.965-0.995)",
                "93.8",
            ),
            _row(
                "Feature fusion 2, external 1",
                "liu2025",
                "external",
                _LIU,
                *["96.2", "83.7", "86.4", "95.4", "90.2"],
                "0.978 (0.951-0.994)",
                "91.1",
            ),
            _row(
                "Feature fusion 2, external 2",
                "liu2025",
                "external 2",
                _LIU,
                *["93.0", "82.3", "82.8", "92.7", "87.4"],
                "0.942 (0.902-0.978)",
                "87.6",
            ),
        ),
        (("liu2025_T", "liu2025", "internal", "", "", ""), ("liu2025_TS", "liu2025", "internal", "", "", "")),
    ),
    PaperTable(
        "Table 2. Backbones, three planes fused",
        _LIU,
        (
            _row(
                "VGG19",
                "liu2025@vgg19",
                "internal",
                _LIU,
                *["87.0", "91.9", "90.4", "89.1", "89.7"],
                "0.964 (0.933-0.985)",
                "88.7",
            ),
            _row(
                "DenseNet161",
                "liu2025@densenet161",
                "internal",
                _LIU,
                *["92.6", "88.7", "87.7", "93.2", "90.5"],
                "0.972 (0.950-0.988)",
                "90.1",
            ),
            _row(
                "ResNet101",
                "liu2025@resnet101",
                "internal",
                _LIU,
                *["87.0", "90.3", "88.7", "88.9", "88.8"],
                "0.956 (0.929-0.988)",
                "87.9",
            ),
            _row(
                "ResNet50",
                "liu2025@resnet50",
                "internal",
                _LIU,
                *["98.2", "90.3", "89.8", "98.3", "94.0"],
                "0.984 (0.965-0.995)",
                "93.8",
            ),
        ),
    ),
)

_LU = ("auc", "accuracy", "sensitivity", "specificity")
_LU_EMBEDDING = (
    ("DLR_LH", "internal", "0.958 (0.925-0.992)", "89.8 (84.6-95.1)", "92.0 (85.8-98.2)", "86.8 (77.5-96.1)"),
    ("DLR_LH", "external", "0.883 (0.822-0.945)", "78.7 (70.9-86.5)", "81.9 (72.9-91.0)", "72.2 (67.1-87.4)"),
    ("DLR_BM", "internal", "0.975 (0.944-1.0)", "92.2 (87.5-96.9)", "92.2 (84.6-99.7)", "92.2 (86.1-98.3)"),
    ("DLR_BM", "external", "0.939 (0.887-0.99)", "85.2 (78.4-92.0)", "84.1 (73.0-95.2)", "85.9 (77.3-94.6)"),
)
_LU_TABLE = PaperTable(
    "Table 3. DLR_LH and DLR_BM (embedding and age) in the internal and external validation cohorts",
    _LU,
    (
        _row(
            "DLR_LH", "DLR_LH", "internal", _LU, "0.963 (0.931-0.995)", "90.6 (85.5-95.7)", "92.0 (85.8-98.2)", "88.7 (79.9-97.4)"
        ),
        _row(
            "DLR_LH", "DLR_LH", "external", _LU, "0.889 (0.828-0.949)", "79.6 (71.9-87.3)", "83.3 (74.6-92.1)", "72.2 (67.1-87.4)"
        ),
        _row(
            "DLR_BM", "DLR_BM", "internal", _LU, "0.977 (0.948-1.0)", "93.8 (89.5-98.0)", "94.1 (87.5-99.0)", "93.5 (87.9-99.1)"
        ),
        _row(
            "DLR_BM", "DLR_BM", "external", _LU, "0.942 (0.892-0.993)", "86.1 (79.5-92.7)", "86.4 (75.9-96.8)", "85.9 (77.3-94.6)"
        ),
        _row("DLR_BM on 4A", "DLR_BM@4A", "internal", _LU, "0.935 (0.738-1.0)", "89.7 (79.9-99.6)", "100", "88.9 (78.3-99.5)"),
        *(_row(f"{m}, embedding alone", f"{m}/embedding", cohort, _LU, *p) for m, cohort, *p in _LU_EMBEDDING),
    ),
    note="DLR_LH is judged against BI-RADS 4/5 where the cases have a category (column birads), else against pathology. "
    "Rows without more words use embedding and age.",
)
_ADVICE = ("advised", "malignant_of_these")
_LU_ADVICE = PaperTable(
    "Figure 6. Co-decision on BI-RADS 4A: low and benign advise 3, high and malignant advise an upgrade, else 4A stays",
    _ADVICE,
    (
        _row("Down to BI-RADS 3", "4A:down", "internal", _ADVICE, "27.7 (41/148)", "0 (0/41)"),
        _row("Kept at 4A", "4A:keep", "internal", _ADVICE, "54.1 (80/148)", "2.5 (2/80)"),
        _row("Up", "4A:up", "internal", _ADVICE, "18.2 (27/148)", "81.5 (22/27)"),
    ),
    note="Printed with the counts in brackets; the paper took all 4A lesions together, so do the figures here.",
)

_ZHOU = ("auc", "se", "sensitivity", "specificity", "youden")
_ZHOU_TABLE = PaperTable(
    "Table 1. Detection of the four lesion features by the model (AI)",
    _ZHOU,
    (
        _row("Mass", "type:mass", "internal", _ZHOU, "0.877 (0.843-0.906)", "0.018", "76.71", "98.66", "0.754"),
        _row("Calcification", "type:calcification", "internal", _ZHOU, "0.937 (0.910-0.958)", "0.012", "89.73", "97.68", "0.874"),
        _row("Asymmetric", "type:asymmetry", "internal", _ZHOU, "0.697 (0.652-0.740)", "0.038", "73.68", "65.76", "0.395"),
        _row("Distortion", "type:distortion", "internal", _ZHOU, "0.624 (0.577-0.669)", "0.065", "25", "99.77", "0.248"),
    ),
    note="The printed cut-off is Youden's J itself; the printed distortion row has sensitivity and specificity as in the table "
    "(its text says 99.77 and 25 the other way round).",
)

TABLES: Mapping[str, tuple[PaperTable, ...]] = {
    "bong2023": (_BONG_TABLE,),
    "kim2021": _KIM_TABLES,
    "liu2025": _LIU_TABLES,
    "lu2025": (_LU_TABLE, _LU_ADVICE),
    "zhou2023": (_ZHOU_TABLE,),
}

WARNING = (
    "NOT COMPARABLE: 'printed' figures are the paper's, on its own patients; 'here' are this program's on the cases named above."
)
