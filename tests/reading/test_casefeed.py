"""The case feed: the right case, proven, in time; the newest request wins; no aid before its round, never the truth."""

from __future__ import annotations

import gc
import queue
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from reading.acts import conductor_for, read_everything
from reading.opens import opened_files
from store.studies import frozen_study, store_aid

from reader_app.clock import FrozenClock
from reader_app.errors import BundleError, ImageError, ReaderAppError
from reader_app.imaging import container
from reader_app.reading import casefeed
from reader_app.reading.casefeed import CaseFeed, LoadedCase, bring_in, load_aid, shown_model
from reader_app.reading.tasks import InlineExecutor, InlineMainThread, one_thread
from reader_app.store.studyfolder import StudyFolder
from reader_app.study.caselist import CaseEntry
from reader_app.study.definition import Condition
from reader_app.study.session import SessionState


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return frozen_study(tmp_path_factory.mktemp("made") / "study", cases=5, size=64).path


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> StudyFolder:
    return StudyFolder.load(Path(shutil.copytree(made, tmp_path / "study")))


class Deliveries:
    def __init__(self) -> None:
        self.loaded: list[LoadedCase] = []
        self.failed: list[tuple[CaseEntry, ReaderAppError]] = []

    def names(self) -> list[str]:
        return [own.case.case_id for own in self.loaded]


def feed_for(folder: StudyFolder, executor: object = None, **options: int) -> tuple[CaseFeed, Deliveries]:
    got = Deliveries()
    feed = CaseFeed(
        folder,
        folder.plan("R01"),
        executor or InlineExecutor(),  # type: ignore[arg-type]
        InlineMainThread(),
        got.loaded.append,
        lambda case, error: got.failed.append((case, error)),
        **options,
    )
    return feed, got


def at(folder: StudyFolder, round_no: int, index: int) -> SessionState:
    return SessionState(round_no=round_no, case_order=folder.plan("R01").round(round_no).order, index=index)


def test_the_due_case_is_delivered_once_and_the_next_are_ready(folder: StudyFolder) -> None:
    feed, got = feed_for(folder)
    order = folder.plan("R01").round(1).order
    feed.follow(at(folder, 1, 0))
    feed.follow(at(folder, 1, 0))
    assert got.names() == [order[0]]
    assert [case_id for case_id in order if feed.ready(1, case_id)] == list(order[:3])
    ahead = feed.ready(1, order[1])
    feed.follow(at(folder, 1, 1))
    assert got.loaded[1] is ahead
    assert feed.ready(1, order[0]) is None, "what has been read is let go"
    for index in range(2, 6):
        feed.follow(at(folder, 1, index))
    assert got.names() == list(order) and got.failed == []
    case = got.loaded[0]
    assert case.aid is None and case.round_no == 1
    assert case.images.fingerprint == case.case.fingerprint and len(case.images.images) == 4


def test_between_rounds_nothing_is_wanted(folder: StudyFolder) -> None:
    feed, got = feed_for(folder)
    feed.follow(SessionState())
    assert got.loaded == []
    feed.follow(at(folder, 1, 0))
    feed.follow(SessionState())
    assert feed.ready(1, folder.plan("R01").round(1).order[0]) is None
    feed.close()
    feed.follow(at(folder, 1, 0))
    assert len(got.loaded) == 1


def test_memory_is_bounded(folder: StudyFolder) -> None:
    feed, got = feed_for(folder, ahead=4, budget_bytes=1)
    feed.follow(at(folder, 1, 0))
    order = folder.plan("R01").round(1).order
    assert got.names() == [order[0]] and feed.ready(1, order[1]) is None
    feed.follow(at(folder, 1, 1))
    assert got.names() == list(order[:2]), "the due case is loaded whatever the budget"


class HeldExecutor:
    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def submit(self, fn: Callable[..., object], /, *args: object, **_: object) -> Future[object]:
        future: Future[object] = Future()

        def run() -> None:
            try:
                future.set_result(fn(*args))
            except Exception as error:  # noqa: BLE001 - as an executor does
                future.set_exception(error)

        self.waiting.append(run)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self.waiting.clear()


