# SPDX-License-Identifier: Apache-2.0
"""Every figure of ``/metrics`` in one table, with its panel and its alerts, and the text format.

Dashboard, alert rules and reference page are generated from here (``tools.deploy_files``), so that
a renamed figure cannot leave an alert behind that never fires.
"""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["gauge", "counter", "histogram"]
Sample = tuple[str, dict[str, str], float]
"""A figure's name, its labels, its value."""


@dataclass(frozen=True, slots=True)
class Alert:
    """When somebody has to look. In ``when`` the word ``it`` stands for the figure."""

    name: str
    when: str
    minutes: int  # that it must hold
    severity: Literal["page", "ticket"]
    says: str


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: what it is, what the dashboard draws of it, when it alarms."""

    name: str
    kind: Kind
    help: str
    panel: str = ""  # the dashboard's expression, with ``it`` for the figure; empty: not drawn
    unit: str = "short"  # Grafana's word
    alerts: tuple[Alert, ...] = ()


def _p99(seconds: str = "5m") -> str:
    return f"histogram_quantile(0.99, sum by (le, instance) (rate(it_bucket[{seconds}])))"


_RATE: Final = "sum by (instance) (rate(it[5m]))"

FIGURES: Final = (
    Figure("hanse_info", "gauge", "1; the labels say which node, ledger and version."),
    Figure(
        "hanse_ready", "gauge", "1 while the node is ready.", "it",
        alerts=(Alert("HanseNotReady", "it == 0", 5, "page", "/readyz names the reasons."),),
    ),
    Figure(
        "hanse_node_fault", "gauge", "1 once a fault has stopped the node.",
        alerts=(Alert("HanseNodeFault", "it == 1", 0, "page", "See the log's node_failed line."),),
    ),
    Figure("hanse_height", "gauge", "Height of the newest block.", "it"),
    Figure(
        "hanse_block_age_seconds", "gauge", "Seconds since the time of the newest block.", "it", "s"
    ),
    Figure(
        "hanse_stalled_seconds", "gauge",
        "Seconds since the last block while transactions wait; else 0.", "it", "s",
        (Alert("HanseStalled", "it > 30", 1, "page", "Transactions wait and no block comes."),),
    ),
    Figure("hanse_block_seconds", "histogram", "From a block's order to its publication.",
           _p99(), "s"),
    Figure(
        "hanse_tx_final_seconds", "histogram", "From a submission's arrival to its answer.",
        _p99(), "s",
        (Alert("HanseSlow", f"{_p99()} > 5", 10, "ticket", "One answer in a hundred takes long."),),
    ),
    Figure(
        "hanse_commit_fsync_seconds", "histogram", "Sync of the block log.", _p99(), "s",
        (Alert("HanseDiskSlow", f"{_p99()} > 0.25", 10, "ticket",
               "Every block waits for the disk; `hanse doctor` measures it."),),
    ),
    Figure("hanse_tx_total", "counter", "Records by status and code.",
           "sum by (status, code) (rate(it[5m]))", "ops"),
    Figure("hanse_dropped_total", "counter", "Transactions dropped without record, by code.",
           "sum by (code) (rate(it[5m]))", "ops"),
    Figure(
        "hanse_pending_txs", "gauge", "Transactions that wait for a block.", "it",
        alerts=(Alert("HanseQueueFilling", "it > 15000", 2, "ticket",
                      "At 20,000 further ones get queue_full."),),
    ),
    Figure("hanse_verifier_queue", "gauge", "Transactions whose signatures are being verified.",
           "it"),
    Figure(
        "hanse_checkpoint_lag_blocks", "gauge", "Blocks that the store is behind the log.", "it",
        alerts=(Alert("HanseCheckpointLag", "it > 2000", 10, "ticket",
                      "A start would execute so many blocks again."),),
    ),
    Figure(
        "hanse_worker_trips_total", "counter",
        "Starts of the locked process of the contracts after it had fallen.", _RATE,
        alerts=(Alert("HanseWorkerTripped", "increase(it[1h]) > 0", 0, "page",
                      "A contract got past the checks: freeze it, keep the log."),),
    ),
    Figure(
        "hanse_store_used_ratio", "gauge", "Used share of the state store's map.", "it",
        "percentunit",
        (Alert("HanseStoreFull", "it > 0.8", 10, "page", "A full map stops the node."),),
    ),
    Figure(
        "hanse_disk_free_bytes", "gauge", "Free bytes where the node's folder lies.", "it", "bytes",
        (Alert("HanseDiskFull", "predict_linear(it[6h], 4 * 24 * 3600) < 0", 60, "ticket",
               "At this rate the disk is full within four days."),),
    ),
    Figure(
        "hanse_backup_age_seconds", "gauge",
        "Age of the newest file in backup.folder; absent when that is not set or empty.", "it", "s",
        (Alert("HanseBackupOld", "it > 2 * 24 * 3600", 60, "ticket",
               "The last backup is older than two days."),),
    ),
    Figure(
        "hanse_tls_days_left", "gauge", "Days until tls.certificate ends; absent without.", "it",
        alerts=(Alert("HanseTlsEnding", "it < 14", 60, "ticket", "Renew the certificate."),),
    ),
    Figure("hanse_memory_bytes", "gauge", "Resident memory of the node's main process.", "it",
           "bytes"),
    Figure("hanse_feed_readers", "gauge", "Readers of the feed of blocks.", "it"),
    Figure("hanse_peers", "gauge", "Peers of the engine; absent on embedded ledgers.", "it"),
    Figure(
        "hanse_engine_up", "gauge", "1 when the engine's own figures were fetched just now.",
        alerts=(Alert("HanseEngineSilent", "it == 0", 5, "ticket",
                      "The engine's figures cannot be fetched: does it run?"),),
    ),
    Figure(
        "hanse_gateway_responses_total", "counter", "Responses by class of status.",
        "sum by (class) (rate(it[5m]))", "ops",
        (Alert("HanseFaultyAnswers",
               'sum by (instance) (rate(it{class="5xx"}[5m])) > 0.1', 10, "ticket",
               "The log's gateway_fault lines say where."),),
    ),
    Figure("hanse_gateway_connections", "gauge", "Open connections.", "it"),
    Figure("hanse_gateway_feeds", "gauge", "Open feeds.", "it"),
    Figure("hanse_gateway_streams", "gauge", "Open streams.", "it"),
)  # fmt: skip
BY_NAME: Final = {figure.name: figure for figure in FIGURES}

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Histogram:
    """How often something took up to how long. One thread observes."""

    def __init__(self, name: str) -> None:
        """Start empty; ``name`` is that of the figure."""
        self._name = name
        self._counts = [0] * (len(SECONDS) + 1)
        self._sum = 0.0

    def observe(self, seconds: float, count: int = 1) -> None:
        """Count ``count`` events of this duration."""
        self._counts[bisect_left(SECONDS, seconds)] += count
        self._sum += seconds * count

    def samples(self) -> Iterable[Sample]:
        """Yield the lines of the histogram."""
        total = 0
        for bound, count in zip((*map(str, SECONDS), "+Inf"), self._counts, strict=True):
            total += count
            yield f"{self._name}_bucket", {"le": bound}, total
        yield f"{self._name}_sum", {}, self._sum
        yield f"{self._name}_count", {}, total


def exposition(samples: Iterable[Sample]) -> str:
    """Return samples in the Prometheus text format, version 0.0.4, by figure in the table's order.

    Source: "Exposition formats" of the Prometheus documentation.
    """
    held: dict[str, list[str]] = {}
    for name, labels, value in samples:
        base = name
        for end in ("_bucket", "_sum", "_count"):
            if name not in BY_NAME:
                base = name.removesuffix(end) if base == name else base
        assert base in BY_NAME, f"{base} is no figure of the table"
        inner = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        shown = f"{{{inner}}}" if inner else ""
        held.setdefault(base, []).append(f"{name}{shown} {_number(value)}")
    lines: list[str] = []
    for figure in FIGURES:
        if figure.name in held:
            lines.append(f"# HELP {figure.name} {figure.help}")
            lines.append(f"# TYPE {figure.name} {figure.kind}")
            lines += held[figure.name]
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else repr(float(value))
