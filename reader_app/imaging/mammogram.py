"""Mammograms: which breast and view an image shows, how it is hung, and its scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reader_app.errors import ImageError
from reader_app.imaging.geometry import check_spacing
from reader_app.imaging.names import NameWords, read_name

GRID: tuple[str, ...] = ("RCC", "LCC", "RMLO", "LMLO")

#: View codes (CID 4014): SNOMED CT, older SNOMED (SRT, SNM3, 99SDM) and what they are called here.
VIEW_CODES: dict[str, str] = {
    "399162004": "CC", "R-10242": "CC", "399368009": "MLO", "R-10226": "MLO", "399260004": "ML", "R-10224": "ML",
    "399352003": "LM", "R-10228": "LM", "399099002": "LMO", "R-10230": "LMO", "399196006": "FB", "R-10244": "FB",
    "399188001": "SIO", "R-102D0": "SIO", "441555000": "ISO", "R-40AAA": "ISO", "399192008": "XCCL", "R-1024A": "XCCL",
    "399101009": "XCCM", "R-1024B": "XCCM", "127457009": "SPEC", "G-8310": "SPEC",
}  # fmt: skip
#: View modifier codes (CID 4015) and what they are called here.
MODIFIER_CODES: dict[str, str] = {
    "399163009": "magnification", "R-102D6": "magnification", "399055006": "spot compression", "R-102D7": "spot compression",
    "399209000": "implant displaced", "R-102D5": "implant displaced", "399161006": "cleavage", "R-102D2": "cleavage",
    "399011000": "axillary tail", "R-102D1": "axillary tail", "399197002": "rolled lateral", "R-102D3": "rolled lateral",
    "399226006": "rolled medial", "R-102D4": "rolled medial", "414493004": "rolled inferior", "R-102CA": "rolled inferior",
    "415670009": "rolled superior", "R-102C9": "rolled superior", "399110001": "tangential", "R-102C2": "tangential",
    "442581004": "nipple in profile", "R-40AB3": "nipple in profile", "441752004": "anterior compression",
    "P2-00161": "anterior compression", "442593008": "infra-mammary fold", "R-40ABE": "infra-mammary fold",
    "442580003": "axillary tissue", "R-40AB2": "axillary tissue",
}  # fmt: skip
#: Modifiers that leave a view fit for the four panes.
PLAIN_MODIFIERS = frozenset(["nipple in profile", "infra-mammary fold", "axillary tissue"])

TOMOSYNTHESIS = ("1.2.840.10008.5.1.4.1.1.13.1.3", "1.2.840.10008.5.1.4.1.1.13.1.4", "1.2.840.10008.5.1.4.1.1.13.1.5")
_CT = "1.2.840.10008.5.1.4.1.1.2"

_OPPOSITE = {"A": "P", "P": "A", "L": "R", "R": "L", "F": "H", "H": "F"}


class OtherObject(ImageError):
    """An object that is no view to be read (tomosynthesis, quality control, specimen); an exam can be whole without it."""


@dataclass(frozen=True)
class View:
    """What an image shows.

    Attributes
    ----------
    laterality, view : str
        "R" or "L"; "CC", "MLO" ...
    modifiers : tuple of str
        In words, empty for a plain view.
    raw : bool
        FOR PROCESSING: not meant to be shown to a reader.
    synthetic : bool
        A 2-D image computed from tomosynthesis.
    magnified : bool
        Taken with a magnification factor well above 1.
    time : str
        Acquisition time as stated, for choosing among duplicates; never stored.
    notes : tuple of str
        What was assumed.
    """

    laterality: str
    view: str
    modifiers: tuple[str, ...] = ()
    raw: bool = False
    synthetic: bool = False
    magnified: bool = False
    time: str = ""
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Laterality and view, e.g. ``RMLO``."""
        return self.laterality + self.view

    @property
    def fits_grid(self) -> bool:
        """Whether it is a plain view for one of the four panes."""
        plain = all(m in PLAIN_MODIFIERS for m in self.modifiers)
        return self.name in GRID and plain and not self.magnified

    @property
    def is_detail(self) -> bool:
        """Whether it shows a part of the breast, so that its edge is not the chest wall."""
        return self.magnified or any(m in ("spot compression", "magnification", "tangential") for m in self.modifiers)

    @property
    def title(self) -> str:
        """What distinguishes it, in words."""
        words = [*self.modifiers]
        words += ["magnification"] if self.magnified and "magnification" not in words else []
        words += ["synthetic 2-D"] if self.synthetic else []
        return ", ".join(words)


