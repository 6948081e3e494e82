"""Running models over a study beforehand, so that no read ever waits for a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reader_app import paths
from reader_app.ai import bundle as bundles
from reader_app.ai import external, results
from reader_app.ai.client import Worker
from reader_app.desk.progress import Cancelled, Progress, never, silent
from reader_app.errors import BundleError, Fault, ReaderAppError, StudyFileError
from reader_app.store.studyfolder import StudyFolder


@dataclass(frozen=True, slots=True)
class AidRun:
    """What one run of a model did."""

    model_id: str
    computed: int
    current: int
    not_applicable: tuple[str, ...]
    device: str


def find_bundle(model: str) -> Path:
    """Return the folder of a model bundle: a path, or the name of one that ships with the program.

    Raises
    ------
    BundleError
        If there is neither.
    """
    own = Path(model)
    if (own / "manifest.json").exists():
        return own
    shipped = paths.resource("bundles") / model
    if (shipped / "manifest.json").exists():
        return shipped
    raise BundleError(f"{model}: there is no model bundle of that name or path; a bundle is a folder with a manifest.json")


def run_model(study: Path, model: str, device: str = "auto", progress: Progress = silent, cancelled: Cancelled = never) -> AidRun:
    """Predict every case of a study with one model, in a process of its own; what is current is not computed again.

    Parameters
    ----------
    study : Path
        The study folder, not yet frozen.
    model : str
        Path of a bundle, or the name of one that ships with the program.
    device : str
        "auto" (CUDA when present, else the CPU), "cpu" or "cuda".

    Raises
    ------
    StudyFileError
        If the study is frozen or lists no such model.
    WorkerError
        If the worker process died or timed out; what was finished is kept.
    """
    folder = StudyFolder.load(study)
    if folder.is_frozen:
        raise StudyFileError(
            [Fault(str(study), "the study is frozen and so are its aids", "make a new study to use another model")]
        )
    bundle_path = find_bundle(model)
    bundle = bundles.load(bundle_path)
    known = {m.model_id for m in folder.definition.models}
    if bundle.model_id not in known:
        what = f"the study names the models {', '.join(sorted(known)) or '(none)'}, not {bundle.model_id}"
        raise StudyFileError(
            [Fault(str(study / "study.toml"), what, "add a [[models]] entry with this id or run another bundle")]
        )
    directory = folder.aid_dir(bundle.model_id)
    directory.mkdir(parents=True, exist_ok=True)
    wanted = [case for case in folder.cases if not _is_current(directory, case.case_id, case.fingerprint, bundle.sha256)]
    if wanted:
        cases = [(case.case_id, folder.container(case.case_id), dict(case.clinical)) for case in wanted]
        with Worker() as worker:
            used = worker.run(bundle, cases, directory, device=device, progress=progress, cancelled=cancelled).device
    else:
        used = "none (all predictions are current)"
    skipped = tuple(case.case_id for case in wanted if _status(directory, case.case_id) == "not_applicable")
    return AidRun(bundle.model_id, len(wanted), len(folder.cases) - len(wanted), skipped, used)


def _is_current(directory: Path, case_id: str, fingerprint: str, bundle_sha256: str) -> bool:
    if not (directory / f"{case_id}.json").exists():
        return False
    try:
        prediction = results.load(directory, case_id)
    except ReaderAppError:
        return False
    return results.matches(prediction, fingerprint) and prediction.provenance.get("bundle_sha256") == bundle_sha256


def _status(directory: Path, case_id: str) -> str:
    return results.load(directory, case_id).status if (directory / f"{case_id}.json").exists() else "missing"


def import_predictions(
    study: Path, model_id: str, files: Sequence[Path], threshold: float = 0.5, originals: Sequence[Path] = ()
) -> int:
    """Take predictions made elsewhere (tables, CAD and measurement reports, segmentations, maps) as those of one model.

    All files are read before the first prediction is stored, so that a fault leaves the aids as they were.

    Parameters
    ----------
    study : Path
        The study folder, not yet frozen.
    model_id : str
        One of the study's models.
    files : sequence of Path
        What was made elsewhere; see `reader_app.ai.external`.
    threshold : float
        Operating point applied to probabilities.
    originals : sequence of Path
        The imported DICOM files or their folders, for results that name images by UIDs.

    Returns
    -------
    int
        The number of cases with a prediction.
    """
    folder = StudyFolder.load(study)
    if folder.is_frozen:
        raise StudyFileError(
            [Fault(str(study), "the study is frozen and so are its aids", "make a new study to use another model")]
        )
    if model_id not in {m.model_id for m in folder.definition.models}:
        raise StudyFileError(
            [Fault(str(study / "study.toml"), f"names no model {model_id}", "add a [[models]] entry with this id")]
        )
    cases = {case.case_id: folder.container(case.case_id) for case in folder.cases}
    taken = external.read(list(files), model_id, cases, threshold, originals=list(originals))
    directory = folder.aid_dir(model_id)
    directory.mkdir(parents=True, exist_ok=True)
    for prediction in taken:
        results.save(directory, prediction)
    return len({prediction.case_id for prediction in taken})
