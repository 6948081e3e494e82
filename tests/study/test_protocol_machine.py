"""Any sequence of commands, crashes and clock steps keeps the protocol; the auditor judges.

``READER_APP_PROTOCOL_STEPS=100000`` asks for that many steps; the default is a quick run. A failing run is
shortened to few steps, in minutes, when ``READER_APP_PROTOCOL_SHRINK`` is set.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from study import protocol_machine
from study.protocol_machine import ProtocolMachine

SHRINK = "READER_APP_PROTOCOL_SHRINK" in os.environ
WANTED = int(os.environ.get("READER_APP_PROTOCOL_STEPS", "1500"))


def test_every_path_keeps_the_protocol() -> None:
    done = protocol_machine.done
    done.clear()
    while done["steps"] < WANTED:
        run_state_machine_as_test(
            ProtocolMachine,
            settings=settings(
                max_examples=min(100, WANTED // 50),
                stateful_step_count=50,
                deadline=None,
                database=None,
                phases=[Phase.generate] + [Phase.shrink] * SHRINK,
                suppress_health_check=list(HealthCheck),
            ),
        )
    print(dict(done))
    # A machine that rarely validates a read proves little.
    assert done["reads"] > done["steps"] / 100 and done["studies finished"] > 0
