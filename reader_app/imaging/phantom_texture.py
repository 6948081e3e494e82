"""What all phantoms share: random textures, lesion latents, lesion shapes. numpy and OpenCV only, everything seeded.

The lesion surface is a Gaussian-random-sphere-like star shape with tapered spicules after the breastMass model (de Sisternes et
al. 2015, doi:10.1118/1.4905232; VICTRE, public domain); textures are Gaussian fields with a power-law spectrum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]

#: BI-RADS-like categories of the latent suspicion, from its lower edge upwards.
LATENT_CATEGORIES: tuple[tuple[float, str], ...] = (
    (0.00, "2"),
    (0.12, "3"),
    (0.35, "4A"),
    (0.60, "4B"),
    (0.78, "4C"),
    (0.92, "5"),
)


@dataclass(frozen=True, slots=True)
class LesionLatents:
    """What makes a phantom lesion look benign or malignant; the classes overlap in every single feature.

    Attributes
    ----------
    malignant : bool
        The true class.
    radius_mm : float
        Radius of the sphere of equal size; the same law for both classes.
    aspect : float
        Height over width ("taller than wide" above 1).
    irregularity : float
        Standard deviation of the logarithm of the surface radius.
    spicules : int
        Number of tapered spicules.
    echo_db, inner_db : float
        Ultrasound: mean echo against gland and its heterogeneity, in decibel.
    shadow_db_mm : float
        Ultrasound: extra attenuation per millimetre (negative: enhancement behind the lesion).
    halo_db, capsule_db : float
        Ultrasound: echogenic halo and thin capsule, in decibel.
    edge_mm : float
        Blur of the margin.
    rotation : float
        Tilt in radians.
    vascularity : int
        Adler grade 0 to 3.
    suspicion : float
        0 to 1: what a perfect observer of these features would say, with a little noise; drives simulated readers.
    """

    malignant: bool
    radius_mm: float
    aspect: float
    irregularity: float
    spicules: int
    echo_db: float
    inner_db: float
    shadow_db_mm: float
    halo_db: float
    capsule_db: float
    edge_mm: float
    rotation: float
    vascularity: int
    suspicion: float

    @property
    def category(self) -> str:
        """The BI-RADS-like category of the latent suspicion."""
        return category_of(self.suspicion)


def category_of(suspicion: float) -> str:
    """Return the BI-RADS-like category of a suspicion from 0 to 1."""
    return [name for edge, name in LATENT_CATEGORIES if suspicion >= edge][-1]


def draw_latents(rng: np.random.Generator, malignant: bool) -> LesionLatents:
    """Draw the latents of one lesion."""
    m = malignant
    aspect = float(np.clip(rng.normal(0.95, 0.25) if m else rng.normal(0.64, 0.15), 0.35, 1.5))
    irregularity = float(np.clip(rng.lognormal(np.log(0.17 if m else 0.06), 0.4), 0.02, 0.28))
    spicules = int(rng.poisson(9)) if rng.random() < (0.65 if m else 0.04) else 0
    edge = float(abs(rng.normal(0.7, 0.3) if m else rng.normal(0.25, 0.12)))
    shadow = float(rng.normal(0.8, 0.5) if m else rng.normal(-0.3, 0.4))
    halo = float(rng.uniform(3, 7)) if rng.random() < (0.5 if m else 0.05) else 0.0
    capsule = float(rng.uniform(3, 7)) if rng.random() < (0.05 if m else 0.5) else 0.0
    weights = rng.multinomial(1, [0.1, 0.2, 0.35, 0.35] if m else [0.5, 0.3, 0.15, 0.05])
    evidence = (
        2.0 * (aspect - 0.78) / 0.2
        + 1.6 * (np.log(irregularity) - np.log(0.1)) / 0.45
        + 1.2 * (edge - 0.45) / 0.25
        + 1.0 * (shadow - 0.25) / 0.5
        + (1.6 if spicules else -0.6)
        + 0.8 * (bool(halo) - bool(capsule))
    )
    suspicion = float(1 / (1 + np.exp(-0.42 * (evidence + rng.normal(0, 2.0)))))
    return LesionLatents(
        malignant=m,
        radius_mm=float(np.clip(rng.lognormal(np.log(5.2), 0.28), 3.0, 9.5)),
        aspect=aspect,
        irregularity=irregularity,
        spicules=spicules,
        echo_db=float(rng.normal(-14, 3) if m else rng.normal(-10, 3)),
        inner_db=float(abs(rng.normal(2.5, 1.0) if m else rng.normal(1.0, 0.6))),
        shadow_db_mm=shadow,
        halo_db=halo,
        capsule_db=capsule,
        edge_mm=edge,
        rotation=float(rng.normal(0, 0.5 if m else 0.2)),
        vascularity=int(np.argmax(weights)),
        suspicion=suspicion,
    )


def power_law(
    rng: np.random.Generator, shape: Sequence[int], spacing_mm: Sequence[float], beta: float = 3.0, outer_mm: float = 60.0
) -> Float:
    """Return a Gaussian field of zero mean and unit deviation with the power spectrum 1 / f^beta.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    shape : sequence of int
        Size of the field, two or three axes.
    spacing_mm : sequence of float
        Sample distance of each axis.
    beta : float
        Exponent of the power spectrum.
    outer_mm : float
        Scale above which the spectrum is flat.
    """
    noise = rng.standard_normal(tuple(shape), dtype=np.float32)
    spectrum = np.fft.rfftn(noise)
    frequencies = [np.fft.fftfreq(n, d) for n, d in zip(shape[:-1], spacing_mm[:-1], strict=True)]
    frequencies.append(np.fft.rfftfreq(shape[-1], spacing_mm[-1]))
    square = np.zeros((1,) * len(shape), np.float32)
    for axis, f in enumerate(frequencies):
        square = square + (f.astype(np.float32) ** 2).reshape([-1 if a == axis else 1 for a in range(len(shape))])
    spectrum *= (square + outer_mm**-2) ** np.float32(-beta / 4)
    field = np.fft.irfftn(spectrum, s=tuple(shape), axes=tuple(range(len(shape)))).astype(np.float32)
    return np.asarray((field - field.mean()) / (field.std() + 1e-9), np.float32)


def coarse_power_law(
    rng: np.random.Generator, shape: Sequence[int], spacing_mm: Sequence[float], beta: float, factor: int
) -> Float:
    """Return :func:`power_law` made on a grid ``factor`` times coarser and enlarged (2-D: cubic; 3-D: linear)."""
    small = [max(4, -(-n // factor)) for n in shape]
    field = power_law(rng, small, [d * factor for d in spacing_mm], beta)
    return resize(field, shape)


def resize(field: Float, shape: Sequence[int]) -> Float:
    """Enlarge a 2-D or 3-D field to ``shape``."""
    if len(shape) == 2:
        return np.asarray(cv2.resize(field, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC), np.float32)
    planes = np.stack([cv2.resize(p, (shape[2], shape[1]), interpolation=cv2.INTER_LINEAR) for p in field])
    flat = cv2.resize(planes.reshape(len(field), -1).T.copy(), (shape[0], shape[1] * shape[2]), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(flat.T).reshape(tuple(shape)).astype(np.float32)


def blur(field: Float, sigma: Sequence[float]) -> Float:
    """Gaussian blur with one sigma per axis (in samples); sigmas below 0.2 are left out."""
    out = field
    if field.ndim == 2:
        return _blur_plane(out, sigma[0], sigma[1])
    if sigma[0] > 0.2:
        kernel = _kernel(sigma[0])
        flat = cv2.sepFilter2D(out.reshape(out.shape[0], -1), cv2.CV_32F, np.ones(1, np.float32), kernel)
        out = np.asarray(flat, np.float32).reshape(field.shape)
    return np.stack([_blur_plane(p, sigma[1], sigma[2]) for p in out])


def _kernel(sigma: float) -> Float:
    half = max(1, int(3 * sigma + 0.5))
    return np.asarray(cv2.getGaussianKernel(2 * half + 1, sigma, cv2.CV_32F).ravel(), np.float32)


def _blur_plane(plane: Float, rows: float, columns: float) -> Float:
    one = np.ones(1, np.float32)
    ky = _kernel(rows) if rows > 0.2 else one
    kx = _kernel(columns) if columns > 0.2 else one
    return np.asarray(cv2.sepFilter2D(np.ascontiguousarray(plane), cv2.CV_32F, kx, ky, borderType=cv2.BORDER_REFLECT), np.float32)


def lesion_radius_field(
    rng: np.random.Generator, latents: LesionLatents, offsets_mm: Sequence[Float], stretch: float = 1.0
) -> Float:
    """Return the normalised radius q of every sample: q < 1 lies inside the lesion.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws the shape.
    latents : LesionLatents
        Size, aspect, irregularity, spicules, tilt.
    offsets_mm : sequence of arrays
        Broadcastable offsets from the centre, in millimetres: (row, column) or (slice, row, column).
    stretch : float
        Extent along slices relative to the width (3-D only).
    """
    dy, dx = offsets_mm[-2], offsets_mm[-1]
    c, s = np.float32(np.cos(latents.rotation)), np.float32(np.sin(latents.rotation))
    wide = latents.radius_mm / latents.aspect**0.5
    high = latents.radius_mm * latents.aspect**0.5
    parts = [(c * dx + s * dy) / wide, (c * dy - s * dx) / high]
    if len(offsets_mm) == 3:
        parts.append(offsets_mm[0] / (wide * stretch))
    r = np.sqrt(sum(p * p for p in parts)).astype(np.float32) + np.float32(1e-6)
    unit = [p / r for p in parts]
    surface: Float = np.zeros((1,) * r.ndim, np.float32)
    waves = 12
    for _ in range(waves):
        k = rng.normal(0, 3.2, 3).astype(np.float32)
        surface = surface + np.cos(sum(a * u for a, u in zip(k, unit, strict=False)) + np.float32(rng.uniform(0, 2 * np.pi)))
    surface = np.float32(np.sqrt(2 / waves)) * surface
    q = np.asarray(r / np.exp(np.float32(latents.irregularity) * np.clip(surface, -2.2, 1.7)), np.float32)
    for _ in range(latents.spicules):
        direction = rng.normal(size=3)[: len(parts)]
        direction /= np.linalg.norm(direction)
        length = rng.uniform(1.5, 2.4)
        cosine = sum(np.float32(a) * u for a, u in zip(direction, unit, strict=True))
        across = r * np.sqrt(np.clip(1 - cosine * cosine, 0, 1))
        width = 0.17 * np.clip((length - r) / (length - 0.6), 0, 1)
        q = np.where((cosine > 0) & (r < length) & (across < width), np.minimum(q, np.float32(0.93)), q)
    return np.asarray(q, np.float32)


def soft_inside(q: Float, latents: LesionLatents) -> Float:
    """Return the lesion's share of every sample (0..1), soft over the margin's blur."""
    steep = 2 * latents.radius_mm / max(latents.edge_mm, 0.12)
    return np.asarray(1 / (1 + np.exp(np.clip((q - 1) * steep, -30, 30))), np.float32)
