"""The reference standard: the only module that reads ``reference_standard.csv``.

One row a lesion (or a lesion in one view), or one row for a case or breast without a lesion. A case is malignant if any of its
lesions is; likewise a breast.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from reader_app.analysis.columns import ColumnReader
from reader_app.analysis.tables import Checked, TableSource, load_table
from reader_app.errors import Fault, TableError

COLUMNS = (
    "case_id", "malignant", "lesion_id", "laterality", "lesion_type", "view", "image_id",
    "x_mm", "y_mm", "z_mm", "radius_mm", "width_mm", "height_mm", "depth_mm", "patient_id",
)  # fmt: skip


@dataclass(frozen=True)
class Reference:
    """The truth about every case.

    Attributes
    ----------
    frame : DataFrame
        One row as given: the columns of :data:`COLUMNS` typed, every other column as text (strata).
    name, sha256 : str
        Where it came from.
    """

    frame: pd.DataFrame
    name: str
    sha256: str

    @property
    def case_ids(self) -> list[str]:
        """Case ids in the order of the table."""
        return [str(c) for c in pd.unique(self.frame["case_id"])]

    @property
    def lesion_types(self) -> list[str]:
        """Lesion types named, in alphabetical order."""
        return sorted(str(t) for t in pd.unique(self.frame["lesion_type"]) if t != "")

    def cases(self, lesion_type: str | None = None) -> pd.Series:
        """Return malignancy by case (bool, indexed by case_id); with a type, whether a malignant lesion of that type is there."""
        malignant = self._malignant(lesion_type)
        return malignant.groupby(self.frame["case_id"], sort=False).any()

    def breasts(self, lesion_type: str | None = None) -> dict[tuple[str, str], bool]:
        """Return malignancy by (case_id, laterality) for both breasts of every case.

        Raises
        ------
        TableError
            If a malignant row names no laterality.
        """
        malignant = self._malignant(lesion_type)
        lost = self.frame.index[malignant.to_numpy() & (self.frame["laterality"] == "").to_numpy()]
        if len(lost):
            raise TableError(
                [Fault(f"{self.name}, row {lost[0]}, column laterality", "a malignant lesion names no breast", "write R or L")]
            )
        found = set(zip(self.frame.loc[malignant, "case_id"], self.frame.loc[malignant, "laterality"], strict=True))
        return {(case, side): (case, side) in found for case in self.case_ids for side in ("R", "L")}

    def lesions(self, lesion_type: str | None = None) -> dict[tuple[str, str], bool]:
        """Return malignancy by (case_id, lesion_id); with a type, only lesions of that type."""
        rows = self.frame[self.frame["lesion_id"] != ""]
        if lesion_type is not None:
            rows = rows[rows["lesion_type"] == lesion_type]
        keys = zip(rows["case_id"], rows["lesion_id"], strict=True)
        return {key: bool(value) for key, value in zip(keys, rows["malignant"], strict=True)}

    def names(self, column: str) -> bool:
        """Return whether a column is there and filled in somewhere."""
        return column in self.frame.columns and bool((self.frame[column] != "").any())

    def cluster(self, column: str, level: str = "case") -> dict[str, str]:
        """Return the cluster of each case; where breasts or lesions are analysed and no column names it, the case itself.

        Raises
        ------
        TableError
            If the column is missing, blank somewhere, or differs within a case.
        """
        if not self.names(column):
            if level != "case":
                return {case: case for case in self.case_ids}
            raise TableError([Fault(f"{self.name}, row 1", f"column {column} is missing", "add it or leave out --cluster")])
        pairs = self.frame[["case_id", column]].drop_duplicates()
        blank = self.frame.index[(self.frame[column] == "").to_numpy()]
        if len(blank):
            raise TableError([Fault(f"{self.name}, row {blank[0]}, column {column}", "is blank", "fill it in")])
        double = pairs["case_id"][pairs["case_id"].duplicated()]
        if len(double):
            raise TableError([Fault(self.name, f"case {double.iloc[0]} has several values of {column}", "keep one")])
        return {str(case): str(value) for case, value in zip(pairs["case_id"], pairs[column], strict=True)}

    def targets(self) -> pd.DataFrame:
        """Return the malignant lesions, one row a view, with positions; a malignant case without lesion_id has one lesion."""
        rows = self.frame[self.frame["malignant"]].copy()
        rows["lesion_id"] = np.where(rows["lesion_id"] == "", "lesion", rows["lesion_id"])
        return rows

    def _malignant(self, lesion_type: str | None) -> pd.Series:
        malignant = self.frame["malignant"]
        return malignant if lesion_type is None else malignant & (self.frame["lesion_type"] == lesion_type)


def load(source: TableSource, name: str = "reference") -> Reference:
    """Read and check a reference standard.

    Raises
    ------
    TableError
        Listing every fault with its row and column.
    """
    table = load_table(source, name)
    check = ColumnReader(table)
    check.require(("case_id", "malignant"))
    columns: dict[str, pd.Series] = {
        "case_id": check.text("case_id", needed=True),
        "malignant": check.binary("malignant", needed=True) == 1,
        "lesion_id": check.text("lesion_id"),
        "laterality": check.side(),
        "lesion_type": check.text("lesion_type"),
        "view": check.text("view"),
        "image_id": check.text("image_id"),
        "x_mm": check.number("x_mm"),
        "y_mm": check.number("y_mm"),
        "z_mm": check.number("z_mm"),
        "radius_mm": check.number("radius_mm", low=0, open_low=True),
        **{name: check.number(name, low=0, open_low=True) for name in ("width_mm", "height_mm", "depth_mm")},
        "patient_id": check.text("patient_id"),
    }
    for extra in table.frame.columns:
        if extra not in columns:
            columns[extra] = check.text(extra)
    frame = pd.DataFrame(columns)
    keys = ("case_id", "lesion_id", "laterality", "lesion_type", "view", "image_id")
    check.unique(keys, frame, "this lesion or case")
    _consistent(check, frame)
    if len(frame) == 0:
        check.faults.append(Fault(table.name, "holds no cases", "give at least one row"))
    check.finish()
    return Reference(frame, table.name, table.sha256)


def _consistent(check: ColumnReader, frame: pd.DataFrame) -> None:
    lesions = frame[frame["lesion_id"] != ""]
    for column in ("malignant", "lesion_type"):
        first: dict[tuple[str, str], tuple[int, object]] = {}
        for row, case, lesion, value in zip(
            lesions.index, lesions["case_id"], lesions["lesion_id"], lesions[column], strict=True
        ):
            seen = first.setdefault((case, lesion), (int(row), value))
            if seen[1] != value:
                check.fault(int(row), column, f"lesion {lesion} of case {case} differs from row {seen[0]}", "make them agree")
    mixed = set(lesions["case_id"])
    bare = frame[(frame["lesion_id"] == "") & frame["case_id"].isin(mixed)]
    truth = lesions.groupby("case_id", sort=False)["malignant"].any()
    for row, case, value in zip(bare.index, bare["case_id"], bare["malignant"], strict=True):
        if bool(value) and not bool(truth[case]):
            check.fault(int(row), "malignant", f"case {case} is malignant here but none of its lesions is", "make them agree")


def checked(reference: Reference) -> Checked:
    """Return the reference as a checked table (for the record of inputs)."""
    return Checked(reference.frame, reference.name, reference.sha256)