def refuse_tomosynthesis(facts: Mapping[str, Any], name: str) -> None:
    """Raise ImageError for tomosynthesis objects, also where they come as CT or multi-frame copies."""
    kind = [str(v).upper() for v in _values(facts.get("ImageType"))]
    text = " ".join(str(facts.get(k, "")) for k in ("SeriesDescription", "ProtocolName")).upper()
    sop = facts.get("SOPClassUID", "")
    frames = int(_number(facts.get("NumberOfFrames"), 1))
    as_ct = sop == _CT and ("TOMO" in kind or "TOMO" in text)
    stack = facts.get("Modality") == "MG" and frames > 1
    if sop in TOMOSYNTHESIS or as_ct or stack:
        raise OtherObject(
            f"{name}: is a tomosynthesis object, which this program does not show; give the 2-D or synthetic 2-D image"
        )


def classify(facts: Mapping[str, Any], hint: NameWords, name: str) -> View:
    """Decide breast, view and modifiers from header, then table or name.

    Order of trust: ImageLaterality, frame laterality, Laterality, then table or name; view codes (current and older SNOMED),
    ViewPosition, descriptions, then table or name. Where two of them say different things the image is refused: a swapped
    side is worse than a missing view.

    Parameters
    ----------
    facts : mapping
        From `dicomfile.facts`; empty for PNG and the like.
    hint : NameWords
        Laterality and view from the table, else from the file name.
    name : str
        File name for messages.

    Raises
    ------
    ImageError
        If side or view is unknown or contradictory, or the image is no 2-D mammogram of a breast.
    """
    refuse_tomosynthesis(facts, name)
    if str(facts.get("QualityControlImage", "")).upper() == "YES":
        raise OtherObject(f"{name}: is a quality control image; it was left out")
    notes: list[str] = []
    described = read_name(" ".join(str(facts.get(k, "")) for k in ("SeriesDescription", "ProtocolName")))
    laterality = _laterality(facts, described, hint, name)
    view, modifiers = _view(facts, described, hint, name, notes)
    if view == "SPEC":
        raise OtherObject(f"{name}: shows a specimen, not a breast; it was left out")
    if str(facts.get("PartialView", "")).upper() == "YES":
        modifiers.append("partial view")
    if str(facts.get("BreastImplantPresent", "")).upper() == "YES":
        notes.append("breast implant present")
    kind = [str(v).upper() for v in _values(facts.get("ImageType"))]
    synthetic = (
        any("GENERATED_2D" in k or "TOMO_2D" in k or "SYNTH" in k for k in kind)
        or "C-VIEW" in str(facts.get("SeriesDescription", "")).upper()
    )
    verdict = View(
        laterality,
        view,
        tuple(modifiers),
        raw=str(facts.get("PresentationIntentType", "")).upper() == "FOR PROCESSING",
        synthetic=synthetic,
        magnified=magnification(facts) > 1.25,
        time=str(facts.get("AcquisitionTime", "") or facts.get("ContentTime", "")),
        notes=tuple(notes),
    )
    _check_orientation(facts, verdict, name)
    return verdict


def _values(value: Any) -> list[Any]:
    if value is None or value == "":
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _number(value: Any, default: float) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return default


def _laterality(facts: Mapping[str, Any], described: NameWords, hint: NameWords, name: str) -> str:
    image = str(facts.get("ImageLaterality", "")).upper()
    series = str(facts.get("Laterality", "")).upper()
    if image == "B":
        raise ImageError(f"{name}: shows both breasts in one image (ImageLaterality B); give one image for each breast")
    said = {
        "ImageLaterality": image,
        "Laterality": series,
        "the series description": described.laterality if described.view else "",
        "the table or file name": hint.laterality,
    }
    stated = {k: v for k, v in said.items() if v in ("R", "L")}
    if not stated:
        raise ImageError(f"{name}: does not say which breast it shows; add the columns laterality and view to the case table")
    if len(set(stated.values())) > 1:
        words = " but ".join(f"{k} says {v}" for k, v in stated.items())
        raise ImageError(f"{name}: {words}; find out which is right and correct it")
    return next(iter(stated.values()))


