# SPDX-License-Identifier: Apache-2.0
"""What a node counts while it works."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from hanse.kernel import BlockResult
from hanse.node.figures import Histogram, Sample
from hanse.node.logs import is_told, tell


class _Outcome(msgspec.Struct, frozen=True, gc=False):
    """What is counted of a receipt; the rest is skipped, not decoded."""

    status: str
    code: str | None = None


_outcome_decoder = msgspec.json.Decoder(_Outcome)


class Metrics:
    """Counts what passes by."""

    def __init__(self) -> None:
        """Start at zero; counters are of this process."""
        self._records: Counter[tuple[str, str]] = Counter()
        self._dropped: Counter[str] = Counter()
        self._answered = Histogram("hanse_tx_final_seconds")
        self._blocks = Histogram("hanse_block_seconds")
        self._syncs = Histogram("hanse_commit_fsync_seconds")
        self._in_flight = 0
        self._since = time.monotonic()  # a block came, or the first of those in flight did

    @contextmanager
    def submission(self, count: int) -> Iterator[None]:
        """Time ``count`` transactions until the block of code ends; those that raise not at all."""
        begun = time.monotonic()
        if self._in_flight == 0:
            self._since = begun
        self._in_flight += count
        try:
            yield
            self._answered.observe(time.monotonic() - begun, count)
        finally:
            self._in_flight -= count

    @contextmanager
    def timed_block(self) -> Iterator[None]:
        """Time a block from its order until it is published; one that raises not at all."""
        begun = time.monotonic()
        yield
        self._blocks.observe(time.monotonic() - begun)

    def block(self, result: BlockResult) -> None:
        """Count a block."""
        self._since = time.monotonic()
        for _, receipt in result.records:
            found = _outcome_decoder.decode(receipt)
            self._records[found.status, found.code or ""] += 1
        for drop in result.dropped:
            self._dropped[drop.code] += 1
        if result.header is not None and is_told("block"):
            counts = {"dropped": len(result.dropped), "records": len(result.records)}
            tell("block", height=result.header.height, **counts)

    def synced(self, seconds: float) -> None:
        """Count a sync of the block log."""
        self._syncs.observe(seconds)

    @property
    def stalled_s(self) -> float:
        """Seconds for which transactions have waited without a block."""
        return time.monotonic() - self._since if self._in_flight else 0.0

    def samples(self) -> Iterator[Sample]:
        """Yield what was counted."""
        for (status, code), count in sorted(self._records.items()):
            yield "hanse_tx_total", {"status": status, "code": code}, count
        for code, count in sorted(self._dropped.items()):
            yield "hanse_dropped_total", {"code": code}, count
        for histogram in (self._answered, self._blocks, self._syncs):
            yield from histogram.samples()
