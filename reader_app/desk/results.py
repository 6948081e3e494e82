"""From logs to numbers and files: the one place where reads and the reference standard meet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reader_app.ai import results as predictions
from reader_app.analysis import fromlog, tables
from reader_app.analysis.analyze import analyze
from reader_app.analysis.options import Options
from reader_app.analysis.sections.features import Embeddings
from reader_app.desk.gathering import Gathered, gather
from reader_app.desk.importing import REFERENCE
from reader_app.errors import Fault, InputFaults, ReaderAppError
from reader_app.imaging import container, geometry
from reader_app.store.studyfolder import StudyFolder


@dataclass(frozen=True, slots=True)
class Analysed:
    """A study's reads with their statistics.

    Attributes
    ----------
    gathered : Gathered
    results : dict
        The JSON document of ``analyze --json`` (schema 1).
    reads : DataFrame
        The reads table of the outer interface.
    reference : DataFrame
        The reference table of the outer interface.
    interim : bool
        Whether some round of some reader was still open.
    marks : DataFrame or None
        Marks in millimetres, where the reference standard has positions.
    """

    gathered: Gathered
    results: dict[str, Any]
    reads: Any
    reference: Any
    interim: bool
    marks: Any = None


def analyse(study: Path, options: Options | None = None, interim: bool = False) -> Analysed:
    """Join the reads of a study with its reference standard and compute everything.

    Raises
    ------
    InputFaults
        If rounds are still open and ``interim`` is not set, nothing was read, or the reference standard is missing.
    """
    gathered = gather(study)
    if not gathered.reads:
        raise InputFaults([Fault(str(study), "nothing has been read yet", "read some cases, or merge the workstations' logs")])
    open_rounds = gathered.unfinished()
    if open_rounds and not interim:
        some = ", ".join(f"{reader} round {number}" for reader, number in open_rounds[:6])
        more = f" and {len(open_rounds) - 6} more" if len(open_rounds) > 6 else ""
        what = f"rounds are not finished: {some}{more}"
        raise InputFaults([Fault(str(study), what, "finish them, or say --interim, which is printed on every result")])
    path = study / REFERENCE
    if not path.exists():
        raise InputFaults([Fault(str(path), "there is no reference standard", "import it with the case table")])
    truth = tables.load_table(path, REFERENCE).frame
    groups = {reader.reader_id: reader.group for reader in gathered.folder.readers}
    made = fromlog.from_reads(gathered.reads, list(gathered.plans.values()), groups, _millimetres(gathered.folder))
    given = options or Options(positive_from=made.positive_from)
    given = replace(
        given, conditions=made.conditions, categories=made.categories, aids=made.aids, level=made.level, interim=bool(open_rounds)
    )
    marks = made.marks if "x_mm" in truth.columns else None
    table, embeddings = _predictions(gathered.folder)
    clinical = _clinical(gathered.folder)
    results = analyze(made.reads, truth, marks=marks, predictions=table, options=given, clinical=clinical, embeddings=embeddings)
    return Analysed(gathered, results, made.reads, truth, bool(open_rounds), marks)


def _millimetres(folder: StudyFolder) -> fromlog.ToMillimetres:
    """Return how a mark's index becomes millimetres: patient LPS in volumes, from the first stored pixel in images."""
    opened: dict[str, container.OpenCase] = {}

    def convert(case_id: str, image_id: str, index: tuple[float, ...]) -> tuple[float, float, float | None]:
        if case_id not in opened:
            opened[case_id] = container.open_case(folder.container(case_id))
        image = next(i for i in opened[case_id].images if i.id == image_id)
        if image.affine is not None and len(index) == 3:
            x, y, z = geometry.to_mm(image.affine, index)
            return float(x), float(y), float(z)
        spacing = image.spacing_mm or (1.0,) * len(index)
        return index[-1] * spacing[-1], index[-2] * spacing[-2], None

    return convert


def _clinical(folder: StudyFolder) -> Any:
    """Return the clinical variables of the cases as text, for the tables of association."""
    import pandas as pd

    return pd.DataFrame([{"case_id": case.case_id, **case.clinical} for case in folder.cases]).fillna("")


def _predictions(folder: StudyFolder) -> tuple[Any, Embeddings]:
    """Return the models' stored probabilities as the predictions table of the outer interface (or None), and the embeddings.

    The stratum of a case, where the study names one, is the cohort that a model is also evaluated on by itself.
    """
    import pandas as pd

    rows: list[Mapping[str, object]] = []
    embeddings: dict[str, dict[str, Any]] = {}
    for model in folder.definition.models:
        for case in folder.cases:
            directory = folder.aid_dir(model.model_id)
            try:
                prediction = predictions.load(directory, case.case_id)
            except (ReaderAppError, FileNotFoundError):
                continue
            if prediction.embedding is not None:
                embeddings.setdefault(model.model_id, {})[case.case_id] = prediction.embedding
            if prediction.status in ("ok", "no_finding"):
                rows.append(
                    {
                        "model_id": model.model_id,
                        "case_id": case.case_id,
                        "probability": prediction.probability,
                        "call": int(prediction.positive),
                        "cohort": case.stratum,
                    }
                )
    return (pd.DataFrame(rows) if rows else None), embeddings


FORMATS: Sequence[str] = ("xlsx", "csv", "imrmc", "rjafroc", "ordbm", "redcap", "sr", "report")
