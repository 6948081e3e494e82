"""Grey levels on the way to the screen: 256 or 1024 of them as the screen allows, through measured luminances, truly said."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from reader_app import paths
from reader_app.imaging import display
from reader_app.imaging.window import GreyScale, Preset, lookup_table
from reader_app.ui import screens
from reader_app.ui.viewer import content, greypath
from reader_app.ui.viewer.greypath import GreyPath, choose


@pytest.fixture(autouse=True)
def plain_afterwards():
    yield
    greypath.use(GreyPath())


def low_byte(table):
    return table.view(np.uint32) & 0xFF


def picture(dtype=np.uint8):
    return content.Picture(content.Source((np.zeros((4, 4), dtype),)), GreyScale())


def test_ten_bits_only_where_qt_has_them():
    assert [choose(*place).bits for place in (("xcb", 24), ("xcb", 30), ("windows", 30), ("offscreen", 32))] == [8, 10, 8, 8]


def test_pixels_hold_the_levels_of_the_table():
    plain = content.table_of(picture(), content.Window())
    assert np.array_equal(low_byte(plain), np.arange(256)) and (plain.view(np.uint32) >> 24 == 255).all()
    wide = content.Picture(content.Source((np.zeros((4, 4), np.uint16),)), GreyScale(presets=(Preset("", "linear", 500, 900),)))
    eight = lookup_table(wide.grey, None, dtype=np.uint16)
    assert np.array_equal(low_byte(content.table_of(wide, content.Window())), eight)
    greypath.use(GreyPath(10))
    ten = content.table_of(wide, content.Window()).view(np.uint32)
    fine = lookup_table(wide.grey, None, dtype=np.uint16, display=np.arange(1024, dtype=np.uint16))
    assert np.array_equal(ten & 1023, fine) and np.array_equal(ten >> 10 & 1023, fine) and np.array_equal(ten >> 20 & 1023, fine)
    assert len(np.unique(ten)) > 800, "a window of 900 values is not squeezed into 256 levels"


@pytest.mark.parametrize(("bits", "measured"), [(8, 256), (8, 1024), (10, 256), (10, 1024)])
def test_measured_luminances_turn_into_driving_levels_of_even_contrast(bits, measured):
    curve = display.gamma_display(0.4, 400.0, levels=measured)
    path = choose("xcb", 30 if bits == 10 else 24, curve)
    assert path.bits == bits and path.table.max() == 2**bits - 1 and (np.diff(path.table.astype(int)) >= 0).all()
    levels = display.gamma_display(0.4, 400.0, levels=2**bits)
    before = display.examine(levels, p_values=2**bits)
    after = display.examine(levels, p_values=1024, table=path.table)
    assert before.worst > 0.5 > 0.15 > after.worst


def test_the_workstations_file_decides_and_a_bad_one_does_not(qapp):
    file = paths.data_dir() / screens.LUMINANCE_FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    assert screens.grey_path().table is None and "256 steps; a display calibrated" in screens.grey_path().words()
    try:
        file.write_text("\n".join(f"{v:.4f}" for v in display.gamma_display(0.4, 300.0)), encoding="utf-8")
        path = screens.grey_path()
        assert path.record() == "8 bit through a GSDF table from measured luminances"
        greypath.use(path)
        shown = low_byte(content.table_of(picture(), content.Window()))
        assert not np.array_equal(shown, np.arange(256)) and shown[0] == 0 and shown[-1] == 255
        file.write_text("1 2 nothing", encoding="utf-8")
        assert screens.grey_path().table is None
    finally:
        file.unlink()


def on_a_screen(depth: int, *words: str) -> dict:
    """Run depth_check on an X server of its own and return what it says."""
    if shutil.which("Xvfb") is None or sys.platform != "linux":
        pytest.skip("needs Xvfb, a virtual X screen of a chosen depth")
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", f"1200x500x{depth}", "-nolisten", "tcp"],
        pass_fds=(write,), stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(write)
    try:
        with os.fdopen(read) as stream:
            display_name = f":{stream.readline().strip()}"
        root = Path(__file__).parents[2]
        surroundings = {**os.environ, "DISPLAY": display_name, "QT_QPA_PLATFORM": "xcb", "PYTHONPATH": str(root)}
        surroundings.pop("QT_SCALE_FACTOR", None)
        done = subprocess.run(
            [sys.executable, str(Path(__file__).parent / "depth_check.py"), *words],
            env=surroundings, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    finally:
        server.terminate()
        server.wait(10)
    if "could not load the Qt platform plugin" in done.stderr.lower() or "no Qt platform plugin" in done.stderr:
        pytest.skip("Qt cannot start on X11 here")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])


def test_a_screen_of_depth_30_shows_every_one_of_1024_levels():
    said = on_a_screen(30)
    assert said["depth"] == 30 and said["bits"] == 10 and said["grey"] and said["shown"] == list(range(1024))


def test_a_screen_of_depth_24_shows_256():
    said = on_a_screen(24)
    assert said["depth"] == 24 and said["bits"] == 8 and said["levels"] == 256 and said["rises"] and said["grey"]


def test_a_calibrated_screen_of_depth_30_shows_the_table():
    said = on_a_screen(30, "calibrated")
    table = choose("xcb", 30, display.gamma_display(0.4, 400.0)).table
    assert said["shown"] == table.tolist() and 256 < said["levels"] <= 1024
