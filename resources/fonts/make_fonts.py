"""Make the program's own fonts from the Debian packages fonts-inter and fonts-noto-cjk (both SIL Open Font License 1.1).

    apt-get download fonts-inter fonts-noto-cjk; dpkg-deb -x each into SOURCE
    python resources/fonts/make_fonts.py SOURCE

Latin, Greek and Cyrillic come from Inter with its tabular figures made the default, so that no number on the screen moves;
Chinese (GB 2312, first level) and Korean (the 2350 syllables of KS X 1001) come from Noto Sans CJK SC,
with whatever else the translations use. The results carry
names of their own, as the licence asks of modified versions: "Reader Sans" and "Reader Sans CJK". Needs fonttools only to
remake the files; the program does not.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTCollection, TTFont

HERE = Path(__file__).resolve().parent
LATIN = [*range(0x20, 0x7F), *range(0xA0, 0x250), *range(0x370, 0x400), *range(0x400, 0x500), *range(0x1E00, 0x1F00)]
SIGNS = [*range(0x2000, 0x2070), *range(0x2070, 0x20D0), *range(0x2100, 0x2190), *range(0x2190, 0x2300), *range(0x2318, 0x2400)]
SHAPES = [*range(0x25A0, 0x2600), *range(0x2600, 0x2800)]
INTER_WEIGHTS = (("Regular", 400), ("Medium", 500), ("SemiBold", 600))
CJK_WEIGHTS = (("Regular", 400), ("Bold", 700))


def two_byte_set(codec: str, leads: range) -> list[int]:
    """Return the code points of a two-byte character set in the given lead bytes."""
    points = []
    for lead in leads:
        for trail in range(0xA1, 0xFF):
            try:
                points.append(ord(bytes([lead, trail]).decode(codec)))
            except UnicodeDecodeError:
                continue
    return points


def catalogue_points() -> set[int]:
    """Return the code points that the program's own translations use."""
    files = (HERE.parent / "translations").glob("*.ts")
    return {ord(character) for file in files for character in file.read_text(encoding="utf-8") if ord(character) > 0x2E80}


def subset(font: TTFont, points: list[int], features: list[str]) -> None:
    """Keep only these code points and these layout features."""
    options = Options()
    options.layout_features = features
    options.name_IDs = ["*"]
    options.notdef_outline = True
    options.hinting = False
    options.desubroutinize = False
    tool = Subsetter(options)
    tool.populate(unicodes=points)
    tool.subset(font)


def rename(font: TTFont, family: str, style: str, weight: int) -> None:
    """Give the font a name of its own and keep the copyright and licence lines."""
    table = font["name"]
    keep = {number: table.getDebugName(number) for number in (0, 13, 14)}
    table.names = []
    plain = style in ("Regular", "Bold")
    entries = {
        1: family if plain else f"{family} {style}", 2: style if plain else "Regular", 3: f"{family} {style} 1",
        4: f"{family} {style}", 5: "Version 1.000", 6: f"{family.replace(' ', '')}-{style}", 16: family, 17: style,
    }  # fmt: skip
    for number, text in {**keep, **entries}.items():
        if text:
            table.setName(text, number, 3, 1, 0x409)
    font["OS/2"].usWeightClass = weight
    if "CFF " in font:
        cff = font["CFF "].cff
        cff.fontNames = [entries[6]]
        top = cff.topDictIndex[0]
        for key, value in (("FamilyName", family), ("FullName", entries[4]), ("Weight", style)):
            if hasattr(top, key):
                setattr(top, key, value)


def tabular_by_default(font: TTFont) -> None:
    """Point the digits at the glyphs that the ``tnum`` feature would choose."""
    table = font["GSUB"].table
    swaps: dict[str, str] = {}
    for record in table.FeatureList.FeatureRecord:
        if record.FeatureTag == "tnum":
            for number in record.Feature.LookupListIndex:
                for sub in table.LookupList.Lookup[number].SubTable:
                    swaps.update(getattr(getattr(sub, "ExtSubTable", sub), "mapping", {}))
    for part in font["cmap"].tables:
        if part.isUnicode():
            for point in range(0x30, 0x3A):
                part.cmap[point] = swaps.get(part.cmap[point], part.cmap[point])


def main(source: Path) -> None:
    """Write the five font files beside this script."""
    inter = source / "usr/share/fonts/opentype/inter"
    for style, weight in INTER_WEIGHTS:
        font = TTFont(inter / f"Inter-{style}.otf")
        tabular_by_default(font)
        subset(font, [*LATIN, *SIGNS, *SHAPES], ["kern", "mark", "mkmk", "ccmp", "locl"])
        rename(font, "Reader Sans", style, weight)
        font.save(HERE / f"ReaderSans-{style}.otf")
    cjk = [*range(0x3000, 0x3040), *range(0xFF00, 0xFFF0), *two_byte_set("gb2312", range(0xB0, 0xD8)),
           *two_byte_set("euc_kr", range(0xB0, 0xC9)), *catalogue_points()]  # fmt: skip
    for style, weight in CJK_WEIGHTS:
        faces = TTCollection(source / f"usr/share/fonts/opentype/noto/NotoSansCJK-{style}.ttc").fonts
        font = next(face for face in faces if face["name"].getDebugName(1).startswith("Noto Sans CJK SC"))
        subset(font, cjk, ["kern", "locl"])
        rename(font, "Reader Sans CJK", style, weight)
        font.save(HERE / f"ReaderSansCJK-{style}.otf")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
