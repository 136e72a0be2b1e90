# SPDX-License-Identifier: Apache-2.0
"""The node's figures in the Prometheus text format."""

from collections import Counter

import msgspec

from hanse.kernel import BlockResult

_HELP = {
    "hanse_height": ("gauge", "height of the newest block"),
    "hanse_checkpoint_lag_blocks": ("gauge", "blocks that the store is behind the log"),
    "hanse_pending_txs": ("gauge", "transactions that wait for a block"),
    "hanse_feed_readers": ("gauge", "open feeds"),
    "hanse_worker_trips_total": ("counter", "starts of the locked process after it had tripped"),
    "hanse_tx_total": ("counter", "records by status and code"),
    "hanse_dropped_total": ("counter", "transactions dropped without record, by code"),
}


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

    def block(self, result: BlockResult) -> None:
        """Count a block."""
        for _, receipt in result.records:
            found = _outcome_decoder.decode(receipt)
            self._records[found.status, found.code or ""] += 1
        for drop in result.dropped:
            self._dropped[drop.code] += 1

    def text(self, *, height: int, behind: int, waiting: int, readers: int, trips: int) -> str:
        """Return all figures."""
        values: list[tuple[str, str, int]] = [
            ("hanse_height", "", height),
            ("hanse_checkpoint_lag_blocks", "", behind),
            ("hanse_pending_txs", "", waiting),
            ("hanse_feed_readers", "", readers),
            ("hanse_worker_trips_total", "", trips),
        ]
        for (status, code), count in sorted(self._records.items()):
            values.append(("hanse_tx_total", f'{{status="{status}",code="{code}"}}', count))
        for code, count in sorted(self._dropped.items()):
            values.append(("hanse_dropped_total", f'{{code="{code}"}}', count))
        lines: list[str] = []
        for name, (kind, text) in _HELP.items():
            lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
            lines += [f"{n}{labels} {value}" for n, labels, value in values if n == name]
        return "\n".join(lines) + "\n"
