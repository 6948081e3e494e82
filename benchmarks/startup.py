"""Start-up: from the process's start to the first painted window, and what must not be imported by then.

The bar of one second is absolute, so it holds only on a quiet machine; the ratio to a bare PySide6 window of the same run is the
figure to compare. ``python -m benchmarks.startup [--json] [--runs 5]``
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

from benchmarks.report import Result, arguments, show

#: Libraries that the first window must not wait for.
HEAVY = ("torch", "pandas", "SimpleITK", "matplotlib", "pyqtgraph", "scipy", "pydicom", "sklearn")

_END = """
import json, sys, time
from PySide6.QtCore import QEventLoop
app.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 200)
window.grab()
print(json.dumps({"at": time.monotonic(), "cpu": time.process_time(), "modules": sorted({n.split(".")[0] for n in sys.modules})}))
"""
_OURS = (
    """
from reader_app.ui.app import application
app = application()
from reader_app.ui.home_window import HomeWindow
window = HomeWindow("")
window.show()
"""
    + _END
)
_BARE = (
    """
from PySide6.QtWidgets import QApplication, QLabel, QMainWindow
app = QApplication([])
window = QMainWindow()
window.setCentralWidget(QLabel("bare"))
window.show()
"""
    + _END
)


def once(code: str, home: str) -> tuple[float, float, list[str]]:
    """Return (seconds to the window, processor seconds, imported top-level modules) of one start."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "READER_APP_HOME": home}
    start = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=120)
    said = json.loads(done.stdout.strip().splitlines()[-1])
    return said["at"] - start, said["cpu"], said["modules"]


def main() -> int:
    """Measure, print, and return 0 when the bars hold."""
    parser = arguments(__doc__)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        once(_OURS, home)
        once(_BARE, home)
        ours, bare = [], []
        for _ in range(given.runs):
            ours.append(once(_OURS, home))
            bare.append(once(_BARE, home))
        planted = once("import pandas\n" + _OURS, home)[2]
    wall, cpu = statistics.median(r[0] for r in ours), statistics.median(r[1] for r in ours)
    base = statistics.median(r[1] for r in bare)
    found = sorted(set(HEAVY) & set(ours[-1][2]))
    control = sorted(set(HEAVY) & set(planted))
    return show(
        [
            Result("first window on the screen", wall, "s", "< 1 s", wall < 1),
            Result("processor time to it", cpu, "s", "<= 4 x a bare window", cpu <= 4 * base, cpu / base, "bare window"),
            Result(
                "heavy libraries imported by then", len(found), "count", "0", not found,
                more={"found": found, "negative_control": f"pandas planted: {control}"},
            ),
        ],
        given.json,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
