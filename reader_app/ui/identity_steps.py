"""Log-in with a PIN: it says whose entries these are, and signs them. Attribution, not secrecy.

A reader without an identity on this workstation chooses a PIN or goes on without one (the log is then not signed). Simulated
readers have none.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from reader_app import paths
from reader_app.errors import ReaderAppError
from reader_app.store import identity
from reader_app.store.signing import SigningKey
from reader_app.ui.language import tr

if TYPE_CHECKING:
    from reader_app.ui.reading_flow import ReadingFlow


class IdentitySteps:
    """Asks for the PIN, then lets the flow open the log.

    Attributes
    ----------
    key : SigningKey or None
        Of the reader who has unlocked it.
    failures : int
        Wrong PINs before the right one; noted with the run.
    """

    def __init__(self, flow: ReadingFlow) -> None:
        self._flow = flow
        self._reader = ""
        self._found: identity.Identity | None = None
        self.key: SigningKey | None = None
        self.failures = 0

    def ask(self, reader_id: str) -> None:
        """Ask a reader for the PIN, or to choose one."""
        self._reader = reader_id
        try:
            self._found = identity.find(self._folder(), self._study(), reader_id)
        except ReaderAppError as fault:
            self._flow.exit_status = 3
            self._flow.pages.stop(tr("The identity of {name} cannot be read", name=reader_id), str(fault), f"reader:{reader_id}")
            return
        self._show("")

    def given(self, pin: str) -> None:
        """A PIN was entered: unlock the identity or make it; on a fault the page says so and asks again."""
        now = self._flow.clock.now().wall_utc
        try:
            if self._found is None:
                identity.check_pin(pin)
                if not self._flow.window.page.repeats_pin():
                    return
                if self._flow.window.page.repeated_pin() != pin:
                    self._show(tr("The two PINs differ; type them again."))
                    return
                self._found = identity.enrol(self._folder(), self._study(), self._reader, pin, now)
            unlocked = self._found.unlock(pin, now)
        except ReaderAppError as fault:
            self._show(str(fault))
            return
        self.key, self.failures = unlocked.key, unlocked.failures
        self._flow.open_log(self._reader)

    def again(self) -> None:
        """Write the page once more (in another language)."""
        self._show("")

    def without(self) -> None:
        """Go on without a PIN."""
        self.key = None
        self._flow.open_log(self._reader)

    def _show(self, fault: str) -> None:
        self._flow.window.banner.show_place(self._flow.folder.definition.title, "", "")
        self._flow.window.page.show_pin(self._reader, new=self._found is None, fault=fault)
        self._flow.window.show_page()

    @staticmethod
    def _folder() -> Path:
        return paths.data_dir() / "identity"

    def _study(self) -> str:
        return self._flow.folder.definition.study_id
