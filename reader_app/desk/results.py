"""From logs to numbers and files: the one place where reads and the reference standard meet."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
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
from reader_app.study.assessment import CASE_UNIT
from reader_app.study.protocol import AnalysisSpec, StudyDefinition
from reader_app.study.questions import key as answer_key


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
    kinds = aid_kinds(gathered)
    plans = list(gathered.plans.values())
    made = fromlog.from_reads(gathered.reads, plans, groups, _millimetres(gathered.folder), kinds)
    given = options or planned_options(gathered.folder.definition)
    given = replace(
        given,
        conditions=made.conditions,
        categories=made.categories,
        aids=made.aids,
        level=made.level,
        interim=bool(open_rounds),
        planned=planned(gathered.folder.definition.analysis),
    )
    marks = made.marks if "x_mm" in truth.columns else None
    table, embeddings, shown = _predictions(gathered.folder, kinds, made.level)
    results = analyze(
        made.reads,
        truth,
        marks=marks,
        predictions=table,
        options=given,
        clinical=_clinical(gathered),
        embeddings=embeddings,
        shown=shown,
    )
    return Analysed(gathered, results, made.reads, truth, bool(open_rounds), marks)


def planned(spec: AnalysisSpec) -> dict[str, Any]:
    """Return the options that a study decided on beforehand; empty where it decided nothing."""
    if spec == AnalysisSpec():
        return {}
    stated = {"endpoint": spec.endpoint, "alpha": spec.alpha, "margin": spec.margin, "match": spec.match}
    return stated | ({"overlap": spec.overlap} if spec.match == "iou" else {})


def planned_options(definition: StudyDefinition) -> Options:
    """Return the options of an analysis as the study planned it, the program's defaults for the rest."""
    spec = definition.analysis
    margin = spec.margin if spec.margin is not None and 0 < spec.margin < 1 else None
    return Options(
        positive_from=definition.assessment.positive_from,
        endpoint=spec.endpoint,
        alpha=spec.alpha,
        margin=margin,
        match=spec.match,
        overlap=spec.overlap,
    )


def aid_kinds(gathered: Gathered) -> dict[tuple[str, str], str]:
    """Return what was done to the aids on purpose, by model and case; empty where nothing was."""
    if gathered.kinds is None:
        return {}
    return {(model, case): own.kind for model, cases in gathered.kinds.sets.items() for case, own in cases.items()}


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


def _clinical(gathered: Gathered) -> Any:
    """Return what is known of the cases as text, for the tables of association: clinical variables and the readers' answers.

    Of an answer to a question about the whole case (a descriptor of the lexicon, an Adler grade ...) that counts which most
    readers gave in the first round in which they were asked, the alphabetically first of several; of numbers their median.
    """
    import pandas as pd

    folder = gathered.folder
    rows = {case.case_id: dict(case.clinical) for case in folder.cases}
    given: dict[tuple[str, str], dict[str, tuple[int, str]]] = {}
    for read in gathered.reads:
        for question in folder.definition.questions:
            values = read.answers.get(answer_key(question.question_id, CASE_UNIT), ())
            if values and question.kind != "text" and not read.training and not read.void and read.occurrence == 1:
                own = given.setdefault((read.case_id, question.text), {})
                own.setdefault(read.reader_id, (read.round_no, "; ".join(sorted(values))))
    for (case, name), answers in given.items():
        first = min(number for number, _ in answers.values())
        texts = [text for number, text in answers.values() if number == first]
        rows[case][name] = _middle(texts)
    return pd.DataFrame([{"case_id": case, **row} for case, row in rows.items()]).fillna("")


def _middle(texts: Sequence[str]) -> str:
    """Return the median of numbers, else the commonest text, the alphabetically first of several."""
    try:
        return f"{median(float(text) for text in texts):g}"
    except ValueError:
        count = Counter(texts)
        return min(count, key=lambda text: (-count[text], text))


Shown = dict[str, dict[str, tuple[float, str]]]


def _predictions(folder: StudyFolder, kinds: Mapping[tuple[str, str], str], level: str) -> tuple[Any, Embeddings, Shown]:
    """Return the predictions table of the outer interface (or None), the embeddings, and the calls that were shown.

    Sets of aids that were prepared on purpose are shown, but are no models. The stratum of a case, where the study names one, is
    the cohort that a model is also evaluated on by itself. Where breasts are judged, a model's probability of a breast is the
    highest score of its boxes in that breast's images.
    """
    import pandas as pd

    rows: list[Mapping[str, object]] = []
    embeddings: dict[str, dict[str, Any]] = {}
    shown: Shown = {}
    for model in folder.definition.models:
        for case in folder.cases:
            directory = folder.aid_dir(model.model_id)
            try:
                prediction = predictions.load(directory, case.case_id)
            except (ReaderAppError, FileNotFoundError):
                continue
            said = prediction.status in ("ok", "no_finding")
            kind = kinds.get((model.model_id, case.case_id), "true" if kinds else "")
            call = float(prediction.positive) if said else math.nan
            shown.setdefault(model.model_id, {})[case.case_id] = (call, kind)
            if model.of:
                continue
            if prediction.embedding is not None:
                embeddings.setdefault(model.model_id, {})[case.case_id] = prediction.embedding
            head = {"model_id": model.model_id, "case_id": case.case_id, "cohort": case.stratum}
            if said:
                rows.append({**head, "probability": prediction.probability, "call": int(prediction.positive), "laterality": ""})
            if said and level == "breast":
                rows += [{**head, **own} for own in _by_breast(folder, prediction)]
    return (pd.DataFrame(rows) if rows else None), embeddings, shown


def _by_breast(folder: StudyFolder, prediction: predictions.Prediction) -> list[dict[str, object]]:
    """Return probability and call of a model for each breast: those of its highest box there, 0 without any."""
    images = container.open_case(folder.container(prediction.case_id)).images
    side = {image.id: image.laterality for image in images}
    found = dict.fromkeys((own for own in ("R", "L") if own in side.values()), 0.0)
    for box in prediction.boxes:
        own = side.get(box.image_id, "")
        if own in found:
            found[own] = max(found[own], float(box.score))
    return [
        {"laterality": own, "probability": score, "call": int(score >= prediction.threshold and score > 0)}
        for own, score in found.items()
    ]


FORMATS: Sequence[str] = ("xlsx", "csv", "imrmc", "rjafroc", "ordbm", "redcap", "sr", "report")
