# SPDX-License-Identifier: Apache-2.0
"""The engine's own figures, fetched from its Prometheus address and merged into the node's."""

import asyncio
import re
from typing import Final

from hanse.node.figures import exposition
from hanse.node.logs import tell

PREFIX: Final = "cometbft_"
TIMEOUT_S: Final = 2.0
BYTES_MAX: Final = 4 * 1024 * 1024  # of one answer; CometBFT's has about 100 KB

# a comment about a figure of the engine, or a sample of one; other lines (of its Go runtime) are
# left out: they would be taken for figures of this process
_LINE: Final = re.compile(
    rf"(?:# (?:HELP|TYPE) {PREFIX}\w+ [^\r\n]*)"
    rf"|(?:{PREFIX}\w+(?:\{{[^\r\n]*\}})? (?:[-+0-9.eE]+|NaN|[-+]?Inf)(?: -?\d+)?)",
    re.ASCII,
).fullmatch


class EngineFigures:
    """Fetches the figures at ``address`` (HOST:PORT); a failure is ``hanse_engine_up 0``."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._address = address
        self._host, self._port = host.strip("[]"), int(port)
        self._missing = False

    async def text(self) -> str:
        """Return the engine's lines under their own names, after whether they could be had."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                body = await self._fetch()
        except (OSError, TimeoutError, ValueError) as error:
            if not self._missing:  # once, not at every scrape
                tell("engine_figures_missing", address=self._address, reason=type(error).__name__)
            self._missing = True
            return exposition([("hanse_engine_up", {}, 0)])
        self._missing = False
        lines = [line + "\n" for line in body.splitlines() if _LINE(line)]
        return exposition([("hanse_engine_up", {}, 1)]) + "".join(lines)

    async def _fetch(self) -> str:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            # 1.0: the answer then comes in one piece and the connection ends with it
            head = f"GET /metrics HTTP/1.0\r\nHost: {self._address}\r\nAccept: text/plain\r\n\r\n"
            writer.write(head.encode("ascii"))
            data = await reader.read(BYTES_MAX + 1)
            while len(data) <= BYTES_MAX and (more := await reader.read(BYTES_MAX)):
                data += more
        finally:
            writer.close()
        status, _, rest = data.partition(b"\r\n")
        if len(data) > BYTES_MAX or status.split()[1:2] != [b"200"]:
            raise ValueError("no figures")
        return rest.partition(b"\r\n\r\n")[2].decode("utf-8", "replace")
