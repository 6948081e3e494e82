"""Grey levels on a real display: the Grayscale Standard Display Function (DICOM PS3.14) and what 8 bits mean on it.

Images are painted as P-values: equal steps should look equally different. On a display calibrated to the GSDF that holds as it
is. For one that is only known by measurement (or by its gamma), `calibration_table` gives the driving levels that make it so, to
be passed to `window.lookup_table(..., display=...)`: 256 of them, or 1024 on a 10-bit path.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reader_app.errors import ImageError

_A, _B, _C, _D, _E = -1.3011877, -2.5840191e-2, 8.0242636e-2, -1.0320229e-1, 1.3646699e-1
_F, _G, _H, _K, _M = 2.8745620e-2, -2.5468404e-2, -3.1978977e-3, 1.2992634e-4, 1.3635334e-3
_INVERSE = (71.498068, 94.593053, 41.912053, 9.8247004, 0.28175407, -1.1878455, -0.18014349, 0.14710899, -0.017046845)


def painted_bits(platform: str, depth: int) -> int:
    """Return in how many bits a channel grey is painted: 10 on X11 screens of depth 30, where Qt's windows have them, else 8."""
    return 10 if platform == "xcb" and depth == 30 else 8


def statement(bits: int = 8) -> str:
    """Return what the program does with grey levels, for whoever looks after the display."""
    how = f"Images are painted as P-values in {2**bits} levels ({bits} bits a channel)"
    if bits == 8:
        how += "; Qt offers 10 bits on X11 screens of depth 30 only, where 1024 levels are painted"
    return (
        f"{how}. A display calibrated to the DICOM GSDF shows their steps evenly; an uncalibrated one shows less contrast in the "
        "dark parts."
    )


#: Luminance range of the GSDF, cd/m2 (JND index 1 to 1023).
LUMINANCE_RANGE: tuple[float, float] = (0.05, 3993.404)


def luminance(jnd: ArrayLike) -> NDArray[np.float64]:
    """Return the luminance in cd/m2 of JND indices 1 to 1023 (PS3.14 equation B-1)."""
    x = np.log(np.asarray(jnd, np.float64))
    top = _A + _C * x + _E * x**2 + _G * x**3 + _M * x**4
    return np.asarray(10.0 ** (top / (1.0 + _B * x + _D * x**2 + _F * x**3 + _H * x**4 + _K * x**5)))


def jnd_index(luminance_cd_m2: ArrayLike) -> NDArray[np.float64]:
    """Return the JND index of luminances within :data:`LUMINANCE_RANGE` (PS3.14 equation B-3)."""
    x = np.log10(np.clip(np.asarray(luminance_cd_m2, np.float64), *LUMINANCE_RANGE))
    return np.asarray(sum(c * x**i for i, c in enumerate(_INVERSE)))


def gamma_display(darkest: float, brightest: float, gamma: float = 2.2, levels: int = 256) -> NDArray[np.float64]:
    """Return the luminance of each driving level of a display that follows a power law between two luminances, cd/m2."""
    return np.asarray(darkest + (brightest - darkest) * np.linspace(0.0, 1.0, levels) ** gamma)


def calibration_table(
    measured_cd_m2: Sequence[float] | NDArray[np.float64], ambient_cd_m2: float = 0.0, p_values: int = 256
) -> NDArray[np.uint16]:
    """Return for each P-value the driving level whose luminance comes nearest to the GSDF.

    Parameters
    ----------
    measured_cd_m2 : sequence of float
        Luminance of every driving level, rising (256 entries for 8 bits, 1024 for 10).
    ambient_cd_m2 : float
        Room light reflected by the screen; it lies on top of every luminance.
    p_values : int
        256, or 1024 for a 10-bit path.

    Raises
    ------
    ValueError
        If the luminances do not rise.
    """
    curve = np.asarray(measured_cd_m2, np.float64) + ambient_cd_m2
    if len(curve) < 2 or not np.isfinite(curve).all() or np.any(np.diff(curve) < 0) or curve[0] >= curve[-1]:
        raise ValueError("the luminances of a display must rise from the first to the last driving level")
    wanted = np.linspace(float(jnd_index(curve[0])), float(jnd_index(curve[-1])), p_values)
    scale = jnd_index(curve)  # nearest in what the eye sees, not in candela
    place = np.searchsorted(scale, wanted)
    upper = np.clip(place, 1, len(curve) - 1)
    nearer = np.where(np.abs(scale[upper - 1] - wanted) <= np.abs(scale[upper] - wanted), upper - 1, upper)
    return np.asarray(nearer, dtype=np.uint16)