def test_the_newest_request_wins(folder: StudyFolder) -> None:
    executor = HeldExecutor()
    feed, got = feed_for(folder, executor, ahead=0)
    order = folder.plan("R01").round(1).order
    feed.follow(at(folder, 1, 0))
    feed.follow(at(folder, 1, 3))
    assert len(executor.waiting) == 1, "one piece of work at a time"
    while executor.waiting:
        executor.waiting.pop(0)()
    assert got.names() == [order[3]] and got.failed == []


def test_a_load_under_way_stops_when_it_is_no_longer_wanted(folder: StudyFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    images = container.open_case(folder.container("case-01"))
    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked > stop

    for stop in range(7):
        asked = 0
        with pytest.raises(casefeed._Cancelled):
            bring_in(images, cancelled)
        assert asked == stop + 1
    monkeypatch.setattr(casefeed, "_CHUNK", 512)
    asked, stop = 0, 10**9
    bring_in(images, cancelled)
    assert asked > 4 * 2 * 8, "asked before every piece"


def test_what_arrives_after_the_end_is_dropped(folder: StudyFolder) -> None:
    executor = HeldExecutor()
    feed, got = feed_for(folder, executor)
    feed.follow(at(folder, 1, 0))
    feed.close()
    executor.waiting.pop(0)()
    assert got.loaded == [] and executor.waiting == []


def test_loading_on_a_thread_delivers_to_the_main_thread(folder: StudyFolder) -> None:
    posts: queue.Queue[Callable[[], None]] = queue.Queue()

    class Main:
        def post(self, work: Callable[[], None]) -> None:
            posts.put(work)

    where: list[str] = []
    got: list[LoadedCase] = []

    def on_loaded(case: LoadedCase) -> None:
        where.append(threading.current_thread().name)
        got.append(case)

    executor = one_thread("loader")
    feed = CaseFeed(folder, folder.plan("R01"), executor, Main(), on_loaded)
    for index in range(5):
        feed.follow(at(folder, 1, index))
        while len(got) <= index:
            posts.get(timeout=20)()
    executor.shutdown()
    assert [own.case.case_id for own in got] == list(folder.plan("R01").round(1).order)
    assert set(where) == {threading.current_thread().name}


# --- what is wrong is never shown ---------------------------------------------------------------------------------------------


def spoil(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("name", ["RCC.npy", "LMLO.npy", "RCC.1.npy"])
def test_a_single_changed_bit_of_an_image_is_never_shown(folder: StudyFolder, name: str) -> None:
    order = folder.plan("R01").round(1).order
    spoil(folder.container(order[1]) / name)
    feed, got = feed_for(folder)
    feed.follow(at(folder, 1, 0))
    assert got.failed == [], "the case ahead is not due yet"
    feed.follow(at(folder, 1, 1))
    assert [(case.case_id, name in str(error)) for case, error in got.failed] == [(order[1], True)]
    assert got.names() == [order[0]]
    spoil(folder.container(order[1]) / name)
    feed.again()
    assert got.names() == list(order[:2])


def test_images_of_another_case_are_never_shown(folder: StudyFolder) -> None:
    order = folder.plan("R01").round(1).order
    shutil.rmtree(folder.container(order[0]))
    shutil.copytree(folder.container(order[1]), folder.container(order[0]))
    feed, got = feed_for(folder)
    feed.follow(at(folder, 1, 0))
    assert got.loaded == [] and "not the images of case" in str(got.failed[0][1])


def test_an_unexpected_error_names_the_case(folder: StudyFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Path) -> None:
        raise MemoryError("no memory")

    monkeypatch.setattr(container, "open_case", broken)
    feed, got = feed_for(folder)
    feed.follow(at(folder, 1, 0))
    assert isinstance(got.failed[0][1], ImageError) and "no memory" in str(got.failed[0][1])


def test_the_aid_is_the_frozen_one_of_this_model_and_these_images(folder: StudyFolder) -> None:
    order = folder.plan("R01").round(2).order
    feed, got = feed_for(folder)
    feed.follow(at(folder, 2, 0))
    assert got.loaded[0].aid is not None and folder.lock is not None
    assert got.loaded[0].aid.sha256 == folder.lock.aids["DLR_LH"][order[0]]
    json_file = folder.aid_dir("DLR_LH") / f"{order[3]}.json"
    json_file.write_text(json_file.read_text(encoding="utf-8") + " ", encoding="utf-8")
    spoil(folder.aid_dir("DLR_LH") / f"{order[4]}.npz")
    feed.follow(at(folder, 2, 3))
    feed.follow(at(folder, 2, 4))
    assert [type(error) for _, error in got.failed] == [BundleError, BundleError] and len(got.loaded) == 1
    assert "changed after the study was frozen" in str(got.failed[0][1])


def test_an_aid_of_another_model_or_other_images_is_refused(folder: StudyFolder) -> None:
    unfrozen = replace(folder, lock=None)
    own, other = folder.case("case-01"), folder.case("case-02")
    store_aid(folder.path / "aids" / "X", "X", own.case_id, other.fingerprint)
    store_aid(folder.path / "aids" / "Y", "DLR_LH", own.case_id, own.fingerprint)
    for model_id in ("X", "Y"):
        with pytest.raises(BundleError, match="another model's, or was made on other images"):
            load_aid(unfrozen, model_id, own.case_id, own.fingerprint)
    with pytest.raises(BundleError):
        load_aid(folder, "DLR_BM", "case-99", own.fingerprint)


def test_an_arm_without_aid_has_none_whatever_the_round_names(folder: StudyFolder) -> None:
    plan = folder.plan("R01")
    unaided = replace(plan.round(2), condition=Condition.UNAIDED)
    crossed = replace(plan, rounds=(plan.rounds[0], unaided, plan.rounds[2]))
    assert shown_model(plan, 2) == "DLR_LH"
    assert shown_model(crossed, 2) is None and shown_model(plan, 1) is None


# --- blinding -----------------------------------------------------------------------------------------------------------------


def test_no_aid_is_opened_before_its_round_and_the_truth_never(folder: StudyFolder) -> None:
    clock = FrozenClock()
    opened: dict[int | None, set[str]] = {}
    with opened_files() as seen:
        again = StudyFolder.load(folder.path)
        conductor, log = conductor_for(again, "R01", clock)
        feed, got = feed_for(again)

        def on_state(state: SessionState, _: object) -> None:
            feed.follow(state)
            opened.setdefault(state.round_no, set()).update(seen)
            seen.clear()

        conductor.on_state = on_state
        read_everything(conductor, again, clock)
    log.close()
    assert {own.round_no for own in got.loaded} == {1, 2, 3} and len(got.loaded) == 15

    def of(round_no: int, model_id: str) -> list[str]:
        return [name for name in opened[round_no] if f"{model_id}" in name]

    assert of(1, "DLR_LH") == [] and of(1, "DLR_BM") == []
    assert len(of(2, "DLR_LH")) >= 5 and of(2, "DLR_BM") == []
    assert len(of(3, "DLR_BM")) >= 5
    everything = set().union(*opened.values())
    assert [name for name in everything if "reference" in name] == []
    assert any(name.endswith("RCC.npy") for name in opened[1]), "the watch sees what is opened"


def test_what_is_not_opened_is_not_in_memory(folder: StudyFolder) -> None:
    """After the cases of an unaided round are loaded no prediction lives in the process."""
    from reader_app.ai.results import Prediction

    feed, got = feed_for(folder)
    for index in range(5):
        feed.follow(at(folder, 1, index))
    gc.collect()
    assert [own for own in gc.get_objects() if type(own) is Prediction and own.case_id in got.names()] == []


def test_the_pages_are_the_pixels(folder: StudyFolder) -> None:
    feed, got = feed_for(folder)
    feed.follow(at(folder, 1, 0))
    case = got.loaded[0]
    own = np.load(folder.container(case.case.case_id) / "LCC.npy")
    assert np.array_equal(case.images.image("LCC").array, own)
