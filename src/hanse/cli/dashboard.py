# SPDX-License-Identifier: Apache-2.0
"""The nodes of a local network at a glance: how far each is, on which state, and what ails it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from hanse.cli.localnet import LocalNode

EVERY_S = 1.0
PATIENCE_S = 2.0
ROOT_CHARS = 8  # of a state root; enough to see whether two differ


@dataclass(frozen=True, slots=True)
class Seen:
    """What a node said of itself; ``height`` is ``None`` when it did not answer."""

    organisation: str
    url: str
    height: int | None = None
    provable: int = 0
    root: str = ""
    reasons: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """One word for a healthy node, else what it names as reasons."""
        if self.height is None:
            return "no answer"
        return ", ".join(self.reasons) or "ready"


async def look(session: aiohttp.ClientSession, node: LocalNode) -> Seen:
    """Return what a node says of itself now."""
    try:
        ready = await _asked(session, f"{node.url}/readyz")
        status = await _asked(session, f"{node.url}/v1/ledger")
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        return Seen(node.organisation, node.url)
    reasons = tuple(ready.get("reasons", ()))
    if "height" not in status or "state_root" not in status:  # it is starting
        return Seen(node.organisation, node.url, 0, reasons=reasons or ("starting",))
    return Seen(
        node.organisation,
        node.url,
        status["height"],
        status["provable_height"],
        status["state_root"][:ROOT_CHARS],
        reasons,
    )


async def _asked(session: aiohttp.ClientSession, url: str) -> Any:
    async with session.get(url) as answer:  # a node that is not ready answers 503, with reasons
        return await answer.json(content_type=None)


def drawn(seen: Sequence[Seen]) -> list[str]:
    """Return the table, a line for each node, and whether nodes of one height have one state."""
    rows = [("node", "height", "proved", "state root", "")]
    for node in seen:
        told = node.height is not None
        height = str(node.height) if told else "-"
        proved = str(node.provable) if told else "-"
        rows.append((node.organisation, height, proved, node.root or "-", node.state))
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in rows]
    roots: dict[int, set[str]] = {}
    for node in seen:
        if node.height is not None and node.root:
            roots.setdefault(node.height, set()).add(node.root)
    forked = [height for height, found in roots.items() if len(found) > 1]
    if forked:
        lines.append(f"THE STATE DIFFERS at height {forked[0]}: keep all folders, run hanse audit")
    return [line.rstrip() for line in lines]


async def watch(nodes: Sequence[LocalNode], show: Callable[[list[str]], None]) -> None:
    """Show the table every second, until cancelled."""
    timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        while True:
            seen = await asyncio.gather(*(look(session, node) for node in nodes))
            show(drawn(seen))
            await asyncio.sleep(EVERY_S)