def _view(facts: Mapping[str, Any], described: NameWords, hint: NameWords, name: str, notes: list[str]) -> tuple[str, list[str]]:
    coded, modifiers = "", []
    for item in facts.get("views", []):
        coded = VIEW_CODES.get(str(item.get("code", "")).strip().upper(), coded)
        for code, _scheme in item.get("modifiers", []):
            word = MODIFIER_CODES.get(str(code).strip().upper())
            modifiers.append(word or f"modifier {code}")
        if item.get("code") and not coded:
            notes.append(f"view code {item['code']} is unknown")
    position = _position(str(facts.get("ViewPosition", "")))
    said = {"the view code": coded, "ViewPosition": position, "the table or file name": hint.view if hint.is_mammogram else ""}
    stated = {k: v for k, v in said.items() if v}
    if not stated:
        if described.is_mammogram:
            return described.view, modifiers
        raise ImageError(f"{name}: does not say which view it is; add the columns laterality and view to the case table")
    if len(set(stated.values())) > 1:
        words = " but ".join(f"{k} says {v}" for k, v in stated.items())
        raise ImageError(f"{name}: {words}; find out which is right and correct it")
    return next(iter(stated.values())), modifiers


def _position(text: str) -> str:
    word, known = text.strip().upper(), set(VIEW_CODES.values())
    return word if word in known else word[1:] if word[:1] in ("R", "L") and word[1:] in known else ""


def _orientation(facts: Mapping[str, Any]) -> tuple[str, str] | None:
    values = [str(v).strip().upper() for v in _values(facts.get("PatientOrientation"))]
    if len(values) != 2 or not all(values) or any(set(v) - set("APRLHF") for v in values):
        return None
    depth = [v[0] in "AP" for v in values]
    return (values[0], values[1]) if sum(depth) == 1 else None


def _check_orientation(facts: Mapping[str, Any], view: View, name: str) -> None:
    """Refuse an oblique view whose PatientOrientation belongs to the other breast."""
    stated = _orientation(facts)
    if stated is None or view.view != "MLO":
        return
    across = stated[1] if stated[0][0] in "AP" else stated[0]
    side = [c for c in across if c in "LR"]
    along = [c for c in across if c in "HF"]
    if not side or not along:
        return
    medial = "L" if view.laterality == "R" else "R"  # towards the feet an oblique view runs towards the middle
    if (side[0] == medial) != (along[0] == "F"):
        raise ImageError(
            f"{name}: PatientOrientation {stated[0]}\\{stated[1]} belongs to the other breast than the stated {view.laterality}; "
            "find out which is right and correct it"
        )


def hang(orientation: tuple[str, str], laterality: str, view: str) -> tuple[bool, bool, bool]:
    """Return (transpose, flip rows left-right, flip upside down) that hang an image of the given PatientOrientation.

    Hung means: chest wall of a right breast at the right edge, of a left breast at the left edge; oblique and lateral views
    with the head up; cranio-caudal views with the outer (lateral) side up.
    """
    row, column = orientation
    transpose = row[0] not in "AP"
    if transpose:
        row, column = column, row
    wanted_row = {"R": "P", "L": "A"}[laterality]
    wanted_column = {"RCC": "L", "LCC": "R"}.get(laterality + view, "F")
    letter = _along(column, wanted_column)
    return transpose, row[0] != wanted_row, letter == _OPPOSITE[wanted_column]


def _along(column: str, wanted: str) -> str:
    """Return the letter of a (perhaps compound) direction that decides about the wanted one."""
    for letter in column:
        if letter in (wanted, _OPPOSITE[wanted]):
            return letter
    return wanted


def hanging_of(facts: Mapping[str, Any], view: View, chest_side: str) -> tuple[tuple[bool, bool, bool], list[str]]:
    """Return the hanging transformation of one image and notes on what it rests on.

    PatientOrientation decides where it is sound; otherwise the chest wall is the edge where the breast's pixels are. In the
    first case pixels that disagree are worth a note, no more.

    Parameters
    ----------
    facts : mapping
        Header facts; may be empty.
    view : View
        From `classify`.
    chest_side : str
        "left", "right" or "" as found in the stored pixels by `chest_wall_side`.
    """
    wanted = "right" if view.laterality == "R" else "left"
    stated = _orientation(facts)
    if stated is not None:
        transform = hang(stated, view.laterality, view.view)
        seen = chest_side
        if seen and not transform[0] and transform[1]:
            seen = "left" if seen == "right" else "right"
        if seen and not transform[0] and seen != wanted and view.fits_grid:
            return transform, [f"{view.name}: the pixels suggest that the chest wall lies at the other edge; look at it"]
        return transform, []
    if not chest_side:
        return (False, False, False), [f"{view.name}: no PatientOrientation and no clear chest wall; shown as stored"]
    if chest_side == wanted:
        return (False, False, False), [f"{view.name}: no PatientOrientation; hung by where the breast lies"]
    return (False, True, False), [
        f"{view.name}: no PatientOrientation; mirrored so that the chest wall lies at the {wanted} edge"
    ]


