"""Brings cases into memory before they are needed: the due one, then the next ones of the round. Newest request wins.

On the loader's thread each array file is read in pieces of 1 MB, hashed against the manifest, and its memory map is touched page
by page, so that a case that is shown is proven to be the imported one and its first paint waits for no disk. The aid of a case
is opened only in a round that shows it; the reference standard is never opened.
"""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from reader_app.errors import BundleError, ImageError, ReaderAppError
from reader_app.imaging import container, hanging
from reader_app.imaging.caseimage import OpenCase
from reader_app.reading.tasks import Executor, MainThread, deliver
from reader_app.store.studyfolder import StudyFolder
from reader_app.study.assignment import Plan
from reader_app.study.caselist import CaseEntry
from reader_app.study.definition import Condition
from reader_app.study.session import SessionState

if TYPE_CHECKING:
    from reader_app.ai.results import Prediction

_CHUNK = 1 << 20
#: Cases loaded ahead of the due one, and the memory beyond which no further one is begun.
AHEAD = 2
BUDGET_BYTES = 1_500_000_000

#: Round, case, and which of its readings in the round (1, 2 ...).
Key = tuple[int, str, int]


@dataclass(frozen=True, slots=True, eq=False)
class LoadedCase:
    """A case in memory, verified.

    Attributes
    ----------
    aid : Prediction or None
        None in a round without aid, whatever lies on the disk.
    hanging : HangingProtocol or None
        The study's own hanging of this kind of examination, where it has one.
    """

    case: CaseEntry
    images: OpenCase
    aid: Prediction | None
    round_no: int
    hanging: hanging.HangingProtocol | None = None


class _Cancelled(Exception):
    """The case is no longer wanted."""


def shown_model(plan: Plan, round_no: int) -> str | None:
    """Return the model whose aid a round shows; None in an unaided round, also where the other arm has an aid in it."""
    entry = plan.round(round_no)
    return None if entry.condition is Condition.UNAIDED else entry.aid


class CaseFeed:
    """Loads cases for one session. All methods and callbacks belong to the window's thread.

    Parameters
    ----------
    folder : StudyFolder
    plan : Plan
    executor : Executor
        The loader's thread.
    main_thread : MainThread
    on_loaded : callable (LoadedCase)
        The due case is in memory; called once for each case that becomes due.
    on_failed : callable (CaseEntry, ReaderAppError)
        The due case cannot be loaded: stop, show the text, call the coordinator.
    ahead : int
        How many cases are loaded beyond the due one.
    """

    def __init__(
        self,
        folder: StudyFolder,
        plan: Plan,
        executor: Executor,
        main_thread: MainThread,
        on_loaded: Callable[[LoadedCase], None] | None = None,
        on_failed: Callable[[CaseEntry, ReaderAppError], None] | None = None,
        ahead: int = AHEAD,
        budget_bytes: int = BUDGET_BYTES,
    ) -> None:
        self.on_loaded = on_loaded or _nothing
        self.on_failed = on_failed or _nothing
        self._folder = folder
        self._plan = plan
        self._executor = executor
        self._main_thread = main_thread
        self._ahead = ahead
        self._budget = budget_bytes
        self._entries = {case.case_id: case for case in folder.cases}
        self._wanted: tuple[Key, ...] = ()  # the due case first; read by the loader's thread, replaced whole
        self._ready: dict[Key, LoadedCase] = {}
        self._failed: set[Key] = set()
        self._delivered: Key | None = None
        self._loading = False
        self._pumping = False
        self._closed = False

    def follow(self, state: SessionState) -> None:
        """Say where the session stands: what is due is loaded and delivered, what comes next is loaded ahead."""
        if state.round_no is None:
            self._want(())
            return
        order, here = state.case_order, state.index
        if state.feedback is not None:  # the case just read stays until its reference has been told
            here = max(0, here - 1)
        places = range(here, min(here + 1 + self._ahead, len(order)))
        self._want(tuple((state.round_no, order[at], order[: at + 1].count(order[at])) for at in places))

    def ready(self, round_no: int, case_id: str) -> LoadedCase | None:
        """Return a case if it is in memory, for whichever of its readings in the round."""
        return next((own for key, own in self._ready.items() if key[:2] == (round_no, case_id)), None)

    def again(self) -> None:
        """Try the due case once more after it failed."""
        self._failed.clear()
        self._pump()

    def close(self) -> None:
        """Drop everything; nothing is delivered any more."""
        self._closed = True
        self._wanted = ()
        self._ready.clear()

    def _want(self, wanted: tuple[Key, ...]) -> None:
        if wanted[:1] != self._wanted[:1]:
            self._delivered = None
            self._failed.clear()
        self._wanted = wanted
        self._ready = {key: own for key, own in self._ready.items() if key in wanted}
        self._pump()

    def _pump(self) -> None:
        """Deliver the due case if it is there and start the next load, until there is nothing to do."""
        if self._pumping:
            return
        self._pumping = True
        try:
            while not self._closed and (self._deliver() or self._start()):
                pass
        finally:
            self._pumping = False

    def _deliver(self) -> bool:
        due = self._wanted[0] if self._wanted else None
        if due is None or due == self._delivered or due not in self._ready:
            return False
        self._delivered = due
        self.on_loaded(self._ready[due])
        return True

    def _start(self) -> bool:
        if self._loading:
            return False
        held = sum(own.images.nbytes for own in self._ready.values())
        for position, key in enumerate(self._wanted):
            if key in self._ready or key in self._failed:
                continue
            if position and held > self._budget:
                return False
            self._loading = True
            future = self._executor.submit(self._load, key)
            deliver(future, self._main_thread, lambda done, key=key: self._loaded(key, done))  # type: ignore[misc]
            return not self._loading
        return False

    def _loaded(self, key: Key, done: Future[LoadedCase]) -> None:
        self._loading = False
        if self._closed:
            return
        error = done.exception()
        if error is None and key in self._wanted:
            self._ready[key] = done.result()
        elif error is not None and not isinstance(error, _Cancelled) and key in self._wanted:
            self._fail(key, error)
        self._pump()

    def _fail(self, key: Key, error: BaseException) -> None:
        """Report the due case; a case ahead is tried again when it is due."""
        self._failed.add(key)
        if key == self._wanted[0]:
            fault = error if isinstance(error, ReaderAppError) else ImageError(f"case {key[1]} cannot be loaded ({error!r})")
            self.on_failed(self._entries[key[1]], fault)

    def _load(self, key: Key) -> LoadedCase:
        """On the loader's thread."""
        round_no, case_id, _ = key
        case = self._entries[case_id]
        images = container.open_case(self._folder.container(case_id))
        if case.fingerprint and images.fingerprint != case.fingerprint:
            raise ImageError(
                f"{images.directory}: these are not the images of case {case_id} that were frozen; bring back the frozen ones"
            )
        bring_in(images, lambda: key not in self._wanted)
        model_id = shown_model(self._plan, round_no)
        aid = None if model_id is None else load_aid(self._folder, model_id, case_id, images.fingerprint)
        if aid is not None:
            from reader_app.ai import results

            aid = results.on_tissue(aid, images)
        return LoadedCase(case, images, aid, round_no, hanging.own(images.modality, self._folder.path))


