"""Fixtures of the export tests; the made-up study itself is in made_up_study.py, which tests import too."""

from __future__ import annotations

import pytest
from export.made_up_study import make_content, make_hostile_content

from reader_app.export.content import WorkbookContent


@pytest.fixture(scope="session")
def content() -> WorkbookContent:
    """Three readers, three rounds, 24 cases, every part of the analysis."""
    return make_content()


@pytest.fixture(scope="session")
def hostile_content() -> WorkbookContent:
    """The same with hostile text wherever text comes from outside."""
    return make_hostile_content()
