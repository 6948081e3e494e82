"""``reader-app protocol``: every key of ``study.toml`` in words."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add_to(sub: Any) -> None:
    """Add the subcommand of this module."""
    protocol = sub.add_parser("protocol", help="every key of study.toml in words, as the program checks it")
    protocol.add_argument("--out", type=Path, metavar="FILE", help="write it there instead of printing it")
    protocol.set_defaults(run=_protocol)


def _protocol(given: argparse.Namespace) -> int:
    from reader_app.study.protocolhelp import markdown

    if given.out is None:
        print(markdown())
    else:
        given.out.write_text(markdown(), encoding="utf-8")
        print(f"written: {given.out}")
    return 0
