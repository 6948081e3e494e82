"""Synthetic cases with known lesions: four-view mammograms, ABVS scans, hand-held ultrasound with colour Doppler.

Everything follows from the seed. They serve the demo, the tests and the training of the demo's networks; nothing made from them
says anything about patients.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reader_app.imaging import container, geometry, phantom_abvs, phantom_mg, phantom_us
from reader_app.imaging.container import NewImage
from reader_app.imaging.phantom_abvs import LesionMask
from reader_app.imaging.phantom_texture import LesionLatents, draw_latents
from reader_app.imaging.window import GreyScale, Preset

#: Changes whenever a seed no longer gives the same pixels; recorded as ``training_data`` of bundles. (Mammographic asymmetries
#: and distortions got signs of their class before any bundle was trained on them; they are not among the demo's lesions.)
VERSION = "phantoms v1"


@dataclass(frozen=True, slots=True)
class LesionTruth:
    """Where one lesion lies in one image.

    Attributes
    ----------
    lesion_id, image_id : str
        The same lesion has the same id in every image.
    malignant : bool
        Class.
    kind : str
        "mass", "calcification", "asymmetry" or "distortion".
    laterality : str
        "R" or "L".
    start, stop : tuple of float
        Bounding box in index order, stop exclusive.
    shape, margin, distribution : str
        BI-RADS-like descriptors of a mammographic mass and of calcifications; "" where they do not apply.
    """

    lesion_id: str
    image_id: str
    malignant: bool
    kind: str
    laterality: str
    start: tuple[float, ...]
    stop: tuple[float, ...]
    shape: str = ""
    margin: str = ""
    distribution: str = ""

    @property
    def centre(self) -> tuple[float, ...]:
        """Centre in index space."""
        return tuple((a + b - 1) / 2 for a, b in zip(self.start, self.stop, strict=True))


@dataclass(frozen=True, slots=True)
class PhantomCase:
    """One synthetic case.

    Attributes
    ----------
    modality : str
        "mammography", "abvs" or "ultrasound".
    seed : int
        What it was made from.
    images : tuple of NewImage
        Hung, as stored in a container.
    truth : bool
        Malignant or not.
    lesions : tuple of LesionTruth
        One entry per lesion and image; empty for a normal case.
    suspicion : float
        0 to 1: how suspicious the lesion looks to a perfect observer; drives simulated readers and the BI-RADS-like
        category (``category``) on which DLR_LH is trained.
    clinical : mapping of str to str
        Clinical variables for the reader.
    breasts : tuple of str
        The breasts shown.
    masks : mapping of str to bool array
        Image id -> lesion mask of the image's shape (row, column); ultrasound only.
    volume_masks : mapping of str to tuple
        Image id -> the masks of its lesions, each with its place in the volume; ABVS only.
    """

    modality: str
    seed: int
    images: tuple[NewImage, ...]
    truth: bool
    lesions: tuple[LesionTruth, ...]
    suspicion: float
    category: str
    clinical: Mapping[str, str] = field(default_factory=dict)
    breasts: tuple[str, ...] = ()
    masks: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict, compare=False, repr=False)
    volume_masks: Mapping[str, tuple[LesionMask, ...]] = field(default_factory=dict, compare=False, repr=False)

    def image(self, image_id: str) -> NewImage:
        """Return one image by its id."""
        return next(i for i in self.images if i.id == image_id)

    def reference_rows(self, case_id: str) -> list[dict[str, str]]:
        """Return the rows of ``reference_standard.csv``: one per lesion and image, or one for a case without lesions."""
        if not self.lesions:
            return [{"case_id": case_id, "malignant": "0"}]
        rows = []
        for lesion in self.lesions:
            image = self.image(lesion.image_id)
            spacing = image.spacing_mm or (1.0,) * len(lesion.start)
            radius = max((b - a) * d / 2 for a, b, d in zip(lesion.start, lesion.stop, spacing, strict=True))
            row = {
                "case_id": case_id,
                "malignant": str(int(lesion.malignant)),
                "lesion_id": lesion.lesion_id,
                "laterality": lesion.laterality,
                "lesion_type": lesion.kind,
                "view": image.view,
                "image_id": image.id,
                "radius_mm": f"{radius:.2f}",
            }
            if image.affine is not None:
                place = geometry.to_mm(image.affine, lesion.centre)
                row |= {k: f"{v:.2f}" for k, v in zip(("x_mm", "y_mm", "z_mm"), place, strict=True)}
            else:
                row |= {"x_mm": f"{lesion.centre[1] * spacing[1]:.2f}", "y_mm": f"{lesion.centre[0] * spacing[0]:.2f}"}
            rows.append(row)
        return rows


#: Chances of density a to d: of women in general, and of women with a benign or malignant mass under one centimetre as bong2023
#: prints them (Table 1, training set). In ultrasound phantoms density says something of the mass, as its clinical model needs.
_DENSITY = (0.15, 0.4, 0.35, 0.1)
_DENSITY_OF_MASSES = {False: (0.014, 0.14, 0.501, 0.345), True: (0.049, 0.33, 0.461, 0.16)}


def _clinical(rng: np.random.Generator, malignant: bool, modality: str, density: float | None = None) -> dict[str, str]:
    age = int(np.clip(rng.normal(56 if malignant else 46, 11), 22, 84))
    symptoms = ("palpable lump", "none", "breast pain", "nipple discharge", "skin retraction")
    troubles = (0.5, 0.3, 0.05, 0.08, 0.07) if malignant else (0.3, 0.45, 0.18, 0.06, 0.01)
    data = {
        "age": str(age),
        "family_history": "yes" if rng.random() < (0.25 if malignant else 0.1) else "no",
        "brca": str(rng.choice(["not tested", "negative", "positive"], p=[0.8, 0.15, 0.05])),
    }
    if density is None:
        chances = _DENSITY_OF_MASSES[malignant] if modality == "ultrasound" else _DENSITY
        density = float(rng.choice([0.12, 0.25, 0.42, 0.62], p=chances))
    data["density"] = {0.12: "a", 0.25: "b", 0.42: "c", 0.62: "d"}[round(density, 2)]
    data["symptom"] = "none (screening)" if modality == "mammography" else str(rng.choice(symptoms, p=troubles))
    return data


def mammogram_exam(
    seed: int,
    malignant: bool | None = None,
    pixel_mm: float = 0.15,
    kinds: Sequence[str] = ("mass", "mass", "mass", "mass", "calcification"),
    normal: float = 0.25,
    views: Sequence[str] = ("RCC", "LCC", "RMLO", "LMLO"),
    most: int = 1,
) -> PhantomCase:
    """Make a four-view mammogram: 12-bit values in uint16, right breasts with the chest wall at the right edge.

    Parameters
    ----------
    seed : int
        Everything follows from it.
    malignant : bool or None
        Class; None draws it.
    pixel_mm : float
        0.15 gives 1600 x 1200 pixels a view.
    kinds : sequence of str
        Lesion kinds, drawn with equal chances.
    normal : float
        Share of benign cases without a lesion.
    views : sequence of str
        Which views to make (all belong to the same woman whatever the choice).
    most : int
        Most lesions of one woman (1 to this number, with equal chances); further ones may lie in either breast.
    """
    breast = phantom_mg.draw_breast(seed, malignant, kinds, normal, most)
    images, lesions = [], []
    for name in views:
        side, projection = name[0], name[1:]
        made = phantom_mg.view(breast, side, projection, pixel_mm)
        images.append(
            NewImage(
                id=name,
                array=made.pixels,
                laterality=side,
                view=projection,
                spacing_mm=(pixel_mm, pixel_mm),
                spacing_source="phantom",
                grey=GreyScale(
                    bits=12, presets=(Preset("standard", "linear", 2000.0, 3600.0), Preset("bright", "linear", 1500.0, 2600.0))
                ),
                chest_wall="right" if side == "R" else "left",
                padding=(0, 0),
            )
        )
        for lesion, box in made.boxes:
            number = 1 + breast.lesions.index(lesion)
            looks = (lesion.shape, lesion.margin, lesion.distribution)
            lesions.append(LesionTruth(f"{number}", name, lesion.latents.malignant, lesion.kind, side, box[:2], box[2:], *looks))
    truth = any(item.latents.malignant for item in breast.lesions)
    suspicion, category = _latent(breast.lesions[0].latents if breast.lesions else None)
    rng = np.random.default_rng([seed, 13])
    clinical = _clinical(rng, truth, "mammography", breast.density)
    sides = tuple(s for s in "RL" if any(v.startswith(s) for v in views))
    return PhantomCase("mammography", seed, tuple(images), truth, tuple(lesions), suspicion, category, clinical, sides)


def _latent(look: LesionLatents | None) -> tuple[float, str]:
    return (look.suspicion, look.category) if look is not None else (0.02, "2")


def abvs_volume(
    seed: int,
    malignant: bool | None = None,
    shape: tuple[int, int, int] = (160, 128, 192),
    spacing_mm: tuple[float, float, float] = (0.75, 0.35, 0.7),
    scans: Sequence[str] = ("AP",),
) -> PhantomCase:
    """Make one or several ABVS scans of one breast: uint8, (slice, row, column) = (transverse index, depth, lateral).

    Parameters
    ----------
    seed : int
        Everything follows from it.
    malignant : bool or None
        Class; None draws it. There is always one lesion.
    shape, spacing_mm : tuple
        Of each scan, (slice, row, column). Slices run from head to feet, rows from the skin inwards, columns from the
        patient's right to the left.
    scans : sequence of str
        Scan positions ("AP", "LAT", "MED" ...); the same lesion lies shifted in each.
    """
    rng = np.random.default_rng([seed, 17])
    if malignant is None:
        malignant = bool(rng.random() < 0.5)
    side = "RL"[int(rng.integers(2))]
    look = draw_latents(rng, malignant)
    size = [n * d for n, d in zip(shape, spacing_mm, strict=True)]
    nipple = (size[0] / 2 + rng.uniform(-4, 4), size[2] / 2 + rng.uniform(-6, 6))
    margin = look.radius_mm * 1.6
    for _ in range(100):
        at = [float(rng.uniform(margin, size[0] - margin)), 0.0, float(rng.uniform(margin, size[2] - margin))]
        if 12 < np.hypot(at[0] - nipple[0], at[2] - nipple[1]) < 40:
            break
    high = look.radius_mm * look.aspect**0.5
    at[1] = float(np.clip(rng.uniform(9, 20), high + 3, 28 - high if high < 12 else 16))
    images, lesions = [], []
    masks: dict[str, tuple[LesionMask, ...]] = {}
    for number, scan in enumerate(scans):
        own = np.random.default_rng([seed, 19, number])
        shift = {"AP": 0.0, "LAT": 14.0, "MED": -14.0}.get(scan, 0.0) * (1 if side == "L" else -1)
        centre = (at[0], at[1], float(np.clip(at[2] - shift, margin, size[2] - margin)))
        made = phantom_abvs.volume(own, ((look, centre),), shape, spacing_mm, (nipple[0], nipple[1] - shift))
        name = f"{side}_{scan}"
        images.append(
            NewImage(
                id=name,
                array=made.pixels,
                kind="volume",
                laterality=side,
                view=scan,
                spacing_mm=spacing_mm,
                spacing_source="phantom",
                affine=geometry.affine(spacing_mm),
                grey=GreyScale(bits=8, presets=(Preset("standard", "linear", 118.0, 200.0),)),
                nipple_index=made.nipple,
            )
        )
        lesions += [LesionTruth("1", name, malignant, "mass", side, b[:3], b[3:]) for b in made.boxes]
        masks[name] = made.masks
    clinical = _clinical(rng, malignant, "abvs")
    suspicion, category = _latent(look)
    found = (tuple(images), malignant, tuple(lesions), suspicion, category, clinical, (side,))
    return PhantomCase("abvs", seed, *found, volume_masks=masks)


def _woman(seed: int, malignant: bool | None) -> tuple[bool, LesionLatents, str, dict[str, str]]:
    rng = np.random.default_rng([seed, 23])
    if malignant is None:
        malignant = bool(rng.random() < 0.5)
    look = draw_latents(rng, malignant)
    side = "RL"[int(rng.integers(2))]
    return malignant, look, side, _clinical(rng, malignant, "ultrasound")


def ultrasound_woman(seed: int) -> tuple[bool, dict[str, str]]:
    """Return the class and clinical data of :func:`ultrasound_case` of a seed without making its images."""
    malignant, _, _, clinical = _woman(seed, None)
    return malignant, clinical


def ultrasound_category(seed: int) -> str:
    """Return the BI-RADS-like category of :func:`ultrasound_case` of a seed without making its images."""
    return _latent(_woman(seed, None)[1])[1]


def ultrasound_case(
    seed: int,
    malignant: bool | None = None,
    shape: tuple[int, int] = (480, 560),
    pixel_mm: float = 0.08,
    frames: int = 2,
    doppler: bool = True,
) -> PhantomCase:
    """Make a hand-held ultrasound case: grey frames of one lesion, a colour Doppler frame, clinical data.

    Parameters
    ----------
    seed : int
        Everything follows from it.
    malignant : bool or None
        Class; None draws it. There is always one lesion.
    shape : tuple of int
        (rows, columns) of each frame.
    pixel_mm : float
        Pixel size.
    frames : int
        Grey frames ("US1", "US2" ...).
    doppler : bool
        Add a colour Doppler frame (RGB, id "US<n>", view "DOPPLER").
    """
    malignant, look, side, clinical = _woman(seed, malignant)
    grey = GreyScale(bits=8, presets=(Preset("standard", "linear", 118.0, 216.0),))
    images, lesions = [], []
    masks: dict[str, NDArray[np.bool_]] = {}
    for number in range(1, frames + 1 + int(doppler)):
        own = np.random.default_rng([seed, 29, number])
        made = phantom_us.frame(own, look, shape, pixel_mm)
        colour = doppler and number == frames + 1
        array: NDArray[Any] = phantom_us.colour_doppler(own, made, look.vascularity) if colour else made.pixels
        images.append(
            NewImage(
                id=f"US{number}",
                array=array,
                laterality=side,
                view="DOPPLER" if colour else "US",
                spacing_mm=(pixel_mm, pixel_mm),
                spacing_source="phantom",
                grey=None if colour else grey,
            )
        )
        masks[f"US{number}"] = made.mask
        if made.box:
            lesions.append(LesionTruth("1", f"US{number}", malignant, "mass", side, made.box[:2], made.box[2:]))
    if doppler:
        clinical["adler"] = ("0", "I", "II", "III")[look.vascularity]
    suspicion, category = _latent(look)
    return PhantomCase(
        "ultrasound", seed, tuple(images), malignant, tuple(lesions), suspicion, category, clinical, (side,), masks
    )


def demo_case(modality: str, seed: int, malignant: bool | None = None) -> PhantomCase:
    """Make one case of the demo study; some ABVS cases have a second scan."""
    if modality == "mammography":
        return mammogram_exam(seed, malignant)
    if modality == "abvs":
        return abvs_volume(seed, malignant, scans=("AP", "LAT") if seed % 4 == 3 else ("AP",))
    if modality == "ultrasound":
        return ultrasound_case(seed, malignant)
    raise ValueError(f"unknown modality {modality!r}")


def write_container(phantom: PhantomCase, directory: Path, case_id: str) -> str:
    """Write the case as a container (nothing of the truth goes into it) and return its fingerprint."""
    source = {"kinds": ["phantom"], "notes": ["synthetic images, no patient"]}
    return container.write(directory, case_id, phantom.modality, list(phantom.images), source)
