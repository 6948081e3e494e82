"""Subcommands about files and this workstation: ``verify``, ``restore``, ``doctor``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from reader_app.cli.study_commands import JSON


def add_to(sub: Any) -> None:
    """Add the subcommands of this module."""
    verify = sub.add_parser("verify", help="hashes, chains and signatures of logs, packages, containers, bundles")
    verify.add_argument("files", metavar="FILE", type=Path, nargs="+", help="files, or folders of containers and bundles")
    verify.add_argument(
        "--receipt", metavar="EVENTS:CODE", help="compare one log with a filed session receipt, e.g. 1240:QK3TZ-7MPLA"
    )
    verify.add_argument("--json", action="store_true", help=JSON)
    verify.set_defaults(run=_verify)

    doctor = sub.add_parser("doctor", help="this workstation: displays, GPU, decoders, disk, clock, versions")
    doctor.add_argument("--json", action="store_true", help=JSON)
    doctor.set_defaults(run=_doctor)


def _verify(given: argparse.Namespace) -> int:
    from reader_app.desk.verifying import verify

    found = {str(path): verify(path, given.receipt) for path in given.files}
    if given.json:
        rows = [{"path": p, "kind": r.kind, "ok": not r.faults, "faults": [str(f) for f in r.faults]} for p, r in found.items()]
        print(json.dumps({"schema": 1, "files": rows}, ensure_ascii=False, indent=1))
    else:
        for path, result in found.items():
            print(f"{path}: {result.kind}, {'verified' if not result.faults else 'NOT verified'}{result.remark}")
            for fault in result.faults:
                print(f"  {fault}")
    return 1 if any(result.faults for result in found.values()) else 0


def _doctor(given: argparse.Namespace) -> int:
    from reader_app.desk.doctor import examine

    report = examine()
    if given.json:
        print(json.dumps({"schema": 1, **report}, ensure_ascii=False, indent=1))
        return 0
    for section, rows in report.items():
        print(section)
        for name, value in rows.items():
            print(f"  {name:28} {value}")
    return 0