def bring_in(images: OpenCase, cancelled: Callable[[], bool]) -> None:
    """Read every array of a case into memory in pieces of at most 1 MB, checking it against the manifest.

    Raises
    ------
    ImageError
        If a file was changed after import.
    _Cancelled
        If ``cancelled()`` became true.
    """
    buffer = memoryview(bytearray(_CHUNK))
    for image in images.images:
        for name in image.files:
            if name.endswith(".npy"):
                _check_file(images.directory / name, str(images.manifest[name]["sha256"]), buffer, cancelled)
        for array in image.arrays():
            flat = array.reshape(-1).view(np.uint8)
            for start in range(0, flat.size, _CHUNK):
                if cancelled():
                    raise _Cancelled
                flat[start : start + _CHUNK : mmap.PAGESIZE].max()


def _check_file(path: Path, expected: str, buffer: memoryview, cancelled: Callable[[], bool]) -> None:
    digest = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:
        while count := file.readinto(buffer):
            if cancelled():
                raise _Cancelled
            digest.update(buffer[:count])
    if digest.hexdigest() != expected:
        raise ImageError(
            f"{path}: the file was changed after import (its SHA-256 differs from the manifest); bring back the frozen container"
        )


def load_aid(folder: StudyFolder, model_id: str, case_id: str, fingerprint: str) -> Prediction:
    """Return the stored prediction of a case, proven to be the frozen one and made on these very images.

    Raises
    ------
    BundleError
        If it is missing, was changed after the freeze, or belongs to other images.
    """
    from reader_app.ai import results

    directory = folder.aid_dir(model_id)
    prediction = results.load(directory, case_id)
    frozen = folder.lock.aids.get(model_id, {}).get(case_id) if folder.lock is not None else None
    if frozen is not None and prediction.sha256 != frozen:
        raise BundleError(
            f"{directory / case_id}.json: the prediction was changed after the study was frozen (frozen {frozen}, now "
            f"{prediction.sha256}); bring back the frozen file"
        )
    if prediction.model_id != model_id or not results.matches(prediction, fingerprint):
        raise BundleError(
            f"{directory / case_id}.json: the prediction is another model's, or was made on other images than those of case "
            f"{case_id}; run the model again"
        )
    return prediction


def _nothing(*_: object) -> None:
    """Do nothing."""
