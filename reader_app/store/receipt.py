"""The receipt of a session: a short code of the log's head, for the coordinator to file.

A chain of hashes shows every change but one: a tail cut clean off. The code closes that gap: whoever noted "event 1240, code
QK3TZ-7MPLA" on paper sees at once whether a log that comes home still holds that event, unchanged.
"""

from __future__ import annotations

from dataclasses import dataclass

from reader_app.errors import Fault
from reader_app.store.canonical import sha256_text
from reader_app.store.chain import head_code
from reader_app.store.logcheck import Rows
from reader_app.store.readlog import ReadLog


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a reader hands to the coordinator at the end of a session.

    Attributes
    ----------
    events : int
        Number of the last event.
    code : str
        Code of its hash.
    key_code : str
        Code of the key the log was last signed with; empty when it is not signed.
    signed : str
        Meaning of the last signature, if it covers the last event.
    """

    study_id: str
    reader_id: str
    wall_utc: str
    events: int
    code: str
    key_code: str = ""
    signed: str = ""

    def as_text(self) -> str:
        """Return the receipt for the screen or a printer."""
        lines = [
            f"Study {self.study_id}, reader {self.reader_id}",
            f"{self.wall_utc}",
            f"Event {self.events}, code {self.code}",
        ]
        if self.key_code:
            lines.append(f"Key {self.key_code}" + (f", signed: {self.signed}" if self.signed else ""))
        return "\n".join(lines)


def receipt(log: ReadLog, study_id: str, reader_id: str, wall_utc: str) -> Receipt:
    """Return the receipt of a log as it stands."""
    events, head = log.head()
    seals = log.seals()
    last = seals[-1] if seals else None
    signed = last.meaning if last is not None and last.seq == events else ""
    return Receipt(study_id, reader_id, wall_utc, events, head_code(head), key_code(last.key) if last else "", signed)


def key_code(public: str) -> str:
    """Return the short code of a public key (64 hexadecimal digits), to be read aloud at enrolment."""
    return head_code(sha256_text(public))


def receipt_fault(rows: Rows, events: int, code: str, place: str) -> Fault | None:
    """Compare a log with a filed receipt.

    Parameters
    ----------
    rows : Rows
        The log, verified.
    events, code : int, str
        As on the receipt; the code in any case, with or without its hyphen.
    place : str
        Name of the log's file, for the message.
    """
    wanted = code.replace("-", "").replace(" ", "").upper()
    if events > len(rows.events):
        what = f"the receipt is of event {events}, but this log ends at event {len(rows.events)}: its tail is missing"
        return Fault(place, what, "bring the whole log from the workstation or its second copy")
    held = rows.genesis if events == 0 else rows.events[events - 1][6]
    if head_code(held).replace("-", "") != wanted:
        what = f"event {events} has the code {head_code(held)}, the receipt says {code}: this is not the log of that session"
        return Fault(place, what, "find the log that was on the workstation then")
    return None
