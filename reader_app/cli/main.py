"""The command line: ``reader-app COMMAND``. Exit status 0 done, 1 faults in the input, 2 wrong usage, 3 environment failed."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from reader_app import __version__, paths
from reader_app.errors import EnvironmentFault, InputFaults, LogUnavailable, ReaderAppError, WorkerError

DONE, FAULTS, USAGE, ENVIRONMENT = 0, 1, 2, 3


def parser() -> argparse.ArgumentParser:
    """Return the parser of all subcommands."""
    from reader_app.cli import (
        ai_commands,
        image_commands,
        machine_commands,
        protocol_command,
        result_commands,
        study_commands,
    )

    top = argparse.ArgumentParser(
        prog="reader-app",
        description="Radiologist reading studies in breast imaging. Research use only, not for diagnosis.",
    )
    top.add_argument("--version", action="version", version=f"reader-app {__version__}")
    sub = top.add_subparsers(dest="command", metavar="COMMAND")
    for module in (study_commands, image_commands, protocol_command, ai_commands, result_commands, machine_commands):
        module.add_to(sub)
    return top


def run(arguments: Sequence[str]) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str
        Without the program's name; none opens the home window.

    Returns
    -------
    int
        The exit status.
    """
    if not arguments:
        from reader_app.ui.app import run_home

        return run_home()
    try:
        options = parser().parse_args(arguments)
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else USAGE
    if options.command is None:
        parser().print_help()
        return USAGE
    try:
        return int(options.run(options))
    except KeyboardInterrupt:
        print("Stopped. What was finished is kept; the same command goes on from there.", file=sys.stderr)
        return ENVIRONMENT
    except (EnvironmentFault, LogUnavailable, WorkerError) as fault:
        print(fault, file=sys.stderr)
        return ENVIRONMENT
    except (InputFaults, ReaderAppError) as fault:
        print(fault, file=sys.stderr)
        return FAULTS
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except OSError as fault:
        place = f"{fault.filename}: " if fault.filename else ""
        print(
            f"{place}{fault.strerror or fault}; check that the place exists, may be read and written, and has room",
            file=sys.stderr,
        )
        return ENVIRONMENT
    except Exception as fault:  # noqa: BLE001 - the last line of defence: a sentence for the user, the details in a file
        print(f"The program met an error it does not know ({type(fault).__name__}: {fault}).", file=sys.stderr)
        print(f"The details are in {_crash_note()}; please send that file to the maintainers.", file=sys.stderr)
        return ENVIRONMENT


def _crash_note() -> Path:
    """Write the traceback of the present exception where a maintainer finds it."""
    folder = paths.data_dir() / "crashes"
    folder.mkdir(parents=True, exist_ok=True)
    note = folder / f"crash-{os.getpid()}.txt"
    note.write_text(f"reader-app {__version__}\n{sys.version}\n{traceback.format_exc()}", encoding="utf-8")
    return note