def resampled(measured_cd_m2: ArrayLike, levels: int) -> NDArray[np.float64]:
    """Return the luminances of ``levels`` driving levels from those of 256 or 1024, evenly between them in what the eye sees."""
    curve = np.asarray(measured_cd_m2, np.float64)
    if len(curve) == levels:
        return curve
    places = np.linspace(0, len(curve) - 1, levels)
    low, high = LUMINANCE_RANGE
    if curve[0] < low or curve[-1] > high:  # beyond the eye's table: as they are
        return np.asarray(np.interp(places, np.arange(len(curve)), curve))
    finer = luminance(np.interp(places, np.arange(len(curve)), jnd_index(curve)))
    finer[0], finer[-1] = curve[0], curve[-1]
    return finer


def read_luminances(path: Path) -> NDArray[np.float64]:
    """Return the measured luminances (cd/m2) of the 256 or 1024 driving levels from a text file, a number a line, darkest first.

    Raises
    ------
    ImageError
        If it does not hold 256 or 1024 rising numbers.
    """
    try:
        curve = np.array([float(word) for word in path.read_text(encoding="utf-8-sig").replace(",", ".").split()])
    except (OSError, ValueError) as error:
        raise ImageError(f"{path}: cannot be read as luminances; write one number in cd/m2 a line") from error
    if (
        len(curve) not in (256, 1024)
        or not np.isfinite(curve).all()
        or np.any(np.diff(curve) < 0)
        or curve[0] < 0
        or curve[0] >= curve[-1]
    ):
        raise ImageError(f"{path}: must hold 256 or 1024 rising luminances in cd/m2, one a driving level; measure again")
    return curve


@dataclass(frozen=True, slots=True)
class Rendering:
    """What a display makes of the painted levels.

    Attributes
    ----------
    jnds : float
        Just noticeable differences between its black and white.
    per_step : float
        JNDs in one step of the painted P-values; above about 3, single steps can be seen as contours.
    worst : float
        Largest deviation of the contrast of a step from the GSDF's, as a part (0.1 = 10 %).
    text : str
        The same in words for the user.
    """

    jnds: float
    per_step: float
    worst: float
    text: str


def examine(
    measured_cd_m2: Sequence[float] | NDArray[np.float64],
    ambient_cd_m2: float = 0.0,
    p_values: int = 256,
    table: NDArray[np.uint16] | None = None,
) -> Rendering:
    """Judge how a display renders P-values, uncalibrated (``table`` None) or through a calibration table."""
    curve = np.asarray(measured_cd_m2, np.float64) + ambient_cd_m2
    levels = np.rint(np.linspace(0, len(curve) - 1, p_values)).astype(np.int64) if table is None else table.astype(np.int64)
    seen = jnd_index(curve[levels])
    total = float(seen[-1] - seen[0])
    painted = p_values if table is None else len(np.unique(table))  # P-values may share a driving level
    step = total / (painted - 1)
    blocks = np.diff(seen[:: max(1, len(seen) // 18)])  # contrast over 18 steps, as quality control measures it
    worst = float(np.abs(blocks / (np.median(blocks) or 1.0) - 1.0).max())
    grade = (
        "even"
        if worst <= 0.1
        else "acceptable"
        if worst <= 0.2
        else "uneven: dark or bright parts show less contrast than others"
    )
    text = (
        f"This display shows {total:.0f} just noticeable steps between black and white; painting with {painted} levels gives "
        f"{step:.1f} of them a level. Contrast over the grey scale is {grade} (largest deviation {worst:.0%})."
    )
    return Rendering(total, step, worst, text)
