"""Four-view mammogram phantoms: one breast of both sides, seen in CC and MLO, with lesions that agree between the views.

A processed ("for presentation") mammogram is imitated in its own grey scale rather than from photons: compressed breast with a
roll-off at the skin, fibroglandular tissue fanning out from the nipple, pectoral muscle, masses as chords of irregular
ellipsoids, calcifications, distortion, quantum noise. All views are hung: right breasts have the chest wall at the right edge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from reader_app.imaging.phantom_texture import (
    Float,
    LesionLatents,
    blur,
    coarse_power_law,
    draw_latents,
    lesion_radius_field,
    soft_inside,
)

#: Height and width of a view in millimetres.
FIELD_MM = (240.0, 180.0)

KINDS = ("mass", "calcification", "asymmetry", "distortion")


@dataclass(frozen=True, slots=True)
class BreastLesion:
    """A lesion in the breast's own space.

    Attributes
    ----------
    side : str
        "R" or "L".
    kind : str
        One of :data:`KINDS`.
    latents : LesionLatents
        Its looks and class.
    depth_mm, outer_mm, upper_mm : float
        From the chest wall towards the nipple; towards the armpit side; upwards (both from the level of the nipple).
    seed : int
        Shape of the lesion; the same for both views up to the direction of view.
    """

    side: str
    kind: str
    latents: LesionLatents
    depth_mm: float
    outer_mm: float
    upper_mm: float
    seed: int

    @property
    def shape(self) -> str:
        """BI-RADS-like shape of a mass; "" for other kinds."""
        look = self.latents
        if self.kind != "mass":
            return ""
        if look.spicules or look.irregularity > 0.12:
            return "irregular"
        return "round" if 0.82 < look.aspect < 1.22 else "oval"

    @property
    def margin(self) -> str:
        """BI-RADS-like margin of a mass; "" for other kinds."""
        look = self.latents
        if self.kind != "mass":
            return ""
        if look.spicules:
            return "spiculated"
        if look.edge_mm > 0.5:
            return "indistinct"
        return "microlobulated" if look.irregularity > 0.12 else "circumscribed"

    @property
    def distribution(self) -> str:
        """BI-RADS-like distribution of calcifications; "" for other kinds."""
        return ("linear" if self.latents.malignant else "grouped") if self.kind == "calcification" else ""


@dataclass(frozen=True, slots=True)
class MammogramView:
    """One hung view: 12-bit pixels and one box (row start, column start, row stop, column stop) a visible lesion."""

    pixels: NDArray[np.uint16]
    boxes: tuple[tuple[BreastLesion, tuple[float, float, float, float]], ...]
    nipple: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Breast:
    """What all four views of a woman share."""

    density: float
    depth_mm: float
    half_mm: float
    lesions: tuple[BreastLesion, ...]
    seed: int


def _outline(view: str, breast: Breast, rows_mm: Float) -> Float:
    """Return how far the breast reaches from the chest wall (mm) at each height."""
    if view == "CC":
        u = rows_mm / breast.half_mm
        return np.asarray(breast.depth_mm * np.clip(1 - np.abs(u) ** 2.3, 0, None) ** 0.55, np.float32)
    # MLO: from the armpit at the top (never zero there) to the inframammary fold below
    t = (rows_mm + FIELD_MM[0] / 2) / FIELD_MM[0]
    upper = 0.42 + 0.58 * np.sin(np.clip(t / 0.56, 0, 1) * np.pi / 2) ** 1.6
    lower = np.clip(1 - (np.clip(t - 0.56, 0, None) / 0.36) ** 2.2, 0, None) ** 0.6
    return np.asarray(breast.depth_mm * np.where(t < 0.56, upper, lower), np.float32)


def nipple_row_mm(view: str) -> float:
    """Return the height of the nipple from the image centre (mm, downwards)."""
    return 0.0 if view == "CC" else (0.56 - 0.5) * FIELD_MM[0]


def project(lesion: BreastLesion, view: str) -> tuple[float, float]:
    """Return (mm down from the image centre, mm from the chest wall) of a lesion in a view."""
    if view == "CC":
        return -lesion.outer_mm, lesion.depth_mm
    return nipple_row_mm(view) - (0.85 * lesion.upper_mm + 0.35 * lesion.outer_mm), lesion.depth_mm


def _lesion_signal(rng: np.random.Generator, lesion: BreastLesion, dy: Float, dx: Float, mm: float) -> Float:
    """Return the brightness that one lesion adds on its patch."""
    look = lesion.latents
    shape = (dy.shape[0], dx.shape[1])
    out = np.zeros(shape, np.float32)
    if lesion.kind in ("mass", "asymmetry"):
        q = lesion_radius_field(rng, look, (dy, dx))
        bulk = np.sqrt(np.clip(1.06 - np.minimum(q, 1.03) ** 2, 0, None)) * soft_inside(q, look)
        strength = 0.36 if lesion.kind == "mass" else 0.11 + 0.08 * look.suspicion
        out += blur(np.asarray(bulk, np.float32), (look.edge_mm * 0.6 / mm,) * 2) * strength
        if lesion.kind == "asymmetry":
            out = blur(out, (3.0 / mm,) * 2)
    if lesion.kind == "distortion" or (lesion.kind == "mass" and look.spicules):
        angle, distance = np.arctan2(dy, dx), np.hypot(dy, dx)
        for _ in range(22 if lesion.kind == "distortion" else 12):
            a, length = rng.uniform(-np.pi, np.pi), look.radius_mm * rng.uniform(1.6, 2.8)
            off = np.abs(np.angle(np.exp(1j * (angle - a)))).astype(np.float32) * distance
            out += 0.13 * np.exp(-((off / 0.35) ** 2)) * np.clip(1 - distance / length, 0, 1) * (np.abs(angle - a) < 1.5)
    if lesion.kind == "distortion":  # a cancer has a dense core, a radial scar a lucent one
        core = 0.16 * look.suspicion - 0.05
        out += np.float32(core) * np.exp(-((np.hypot(dy, dx) / np.float32(0.45 * look.radius_mm)) ** 2))
    if lesion.kind == "calcification":
        count = int(rng.integers(14, 34) if look.malignant else rng.integers(4, 12))
        spread = look.radius_mm * (0.55 if look.malignant else 0.45)
        axis = rng.uniform(0, np.pi)
        for _ in range(count):
            u, v = rng.normal(0, spread, 2) * ((1.3, 0.35) if look.malignant else (1, 1))
            y, x = u * np.sin(axis) + v * np.cos(axis), u * np.cos(axis) - v * np.sin(axis)
            size = max(0.1, rng.normal(0.22, 0.07) if look.malignant else rng.normal(0.5, 0.12))
            d2 = (dy - np.float32(y)) ** 2 + (dx - np.float32(x)) ** 2
            out += np.float32(0.55) * np.exp(-d2 / np.float32(2 * (size**2 + (0.45 * mm) ** 2)))
        out = np.minimum(out, 0.7)
    return out


def view(breast: Breast, side: str, name: str, mm: float) -> MammogramView:
    """Make one hung view.

    Parameters
    ----------
    breast : Breast
        The woman.
    side, name : str
        "R" or "L"; "CC" or "MLO".
    mm : float
        Pixel size; the image covers :data:`FIELD_MM`.
    """
    rows, columns = (round(f / mm) for f in FIELD_MM)
    key = {"CC": 0, "MLO": 1}[name]
    rng = np.random.default_rng([breast.seed, 7, key, "RL".index(side)])
    both = np.random.default_rng([breast.seed, 5, key])
    y = (np.arange(rows, dtype=np.float32) + 0.5) * mm - FIELD_MM[0] / 2
    x = (np.arange(columns, dtype=np.float32) + 0.5) * mm
    reach = _outline(name, breast, y)
    nipple_y = nipple_row_mm(name)
    reach = reach + 4 * np.exp(-(((y - nipple_y) / 5) ** 2))
    inside = x[None, :] < reach[:, None]
    coarse = 0.6
    small = (round(FIELD_MM[1] / coarse), round(FIELD_MM[0] / coarse))
    pad = 60
    shape = cv2.copyMakeBorder(
        cv2.resize(inside.astype(np.uint8), small, interpolation=cv2.INTER_NEAREST), 0, 0, pad, 0, cv2.BORDER_REPLICATE
    )
    if name == "MLO":
        shape = cv2.copyMakeBorder(shape, pad, 0, 0, 0, cv2.BORDER_REPLICATE)
    away = cv2.distanceTransform(shape, cv2.DIST_L2, 5)[pad if name == "MLO" else 0 :, pad:] * coarse
    away = cv2.GaussianBlur(cv2.resize(away, (columns, rows), interpolation=cv2.INTER_LINEAR), (0, 0), 1.0 / mm)
    thick = np.sqrt(np.clip(away / 14, 0, 1))

    factor = max(1, round(0.3 / mm))
    step = (mm, mm)
    texture = 0.75 * coarse_power_law(both, (rows, columns), step, 3.0, factor)
    texture += 0.65 * coarse_power_law(rng, (rows, columns), step, 2.8, factor)
    # ducts: a field drawn in polar coordinates around the nipple, stretched along the radius
    tip = float(breast.depth_mm) + 2
    py, px = y[:, None] - np.float32(nipple_y), np.float32(tip) - x[None, :]
    angle, radius = np.arctan2(py, px), np.hypot(py, px)
    polar = coarse_power_law(rng, (512, 256), (0.5, 1.6), 2.6, 1)
    ducts = cv2.remap(
        polar, (radius * np.float32(0.9)) % 256, (angle + np.float32(np.pi)) * np.float32(511 / (2 * np.pi)), cv2.INTER_LINEAR
    )
    fan = np.exp(-((angle / 0.75) ** 2) - ((radius - 0.45 * tip) / (0.42 * tip)) ** 2)
    share = breast.density * (0.18 + 1.5 * fan) * np.clip(1 + 0.55 * texture + 0.42 * ducts, 0, None)
    gland = np.asarray(1 - np.exp(-np.clip(share, 0, None)), np.float32)
    image = 0.20 + 0.05 * texture + 0.56 * gland
    # thin connective strands in the fat
    ridge = coarse_power_law(rng, (rows, columns), step, 3.2, factor)
    image += 0.055 * np.exp(-((ridge / 0.05) ** 2)) * (1 - gland)
    if name == "MLO":
        edge = 62 + 4 * np.sin(y / 40) - 0.50 * (y + FIELD_MM[0] / 2) - 0.0011 * (y + FIELD_MM[0] / 2) ** 2
        muscle = 1 / (1 + np.exp(-np.clip((edge[:, None] - x[None, :]) / 1.3, -30, 30)))
        fibres = 0.03 * coarse_power_law(rng, (rows, columns), (mm * 3, mm), 2.8, factor)
        image = image * (1 - 0.85 * muscle) + muscle * (0.50 + fibres)
    image = np.asarray(image, np.float32)

    boxes: list[tuple[BreastLesion, tuple[float, float, float, float]]] = []
    for lesion in breast.lesions:
        if lesion.side != side:
            continue
        own = np.random.default_rng([lesion.seed, key])
        cy, cx = project(lesion, name)
        extent = lesion.latents.radius_mm * 3.2 + 3
        r0, r1 = (int(np.clip((v - y[0]) / mm, 0, rows)) for v in (cy - extent, cy + extent))
        c0, c1 = (int(np.clip((v - x[0]) / mm, 0, columns)) for v in (cx - extent, cx + extent))
        if r1 - r0 < 4 or c1 - c0 < 4:
            continue
        patch = _lesion_signal(own, lesion, (y[r0:r1] - np.float32(cy))[:, None], (x[c0:c1] - np.float32(cx))[None, :], mm)
        image[r0:r1, c0:c1] += patch
        r = lesion.latents.radius_mm * (1.25 if lesion.latents.spicules or lesion.kind != "mass" else 1.1) / mm
        my, mx = (cy - y[0]) / mm, (cx - x[0]) / mm
        boxes.append((lesion, (max(0.0, my - r), max(0.0, mx - r), min(float(rows), my + r), min(float(columns), mx + r))))

    # skin: a thin bright rim; then the roll-off of thickness, blur and quantum noise
    image = image * thick + 0.10 * np.exp(-(((away - 0.9) / 0.8) ** 2))
    image = blur(np.asarray(image, np.float32), (0.09 / mm, 0.09 / mm))
    noise = 0.011 * min(1.0, 0.15 / mm) ** 0.5
    image += noise * rng.standard_normal(image.shape, dtype=np.float32)
    grey = np.clip(image / 0.95, 0, 1)
    pixels = np.asarray(np.where(inside, np.clip(60 + 3950 * grey, 1, 4095), 0), np.uint16)
    nipple = ((nipple_y - y[0]) / mm, (tip - x[0]) / mm)
    if side == "R":
        pixels = np.ascontiguousarray(pixels[:, ::-1])
        boxes = [(lesion, (b[0], columns - b[3], b[2], columns - b[1])) for lesion, b in boxes]
        nipple = (nipple[0], columns - 1 - nipple[1])
    return MammogramView(pixels, tuple(boxes), nipple)


def draw_breast(
    seed: int,
    malignant: bool | None,
    kinds: Sequence[str] = ("mass", "mass", "mass", "mass", "calcification"),
    normal: float = 0.25,
    most: int = 1,
) -> Breast:
    """Draw a woman: density, size, and lesions (or, for benign cases, none in a share ``normal`` of them).

    Parameters
    ----------
    seed : int
        Everything follows from it.
    malignant : bool or None
        Class; None draws it.
    kinds : sequence of str
        Drawn from with equal chances.
    normal : float
        Share of benign cases without any lesion.
    most : int
        Most lesions; the first is the same whatever this is, further ones of a malignant case are of either class.
    """
    rng = np.random.default_rng([seed, 11])
    if malignant is None:
        malignant = bool(rng.random() < 0.5)
    density = float(rng.choice([0.12, 0.25, 0.42, 0.62], p=[0.15, 0.4, 0.35, 0.1]))
    depth, half = float(rng.uniform(92, 128)), float(rng.uniform(78, 98))
    side = "RL"[int(rng.integers(2))]
    lesions: list[BreastLesion] = []
    if malignant or rng.random() >= normal:
        look = draw_latents(rng, malignant)
        look = replace(look, radius_mm=look.radius_mm * 1.35)
        kind = str(rng.choice(list(kinds)))
        for _ in range(200):
            lesion = BreastLesion(
                side,
                kind,
                look,
                depth_mm=float(rng.uniform(34, 0.8 * depth)),
                outer_mm=float(rng.uniform(-0.45, 0.6) * half),
                upper_mm=float(rng.uniform(-0.35, 0.6) * half),
                seed=int(rng.integers(2**31)),
            )
            if _well_inside(lesion, Breast(density, depth, half, (), seed)):
                break
        lesions.append(lesion)
    if lesions and most > 1:
        lesions += _more(
            np.random.default_rng([seed, 12]), Breast(density, depth, half, tuple(lesions), seed), malignant, kinds, most
        )
    return Breast(density, depth, half, tuple(lesions), seed)


def _more(rng: np.random.Generator, breast: Breast, malignant: bool, kinds: Sequence[str], most: int) -> list[BreastLesion]:
    """Return further lesions, each clear of the others of its breast in both views."""
    added: list[BreastLesion] = []
    for _ in range(int(rng.integers(most))):
        bad = bool(malignant and rng.random() < 0.5)
        look = draw_latents(rng, bad)
        look = replace(look, radius_mm=look.radius_mm * 1.35)
        kind, side = str(rng.choice(list(kinds))), "RL"[int(rng.integers(2))]
        for _ in range(60):
            lesion = BreastLesion(
                side,
                kind,
                look,
                depth_mm=float(rng.uniform(34, 0.8 * breast.depth_mm)),
                outer_mm=float(rng.uniform(-0.45, 0.6) * breast.half_mm),
                upper_mm=float(rng.uniform(-0.35, 0.6) * breast.half_mm),
                seed=int(rng.integers(2**31)),
            )
            others = [o for o in (*breast.lesions, *added) if o.side == side]
            if _well_inside(lesion, breast) and all(_apart(lesion, o) for o in others):
                added.append(lesion)
                break
    return added


def _apart(a: BreastLesion, b: BreastLesion) -> bool:
    reach = 1.6 * (a.latents.radius_mm + b.latents.radius_mm)
    places = [(project(a, name), project(b, name)) for name in ("CC", "MLO")]
    return all(float(np.hypot(p[0] - q[0], p[1] - q[1])) > reach for p, q in places)


def _well_inside(lesion: BreastLesion, breast: Breast) -> bool:
    margin = lesion.latents.radius_mm + 9
    for name in ("CC", "MLO"):
        cy, cx = project(lesion, name)
        for shift in (-margin, 0.0, margin):
            if cx + margin > float(_outline(name, breast, np.array([cy + shift], np.float32))[0]):
                return False
        from_top = cy + FIELD_MM[0] / 2
        if name == "MLO" and cx - margin < 62 - 0.5 * from_top - 0.0011 * from_top**2:
            return False
    return True
