"""Files for other programs: iMRMC, RJafroc, OR-DBM MRMC / MRMCaov, REDCap, DICOM SR. Each is read back by its own rules.

A key file stands beside every format that cannot hold our words: it says which short id stands for what.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from reader_app.errors import Fault, InputFaults
from reader_app.export.content import WorkbookContent
from reader_app.export.interchange.ratings import from_tables

if TYPE_CHECKING:
    import pandas as pd

FORMATS: tuple[str, ...] = ("imrmc", "rjafroc", "ordbm", "redcap", "sr")


def write(
    name: str,
    out: Path,
    study_id: str,
    reads: pd.DataFrame,
    reference: pd.DataFrame,
    content: WorkbookContent,
    marks: pd.DataFrame | None = None,
) -> list[Path]:
    """Write one format.

    Parameters
    ----------
    name : str
        One of :data:`FORMATS`.
    out : Path
        Existing folder.
    study_id : str
        Begins the file names.
    reads, reference : DataFrame
        Tables of the outer interface of ``analyze``.
    content : WorkbookContent
        For the formats that hold whole reads (redcap, sr).
    marks : DataFrame, optional
        Table of marks with positions; RJafroc then gets a second workbook of paradigm FROC.

    Returns
    -------
    list of Path
        The files, each read back by the rules of its format.

    Raises
    ------
    InputFaults
        If the study cannot be said in this format, with the reason.
    EnvironmentFault
        If a file cannot be written.
    """
    from reader_app.export.interchange import imrmc, ordbm, redcap, rjafroc, sr

    table_formats: dict[str, Callable[..., list[Path]]] = {"imrmc": imrmc.write, "rjafroc": rjafroc.write, "ordbm": ordbm.write}
    if name in table_formats:
        options = content.options()
        order = (content.analysis or {}).get("input", {}).get("conditions") or ()
        level = str(options.get("level") or "case")
        zero = {"zero": str(options.get("zero") or "error"), "positive_from": content.positive_from()}
        written = table_formats[name](out, study_id, from_tables(reads, reference, order, level, **zero), content)
        if name == "rjafroc" and marks is not None and len(marks):
            cases = from_tables(reads, reference, order, **zero)
            written += rjafroc.write_froc(out, study_id, cases, content, (marks, reference, reads))
        return written
    if name == "redcap":
        return redcap.write(out, study_id, content)
    if name == "sr":
        return sr.write(out / f"{study_id}-sr", content)
    raise InputFaults([Fault("--to", f"there is no format '{name}'", f"choose among {', '.join(FORMATS)}")])
