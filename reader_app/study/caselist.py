"""The cases of a study. No truth in it, by type: there is no field that could hold it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: Columns of ``cases.csv`` with a meaning of their own; every other column is a clinical variable shown to readers.
OWN_COLUMNS: tuple[str, ...] = ("case_id", "modality", "breasts", "stratum", "fingerprint")

#: Columns that would unblind a reader; their presence in ``cases.csv`` is refused.
FORBIDDEN_COLUMNS: frozenset[str] = frozenset(
    {
        "malignant", "lesion_id", "lesion_type", "pathology", "truth", "reference", "label", "x_mm", "y_mm", "z_mm", "radius_mm",
        "patient_id",
    }
)  # fmt: skip

MODALITIES: tuple[str, ...] = ("mammography", "abvs", "ultrasound")


@dataclass(frozen=True, slots=True)
class CaseEntry:
    """One case as a reader meets it.

    Attributes
    ----------
    case_id : str
        Pseudonym; also the folder name of its container.
    modality : str
        One of :data:`MODALITIES`.
    breasts : tuple of str
        The breasts shown: ("R",), ("L",) or ("R", "L"); empty when unknown.
    stratum : str
        For subsets of a round; never shown to a reader.
    fingerprint : str
        SHA-256 of the container's pixels, as its manifest states it; empty before import.
    clinical : mapping of str to str
        Clinical variables shown beside the images (age, family_history, ...), as text.
    """

    case_id: str
    modality: str
    breasts: tuple[str, ...] = ()
    stratum: str = ""
    fingerprint: str = ""
    clinical: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reader:
    """One radiologist of the study, by pseudonym."""

    reader_id: str
    group: str = ""
    arm: str = ""
