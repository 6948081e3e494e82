"""The program as a Qt application: fonts and theme, what happens to uncaught errors, one window per study and reader.

``run_reader`` and ``run_home`` are the entries for the command line. Modules of windows are imported inside them, so that the
first window comes without anything it does not need.
"""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import os
import sys
import threading
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from reader_app import __version__, paths
from reader_app.clock import Clock, SystemClock
from reader_app.ui import language, preferences, theme

if TYPE_CHECKING:
    from reader_app.ui.reading_flow import ReadingFlow

_log = logging.getLogger("reader_app.ui")
_crash_file: TextIO | None = None


def application() -> QApplication:
    """Return the one QApplication, dressed; made if there is none yet."""
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        theme.apply(existing)
        return existing
    QGuiApplication.setDesktopFileName("reader-app")
    own = QApplication([sys.argv[0] if sys.argv else "reader-app"])
    own.setApplicationName("reader-app")
    own.setApplicationDisplayName("Reader App")
    own.setApplicationVersion(__version__)
    chosen = preferences.load()
    language.use(chosen.language)
    theme.set_scale(chosen.text_scale)
    theme.apply(own)
    return own


def crash_notes() -> Path:
    """Return the file in which a crash leaves its trace."""
    return paths.data_dir() / "crash.txt"


def earlier_crash() -> str:
    """Return what the last crash left, and put it away as ``crash-seen.txt``; empty when there was none."""
    file = crash_notes()
    try:
        text = file.read_text(encoding="utf-8", errors="replace").strip()
        if text:
            os.replace(file, file.with_name("crash-seen.txt"))
    except OSError:
        return ""
    return text


def watch_for_faults(flow: ReadingFlow | None) -> None:
    """Install what catches uncaught errors: a note on disk, images covered, the read marked as interrupted.

    Parameters
    ----------
    flow : ReadingFlow or None
        The reading to be stopped; None where nothing is read.
    """
    global _crash_file
    try:
        crash_notes().parent.mkdir(parents=True, exist_ok=True)
        _crash_file = open(crash_notes(), "a", encoding="utf-8")  # noqa: SIM115 - stays open for the whole run
        faulthandler.enable(_crash_file)
    except OSError:
        _log.warning("no crash notes can be kept in %s", crash_notes().parent)

    def caught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            QApplication.quit()
            return
        text = "".join(traceback.format_exception(kind, error, trace))
        _log.error("uncaught error\n%s", text)
        if _crash_file is not None:
            _crash_file.write(text)
            _crash_file.flush()
        if flow is not None:
            flow.failed(f"{kind.__name__}: {error}")

    def caught_in_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is None:
            return
        kind, error, trace = args.exc_type, args.exc_value, args.exc_traceback
        if flow is not None:
            flow.main_thread.post(lambda: caught(kind, error, trace))
        else:
            caught(kind, error, trace)

    sys.excepthook = caught
    threading.excepthook = caught_in_thread
    qInstallMessageHandler(_qt_message)


def _qt_message(kind: QtMsgType, context: QMessageLogContext, text: str) -> None:
    level = {QtMsgType.QtDebugMsg: logging.DEBUG, QtMsgType.QtInfoMsg: logging.INFO, QtMsgType.QtWarningMsg: logging.WARNING}
    _log.log(level.get(kind, logging.ERROR), "Qt: %s", text)


def stop_watching() -> None:
    """Take the hooks away again; an empty crash note is removed."""
    global _crash_file
    sys.excepthook = sys.__excepthook__
    threading.excepthook = threading.__excepthook__
    qInstallMessageHandler(None)
    if _crash_file is not None:
        faulthandler.disable()
        _crash_file.close()
        _crash_file = None
        with contextlib.suppress(OSError):  # a second program that ends at the same moment may have put it away
            if crash_notes().stat().st_size == 0:
                crash_notes().unlink(missing_ok=True)


def run_reader(
    folder: Path | str,
    reader_id: str | None = None,
    script: Path | str | None = None,
    screenshots: Path | str | None = None,
    clock: Clock | None = None,
    rounds: Sequence[int] | None = None,
) -> int:
    """Open the reading window on a study and return the exit status when it is closed.

    Parameters
    ----------
    folder : path
        A frozen study folder.
    reader_id : str, optional
        Who reads; asked for in the window if absent.
    script : path, optional
        Answers of a simulated reader: real keys are pressed in the real window, on a simulated clock.
    screenshots : path, optional
        With a script: where pictures of each kind of screen come to lie.
    clock : Clock, optional
        The system's clock if absent; a simulated one with a script.
    rounds : sequence of int, optional
        With a script: stop after these rounds.

    Returns
    -------
    int
        0 done; 1 the study has faults; 3 the environment failed (log, disk, screen).
    """
    app = application()
    from reader_app.ui import reading_session
    from reader_app.ui.scripted import ScriptedReader, load_script, script_clock

    answers = None if script is None else load_script(Path(script))
    used = clock or (script_clock(Path(folder), answers) if answers is not None else SystemClock())
    session = reading_session.open_session(Path(folder), used, echo=answers is not None)
    watch_for_faults(session.flow)
    try:
        if answers is not None:
            player = ScriptedReader(app, session, answers, None if screenshots is None else Path(screenshots), rounds)
            return player.play(reader_id or answers.reader_id)
        session.show(reader_id)
        app.exec()
        return session.exit_status
    finally:
        session.close()
        stop_watching()


def run_home() -> int:
    """Open the home window and return the exit status when it is closed."""
    app = application()
    watch_for_faults(None)
    try:
        from reader_app.ui.home_window import HomeWindow

        window = HomeWindow(earlier_crash())
        window.show()
        return app.exec()
    finally:
        stop_watching()
