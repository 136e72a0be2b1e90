# SPDX-License-Identifier: Apache-2.0
"""What a node tells systemd: ready, still replaying, stopping. Nothing is said where nobody asks.

Source: sd_notify(3); the socket is named by ``NOTIFY_SOCKET``.
"""

import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

EXTEND_S: Final = 120  # seconds that a replay which goes on may take until it says so again
SAY_EVERY_S: Final = 5.0


class Supervisor:
    """The service manager that started this process, if one did."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Find its socket in the environment."""
        self._address = environment.get("NOTIFY_SOCKET", "")
        self._said = 0.0

    def replaying(self, done: int, total: int) -> None:
        """Ask for more time to start, at most every few seconds."""
        now = time.monotonic()
        if now - self._said > SAY_EVERY_S:
            self._said = now
            status = f"STATUS=replaying block {done} of {total}"
            self._say(f"{status}\nEXTEND_TIMEOUT_USEC={EXTEND_S * 1_000_000}")

    def ready(self) -> None:
        """Say that the node serves."""
        self._say("READY=1\nSTATUS=serving")

    def stopping(self) -> None:
        """Say that the node was told to stop."""
        self._say("STOPPING=1")

    def _say(self, text: str) -> None:
        if not self._address:
            return
        # an address that begins with @ lies in the abstract name space
        address = "\0" + self._address[1:] if self._address[0] == "@" else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out, suppress(OSError):
            out.sendto(text.encode(), address)
