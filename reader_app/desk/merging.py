"""Bringing the workstations' logs home."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reader_app.store.merge import MergeReport, merge
from reader_app.store.studyfolder import StudyFolder


def merge_logs(study: Path, files: Sequence[Path]) -> MergeReport:
    """Verify logs and copy them into the study: all or none, the same file twice changes nothing, forks are listed."""
    return merge(StudyFolder.load(study), list(files))
