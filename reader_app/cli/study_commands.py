"""Subcommands that make, fill, check, freeze, read and collect a study."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reader_app.cli.progress import ProgressBar

Subparsers = Any  # argparse does not export the type of what add_subparsers returns

#: Help of arguments that many commands have.
STUDY = "the study's folder"
JSON = "print one JSON document instead of text"


def add_to(sub: Subparsers) -> None:
    """Add the subcommands of this module."""
    demo = sub.add_parser("demo", help="make a study on phantoms with aids and open it")
    demo.add_argument("--out", type=Path, help="folder of the demonstration (default: in your data folder)")
    demo.add_argument(
        "--headless", action="store_true", help="simulated readers read every round off-screen; all results are written"
    )
    demo.add_argument("--protocol", default="demo", help="ready protocol to read by (default demo); see `new`")
    demo.add_argument("--cases", type=_at_least_one, default=24, help="phantoms to make (default 24)")
    demo.add_argument("--readers", type=_at_least_one, default=3, help="simulated readers (default 3)")
    demo.add_argument("--seed", type=int, default=1, help="the same seed gives the same phantoms, orders and readers (default 1)")
    demo.set_defaults(run=_demo)

    new = sub.add_parser("new", help="a study folder from a ready protocol")
    new.add_argument("study", metavar="DIR", type=Path, help=STUDY)
    words = "a folder of `studies`: demo, lu2025, liu2025, zhou2023, bong2023, kim2021, screening"
    new.add_argument("--protocol", required=True, metavar="NAME", help=words)
    new.set_defaults(run=_new)

    check = sub.add_parser("check", help="everything that would stop or spoil the study, all at once")
    check.add_argument("study", metavar="DIR", type=Path, help=STUDY)
    check.add_argument("--json", action="store_true", help=JSON)
    check.set_defaults(run=_check)

    freeze = sub.add_parser("freeze", help="lock protocol, cases, orders and aids by hash")
    freeze.add_argument("study", metavar="DIR", type=Path, help=STUDY)
    freeze.set_defaults(run=_freeze)

    read = sub.add_parser("read", help="the reading window")
    read.add_argument("study", metavar="DIR|PACKAGE", type=Path, help="a frozen study, or the package of one reader")
    read.add_argument("--reader", metavar="ID", help="pseudonym of the reader; without it the log-in page asks")
    into = "with a package: the study folder to open it in or to bring up to date (default: in your data folder)"
    read.add_argument("--into", type=Path, metavar="DIR", help=into)
    read.add_argument("--script", type=Path, help=argparse.SUPPRESS)
    read.add_argument("--screenshots", type=Path, help=argparse.SUPPRESS)
    read.set_defaults(run=_read)

    status = sub.add_parser("status", help="progress by reader and round")
    status.add_argument("study", metavar="DIR", type=Path, help=STUDY)
    status.add_argument("--json", action="store_true", help=JSON)
    status.set_defaults(run=_status)

    merge = sub.add_parser("merge", help="bring logs home: verified, all or nothing, conflicts listed")
    merge.add_argument("study", metavar="DIR", type=Path, help=STUDY)
    merge.add_argument("files", metavar="FILE", type=Path, nargs="+", help="logs (.readlog) or folders of them")
    merge.add_argument("--json", action="store_true", help=JSON)
    merge.set_defaults(run=_merge)

    simulate = sub.add_parser("simulate", help="rehearse the whole protocol with simulated readers")
    simulate.add_argument("study", metavar="DIR", type=Path, help=STUDY)
    simulate.add_argument("--out", type=Path, help="folder of the rehearsal (default: DIR-rehearsal); DIR itself is not touched")
    simulate.add_argument("--readers", type=_at_least_one, help="how many (default: those of readers.csv)")
    simulate.add_argument("--seed", type=int, default=1, help="the same seed gives the same reads (default 1)")
    simulate.add_argument(
        "--cases", type=_at_least_one, default=12, metavar="N", help="phantoms for a study that lists no case yet (default 12)"
    )
    simulate.add_argument(
        "--simulated-aids", action="store_true", help="simulate the predictions also where a bundle ships (marked as simulated)"
    )
    simulate.set_defaults(run=_simulate)

    decide = sub.add_parser(
        "decide", help="a coordinator's decision with its reason: withdraw a case, void a read, open early ..."
    )
    decide.add_argument("study", metavar="DIR", type=Path, help=STUDY)
    decide.add_argument("kind", metavar="KIND", nargs="?", help="without one, the decisions made so far are listed")
    decide.add_argument("about", metavar="KEY=VALUE", nargs="*", help="what it concerns, e.g. case_id=C012")
    decide.add_argument("--reason", default="", help="why, in words; kept in the study's decisions")
    decide.add_argument("--who", default="coordinator", help="who decides (default: coordinator)")
    decide.set_defaults(run=_decide)

    amend = sub.add_parser(
        "amend",
        help="freeze an edited study as a new version, on record with its reason; the old one is kept, logs go on under it",
    )
    amend.add_argument("study", metavar="DIR", type=Path, help=STUDY)
    amend.add_argument("--reason", required=True, help="why, in words; kept in the study's decisions")
    amend.add_argument("--who", default="coordinator", help="who decides (default: coordinator)")
    amend.set_defaults(run=_amend)

    package = sub.add_parser("package", help="what one reading workstation gets")
    package.add_argument("study", metavar="DIR", type=Path, help=STUDY)
    package.add_argument("--reader", required=True, metavar="ID", help="for whom")
    package.add_argument(
        "--round", type=int, dest="round_no", metavar="N", help="default: the first that this reader has not finished"
    )
    package.add_argument("--out", type=Path, required=True, metavar="FILE", help="the package to write (.zip)")
    package.set_defaults(run=_package)


def _at_least_one(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return value


def _demo(options: argparse.Namespace) -> int:
    from reader_app import paths
    from reader_app.desk.demo import DemoSize, make_demo, put_simulated_reads_aside

    out = (options.out or paths.data_dir() / "demo").resolve()
    if not options.headless:
        refuse_without_screen()
    with ProgressBar("demo") as bar:
        study = make_demo(out, DemoSize(options.protocol, options.cases, options.readers, options.seed), bar)
    print("The images are phantoms and the models were trained on phantoms only: nothing here says anything about patients.")
    if options.headless:
        return _read_demo_headless(study, out, options.seed)
    from reader_app.desk.rehearsal import program

    if put_simulated_reads_aside(out):
        print(f"The reads of the simulated readers were put aside into {out / 'simulated-logs'}; you begin afresh.")
    # A process of its own: the one that made the phantoms knows the truth.
    return subprocess.run([*program(), "read", str(study)], check=False).returncode


def _read_demo_headless(study: Path, out: Path, seed: int) -> int:
    from reader_app.desk import rehearsal
    from reader_app.desk.exporting import export

    with ProgressBar("simulated readers", "reader") as bar:
        rehearsal.run(study, out, seed, bar)
    for written in export(study, ["xlsx", "report"], out, names={"xlsx": "workbook.xlsx", "report": "report.html"}):
        print(f"written: {written}")
    print(f"study: {study}\nscreenshots: {out / 'screenshots'}")
    return 0


def refuse_without_screen() -> None:
    """Raise EnvironmentFault where no window can open."""
    from reader_app.errors import EnvironmentFault

    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.environ.get("QT_QPA_PLATFORM")
    ):
        raise EnvironmentFault(
            "There is no screen here (DISPLAY is not set); use --headless (make run HEADLESS=1), or start it on a desktop."
        )


def _new(options: argparse.Namespace) -> int:
    from reader_app.desk.newstudy import new_study

    study = new_study(options.study, options.protocol)
    print(f"{study}: made. Next: edit {study / 'readers.csv'}, then reader-app import {study} SOURCE --table FILE")
    return 0


def _check(options: argparse.Namespace) -> int:
    from reader_app.desk.checking import check

    with ProgressBar("check") as bar:
        report = check(options.study, bar)
    if options.json:
        document = {"schema": 1, "faults": [str(f) for f in report.faults], "remarks": list(report.remarks)}
        print(json.dumps(document, ensure_ascii=False, indent=1))
    else:
        for fault in report.faults:
            print(f"fault: {fault}")
        for remark in report.remarks:
            print(f"remark: {remark}")
        print("No faults: the study can be frozen." if not report.faults else f"{len(report.faults)} fault(s).")
    return 1 if report.faults else 0


def _freeze(options: argparse.Namespace) -> int:
    from reader_app.desk.checking import check
    from reader_app.errors import InputFaults
    from reader_app.store.studyfolder import StudyFolder

    folder = StudyFolder.load(options.study)
    if folder.is_frozen:
        print(f"{options.study}: already frozen and unchanged.")
        return 0
    with ProgressBar("check") as bar:
        report = check(options.study, bar)
    if report.faults:
        raise InputFaults(report.faults)
    folder.freeze()
    print(f"{options.study}: frozen. Next: reader-app read {options.study}, or reader-app package for the workstations.")
    return 0


def _read(options: argparse.Namespace) -> int:
    from reader_app.ui.app import run_reader

    if options.script is None:
        refuse_without_screen()
    study = options.study
    if study.is_file():
        from reader_app.desk.packages import unpack

        study = unpack(study, options.into)
        print(f"The package lies open in {study}; the log will be {study / 'logs'}.", file=sys.stderr)
    return run_reader(study, options.reader, script=options.script, screenshots=options.screenshots)


def _status(options: argparse.Namespace) -> int:
    from reader_app.desk.status import document, status

    rows = status(options.study, datetime.now(UTC).date().isoformat())
    if options.json:
        print(json.dumps(document(rows), ensure_ascii=False, indent=1))
        return 0
    print(f"{'reader':10} {'group':10} {'round':>5}  {'cases':>9}  state")
    for row in rows:
        counted = f"{row.done} / {row.total if row.total is not None else '?'}"
        opens = f", opens {row.opens}" if row.opens else ""
        print(f"{row.reader_id:10} {row.group:10} {row.round_no:>5}  {counted:>9}  {row.state}{opens}")
    return 0


def _merge(options: argparse.Namespace) -> int:
    from reader_app.desk.merging import merge_logs

    report = merge_logs(options.study, options.files)
    if options.json:
        print(json.dumps(report.to_json(), ensure_ascii=False, indent=1))
    else:
        print(report.as_text())
    return 1 if report.conflicts else 0


def _simulate(options: argparse.Namespace) -> int:
    from reader_app.desk import rehearsal

    out = options.out or options.study.with_name(options.study.resolve().name + "-rehearsal")
    with ProgressBar("rehearsal", "step") as bar:
        written = rehearsal.whole(options.study, out, options.readers, options.cases, options.seed, options.simulated_aids, bar)
    for path in written:
        print(f"written: {path}")
    return 0


def _decide(options: argparse.Namespace) -> int:
    from reader_app.clock import SystemClock
    from reader_app.errors import Fault, InputFaults
    from reader_app.store import decisions

    if options.kind is None:
        made = decisions.load(options.study)
        for own in made.taken:
            concerns = ", ".join(f"{name} {value}" for name, value in own.about.items())
            print(f"{own.number}. {own.wall_utc} {own.who}: {own.kind.replace('_', ' ')} ({concerns}): {own.reason}")
        print(f"{len(made.taken)} decision(s), head code {made.head_code}.")
        return 0
    wrong = [part for part in options.about if "=" not in part]
    if wrong:
        raise InputFaults([Fault("decide", f"'{wrong[0]}' is not KEY=VALUE", "write for example case_id=C012")])
    about = dict(part.split("=", 1) for part in options.about)
    made = decisions.decide(options.study, options.kind, about, options.reason, options.who, SystemClock().now().wall_utc)
    print(f"Decision {len(made.taken)} is recorded; head code {made.head_code}.")
    return 0


def _amend(options: argparse.Namespace) -> int:
    from reader_app.desk.packages import amend

    made = amend(options.study, options.reason, options.who)
    print(f"{options.study}: a new version is frozen, the old one is kept in versions/; head code of decisions: {made.head_code}")
    print("Make new packages for the workstations: each log goes on under the new version at the next log-in.")
    return 0


def _package(options: argparse.Namespace) -> int:
    from reader_app.export.package import write_package

    written = write_package(options.study, options.reader, options.out, round_no=options.round_no)
    print(f"written: {written}")
    return 0
