"""The process that a hub becomes to change its version: the old version's program, waiting for the new one's.

`python -m setaria.upkeep.supervise FOLDER`. It stays as the parent of the hub, with the process id that whoever
started the hub knows, passes signals on and ends as the hub ends.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Final

from setaria.upkeep import switching
from setaria.upkeep.versions import Versions

UP_WITHIN: Final = 60.0  # seconds
END_WITHIN: Final = 10.0
LOOK_EVERY: Final = 0.1
PASSED_ON: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Supervisor:
    def __init__(self, data: Path, up_within: float = UP_WITHIN) -> None:
        self._data = data
        self._versions = Versions(data)
        self._up_within = up_within
        self._child: subprocess.Popen[bytes] | None = None
        self._ending = False

    def run(self) -> int:
        for number in PASSED_ON:
            signal.signal(number, self._pass_on)
        order = switching.given(self._data)
        while order is not None:
            arguments = order.arguments
            self._start(order.version, arguments)
            why = self._failure()
            if self._ending:
                return self._wait()
            if why:
                self._stop()
                switching.go_back(self._data, order, why)
                self._start(order.was, arguments)
            else:
                switching.keep_to(self._data, order)
            status = self._wait()
            order = switching.given(self._data) if status == switching.AGAIN else None
        return status

    def _start(self, version: str, arguments: tuple[str, ...]) -> None:
        program = self._versions.path(version) / "bin" / "setaria"
        environment = {**os.environ, switching.SUPERVISED: "1"}
        with contextlib.suppress(OSError):  # what cannot be started has ended
            self._child = None
            self._child = subprocess.Popen([str(program), *arguments], env=environment)  # noqa: S603  our own

    def _failure(self) -> str:
        """Why the new version does not serve, or empty once it does."""
        until = time.monotonic() + self._up_within
        while time.monotonic() < until:
            if self._child is None or self._child.poll() is not None:
                return "ended"
            if switching.confirmed(self._data):
                return ""
            time.sleep(LOOK_EVERY)
        return "not_up"

    def _stop(self) -> None:
        if self._child is None:
            return
        self._child.terminate()
        try:
            self._child.wait(END_WITHIN)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()

    def _wait(self) -> int:
        """The child's exit status, or 128 and the signal that ended it, as a shell has it."""
        status = 1 if self._child is None else self._child.wait()
        return status if status >= 0 else 128 - status

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        self._ending = True
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(number)


if __name__ == "__main__":
    sys.exit(Supervisor(Path(sys.argv[1])).run())
