"""Automated breast volume scanner phantoms: three-dimensional speckle, layers, ribs, nipple shadow, lesions with shadows.

The same convolution model as :mod:`reader_app.imaging.phantom_us`, in three axes (slice = transverse index, row = depth,
column = lateral). Memory is bounded by a few float32 copies of the volume asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reader_app.imaging.phantom_texture import (
    Float,
    LesionLatents,
    blur,
    coarse_power_law,
    lesion_radius_field,
    soft_inside,
)
from reader_app.imaging.phantom_us import _FWHM, log_compress, mask_box

#: Size of the speckle (full width at half maximum, mm): across slices, along depth, across columns.
PSF_MM = (1.3, 0.45, 0.9)


@dataclass(frozen=True, eq=False)
class LesionMask:
    """Which voxels of a scan are a lesion: a small mask and where it begins, so that large scans cost no more.

    Attributes
    ----------
    origin : tuple of int
        Index (slice, row, column) of the mask's first voxel.
    mask : bool array, (slice, row, column)
        The lesion.
    """

    origin: tuple[int, int, int]
    mask: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class AbvsVolume:
    """One scan.

    Attributes
    ----------
    pixels : uint8 array, (slice, row, column)
        Log-compressed volume.
    boxes : tuple
        One box per lesion: starts then exclusive stops in (slice, row, column).
    masks : tuple of LesionMask
        The lesion within each box, in the same order.
    nipple : tuple of float
        Index of the nipple.
    """

    pixels: NDArray[np.uint8]
    boxes: tuple[tuple[float, ...], ...]
    masks: tuple[LesionMask, ...]
    nipple: tuple[float, float, float]


def volume(
    rng: np.random.Generator,
    lesions: tuple[tuple[LesionLatents, tuple[float, float, float]], ...],
    shape: tuple[int, int, int] = (160, 128, 192),
    spacing_mm: tuple[float, float, float] = (0.75, 0.35, 0.7),
    nipple_mm: tuple[float, float] | None = None,
) -> AbvsVolume:
    """Make one scan.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    lesions : tuple of (LesionLatents, centre)
        Centres in millimetres from the first voxel, (slice, row, column).
    shape, spacing_mm : tuple
        Size and voxel size, (slice, row, column).
    nipple_mm : tuple of float or None
        Position of the nipple along slices and columns; None: the middle.
    """
    ns, nr, nc = shape
    ds, dr, dc = spacing_mm
    s = (np.arange(ns, dtype=np.float32) * ds)[:, None, None]
    depth = (np.arange(nr, dtype=np.float32) * dr)[None, :, None]
    c = (np.arange(nc, dtype=np.float32) * dc)[None, None, :]
    ns_mm, nc_mm = nipple_mm if nipple_mm is not None else (ns * ds / 2, nc * dc / 2)
    away = np.hypot(s - np.float32(ns_mm), c - np.float32(nc_mm))
    texture = coarse_power_law(rng, shape, spacing_mm, 3.0, 2)
    fat_mm, muscle_mm = float(rng.uniform(5, 8)), float(rng.uniform(29, 34))
    plane = [coarse_power_law(rng, (ns, nc), (ds, dc), 4.0, 2)[:, None, :] for _ in range(2)]
    fat_end = fat_mm + 1.3 * plane[0] + 0.0028 * away**2
    gland_end = 24 + 1.5 * plane[1] - 0.0025 * away**2
    muscle = muscle_mm + plane[1]
    ridge = coarse_power_law(rng, shape, (ds, dr * 1.6, dc), 3.3, 2)
    strands = 8 * np.exp(-((ridge / 0.12) ** 2))
    gland = (depth > fat_end) & (depth < gland_end)
    echo = np.where(gland, 1 + 3.0 * texture, -9 + 1.6 * texture + strands * (depth < muscle)).astype(np.float32)
    echo = np.where(depth > muscle, -6 + 2.5 * np.sin((depth - muscle) * 2.4) + texture, echo).astype(np.float32)
    echo += 8 * np.exp(-(((depth - muscle) / 0.6) ** 2))
    echo[np.broadcast_to(depth < 1.6, shape)] = 6
    loss = np.zeros(shape, np.float32)
    boxes: list[tuple[float, ...]] = []
    masks: list[LesionMask] = []
    for look, centre in lesions:
        reach = 2.7 * look.radius_mm
        window = tuple(
            slice(max(0, int((m - reach) / d)), min(n, int((m + reach) / d) + 1))
            for m, d, n in zip(centre, spacing_mm, shape, strict=True)
        )
        offsets = [
            ((np.arange(w.start, w.stop, dtype=np.float32) * d) - np.float32(m)).reshape([-1 if a == k else 1 for a in range(3)])
            for k, (w, d, m) in enumerate(zip(window, spacing_mm, centre, strict=True))
        ]
        q = lesion_radius_field(rng, look, offsets, stretch=float(rng.uniform(0.85, 1.15)))
        inside = soft_inside(q, look)
        own = echo[window] * (1 - inside) + (look.echo_db + look.inner_db * texture[window]) * inside
        distance = (q - 1) * look.radius_mm
        own += look.capsule_db * np.exp(-((distance / 0.5) ** 2))
        own += look.halo_db * np.exp(-(((distance - 1.2) / 0.9) ** 2))
        echo[window] = own
        loss[window] += inside * np.float32(look.shadow_db_mm)
        found = mask_box(inside > 0.5)
        if found:
            boxes.append(tuple(v + window[k % 3].start for k, v in enumerate(found)))
            first, last = [int(v) for v in found[:3]], [int(v) for v in found[3:]]
            own_mask = (inside > 0.5)[tuple(slice(a, b) for a, b in zip(first, last, strict=True))]
            at = [w.start + a for w, a in zip(window, first, strict=True)]
            masks.append(LesionMask((at[0], at[1], at[2]), np.ascontiguousarray(own_mask)))
    shadow = np.cumsum(loss, axis=1, dtype=np.float32) * np.float32(dr)
    shadow = np.clip(blur(shadow, (0.8 / ds, 0.0, 0.8 / dc)), -6, 15)
    shadow += 7 * np.exp(-((away / 4.5) ** 2)) * np.clip(depth / 8, 0, 1)
    # ribs: dark arcs with a bright front across the deepest rows
    rib = np.clip(np.cos(2 * np.pi * (s + 0.12 * c) / 22) - 0.45, 0, 1) * 2
    shadow += rib * 9 / (1 + np.exp(-np.clip((depth - muscle_mm - 6) / 0.6, -30, 30)))
    echo += rib * 7 * np.exp(-(((depth - muscle_mm - 6) / 0.8) ** 2))
    amplitude = np.power(np.float32(10), echo / np.float32(20), dtype=np.float32)
    sigma = [width / _FWHM / d for width, d in zip(PSF_MM, spacing_mm, strict=True)]
    parts: list[Float] = [blur(rng.standard_normal(shape, dtype=np.float32) * amplitude, sigma) for _ in range(2)]
    shadow += 4 * (depth / (nr * dr)) ** 2
    pixels = log_compress(np.hypot(parts[0], parts[1]), shadow)
    return AbvsVolume(pixels, tuple(boxes), tuple(masks), (ns_mm / ds, 0.0, nc_mm / dc))
