"""Files outside a study's cases: ``look`` at them straight from the command line, ``deidentify`` them for passing on."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from reader_app.cli.progress import ProgressBar
from reader_app.cli.study_commands import print_import, refuse_without_screen


def add_to(sub: Any) -> None:
    """Add the commands."""
    look = sub.add_parser("look", help="look at files as a reader would see them, without a study; nothing is kept")
    look.add_argument("sources", metavar="FILE", type=Path, nargs="+", help="files or folders: DICOM, PNG, NRRD, NIfTI, MHA")
    look.add_argument("--as", dest="as_", choices=("mammography", "abvs", "ultrasound"))
    look.add_argument("--as-acquired", action="store_true", help="leave ABVS volumes of a curved probe as scan lines")
    look.add_argument("--pictures", type=Path, metavar="DIR", help="write a picture of each case and open no window")
    look.set_defaults(run=_look)

    clean = sub.add_parser("deidentify", help="original DICOM files without identity (PS3.15 Basic Profile), one folder a case")
    clean.add_argument("study", metavar="DIR", type=Path, help="the study whose secret, cases and decisions are used")
    clean.add_argument("sources", metavar="FILE", type=Path, nargs="+", help="DICOM files or folders")
    clean.add_argument("--out", type=Path, required=True, metavar="DIR")
    clean.set_defaults(run=_deidentify)


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


def _deidentify(options: argparse.Namespace) -> int:
    from reader_app.desk.cleaning import clean_files

    with ProgressBar("deidentify", "file") as bar:
        done = clean_files(options.study, options.sources, options.out, bar)
    for one in done:
        if one.reason:
            print(f"not copied: {one.source}: {one.reason.removeprefix(f'{Path(one.source).name}: ')}")
    copied = sum(not one.reason for one in done)
    print(f"{copied} of {len(done)} file(s) copied to {options.out}, without names, numbers, dates and private data.")
    return 0 if copied == len(done) else 1