def apply_hanging(array: NDArray[Any], transform: tuple[bool, bool, bool]) -> NDArray[Any]:
    """Return a view of the array, transposed and flipped."""
    transpose, flip_columns, flip_rows = transform
    result = np.swapaxes(array, 0, 1) if transpose else array
    if flip_columns:
        result = result[:, ::-1]
    return result[::-1] if flip_rows else result


def source_axes(transform: tuple[bool, bool, bool]) -> tuple[int, int]:
    """Return for rows and columns of the hung image which axis of the file they are: 1 or 2, negative when reversed."""
    transpose, flip_columns, flip_rows = transform
    rows, columns = (2, 1) if transpose else (1, 2)
    return (-rows if flip_rows else rows, -columns if flip_columns else columns)


def chest_wall_side(array: NDArray[Any], padding: tuple[int, int] | None, inverted: bool) -> str:
    """Return "left" or "right", the edge with more breast in its outer twentieth, or "" when both are alike.

    Parameters
    ----------
    array : ndarray, shape (rows, columns)
        Stored values.
    padding : tuple of int or None
        Stored values that are no image.
    inverted : bool
        True for MONOCHROME1: the background is then high.
    """
    step = max(1, array.shape[1] // 600)
    thin = array[::step, ::step].astype(np.float32)
    if inverted:
        thin = thin.max() - thin
    low, high = (float(v) for v in np.quantile(thin, (0.005, 0.99)))
    breast = thin > low + 0.08 * (high - low)
    if padding is not None:
        stored = array[::step, ::step]
        breast &= (stored < min(padding)) | (stored > max(padding))
    width = max(2, breast.shape[1] // 20)
    left, right = float(breast[:, :width].mean()), float(breast[:, -width:].mean())
    if abs(left - right) < 0.1:
        return ""
    return "left" if left > right else "right"


def magnification(facts: Mapping[str, Any]) -> float:
    """Return the radiographic magnification factor, 1 when nothing is stated."""
    factor = _number(facts.get("EstimatedRadiographicMagnificationFactor"), 0.0)
    if factor <= 0:
        source, patient = (_number(facts.get(k), 0.0) for k in ("DistanceSourceToDetector", "DistanceSourceToPatient"))
        factor = source / patient if source > 0 and patient > 0 else 1.0
    return factor if 0.5 < factor < 5 else 1.0


def spacing(facts: Mapping[str, Any], name: str) -> tuple[tuple[float, float] | None, str]:
    """Return (row, column) spacing in mm and where it comes from.

    Detector spacing is divided by the magnification factor, so lengths are those in the breast. Without any spacing the image
    has no scale in mm and none is invented.

    Raises
    ------
    ImageError
        If a stated spacing is impossible.
    """
    calibrated = str(facts.get("PixelSpacingCalibrationType", "")).upper()
    if facts.get("PixelSpacing") and calibrated in ("GEOMETRY", "FIDUCIAL"):
        return _pair(facts["PixelSpacing"], "PixelSpacing", name), f"calibrated ({calibrated.lower()})"
    if facts.get("ImagerPixelSpacing"):
        row, column = _pair(facts["ImagerPixelSpacing"], "ImagerPixelSpacing", name)
        factor = magnification(facts)
        source = "at the detector" if factor == 1.0 else f"at the detector, divided by the magnification {factor:g}"
        return (row / factor, column / factor), source
    for keyword in ("PixelSpacing", "NominalScannedPixelSpacing"):
        if facts.get(keyword):
            return _pair(facts[keyword], keyword, name), "as stated, not corrected for magnification"
    return None, "not stated"


def _pair(value: Any, keyword: str, name: str) -> tuple[float, float]:
    values = _values(value)
    if len(values) != 2:
        raise ImageError(f"{name}: {keyword} has {len(values)} value(s), expected 2; correct the header or the export")
    row, column = check_spacing(values, keyword, name)
    return row, column
