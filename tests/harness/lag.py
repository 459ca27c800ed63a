"""How late this machine is."""

from __future__ import annotations

import threading
import time


class Lag(threading.Thread):
    """Measures how late this machine is: a limit on time must not be missed because something else keeps it busy."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.worst = 0.0
        self.start()

    def run(self) -> None:
        while True:
            begun = time.monotonic()
            time.sleep(0.002)
            self.worst = max(self.worst, time.monotonic() - begun - 0.002)

    def allowance(self) -> float:
        """The latest that it has been so far, and that twice: others are as late as this thread."""
        return 2 * self.worst
