"""Small controls: the words on the button that locks an answer, and the pictures that the style sheets name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PySide6.QtCore import QRect
from PySide6.QtGui import QFontMetrics, QImageReader
from PySide6.QtWidgets import QComboBox

from reader_app.ui import theme
from reader_app.ui.panels import wording
from reader_app.ui.panels.clinical_panel import ClinicalPanel
from reader_app.ui.panels.validate_button import _BELOW, ValidateButton

NEEDS = (
    "category:R", "score:R", "question:recall:R", "category:L", "score:L", "question:recall:L", "question:composition:case",
    "question:nothing_seen:case", "finding:1", "finding:2", "finding:3",
)  # fmt: skip
ASKED = {"recall": "Recall this breast?", "composition": "Breast composition", "nothing_seen": "Nothing seen in either breast?"}


def fits(text: str, width: int) -> bool:
    metrics = QFontMetrics(theme.font("tiny"))
    return metrics.boundingRect(QRect(0, 0, width, 10_000), _BELOW, text).height() < 2.5 * metrics.lineSpacing()


@pytest.mark.parametrize("scale", [1.0, 1.5, 2.0])
def test_what_is_missing_is_named_from_the_first_on_and_the_rest_is_counted(scale):
    theme.set_scale(scale)
    try:
        button = ValidateButton()
        width = theme.px(400 - 40 - 16)
        pieces = wording.missing(NEEDS, ("R", "L"), ASKED)
        whole = "".join(pieces)
        assert whole.startswith("right category, suspicion, Recall this breast? · left category") and len(pieces) == 9
        assert "your word on finding 1, 2, 3 of the aid" in whole
        button.show_missing("Validate and next", pieces)
        assert not fits(button.lines()[1], width), "otherwise this test would show nothing"
        shown = button.subtitle(width)
        assert fits(shown, width) and shown.startswith("missing: right category, suspicion, Recall this breast?")
        counted = int(re.search(r" and (\d) more$", shown).group(1))
        assert shown == f"missing: {''.join(pieces[:-counted])} and {counted} more" and counted < 6
        assert button.toolTip() == button.lines()[1] == f"missing: {whole}"
        button.show_missing("Validate and next", pieces[:2])
        assert button.subtitle(width) == "missing: right category, suspicion"
        button.show_state("Validate and next", "Enter twice", ready=True, armed=False)
        assert button.subtitle(width) == "Enter twice" and button.toolTip() == ""
    finally:
        theme.set_scale(1.0)


@pytest.mark.parametrize("room", sorted(theme.ROOMS))
def test_every_picture_of_the_style_sheets_is_there_and_can_be_read(room):
    named = re.findall(r'url\("(.+?)"\)', theme.stylesheet(room))
    assert named
    for file in named:
        assert Path(file).is_file() and not QImageReader(file).read().isNull()


def test_a_drop_down_shows_an_arrow():
    def arrow_pixels(sheet: str) -> int:
        box = QComboBox()
        box.addItem("x")
        box.setStyleSheet(sheet)
        box.resize(160, 34)
        image = box.grab().toImage()
        back = image.pixelColor(100, 17)
        right = [
            image.pixelColor(x, y) for x in range(image.width() - 26, image.width() - 6) for y in range(8, image.height() - 8)
        ]
        return sum(abs(c.lightness() - back.lightness()) > 40 for c in right)

    sheet = theme.stylesheet("reading")
    assert arrow_pixels(sheet) > 8
    assert arrow_pixels(re.sub(r"QComboBox::down-arrow.*", "", sheet)) == 0, "the control: without it there is none"


def test_the_reader_sees_clinical_data_but_neither_the_drawn_region_nor_the_cohort():
    panel = ClinicalPanel()
    panel.show_case({"age": "51", "roi": "10,20,30,40", "cohort": "external"})
    shown = panel._words.text()
    assert "51" in shown and "10,20" not in shown and "external" not in shown
    panel.show_case({"roi": "10,20,30,40", "age": ""})
    assert not panel.isVisibleTo(None) and panel._words.text() == ""
