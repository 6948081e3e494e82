"""A private copy of one small frozen study for each test, a dressed application, and no warning from Qt."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import pytest
from readingkit import copy_study, make_study

from reader_app.study.definition import StudyDefinition  # noqa: F401 - loads the package before Qt
from reader_app.ui import language, theme


@pytest.fixture(scope="session")
def mixed_study(tmp_path_factory):
    return make_study(tmp_path_factory.mktemp("made") / "study")


@pytest.fixture(scope="session")
def breast_study(tmp_path_factory):
    return make_study(tmp_path_factory.mktemp("made") / "study", ("mammography",), 2, level="breast")


@pytest.fixture
def folder(mixed_study, tmp_path):
    return copy_study(mixed_study, tmp_path / "study")


@pytest.fixture
def breast_folder(breast_study, tmp_path):
    return copy_study(breast_study, tmp_path / "study")


@pytest.fixture(scope="session", autouse=True)
def _application(qapp):
    theme.apply(qapp)


@pytest.fixture(autouse=True)
def _as_delivered():
    yield
    language.use("en")
    theme.set_scale(1.0)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A warning from Qt fails the test that caused it."""
    for item in items:
        if Path(item.fspath).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.qt_log_level_fail("WARNING"))
            # A remark of the off-screen platform about itself, at every second window.
            item.add_marker(pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints"))
