"""From files to cases and back: ``import``, ``writing``, ``look``, ``deidentify``, ``dicom``."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reader_app.cli.progress import ProgressBar
from reader_app.cli.study_commands import JSON, STUDY, refuse_without_screen

KINDS = ("mammography", "abvs", "ultrasound")
TAKEN_FOR = "take everything for this, whatever the files say (pictures and stacks often say nothing)"


def add_to(sub: Any) -> None:
    """Add the commands."""
    imp = sub.add_parser("import", help="find exams, make verified cases, report every file")
    imp.add_argument("study", metavar="DIR", type=Path, help=STUDY)
    words = "files and folders (looked through to the bottom): DICOM, NRRD, NIfTI, MHA, PNG, JPEG"
    imp.add_argument("sources", metavar="SOURCE", type=Path, nargs="+", help=words)
    words = "case table (csv or xlsx), one row a file; without one DICOM goes by its tags, the rest by folder and name"
    imp.add_argument("--table", type=Path, metavar="FILE", help=words)
    words = "a heading of the table that means one of ours, e.g. 'Patient code=case_id'; may be repeated"
    imp.add_argument("--column", dest="columns", metavar="THEIRS=OURS", action="append", default=[], help=words)
    imp.add_argument("--as", dest="as_", choices=KINDS, help=TAKEN_FOR)
    imp.add_argument("--dry-run", action="store_true", help="look at headers and say what would happen; write nothing")
    imp.add_argument("--as-acquired", action="store_true", help="leave ABVS volumes of a curved probe as scan lines side by side")
    imp.add_argument("--json", action="store_true", help=JSON)
    imp.set_defaults(run=_import)

    writing = sub.add_parser("writing", help="writing found in the pixels: list it, look at it, decide about it")
    writing.add_argument("study", metavar="DIR", type=Path, help=STUDY)
    writing.add_argument("--case", dest="cases", metavar="ID", action="append", default=[], help="only these; may be repeated")
    writing.add_argument("--image", metavar="ID", help="only this image of the case")
    writing.add_argument(
        "--box", metavar="'R0 C0 R1 C1'", help="a box of your own in the file's pixels (with --case and --image)"
    )
    writing.add_argument("--pictures", type=Path, metavar="DIR", help="write a picture of each place, the box drawn in")
    verdict = writing.add_mutually_exclusive_group()
    verdict.add_argument("--black-out", dest="verdict", action="store_const", const="black_out", help="overwrite the boxes")
    verdict.add_argument("--keep", dest="verdict", action="store_const", const="keep", help="it is harmless")
    verdict.add_argument("--refuse", dest="verdict", action="store_const", const="refuse", help="leave these images out")
    writing.set_defaults(run=_writing)

    look = sub.add_parser("look", help="look at files as a reader would see them, without a study; nothing is kept")
    look.add_argument("sources", metavar="FILE", type=Path, nargs="+", help="files or folders: DICOM, PNG, NRRD, NIfTI, MHA")
    look.add_argument("--as", dest="as_", choices=KINDS, help=TAKEN_FOR)
    look.add_argument("--as-acquired", action="store_true", help="leave ABVS volumes of a curved probe as scan lines")
    look.add_argument("--pictures", type=Path, metavar="DIR", help="write a picture of each case and open no window")
    look.set_defaults(run=_look)

    clean = sub.add_parser("deidentify", help="original DICOM files without identity (PS3.15 Basic Profile), one folder a case")
    clean.add_argument("study", metavar="DIR", type=Path, help="the study whose secret, cases and decisions are used")
    clean.add_argument("sources", metavar="FILE", type=Path, nargs="+", help="DICOM files or folders")
    clean.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write, one folder a case")
    clean.set_defaults(run=_deidentify)

    dicom = sub.add_parser("dicom", help="cases as de-identified DICOM again, with marks (GSPS, SR), boxes and heatmaps (SEG)")
    dicom.add_argument("study", metavar="DIR", type=Path, help=STUDY)
    dicom.add_argument("--case", dest="cases", metavar="ID", action="append", default=[], help="may be repeated; default: all")
    dicom.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write, one folder a case")
    dicom.add_argument("--images-only", action="store_true", help="neither marks nor aids")
    dicom.set_defaults(run=_dicom)


def _import(options: argparse.Namespace) -> int:
    from reader_app.desk.importing import import_into
    from reader_app.errors import Fault, InputFaults

    pairs = [(text.partition("=")[0].strip(), text.partition("=")[2].strip()) for text in options.columns]
    if any(not theirs or not ours for theirs, ours in pairs) or (pairs and options.table is None):
        raise InputFaults(
            [Fault("--column", "names no pair of a table", "write e.g. --table t.csv --column 'Patient code=case_id'")]
        )
    with ProgressBar("import", "exam") as bar:
        report = import_into(
            options.study, options.sources, options.table, options.as_, options.dry_run, bar,
            as_acquired=options.as_acquired, columns=dict(pairs),
        )  # fmt: skip
    if options.json:
        print(json.dumps(report.to_json(), ensure_ascii=False, indent=1))
    else:
        print_import(report)
        if not options.dry_run:
            print(f"The full report: {options.study / 'import_report.csv'}")
    return 0 if report.complete else 1


def print_import(report: Any) -> None:
    """Print what became of the cases, and the reason of every refusal."""
    counts = {status: sum(case.status == status for case in report.cases) for status in ("complete", "incomplete", "refused")}
    kept = sum(case.kept for case in report.cases)
    words = ", ".join(f"{count} {status}" for status, count in counts.items() if count or status == "complete")
    print(f"{len(report.cases)} case(s): {words}" + (f"; {kept} were there already" if kept else ""))
    first: dict[str, str] = {}
    for file in report.files:
        first.setdefault(file.case_id, file.path)
    same = Counter(note for case in report.cases for note in case.notes)
    for case in report.cases:
        for fault in case.faults:
            print(f"{case.case_id} ({case.status}, {first.get(case.case_id, 'no file')}): {fault}")
        for note in case.notes:
            if same[note] <= 3:
                print(f"{case.case_id}: note: {note}")
    for note, count in same.items():
        if count > 3:
            print(f"in {count} cases: note: {note}")
    refused = [file for file in report.files if not file.accepted]
    for file in refused:
        print(f"not taken: {file.path}: {file.reason.removeprefix(f'{file.path}: ').removeprefix(f'{Path(file.path).name}: ')}")
    for note in report.notes:
        print(note)
    print(f"{len(report.files) - len(refused)} file(s) taken, {len(refused)} not.")


def _writing(options: argparse.Namespace) -> int:
    from reader_app.desk import writing
    from reader_app.errors import Fault, InputFaults

    chosen = [
        p for p in writing.places(options.study)
        if (not options.cases or p.case_id in options.cases) and options.image in (None, p.image_id)
    ]  # fmt: skip
    if options.box:
        if len(options.cases) != 1 or not options.image:
            raise InputFaults([Fault("--box", "does not say of which image", "give --case and --image with it")])
        chosen = [writing.own_place(options.study, options.cases[0], options.image, options.box)]
    if options.verdict:
        if not options.box:
            chosen = [p for p in chosen if p.decision == "open"]
        writing.decide(options.study, chosen, options.verdict, datetime.now(UTC).date().isoformat())
        print(f"{len(chosen)} place(s): {options.verdict.replace('_', ' ')}. The decision stands in the import report.")
        return 0
    for number, place in enumerate(chosen, start=1):
        where = " ".join(map(str, place.box)) or "not found, but the file states it"
        print(f"{place.case_id} {place.image_id}: {where}: {place.decision.replace('_', ' ')}")
        if options.pictures:
            print(f"  {writing.save_picture(options.study, place, options.pictures, number)}")
    undecided = sum(p.decision == "open" for p in chosen)
    print(f"{len(chosen)} place(s) of writing, {undecided} to be decided (--black-out, --keep or --refuse).")
    return 1 if undecided else 0


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
            report = import_sources(
                options.sources, images, as_=options.as_, progress=bar, as_acquired=options.as_acquired, required=()
            )
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


def _dicom(options: argparse.Namespace) -> int:
    from reader_app.desk.dicomout import write_dicom

    both = not options.images_only
    for path in write_dicom(options.study, options.cases, options.out, with_marks=both, with_aids=both):
        print(f"written: {path}")
    return 0
