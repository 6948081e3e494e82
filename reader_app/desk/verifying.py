"""Whether a log, container, model bundle, reading package or whole study is what it says it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from reader_app.ai import bundle as bundles
from reader_app.errors import Fault, InputFaults, ReaderAppError
from reader_app.imaging import container
from reader_app.store import readlog, receipt
from reader_app.store.studyfolder import StudyFolder
from reader_app.store.versionseal import check_seals


@dataclass(frozen=True, slots=True)
class Verified:
    """What a verification found.

    Attributes
    ----------
    kind : str
        What the file was taken for.
    faults : tuple of Fault
        Empty when everything holds.
    remark : str
        E.g. the head code to compare with the receipt.
    """

    kind: str
    faults: tuple[Fault, ...]
    remark: str = ""


def verify(path: Path, filed_receipt: str | None = None) -> Verified:
    """Verify one file or folder by what it is; a log also against a filed receipt, written ``EVENTS:CODE``."""
    if not path.exists():
        return Verified("nothing", (Fault(str(path), "there is no such file or folder", "check the path"),))
    try:
        if path.suffix == ".readlog":
            return _log(path, filed_receipt)
        if (path / "container.json").exists():
            return Verified("case container", tuple(container.verify(path)))
        if (path / "study.toml").exists():
            return _study(path)
        if (path / "manifest.json").exists():
            bundle = bundles.load(path)
            return Verified("model bundle", (), f" ({bundle.model_id}, {bundle.sha256[:12]})")
        if path.suffix == ".zip":
            from reader_app.export import package

            return Verified("reading package", tuple(package.verify(path)))
    except InputFaults as fault:
        return Verified(path.suffix.lstrip(".") or "folder", fault.faults)
    except ReaderAppError as fault:
        return Verified(path.suffix.lstrip(".") or "folder", (Fault(str(path), str(fault)),))
    what = "is neither a log (.readlog), a case container, a study folder, a model bundle nor a reading package (.zip)"
    return Verified("unknown", (Fault(str(path), what),))


def _log(path: Path, filed_receipt: str | None) -> Verified:
    faults = tuple(readlog.verify(path))
    if faults:
        return Verified("read log", faults)
    contents = readlog.read(path)
    if filed_receipt is not None:
        events, _, code = filed_receipt.replace(" ", ":").partition(":")
        if not events.isdigit() or not code:
            raise InputFaults([Fault("--receipt", f"'{filed_receipt}' is not EVENTS:CODE", "copy both from the receipt")])
        fault = receipt.receipt_fault(readlog.read_rows(path), int(events), code, str(path))
        if fault is not None:
            return Verified("read log", (fault,))
    signed = f", {len(contents.seals)} signature(s)" if contents.seals else ", unsigned"
    return Verified(
        "read log", (), f" (reader {contents.reader_id}, {contents.head[0]} events, code {contents.head_code}{signed})"
    )


def _study(path: Path) -> Verified:
    folder = StudyFolder.load(path)
    faults: list[Fault] = []
    for case in folder.cases:
        faults += container.verify(folder.container(case.case_id))
    logs = sorted((path / "logs").glob("*.readlog"))
    for log in logs:
        faults += readlog.verify(log)
    keys, broken = check_seals(path)
    faults += broken
    frozen = f"frozen, {_signed(keys)}" if folder.is_frozen else "not frozen"
    return Verified("study", tuple(faults), f" ({frozen}, {len(folder.cases)} cases, {len(logs)} logs)")


def _signed(keys: dict[int, str]) -> str:
    """Return in words which versions of a study are signed, and by which key."""
    signed = [number for number, key in keys.items() if key]
    if not signed:
        return "unsigned"
    whole = (
        f"{len(keys)} version{'s' if len(keys) > 1 else ''}"
        if len(signed) == len(keys)
        else f"{len(signed)} of {len(keys)} versions"
    )
    return f"{whole} signed by {', '.join(dict.fromkeys(keys[number][:12] for number in signed))}"
