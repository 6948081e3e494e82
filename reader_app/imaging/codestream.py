"""What a compressed frame says of itself: size, components, depth. Read before decoding, so that no decoder meets a surprise."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from reader_app.errors import ImageError


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """Size and depth stated by a JPEG, JPEG-LS or JPEG 2000 stream."""

    rows: int
    columns: int
    components: int
    bits: int
    signed: bool = False


def inspect_stream(data: bytes, name: str) -> StreamInfo:
    """Read the frame header of a JPEG family stream and check that its end is there.

    Raises
    ------
    ImageError
        If the data are no such stream or are cut off.
    """
    if data[:2] == b"\xff\xd8":
        return _jpeg(data, name)
    if data[:4] == b"\xff\x4f\xff\x51":
        return _jpeg2000(data, name)
    if data[4:8] == b"jP  ":
        start = data.find(b"\xff\x4f\xff\x51", 0, 4096)
        if start > 0:
            return _jpeg2000(data[start:], name)
    raise ImageError(f"{name}: its compressed pixels are not what the header says; export it again")


def _jpeg(data: bytes, name: str) -> StreamInfo:
    if b"\xff\xd9" not in data[-64:]:
        raise ImageError(f"{name}: its compressed pixels are cut off; copy or export the file again")
    place = 2
    while place + 4 <= len(data):
        if data[place] != 0xFF:
            break
        marker = data[place + 1]
        if marker == 0xFF:  # fill byte
            place += 1
            continue
        if marker in (0x01, *range(0xD0, 0xD8)):
            place += 2
            continue
        length = struct.unpack(">H", data[place + 2 : place + 4])[0]
        if (marker in range(0xC0, 0xD0) and marker not in (0xC4, 0xC8, 0xCC)) or marker == 0xF7:
            if len(data) < place + 10:
                break
            bits, rows, columns, components = struct.unpack(">BHHB", data[place + 4 : place + 10])
            return StreamInfo(rows, columns, components, bits)
        place += 2 + length
    raise ImageError(f"{name}: its compressed pixels have no readable frame header; export it again")


def _jpeg2000(data: bytes, name: str) -> StreamInfo:
    if len(data) < 45:
        raise ImageError(f"{name}: its compressed pixels are cut off; copy or export the file again")
    if b"\xff\xd9" not in data[-64:]:
        raise ImageError(f"{name}: its compressed pixels are cut off; copy or export the file again")
    right, bottom, left, top = struct.unpack(">IIII", data[8:24])
    components = struct.unpack(">H", data[40:42])[0]
    depth = data[42]
    return StreamInfo(bottom - top, right - left, components, (depth & 0x7F) + 1, bool(depth & 0x80))
