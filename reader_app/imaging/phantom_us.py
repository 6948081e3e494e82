"""Hand-held ultrasound phantoms: two-dimensional speckle from a convolution model, layered breast, one lesion, colour Doppler.

Complex Gaussian scatterers times the echogenicity, blurred with a separable point-spread function, envelope, attenuation summed
along depth, log compression: the shift-invariant limit of the point-scatterer simulators (Meunier and Bertrand 1995).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from reader_app.imaging.phantom_texture import (
    Float,
    LesionLatents,
    blur,
    coarse_power_law,
    lesion_radius_field,
    power_law,
    soft_inside,
)

#: Full width at half maximum over standard deviation of a Gaussian.
_FWHM = 2.3548

#: Size of the speckle (full width at half maximum, mm): along depth, across.
PSF_MM = (0.32, 0.55)


@dataclass(frozen=True, slots=True)
class UltrasoundFrame:
    """One grey frame: pixels, lesion mask and box.

    Attributes
    ----------
    pixels : uint8 array, (row, column)
        Log-compressed image, skin at the top.
    mask : bool array, (row, column)
        The lesion.
    box : tuple of float
        (row start, column start, row stop, column stop) of the mask, stop exclusive; empty when there is no lesion.
    """

    pixels: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    box: tuple[float, ...]


def mask_box(mask: NDArray[np.bool_]) -> tuple[float, ...]:
    """Return the bounding box of a mask (starts, then exclusive stops), () when it is empty."""
    if not mask.any():
        return ()
    axes = tuple(range(mask.ndim))
    lines = [np.flatnonzero(mask.any(axis=tuple(a for a in axes if a != axis))) for axis in axes]
    return (*(float(n[0]) for n in lines), *(float(n[-1] + 1) for n in lines))


def log_compress(envelope: Float, loss_db: Float, dynamic_db: float = 58.0) -> NDArray[np.uint8]:
    """Return the 8-bit display image of an envelope: decibel below the mean, minus ``loss_db``, clipped to the dynamic range."""
    reference = float(np.sqrt(np.mean(envelope**2))) + 1e-9
    decibel = 20 * np.log10(envelope / reference + 1e-6) - loss_db
    return np.asarray(np.clip((decibel + dynamic_db * 0.62) / dynamic_db * 255, 0, 255), np.uint8)


def _layers(rng: np.random.Generator, shape: tuple[int, int], mm: float) -> tuple[Float, float, float]:
    """Return the echogenicity of a breast without lesion (decibel) and the depths of fat and muscle (mm)."""
    rows, columns = shape
    depth = (np.arange(rows, dtype=np.float32) * mm)[:, None]
    texture = coarse_power_law(rng, shape, (mm, mm), 3.0, 3)
    wave = [coarse_power_law(rng, (4, columns), (mm, mm), 4.0, 4)[0] for _ in range(2)]
    fat_mm, muscle_mm = float(rng.uniform(5, 11)), float(rng.uniform(27, 33))
    fat_end, muscle = fat_mm + 1.3 * wave[0][None, :], muscle_mm + 1.0 * wave[1][None, :]
    # fibroglandular tissue: bright, with darker ducts and lobules stretched sideways
    lobes = cv2.resize(
        power_law(rng, (rows // 3, columns // 9), (mm * 3, mm * 3), 2.6), (columns, rows), interpolation=cv2.INTER_CUBIC
    )
    echo = 1.5 * texture + 2.6 * lobes
    echo = np.where(depth < fat_end, -10 + 1.6 * texture, echo)
    # Cooper's ligaments: thin bright curves through the fat lobules
    ridge = coarse_power_law(rng, shape, (mm * 1.6, mm), 3.4, 4)
    strands = np.exp(-((ridge / 0.10) ** 2)) * (depth < fat_end + 2)
    echo = echo + 10 * strands
    striations = 2.5 * np.sin((depth - muscle) * 2.6 + 0.8 * texture)
    echo = np.where(depth > muscle, -6 + striations + 0.5 * texture, echo)
    echo = echo + 9 * np.exp(-(((depth - muscle) / 0.5) ** 2))
    echo = echo + 11 * np.exp(-(((depth - 0.9) / 0.7) ** 2))
    return np.asarray(echo, np.float32), fat_mm, muscle_mm


def frame(
    rng: np.random.Generator, latents: LesionLatents | None, shape: tuple[int, int] = (480, 560), mm: float = 0.08
) -> UltrasoundFrame:
    """Make one grey frame.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    latents : LesionLatents or None
        The lesion; None for an empty breast.
    shape : tuple of int
        (rows, columns).
    mm : float
        Pixel size.
    """
    rows, columns = shape
    echo, fat_mm, muscle_mm = _layers(rng, shape, mm)
    mask = np.zeros(shape, np.bool_)
    loss = np.zeros(shape, np.float32)
    if latents is not None:
        high = latents.radius_mm * latents.aspect**0.5
        low = min(fat_mm + 0.3 * high, muscle_mm - 1.1 * high)
        centre_y = float(rng.uniform(low, max(low + 0.1, muscle_mm - 1.15 * high)))
        centre_y = max(centre_y, high * 1.1 + 2.0)
        width_mm = columns * mm
        centre_x = width_mm / 2 + float(rng.uniform(-0.16, 0.16)) * width_mm
        dy = (np.arange(rows, dtype=np.float32) * mm)[:, None] - np.float32(centre_y)
        dx = (np.arange(columns, dtype=np.float32) * mm)[None, :] - np.float32(centre_x)
        q = lesion_radius_field(rng, latents, (dy, dx))
        inside = soft_inside(q, latents)
        inner = coarse_power_law(rng, shape, (mm, mm), 2.6, 3)
        echo = echo * (1 - inside) + (latents.echo_db + latents.inner_db * inner) * inside
        distance = (q - 1) * latents.radius_mm
        echo += latents.capsule_db * np.exp(-((distance / 0.4) ** 2))
        echo += latents.halo_db * np.exp(-(((distance - 1.2) / 0.9) ** 2))
        mask = inside > 0.5
        loss = np.cumsum(inside, axis=0, dtype=np.float32) * np.float32(mm * latents.shadow_db_mm)
        loss = blur(loss, (0.0, 0.7 / mm))
    amplitude = (10 ** (echo / 20)).astype(np.float32)
    sigma = [width / _FWHM / mm for width in PSF_MM]
    real, imaginary = (blur(rng.standard_normal(shape, dtype=np.float32) * amplitude, sigma) for _ in range(2))
    depth = np.linspace(0, 1, rows, dtype=np.float32)[:, None]
    loss = np.clip(loss, -6, 15) + 4 * depth**2
    pixels = log_compress(np.hypot(real, imaginary), loss + rng.standard_normal(shape, dtype=np.float32) * 0.3)
    return UltrasoundFrame(pixels, mask, mask_box(mask))


def colour_doppler(rng: np.random.Generator, grey: UltrasoundFrame, adler: int) -> NDArray[np.uint8]:
    """Return an RGB colour Doppler frame: the grey frame, a colour box around the lesion, vessels by Adler grade (0 to 3)."""
    image = np.repeat(grey.pixels[:, :, None], 3, axis=2)
    rows, columns = grey.pixels.shape
    r0, c0, r1, c1 = grey.box or (rows * 0.3, columns * 0.3, rows * 0.6, columns * 0.7)
    pad_r, pad_c = 0.35 * (r1 - r0) + 12, 0.35 * (c1 - c0) + 16
    top, left = max(4, int(r0 - pad_r)), max(4, int(c0 - pad_c))
    bottom, right = min(rows - 5, int(r1 + pad_r)), min(columns - 5, int(c1 + pad_c))
    flow = np.zeros((rows, columns), np.float32)
    for _ in range((0, 2, 4, 8)[adler]):
        point = np.array([rng.uniform(c0, c1), rng.uniform(r0, r1)])
        if adler == 1:
            side = rng.integers(2)
            point[0] = (c0, c1)[side]
        heading = rng.uniform(0, 2 * np.pi)
        speed = float(rng.uniform(0.35, 1.0)) * (1 if rng.random() < 0.55 else -1)
        for _ in range(int((4, 7, 12, 22)[adler] * rng.uniform(0.7, 1.4))):
            heading += rng.normal(0, 0.35)
            nxt = point + 4 * np.array([np.cos(heading), np.sin(heading)])
            cv2.line(flow, tuple(int(v) for v in point), tuple(int(v) for v in nxt), speed, int(rng.integers(3, 6)))
            point = nxt
    window = np.zeros_like(flow)
    window[top:bottom, left:right] = 1
    flow = cv2.GaussianBlur(flow, (0, 0), 1.8) * window
    fast = np.clip(np.abs(flow) * 1.3, 0, 1)
    red = np.stack([255 * np.ones_like(fast), 60 + 170 * fast, 30 * fast], -1)
    blue = np.stack([30 * fast, 90 + 140 * fast, 255 * np.ones_like(fast)], -1)
    colour = np.where((flow > 0)[..., None], red, blue)
    shown = (fast > 0.18)[..., None]
    image = np.where(shown, colour * (0.45 + 0.55 * fast[..., None]), image).astype(np.uint8)
    cv2.rectangle(image, (left, top), (right, bottom), (214, 214, 120), 1)
    bar = np.linspace(1, -1, 120, dtype=np.float32)
    for k, v in enumerate(bar):
        tone = (255, int(60 + 170 * v), 20) if v > 0 else (20, int(90 - 140 * v), 255)
        image[20 + k, columns - 22 : columns - 10] = tone if abs(v) > 0.06 else (0, 0, 0)
    return image
