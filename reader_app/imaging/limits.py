"""How much a file may ask for before it is refused; checked before anything is decoded."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20
GIB = 1 << 30

#: Largest file that is read at all.
FILE_BYTES = 4 * GIB
#: Largest decoded image, volume or cine.
PIXEL_BYTES = 2 * GIB
#: Largest side of an image and largest number of frames or slices.
SIDE = 32768
FRAMES = 20000
#: Decoded size may not exceed the encoded size by more than this, once it is large enough to hurt.
RATIO = 200
RATIO_FROM_BYTES = 64 * MIB
#: A deflated file is inflated no further than this.
INFLATED_BYTES = 512 * MIB
#: Deepest nesting of sequences in a header.
NESTING = 32


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """What one worker process may use for one file.

    Attributes
    ----------
    memory_bytes : int
        Address space of the whole process (on Windows: committed memory, by a job object).
    cpu_s, wall_s : float
        Processor and elapsed seconds for one job; the process is killed beyond them.
    """

    memory_bytes: int = 5 * GIB
    cpu_s: float = 60.0
    wall_s: float = 90.0
