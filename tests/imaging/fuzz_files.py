"""Mutated files by the thousand against the import's workers; by hand: ``python tests/imaging/fuzz_files.py --count 10000``.

Prints counts as JSON: files tried, refused in a sentence, read, worker deaths (each is one refusal), the program's own memory.
The same corpus in small runs with the tests (`test_hostile.py`).
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2])]

import makedicom as md  # noqa: E402
import numpy as np  # noqa: E402

from reader_app.imaging.limits import WorkerLimits  # noqa: E402
from reader_app.imaging.workers import Job, WorkerPool  # noqa: E402

VOLUMES = (".nrrd", ".nii.gz", ".mha")
_J = "1.2.840.10008.1.2.4."
SYNTAXES = [md.EXPLICIT, md.IMPLICIT, md.BIG, md.DEFLATED, md.RLE, *(_J + t for t in ("50", "57", "70", "80", "90", "201"))]


def originals(folder: Path) -> list[tuple[str, bytes]]:
    """One file of every kind: (ending, bytes)."""
    import cv2

    found = []
    for number, syntax in enumerate(SYNTAXES):
        image = md.breast("RCC")
        ds = (
            md.mammogram("RCC", image, syntax=syntax)
            if not syntax.endswith(".50")
            else md.ultrasound((image >> 4).astype(np.uint8), syntax=syntax)
        )
        found.append((".dcm", md.write(ds, folder / f"o{number}.dcm").read_bytes()))
    cine = np.random.default_rng(0).integers(0, 255, (4, 40, 50), dtype=np.uint8)
    region = [{"box": (0, 0, 49, 39)}]
    found.append((".dcm", md.write(md.ultrasound(cine, frames=True, regions=region), folder / "c.dcm").read_bytes()))
    cv2.imwrite(str(folder / "p.png"), md.breast("LCC"))
    cv2.imwrite(str(folder / "p.jpg"), (md.breast("LCC") >> 4).astype(np.uint8))
    head = b"NRRD0004\ntype: uchar\ndimension: 3\nspace: left-posterior-superior\nsizes: 20 20 20\n"
    head += b"space directions: (0.2,0,0) (0,0.1,0) (0,0,0.5)\nencoding: raw\n\n"
    import SimpleITK

    volume = SimpleITK.GetImageFromArray(np.random.default_rng(1).integers(0, 255, (12, 20, 16), dtype=np.uint8))
    volume.SetSpacing((0.2, 0.1, 0.5))
    for ending in (".nii.gz", ".mha"):
        SimpleITK.WriteImage(volume, str(folder / f"v{ending}"))
        found.append((ending, (folder / f"v{ending}").read_bytes()))
    found += [(".png", (folder / "p.png").read_bytes()), (".jpg", (folder / "p.jpg").read_bytes()), (".nrrd", head + bytes(8000))]
    return found


def mutate(data: bytes, rng: random.Random) -> bytes:
    """Flip, overwrite, cut, repeat or insert; headers are hit more often than pixels."""
    result = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        if not result:
            break
        span = min(len(result), 1500) if rng.random() < 0.6 else len(result)
        at = rng.randrange(span)
        kind = rng.randrange(6)
        if kind == 0:
            result[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            result[at : at + 4] = rng.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f", b"nan\0", b"-1e9"))
        elif kind == 2:
            result[at : at + rng.randrange(1, 40)] = rng.randbytes(rng.randrange(0, 40))
        elif kind == 3:
            result[at] = rng.randrange(256)
        elif kind == 4 and rng.random() < 0.3:
            del result[rng.randrange(len(result)) :]
        elif kind == 5 and rng.random() < 0.3:
            piece = bytes(result[at : at + 200])
            result[at:at] = piece * rng.randrange(1, 5)
    return bytes(result)


def run(count: int, seed: int, workers: int) -> dict[str, object]:
    """Try ``count`` mutants and return the counts."""
    rng = random.Random(seed)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as name, WorkerPool(workers, WorkerLimits(4 << 30, 30.0, 45.0)) as pool:
        folder = Path(name)
        kinds = originals(folder)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

        def jobs():
            for number in range(count):
                ending, data = kinds[number % len(kinds)]
                path = folder / f"m{number}{ending}"
                path.write_bytes(mutate(data, rng))
                arguments = {"path": str(path)}
                yield Job((number, "inspect"), "reader_app.imaging.jobs:inspect", arguments, path.name)
                decode = "decode_dicom" if ending == ".dcm" else "decode_volume" if ending in VOLUMES else "decode_picture"
                yield Job(
                    (number, "decode"),
                    f"reader_app.imaging.jobs:{decode}",
                    {**arguments, "out": str(folder / f"m{number}.npy")},
                    path.name,
                )

        refused = read = unclear = 0
        examples: list[str] = []
        slowest: dict[str, int] = {}
        for answer in pool.map(jobs()):
            number, step = answer.key
            if answer.reason:
                refused += step == "decode"
                if "\n" in answer.reason or len(answer.reason) > 600 or f"m{number}" not in answer.reason:
                    unclear += 1
                    examples.append(answer.reason[:200])
                for word in ("died", "longer than", "processor time", "memory", "unexpectedly"):
                    slowest[word] = slowest.get(word, 0) + (word in answer.reason)
            elif step == "decode":
                read += 1
                shape = np.load(folder / f"m{number}.npy", mmap_mode="r").shape
                unclear += not (0 < np.prod(shape) < 2**31)
            if step == "decode":
                for leftover in folder.glob(f"m{number}.*"):
                    leftover.unlink()
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        deaths = pool.deaths
    return {
        "tried": count, "refused": refused, "read": read, "unclear": unclear, "examples": examples[:5],
        "worker_deaths": deaths, "by_limit": slowest,
        "program_memory_growth_mb": round(grown / 1024, 1), "seconds": round(time.monotonic() - started, 1), "seed": seed,
    }  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    print(json.dumps(run(options.count, options.seed, options.workers)))
