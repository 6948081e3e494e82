"""An example of a program outside: marks the brightest compact spot of every image. Copy it and put your own model in its place.

    reader-app ai run STUDY --model ID --program "python brightest_spot.py"

It is called with two folders: IN holds ``request.json`` and one ``.npy`` array an image, OUT is empty and gets
``predictions.json`` and one ``.npy`` map an image. It needs numpy only and nothing of the reader study program.
"""

import json
import sys
from pathlib import Path

import numpy as np

CELL = 16  # side of the squares that are averaged, in pixels


def spot(pixels: np.ndarray) -> tuple[float, np.ndarray, list[int], list[int]]:
    """Return a score from 0 to 1, a map of the same shape, and the corners of the brightest square."""
    low, high = np.percentile(pixels, (5, 99.9))
    grey = np.clip((pixels.astype(np.float32) - low) / max(float(high - low), 1e-6), 0, 1)
    rows, columns = grey.shape[0] // CELL, grey.shape[1] // CELL
    cells = grey[: rows * CELL, : columns * CELL].reshape(rows, CELL, columns, CELL).mean(axis=(1, 3))
    row, column = np.unravel_index(int(np.argmax(cells)), cells.shape)
    shown = np.zeros_like(grey)
    shown[: rows * CELL, : columns * CELL] = np.kron(np.clip(cells - 0.5, 0, 0.5) * 2, np.ones((CELL, CELL), np.float32))
    start, stop = [int(row) * CELL, int(column) * CELL], [(int(row) + 1) * CELL, (int(column) + 1) * CELL]
    return float(cells.max()), shown, start, stop


def main(given: Path, out: Path) -> None:
    """Answer every case of the request."""
    request = json.loads((given / "request.json").read_text(encoding="utf-8"))
    answers = []
    for case in request["cases"]:
        images = [i for i in case["images"] if i["role"] == "current" and i["channels"] == 1]
        if not images:
            answers.append({"case_id": case["case_id"], "status": "not_applicable", "reason": "no grey-scale image"})
            continue
        boxes, maps, scores = [], [], []
        for image in images:
            pixels = np.load(given / image["array"])
            if image["invert"]:
                pixels = pixels.max() - pixels
            place: list[int] = []
            if pixels.ndim == 3:  # a volume or cine: its brightest plane
                best = int(np.argmax(pixels.reshape(len(pixels), -1).max(axis=1)))
                place, whole, pixels = [best], np.zeros(pixels.shape, np.float32), pixels[best]
            score, shown, start, stop = spot(pixels)
            if place:
                whole[place[0]] = shown
                shown, start, stop = whole, [place[0], *start], [place[0] + 1, *stop]
            name = f"{case['case_id']}.{image['id']}.npy"
            np.save(out / name, shown)
            scores.append(score)
            boxes.append({"image_id": image["id"], "start": start, "stop": stop, "score": score})
            maps.append({"image_id": image["id"], "array": name})
        answers.append({"case_id": case["case_id"], "probability": max(scores), "boxes": boxes, "maps": maps})
    document = {"schema": 1, "space": "shown", "cases": answers}
    (out / "predictions.json").write_text(json.dumps(document), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
