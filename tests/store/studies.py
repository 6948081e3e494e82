"""A small frozen study in a temporary folder: tiny mammograms, three rounds, an aid in two of them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from reader_app.ai import results
from reader_app.ai.results import Prediction
from reader_app.clock import FrozenClock
from reader_app.imaging import container
from reader_app.imaging.container import NewImage
from reader_app.imaging.overlay import Box, Heatmap
from reader_app.imaging.window import GreyScale, Preset
from reader_app.store.studyfolder import StudyFolder

TOML = """
format = 1
id = "small"
title = "A small study"
[assessment]
scale = "birads"
categories = ["1", "2", "3", "4A", "4B", "4C", "5"]
positive_from = "4A"
level = "case"
score = { kind = "percent", required = true }
[display]
aid_threshold = 0.35
aid_opacity = 0.55
reader_may_hide_aid = true
[timing]
idle_pause_s = 60
min_display_ms = 300
[[models]]
id = "DLR_LH"
title = "First stage"
[[models]]
id = "DLR_BM"
title = "Second stage"
[[rounds]]
number = 1
title = "Alone"
condition = "unaided"
[[rounds]]
number = 2
title = "With the first stage"
condition = "aided_staged"
aid = "DLR_LH"
refines = 1
[[rounds]]
number = 3
title = "With the second stage"
condition = "aided_staged"
aid = "DLR_BM"
refines = 2
cases = { left_at = ["4A"], of_round = 2 }
[randomisation]
seed = 7
"""


def grey() -> GreyScale:
    return GreyScale(1.0, 0.0, False, (Preset("as stored", "linear", 128.0, 256.0),), 8)


def small_study(folder: Path, cases: int = 4, readers: tuple[str, ...] = ("R01", "R02"), size: int = 48) -> Path:
    """Write an unfrozen study with containers and stored predictions; return its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "study.toml").write_text(TOML, encoding="utf-8")
    rows = []
    for number in range(cases):
        case_id = f"case-{number + 1:02d}"
        images = [
            NewImage(
                id=name,
                array=np.random.default_rng(number * 4 + position).integers(0, 255, (size, size), dtype=np.uint8),
                laterality=name[0],
                view=name[1:],
                grey=grey(),
                chest_wall="right" if name[0] == "R" else "left",
            )
            for position, name in enumerate(("RCC", "LCC", "RMLO", "LMLO"))
        ]
        fingerprint = container.write(folder / "images" / case_id, case_id, "mammography", images)
        rows.append(
            {"case_id": case_id, "modality": "mammography", "breasts": "R+L", "fingerprint": fingerprint, "age": str(40 + number)}
        )
        for model_id in ("DLR_LH", "DLR_BM"):
            store_aid(folder / "aids" / model_id, model_id, case_id, fingerprint)
    write_csv(folder / "cases.csv", rows)
    write_csv(folder / "readers.csv", [{"reader_id": reader, "group": "junior", "arm": ""} for reader in readers])
    (folder / "reference_standard.csv").write_text("case_id,malignant\ncase-01,1\n", encoding="utf-8")
    return folder


def store_aid(directory: Path, model_id: str, case_id: str, fingerprint: str) -> str:
    heat = Heatmap("RCC", np.full((6, 6), 9, np.uint8), (8.0, 8.0), (3.5, 3.5), 0.0, 1.0, True)
    box = Box("RCC", (4.0, 4.0), (20.0, 20.0), 0.7, "high")
    return results.save(
        directory, Prediction(model_id, case_id, fingerprint, 0.7, 0.5, "high", True, boxes=(box,), heatmaps=(heat,))
    )


def frozen_study(folder: Path, cases: int = 4, readers: tuple[str, ...] = ("R01", "R02"), size: int = 48) -> StudyFolder:
    return StudyFolder.load(small_study(folder, cases, readers, size)).freeze(FrozenClock("2027-01-10T08:00:00.000Z"))


def write_csv(path: Path, rows: list[dict[str, str]]) -> None:
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
