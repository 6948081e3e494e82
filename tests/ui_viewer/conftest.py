"""Fixtures for the viewer: a shown CaseViewer that is closed and emptied afterwards."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def viewer(qtbot):
    from reader_app.ui.viewer.case_viewer import CaseViewer

    widget = CaseViewer()
    qtbot.addWidget(widget)
    widget.resize(1000, 700)
    widget.show()
    qtbot.waitExposed(widget)
    yield widget
    widget.clear()
