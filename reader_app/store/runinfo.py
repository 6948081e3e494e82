"""What is known of one start of the program: written into the log before its first event."""

from __future__ import annotations

import platform
import sqlite3
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from reader_app import __version__
from reader_app.clock import Clock
from reader_app.store.canonical import canonical_json


@dataclass(frozen=True, slots=True)
class Screen:
    """One monitor, as it stood when the program was started.

    Attributes
    ----------
    width_px, height_px : int
        Device pixels.
    width_mm, height_mm : int
        As the monitor states them; 0 when it does not.
    scale : int
        Scaling of the desktop in percent (100, 125 ...).
    depth : int
        Bits per pixel.
    icc_sha256 : str
        SHA-256 of its colour profile; empty when there is none.
    checked_utc : str
        When its grey scale was last checked with the test pattern; empty: never.
    """

    name: str
    width_px: int
    height_px: int
    width_mm: int = 0
    height_mm: int = 0
    scale: int = 100
    refresh_hz: int = 0
    depth: int = 24
    icc_sha256: str = ""
    checked_utc: str = ""


@dataclass(frozen=True, slots=True)
class RunInfo:
    """One start of the program.

    Attributes
    ----------
    run_id : str
        Unique; ``mono_ns`` of events is comparable only within one run.
    clock_kind : str
        "system", or "simulated" for scripted readers: such a log is no data of a person.
    more : mapping of str to str
        Whatever else describes the workstation (graphics, display server, settings).
    plan_hash : str
        The plan under which the log was opened; filled in when it is.
    """

    run_id: str
    program: str
    system: str
    host: str
    clock_kind: str
    started_utc: str
    screens: tuple[Screen, ...] = ()
    more: tuple[tuple[str, str], ...] = ()
    plan_hash: str = ""

    def detail(self) -> str:
        """Return everything but the id as canonical JSON, as the log keeps it."""
        plain: dict[str, object] = asdict(self)
        del plain["run_id"]
        plain["more"] = dict(self.more)
        return canonical_json(plain)


def describe_run(
    clock: Clock, screens: Sequence[Screen] = (), host: str | None = None, more: Mapping[str, str] | None = None
) -> RunInfo:
    """Return the description of this start of the program on this machine.

    Parameters
    ----------
    clock : Clock
        The clock of the session; its kind and present wall time are noted.
    screens : sequence of Screen
        The monitors.
    host : str, optional
        Label of the workstation; the machine's own name if absent.
    more : mapping of str to str, optional
        Further facts.
    """
    facts = {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version, "machine": platform.machine(), **(more or {})}
    return RunInfo(
        run_id=uuid.uuid4().hex,
        program=__version__,
        system=f"{platform.system()} {platform.release()}",
        host=platform.node() if host is None else host,
        clock_kind=clock.kind,
        started_utc=clock.now().wall_utc,
        screens=tuple(screens),
        more=tuple(sorted(facts.items())),
    )


def from_detail(run_id: str, detail: Mapping[str, object]) -> RunInfo:
    """Return the description of a run from its row; unknown keys go to ``more``, absent ones are empty.

    Never refuses: a run's description must not keep a log from being read.
    """
    plain = dict(detail)
    texts = {key: str(plain.pop(key, "")) for key in ("program", "system", "host", "clock_kind", "started_utc", "plan_hash")}
    stored = plain.pop("screens", [])
    more = plain.pop("more", {})
    facts = {**(more if isinstance(more, Mapping) else {}), **plain}
    screens = tuple(_screen(own) for own in stored if isinstance(own, Mapping)) if isinstance(stored, list) else ()
    return RunInfo(run_id=run_id, screens=screens, more=tuple(sorted((str(k), str(v)) for k, v in facts.items())), **texts)


def _screen(stored: Mapping[str, object]) -> Screen:
    def number(key: str, default: int) -> int:
        value = stored.get(key, default)
        return value if isinstance(value, int) else default

    return Screen(
        name=str(stored.get("name", "")),
        width_px=number("width_px", 0),
        height_px=number("height_px", 0),
        width_mm=number("width_mm", 0),
        height_mm=number("height_mm", 0),
        scale=number("scale", 100),
        refresh_hz=number("refresh_hz", 0),
        depth=number("depth", 24),
        icc_sha256=str(stored.get("icc_sha256", "")),
        checked_utc=str(stored.get("checked_utc", "")),
    )
