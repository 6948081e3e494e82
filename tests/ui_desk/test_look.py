"""Files straight from the command line: pictures of what a reader would see, nothing kept, refusals in words."""

from __future__ import annotations

import tempfile
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("PySide6")

from pytestqt.qtbot import QtBot

from reader_app.cli.main import run


def test_pictures_of_files_and_nothing_left(
    qtbot: QtBot, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    for seed, name in enumerate(("a.png", "b.png")):
        image = np.random.default_rng(seed).integers(120, 255, (200, 300), dtype=np.uint8)
        cv2.imwrite(str(tmp_path / name), image)
    (tmp_path / "c.txt").write_text("no image")
    files = [str(tmp_path / n) for n in ("a.png", "b.png", "c.txt")]
    assert run(["look", *files, "--as", "ultrasound", "--pictures", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "2 case(s)" in said and "not taken: c.txt: is no image file" in said
    for number in (1, 2):
        shot = cv2.imread(str(tmp_path / "out" / f"{number}.png"), cv2.IMREAD_GRAYSCALE)
        assert (shot > 100).mean() > 0.2  # the image fills a good part of the window
    assert not list((tmp_path / "temporary").glob("reader-app-look-*"))


def test_nothing_to_show_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "c.txt").write_text("no image")
    assert run(["look", str(tmp_path / "c.txt"), "--pictures", str(tmp_path / "out")]) == 1
    assert "nothing to show" in capsys.readouterr().out
    assert run(["look", str(tmp_path / "none.dcm"), "--pictures", str(tmp_path / "out")]) == 1
    assert "there is no such file" in capsys.readouterr().err
