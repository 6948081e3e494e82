"""Hanging protocols are data: exact match or a refusal in words."""

from __future__ import annotations

import makedicom as md
import numpy as np
import pytest

from reader_app.errors import StudyFileError
from reader_app.imaging import hanging
from reader_app.imaging.caseimage import NewImage


def _image(name, role="current", days=0, grid=True):
    return NewImage(f"{name}{'' if role == 'current' else '_P'}{days or ''}", np.zeros((2, 2), np.uint8), laterality=name[0], view=name[1:], role=role, grid=grid, exam_days=days)  # fmt: skip # noqa: E501


FOUR = [_image(n) for n in md.HUNG]


def test_standard_four_up_puts_the_right_breast_left():
    protocol = hanging.standard("mammography")
    first = protocol.steps[0]
    place = {p.image: (p.row, p.column) for p in first.panes}
    assert place == {"RCC": (0, 0), "LCC": (0, 1), "RMLO": (1, 0), "LMLO": (1, 1)}
    assert first.scale == "same_size" and first.align == "back_to_back"
    assert protocol.problems(FOUR) == [] and len(protocol.steps_for(FOUR)) == 11


def test_missing_view_is_named():
    assert hanging.standard("mammography").problems(FOUR[:3]) == [
        "view LMLO is missing, which hanging protocol 'four views' requires"
    ]


def test_priors_appear_only_when_there_and_allowed():
    protocol = hanging.standard("mammography")
    images = FOUR + [_image(n, "prior", d) for n in md.HUNG for d in (-700, -365)]
    names = [s.name for s in protocol.steps_for(images)]
    assert "current and prior, CC" in names
    assert "current and prior, CC" not in [s.name for s in protocol.steps_for(images, show_priors=False)]
    pane = next(p for s in protocol.steps for p in s.panes if p.image == "RCC@prior")
    assert hanging.resolve(pane, images).exam_days == -365  # the newest


@pytest.mark.parametrize("modality", hanging.MODALITIES)
def test_all_standard_protocols_are_sound(modality):
    assert hanging.standard(modality).modality == modality


def test_volume_protocol_needs_a_volume():
    assert "no volume" in hanging.standard("abvs").problems([_image("LAP")])[0]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("format = 2\n", "format"),
        ("format = 1\nname='x'\ntitle='x'\nmodality='mri'\n", "modality"),
        ("format = 1\nname='x'\ntitle='x'\nmodality='abvs'\ncolour='red'\n", "colour"),
        ("format = 1\nname='x'\ntitle='x'\nmodality='abvs'\n", "no steps"),
        ("format = 1\nname='x'\ntitle='x'\nmodality='abvs'\n[[steps]]\npanes=[{image='a'},{image='b'}]\n", "lie on each other"),
        ("format = 1\nname='x'\ntitle='x'\nmodality='abvs'\n[[steps]]\nscale='huge'\npanes=[{image='a'}]\n", "scale"),
        ("not toml", "valid TOML"),
    ],
)
def test_faulty_protocols(tmp_path, text, word):
    (tmp_path / "h.toml").write_text(text)
    with pytest.raises(StudyFileError, match=word):
        hanging.load(tmp_path / "h.toml")


def test_a_study_may_bring_its_own(tmp_path):
    (tmp_path / "hanging").mkdir()
    (tmp_path / "hanging" / "ultrasound.toml").write_text(
        "format = 1\nname = 'u'\ntitle = 'own'\nmodality = 'ultrasound'\n[[steps]]\npanes = [{ image = '*' }]\n"
    )
    assert hanging.for_study("ultrasound", tmp_path).title == "own"
    assert hanging.for_study("abvs", tmp_path).name == "three_planes"


def test_a_few_files_hang_side_by_side_without_empty_panes():
    images = [NewImage(n, np.zeros((4, 4), np.uint16), laterality=n[0], view=n[1:]) for n in ("LMLO", "RMLO", "LCC")]
    own = hanging.as_given(hanging.standard("mammography"), images)
    first = own.steps_for(images)[0]
    assert [p.image for p in first.panes] == ["RMLO", "LCC", "LMLO"] and [p.column for p in first.panes] == [0, 1, 2]
    named = {p.image for s in own.steps_for(images) for p in s.panes}
    assert named == {"RMLO", "LCC", "LMLO"} and not own.problems(images)
    whole = [*images, NewImage("RCC", np.zeros((4, 4), np.uint16), laterality="R", view="CC")]
    assert hanging.as_given(hanging.standard("mammography"), whole) == hanging.standard("mammography")
