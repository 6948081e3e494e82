"""``reader-app look``: single files or folders straight from the command line, without a study."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from reader_app.cli.progress import ProgressBar
from reader_app.cli.study_commands import print_import, refuse_without_screen


def add_to(sub: Any) -> None:
    """Add the command."""
    look = sub.add_parser("look", help="look at files as a reader would see them, without a study; nothing is kept")
    look.add_argument("sources", metavar="FILE", type=Path, nargs="+", help="files or folders: DICOM, PNG, NRRD, NIfTI, MHA")
    look.add_argument("--as", dest="as_", choices=("mammography", "abvs", "ultrasound"))
    look.add_argument("--as-acquired", action="store_true", help="leave ABVS volumes of a curved probe as scan lines")
    look.add_argument("--pictures", type=Path, metavar="DIR", help="write a picture of each case and open no window")
    look.set_defaults(run=_look)


def _look(options: argparse.Namespace) -> int:
    from reader_app.errors import Fault, InputFaults
    from reader_app.imaging.importer import import_sources

    missing = [path for path in options.sources if not path.exists()]
    if missing:
        raise InputFaults([Fault(str(path), "there is no such file or folder", "check the path") for path in missing])
    if options.pictures is None:
        refuse_without_screen()
    with tempfile.TemporaryDirectory(prefix="reader-app-look-") as name:
        images = Path(name) / "images"
        with ProgressBar("look", "exam") as bar:
            report = import_sources(options.sources, images, as_=options.as_, progress=bar, as_acquired=options.as_acquired)
        print_import(report)
        shown = [case for case in report.cases if (images / case.case_id / "manifest.json").is_file()]
        if not shown:
            print("There is nothing to show.")
            return 1
        from reader_app.ui.coordinator.look_window import look

        return look(images, shown, options.pictures)
