"""Where panes stand: left, top, width and height in logical pixels, one pixel between them."""

from __future__ import annotations

from itertools import pairwise

Place = tuple[int, int, int, int]

CORONAL_SHARE = 0.59  # of the width (landscape)


def planes(count: int, width: int, height: int) -> list[Place]:
    """Return the places of the planes of a volume.

    Landscape: the first (coronal) large at the left, two others one over the other; portrait: one below the other. One or two
    planes share the room evenly.
    """
    if count < 3:
        if width >= height:
            edges = [number * (width + 1) // count for number in range(count + 1)]
            return [(a, 0, b - 1 - a, height) for a, b in pairwise(edges)]
        edges = [number * (height + 1) // count for number in range(count + 1)]
        return [(0, a, width, b - 1 - a) for a, b in pairwise(edges)]
    if width >= height:
        x, y = round(width * CORONAL_SHARE), height // 2
        return [(0, 0, x, height), (x + 1, 0, width - x - 1, y), (x + 1, y + 1, width - x - 1, height - y - 1)]
    y1, y2 = height // 2, height * 3 // 4
    return [(0, 0, width, y1), (0, y1 + 1, width, y2 - y1 - 1), (0, y2 + 1, width, height - y2 - 1)]


def images(count: int, width: int, height: int) -> list[Place]:
    """Return the places of images side by side: one alone, two beside (portrait: over) each other, more in two columns.

    The last of an odd number takes the whole width.
    """
    columns = 1 if count == 1 or (count == 2 and height > width) else 2
    rows = -(-count // columns)
    found = []
    for number in range(count):
        r, c = divmod(number, columns)
        span = columns if number == count - 1 and count % columns else 1
        left, top = c * (width + 1) // columns, r * (height + 1) // rows
        right, bottom = (c + span) * (width + 1) // columns - 1, (r + 1) * (height + 1) // rows - 1
        found.append((left, top, max(1, right - left), max(1, bottom - top)))
    return found
