"""Running models over a study beforehand, so that no read ever waits for a network."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from reader_app import paths
from reader_app.ai import bundle as bundles
from reader_app.ai import external, program, results
from reader_app.ai.client import Worker
from reader_app.desk.progress import Cancelled, Progress, never, silent
from reader_app.errors import BundleError, Fault, ReaderAppError, StudyFileError
from reader_app.store.studyfolder import StudyFolder


@dataclass(frozen=True, slots=True)
class AidRun:
    """What one run of a model did; why it does not apply to some cases stands in ``reasons``, by case."""

    model_id: str
    computed: int
    current: int
    not_applicable: tuple[str, ...]
    device: str
    reasons: Mapping[str, str] = field(default_factory=dict)

    def why(self) -> list[str]:
        """Return each reason once, with its cases."""
        by: dict[str, list[str]] = {}
        for case_id, reason in self.reasons.items():
            by.setdefault(reason, []).append(case_id)
        return [f"{', '.join(cases)}: {reason}" for reason, cases in by.items()]


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
        "auto" (CUDA when present, else the CPU), "cpu", "cuda", or several ("cuda:0,cuda:1"): the cases are dealt out to them.

    Raises
    ------
    StudyFileError
        If the study is frozen or lists no such model.
    WorkerError
        If the worker process died or timed out; what was finished is kept.
    """
    bundle = bundles.load(find_bundle(model))
    folder = _open_for_aids(study, bundle.model_id)
    directory = folder.aid_dir(bundle.model_id)
    directory.mkdir(parents=True, exist_ok=True)
    wanted = [
        case
        for case in folder.cases
        if not _is_current(directory, case.case_id, case.fingerprint, bundle.sha256, clinical=case.clinical)
    ]
    if wanted:
        cases = [(case.case_id, folder.container(case.case_id), dict(case.clinical)) for case in wanted]
        used = _share_out(bundle, cases, directory, device.split(","), progress, cancelled)
    else:
        used = "none (all predictions are current)"
    reasons = {case.case_id: why for case in wanted if (why := _inapplicable(directory, case.case_id)) is not None}
    return AidRun(bundle.model_id, len(wanted), len(folder.cases) - len(wanted), tuple(reasons), used, reasons)


def _share_out(
    bundle: bundles.Bundle,
    cases: Sequence[tuple[str, Path, dict[str, str]]],
    directory: Path,
    devices: Sequence[str],
    progress: Progress,
    cancelled: Cancelled,
) -> str:
    """Run a model in one worker process a device, the cases dealt out in turn; return the devices in words.

    When one worker fails the others stop after the case at hand and its fault is raised.
    """
    done = [0] * len(devices)
    failed = threading.Event()

    def work(number: int) -> str:
        def tell(count: int, total: int, case_id: str) -> None:
            done[number] = count
            progress(sum(done), len(cases), case_id)

        def stop() -> bool:
            return failed.is_set() or cancelled()

        try:
            with Worker() as worker:
                share = cases[number :: len(devices)]
                return worker.run(bundle, share, directory, device=devices[number].strip(), progress=tell, cancelled=stop).device
        except BaseException:
            failed.set()
            raise

    if len(devices) == 1:
        return work(0)
    with ThreadPoolExecutor(len(devices), "device") as pool:
        return ", ".join(pool.map(work, range(len(devices))))


def run_program(
    study: Path, model_id: str, command: Sequence[str], threshold: float = 0.5, cancelled: Cancelled = never
) -> AidRun:
    """Predict every case of a study by a program outside; what the same program said of the same pixels is not asked again.

    Parameters
    ----------
    study : Path
        The study folder, not yet frozen.
    model_id : str
        One of the study's models.
    command : sequence of str
        The program and its own arguments; see `reader_app.ai.program`.
    threshold : float
        Operating point applied to its scores.

    Raises
    ------
    StudyFileError
        If the study is frozen or lists no such model.
    WorkerError, EnvironmentFault, InputFaults
        What went wrong with the program, in one sentence; then nothing is stored.
    """
    folder = _open_for_aids(study, model_id)
    directory = folder.aid_dir(model_id)
    name = program.identity(command)
    wanted = [c for c in folder.cases if not _is_current(directory, c.case_id, c.fingerprint, name, "program_sha256", threshold)]
    found = []
    if wanted:
        cases = [(case.case_id, folder.container(case.case_id), dict(case.clinical)) for case in wanted]
        found = program.run(command, model_id, cases, threshold, cancelled=cancelled)
    directory.mkdir(parents=True, exist_ok=True)
    for prediction in found:
        results.save(directory, prediction)
    reasons = {p.case_id: p.reason for p in found if p.status == "not_applicable"}
    current = len(folder.cases) - len(wanted)
    return AidRun(model_id, len(wanted), current, tuple(reasons), f"the program {command[0]}", reasons)


def _open_for_aids(study: Path, model_id: str) -> StudyFolder:
    """Open a study whose aids may still change and that names the model."""
    folder = StudyFolder.load(study)
    if folder.is_frozen:
        raise StudyFileError(
            [Fault(str(study), "the study is frozen and so are its aids", "make a new study to use another model")]
        )
    known = {m.model_id for m in folder.definition.models}
    if model_id not in known:
        what = f"the study names the models {', '.join(sorted(known)) or '(none)'}, not {model_id}"
        raise StudyFileError(
            [Fault(str(study / "study.toml"), what, "add a [[models]] entry with this id or run another bundle")]
        )
    return folder


def _is_current(
    directory: Path,
    case_id: str,
    fingerprint: str,
    made_by: str,
    key: str = "bundle_sha256",
    threshold: float | None = None,
    clinical: Mapping[str, str] | None = None,
) -> bool:
    if not (directory / f"{case_id}.json").exists():
        return False
    try:
        prediction = results.load(directory, case_id)
    except ReaderAppError:
        return False
    same = results.matches(prediction, fingerprint) and prediction.provenance.get(key) == made_by
    same = same and (clinical is None or results.same_clinical(prediction, clinical))
    return same and threshold in (None, prediction.threshold)


def _inapplicable(directory: Path, case_id: str) -> str | None:
    if not (directory / f"{case_id}.json").exists():
        return None
    found = results.load(directory, case_id)
    return found.reason if found.status == "not_applicable" else None


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
    folder = _open_for_aids(study, model_id)
    cases = {case.case_id: folder.container(case.case_id) for case in folder.cases}
    taken = external.read(list(files), model_id, cases, threshold, originals=list(originals))
    directory = folder.aid_dir(model_id)
    directory.mkdir(parents=True, exist_ok=True)
    for prediction in taken:
        results.save(directory, prediction)
    return len({prediction.case_id for prediction in taken})
