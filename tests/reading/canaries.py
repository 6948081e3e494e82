"""Words planted where a reader must not look, and the search for them on the disk and in the memory of a process."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from store.studies import small_study, write_csv

from reader_app.ai import results
from reader_app.ai.results import Prediction
from reader_app.clock import FrozenClock
from reader_app.store.studyfolder import StudyFolder

TRUTH, AID, HEAT = "canary-truth-7f3a", "canary-aid-91bc", b"\x9e\x21\xc7\x55\x0a\xd3\x6e\x17" * 4
#: Stands in the case list, in a column that readers are shown: the search must find it wherever it finds anything.
SHOWN = "canary-shown-4c2e"


def planted_study(path: Path, cases: int = 3, size: int = 48) -> Path:
    """Write and freeze a study with a word in the truth, one in the aids, and one that is shown to readers."""
    small_study(path, cases=cases, size=size)
    case_ids = [f"case-{number:02d}" for number in range(1, cases + 1)]
    write_csv(
        path / "reference_standard.csv",
        [{"case_id": case_id, "malignant": "1", "lesion_type": f"{TRUTH}-{case_id}"} for case_id in case_ids],
    )
    fingerprints = {}
    for case_id in case_ids:
        manifest = json.loads((path / "images" / case_id / "manifest.json").read_text(encoding="utf-8"))
        fingerprints[case_id] = manifest["fingerprint"]
        grid = np.frombuffer(HEAT, np.float32).copy()
        aid = Prediction(
            "DLR_LH", case_id, manifest["fingerprint"], 0.7, 0.5, "high", True, embedding=grid, provenance={"note": AID}
        )
        results.save(path / "aids" / "DLR_LH", aid)
    shown = {"modality": "mammography", "breasts": "R+L"}
    rows = [{"case_id": own, **shown, "fingerprint": fingerprints[own], "symptom": SHOWN} for own in case_ids]
    write_csv(path / "cases.csv", rows)
    StudyFolder.load(path).freeze(FrozenClock("2027-01-10T08:00:00.000Z"))
    return path


def forms(word: str | bytes) -> tuple[bytes, ...]:
    """Return a word as it may stand in memory: as UTF-8, and as UTF-16 in the texts of a window."""
    return (word,) if isinstance(word, bytes) else (word.encode(), word.encode("utf-16-le"))


def in_memory(process: int, words: list[str | bytes]) -> dict[str | bytes, int]:
    """Count words, in every form, in the readable memory of a process."""
    found = dict.fromkeys(words, 0)
    with open(f"/proc/{process}/maps", encoding="utf-8") as maps, open(f"/proc/{process}/mem", "rb", buffering=0) as memory:
        for line in maps:
            area, rights = line.split()[:2]
            if "r" not in rights or line.rstrip().endswith(("[vvar]", "[vsyscall]", "[vvar_vclock]")):
                continue
            first, last = (int(number, 16) for number in area.split("-"))
            try:
                memory.seek(first)
                data = memory.read(last - first)
            except (OSError, ValueError, OverflowError):
                continue
            for word in words:
                found[word] += sum(data.count(form) for form in forms(word))
    return found


def on_disk(folder: Path, words: list[str | bytes]) -> dict[str | bytes, list[str]]:
    """Return the files below a folder that hold each word, in any form."""
    found: dict[str | bytes, list[str]] = {word: [] for word in words}
    for path in sorted(own for own in folder.rglob("*") if own.is_file()):
        data = path.read_bytes()
        for word in words:
            if any(form in data for form in forms(word)):
                found[word].append(path.relative_to(folder).as_posix())
    return found
