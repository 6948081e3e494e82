"""Which image of which case an original DICOM file became: containers hold no identifiers, only the hashes of their files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from reader_app.ai.external.intake import Intake
from reader_app.imaging.container import OpenCase
from reader_app.imaging.workers import Job, WorkerPool

_IDENTIFY = "reader_app.imaging.mapobjects:identify"


@dataclass(frozen=True, slots=True)
class Place:
    """Where an original file lies: its frame f (from 0) is frame ``first + f`` of the image's file array."""

    case_id: str
    image_id: str
    first: int


class Originals:
    """Finds the image of a SOP Instance UID among the original files named.

    Parameters
    ----------
    intake : Intake
        The cases of the study.
    paths : iterable of Path
        Original files, or folders of them (searched to the bottom).
    crew : WorkerPool
        Reads the headers.
    """

    def __init__(self, intake: Intake, paths: Iterable[Path], crew: WorkerPool) -> None:
        self._intake, self._paths, self._crew = intake, list(paths), crew
        self._places: dict[str, Place] | None = None
        self._strangers: dict[str, str] = {}

    def place(self, uid: str) -> Place:
        """Return where an image lies; ValueError when it is not among the original files."""
        if self._places is None:
            self._places = self._index()
        if uid not in self._places:
            if not self._paths:
                raise ValueError("it names images by UIDs, which a study does not hold; name the folder of the originals too")
            if uid in self._strangers:
                raise ValueError(f"it marks {self._strangers[uid]}, of which this study has no case; import it first")
            raise ValueError("it marks an image that is not among the original files given; name their folder as well")
        return self._places[uid]

    def _index(self) -> dict[str, Place]:
        by_hash = dict(self._by_hash())
        places: dict[str, Place] = {}
        siblings: dict[str, Place] = {}
        jobs = (Job(str(p), _IDENTIFY, {"path": str(p)}, p.name) for p in _files(self._paths))
        for answer in self._crew.map(jobs):
            if answer.reason:
                continue
            if answer.value["sha256"] not in by_hash:
                self._strangers[answer.value["uid"]] = Path(str(answer.key)).name
                continue
            place = by_hash[answer.value["sha256"]]
            places[answer.value["uid"]] = place
            siblings |= dict.fromkeys(answer.value["same_pixels"], place)
        return siblings | places

    def _by_hash(self) -> Iterator[tuple[str, Place]]:
        for case_id in self._intake.cases():
            case = self._intake.case(case_id)
            for image_id, hashes in origins(case).items():
                for first, digest in enumerate(hashes):
                    yield digest, Place(case_id, image_id, first)


def origins(case: OpenCase) -> dict[str, list[str]]:
    """Return the hashes of the files each image came from; of a case of one image and one file also without a record of it."""
    stated = case.source.get("origins")
    if isinstance(stated, dict) and stated:
        return {str(k): [str(h) for h in v] for k, v in stated.items()}
    hashes = [str(h) for h in case.source.get("hashes", [])]
    return {case.images[0].id: hashes} if len(case.images) == 1 and len(hashes) == 1 else {}


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(p for p in path.rglob("*") if p.is_file())
        elif path.is_file():
            yield path
