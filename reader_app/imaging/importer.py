"""Import: hospital files in, verified containers out, and a word about every file and every case.

Look at each file (in killable workers) -> group to cases -> decode (in workers) -> hang, place, check -> write the container.
Running it again keeps what is already there and unchanged, so a stopped import is simply started again.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from reader_app.errors import ImageError, TableError
from reader_app.imaging import casetable, container, grouping, pixeldecisions
from reader_app.imaging.assembly import Assembled, Decoded, assemble
from reader_app.imaging.caseimage import MODALITIES
from reader_app.imaging.grouping import Group, Source
from reader_app.imaging.importreport import CaseReport, FileReport, ImportReport, row_of
from reader_app.imaging.mammogram import GRID
from reader_app.imaging.planning import candidates_of, pieces_of
from reader_app.imaging.workers import Job, WorkerPool

#: Part of a container's identity: containers made by older rules are made anew.
RECIPE = 2

Progress = Callable[[int, int, str], None]
Cancelled = Callable[[], bool]

_INSPECT = "reader_app.imaging.jobs:inspect"


def import_sources(
    sources: Sequence[Path],
    images_dir: Path,
    table: Path | None = None,
    as_: str | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
    workers: int | None = None,
    columns: Mapping[str, str] | None = None,
    pool: WorkerPool | None = None,
    as_acquired: bool = False,
    required: Sequence[str] = GRID,
) -> ImportReport:
    """Import files and folders into ``images_dir``.

    Parameters
    ----------
    sources : sequence of Path
        Files and folders.
    images_dir : Path
        ``<study>/images``; made when needed.
    table : Path, optional
        Case table; then only files that it names are taken.
    as_ : str, optional
        "mammography", "abvs" or "ultrasound": what everything is taken for.
    dry_run : bool
        Look at headers and say what would happen; nothing is decoded or written.
    progress : callable(done, total, text), optional
        Files looked at, then cases done.
    cancelled : callable() -> bool, optional
        Asked often; a stopped import leaves only whole containers.
    workers : int, optional
        Decoder processes; default one for each processor.
    columns : mapping, optional
        Column of the table -> name of ours.
    pool : WorkerPool, optional
        Workers to use instead of own ones.
    as_acquired : bool
        Leave ABVS volumes of a curved probe as scan lines side by side instead of drawing them in their true shape.
    required : sequence of str
        The mammographic views without which an exam is incomplete.

    Returns
    -------
    ImportReport

    Raises
    ------
    TableError
        If the case table has faults; nothing was imported then.
    """
    tell: Progress = progress or (lambda done, total, text: None)
    stop: Cancelled = cancelled or (lambda: False)
    if as_ is not None and as_ not in MODALITIES:
        raise TableError(f"'{as_}' is no kind of examination; use one of {', '.join(MODALITIES)}")
    report = ImportReport()
    with contextlib.ExitStack() as stack:
        crew = pool or stack.enter_context(WorkerPool(workers))
        cases = None if table is None else casetable.read(Path(table), columns, lambda path: _sheet(crew, path))
        if cases is not None:
            report.notes += cases.notes
            report.reference_rows += cases.reference
        found, missing = grouping.find([Path(s) for s in sources], cases)
        known = _inspect(found, crew, report, tell, stop)
        secret = grouping.salt(images_dir, create=not dry_run)
        if dry_run and cases is None and not (images_dir.parent / grouping.SALT_FILE).is_file():
            report.notes.append("the case ids are provisional: pseudonyms are made by the first real import")
        groups = grouping.group(known, cases, secret, as_)
        decided = pixeldecisions.load(images_dir.parent)
        for own in groups:
            own.as_acquired, own.decided, own.told = as_acquired, decided, as_ is not None
            own.required = tuple(required)
        for source in known:
            if cases is not None and source.row is None:
                report.files.append(FileReport(source.shown, False, "", "is not named in the case table"))
        _add_missing(groups, missing)
        if not dry_run:
            scratch = Path(stack.enter_context(_scratch(images_dir)))
            _import_groups(groups, images_dir, scratch, crew, report, tell, stop, cases)
        else:
            for own in groups:
                _report_plan(own, report)
    report.cancelled = stop()
    report.cases.sort(key=lambda c: c.case_id)
    report.files.sort(key=lambda f: f.path)
    report.case_rows.sort(key=lambda r: r["case_id"])
    return report


@contextlib.contextmanager
def _scratch(images_dir: Path) -> Iterator[str]:
    images_dir.mkdir(parents=True, exist_ok=True)
    folder = tempfile.mkdtemp(prefix=".import.", dir=images_dir)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sheet(crew: WorkerPool, path: Path) -> list[list[str]]:
    try:
        rows: list[list[str]] = crew.call("reader_app.imaging.jobs:read_sheet", path.name, path=str(path))
    except ImageError as error:
        raise TableError(str(error)) from error
    return rows


def _inspect(found: Sequence[Source], crew: WorkerPool, report: ImportReport, tell: Progress, stop: Cancelled) -> list[Source]:
    """Look at every file; the ones that cannot be read are reported, the others returned in their order."""
    good: set[int] = set()
    jobs = (Job(i, _INSPECT, {"path": str(s.path)}, s.path.name) for i, s in enumerate(found))
    for done, answer in enumerate(crew.map(jobs, stop), start=1):
        source = found[answer.key]
        if answer.reason:
            report.files.append(FileReport(source.shown, False, source.row.case_id if source.row else "", answer.reason))
        else:
            source.kind, source.facts, source.sha256 = answer.value["kind"], answer.value["facts"], answer.value["sha256"]
            good.add(answer.key)
        tell(done, len(found), f"looking at {source.shown}")
    refused = {f.path: f.reason for f in report.files}
    for source in found:
        if source.row is not None and source.shown in refused:
            source.facts["refused"] = refused[source.shown]
    return [s for i, s in enumerate(found) if i in good or s.facts.get("refused")]


def _add_missing(groups: list[Group], missing: Sequence[tuple[str, str, str]]) -> None:
    by_id = {g.case_id: g for g in groups}
    for case_id, _, reason in missing:
        if case_id not in by_id:
            by_id[case_id] = Group(case_id, case_id, "", named=True)
            groups.append(by_id[case_id])
        by_id[case_id].faults.append(reason)
    groups.sort(key=lambda g: g.case_id)


def _report_plan(own: Group, report: ImportReport) -> None:
    plan = pieces_of(own)
    if not own.modality and not own.named:
        _report_files(own, plan.refused, report, "")
        return
    faults, (candidates, priors) = [*own.faults, *plan.faults], candidates_of(plan)
    if candidates:
        choice = plan.choice(candidates, priors)
        faults += choice.faults
        plan.notes += choice.notes
    status = "refused" if not plan.pieces else "incomplete" if faults else "complete"
    good = sum(len(p.sources) for p in plan.pieces)
    report.cases.append(CaseReport(own.case_id, own.modality, status, good, faults, [*own.notes, *plan.notes]))
    _report_files(own, plan.refused, report, own.case_id)


def _report_files(own: Group, refused: Mapping[int, str], report: ImportReport, case_id: str) -> None:
    told = {f.path for f in report.files}
    for source in own.sources:
        if source.shown not in told:
            reason = refused.get(id(source), "")
            report.files.append(FileReport(source.shown, not reason, case_id, reason))


def _import_groups(
    groups: Sequence[Group],
    images_dir: Path,
    scratch: Path,
    crew: WorkerPool,
    report: ImportReport,
    tell: Progress,
    stop: Cancelled,
    cases: casetable.CaseTable | None,
) -> None:
    """Decode in workers, assemble in two threads (hashing and writing free the interpreter lock), case after case."""
    done = 0
    waiting: dict[Future[Assembled], Group] = {}

    def finish(future: Future[Assembled], own: Group) -> None:
        nonlocal done
        done += 1
        _report_case(own, future.result(), report, cases)
        tell(done, len(groups), f"case {own.case_id}")

    with ThreadPoolExecutor(2, "assemble") as threads:
        for own, decoded in _decode_all(groups, images_dir, scratch, crew, stop):
            waiting[threads.submit(_finish_case, own, decoded, images_dir)] = own
            for future in [f for f in waiting if f.done()] if len(waiting) < 3 else list(waiting):
                finish(future, waiting.pop(future))
        for future, own in waiting.items():
            finish(future, own)


def _decode_all(
    groups: Sequence[Group], images_dir: Path, scratch: Path, crew: WorkerPool, stop: Cancelled
) -> Iterator[tuple[Group, Decoded]]:
    """Yield each group with its decoded pieces as soon as its last piece is there."""
    open_groups: dict[int, tuple[Group, Decoded]] = {}
    at_once: list[tuple[Group, Decoded]] = []

    def jobs() -> Iterator[Job]:
        for number, own in enumerate(groups):
            decoded = Decoded(pieces_of(own), scratch / f"{number}")
            if _is_there(own, decoded, images_dir):
                decoded.kept = True
            if decoded.kept or not decoded.plan.pieces:
                at_once.append((own, decoded))
                continue
            decoded.folder.mkdir()
            open_groups[number] = (own, decoded)
            for index, piece in enumerate(decoded.plan.pieces):
                yield Job((number, index), *piece.job(decoded.folder / f"{index}.npy"), piece.name)

    for answer in crew.map(jobs(), stop):
        number, index = answer.key
        own, decoded = open_groups[number]
        decoded.answers[index] = answer
        if len(decoded.answers) == len(decoded.plan.pieces):
            del open_groups[number]
            yield own, decoded
        while at_once:
            yield at_once.pop()
    yield from at_once


def _hashes(own: Group) -> list[str]:
    return sorted(s.sha256 for s in own.sources if s.sha256)


def _is_there(own: Group, decoded: Decoded, images_dir: Path) -> bool:
    """Whether a sound container of exactly these files, made by these rules, is already there."""
    folder = images_dir / own.case_id
    if not (folder / container.MANIFEST).is_file():
        return False
    try:
        case = container.open_case(folder)
    except ImageError:
        return False
    same = case.source.get("hashes") == _hashes(own) and case.source.get("recipe") == decoded.plan.recipe(RECIPE)
    same = same and case.source.get("decided", []) == own.decisions
    return same and not container.verify(folder)


def _finish_case(own: Group, decoded: Decoded, images_dir: Path) -> Assembled:
    try:
        if decoded.kept:
            kept = Assembled.kept_case(decoded, container.open_case(images_dir / own.case_id))
            kept.notes, kept.faults = _named(kept.notes, own), _named(kept.faults, own)
            return kept
        result = assemble(own, decoded)
        if result.images:
            source = {
                "kinds": sorted({s.kind for s in own.sources if s.kind}),
                "notes": _nameless(result.notes, own),
                "faults": _nameless(result.faults, own),
                "hashes": _hashes(own),
                "origins": result.origins,
                "recipe": decoded.plan.recipe(RECIPE),
                "decided": own.decisions,
                "blinding": result.blinding,
            }
            try:
                result.fingerprint = container.write(images_dir / own.case_id, own.case_id, own.modality, result.images, source)
            except ImageError as error:
                result.images = []
                result.faults.append(str(error))
            result.breasts = "".join(side for side in "RL" if any(i.laterality == side for i in result.images))
            result.images = []
        return result
    finally:
        shutil.rmtree(decoded.folder, ignore_errors=True)


def _nameless(texts: Sequence[str], own: Group) -> list[str]:
    """Return texts with every source file's name replaced by its number: names of files can tell who and what."""
    names = sorted(((s.path.name, n) for n, s in enumerate(own.sources, start=1)), key=lambda pair: -len(pair[0]))
    result = []
    for text in texts:
        for name, number in names:
            text = text.replace(name, f"<file {number}>")
        result.append(text)
    return result


def _named(texts: Sequence[str], own: Group) -> list[str]:
    """Return what `_nameless` was given, for the coordinator's report of the same files."""
    result = []
    for text in texts:
        for number, source in enumerate(own.sources, start=1):
            text = text.replace(f"<file {number}>", source.path.name)
        result.append(text)
    return result


def _report_case(own: Group, result: Assembled, report: ImportReport, cases: casetable.CaseTable | None) -> None:
    if not own.modality and not own.named:  # files that are no breast images are no case
        _report_files(own, result.refused, report, "")
        return
    faults = [*own.faults, *result.faults]
    status = "refused" if not result.fingerprint else "incomplete" if faults else "complete"
    report.cases.append(
        CaseReport(
            own.case_id, own.modality, status, result.files, faults, [*own.notes, *result.notes], result.kept, result.blinding
        )
    )
    _report_files(own, result.refused, report, own.case_id)
    clinical = cases.clinical.get(own.case_id, {}) if cases is not None else {}
    row = row_of(own.case_id, own.modality, result.breasts, result.fingerprint, clinical)
    if status == "complete":
        report.case_rows.append(row)
    elif status == "incomplete":
        report.incomplete_rows.append(row)


__all__ = ["ImportReport", "import_sources"]
