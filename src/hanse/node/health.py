# SPDX-License-Identifier: Apache-2.0
"""Whether a node is ready, why not, and the figures of its state."""

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from cryptography.x509 import load_pem_x509_certificate

from hanse import __version__
from hanse.node.figures import Sample, exposition
from hanse.node.folder import Folder
from hanse.node.ledger import Ledger

STORE_USED_MAX: Final = 0.95  # share of the map above which the node is not ready
DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What an engine with peers says of itself."""

    peers: int
    has_quorum: bool  # more than two thirds of the votes were seen lately
    catching_up: bool


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a node knows of itself at a moment."""

    height: int
    checkpoint_height: int
    block_time_ms: int
    now_ms: int
    stalled_s: float
    store_used: float
    containment: str
    worker_trips: int
    waiting: int = 0
    verifying: int = 0
    readers: int = 0
    is_failed: bool = False
    engine: EngineFacts | None = None  # none on embedded ledgers


@dataclass(frozen=True, slots=True)
class Bounds:
    """Beyond what a node is not ready, and where else it looks; from the settings."""

    block_age_s: int = 30
    disk_free_bytes: int = 512 * 1024**2
    backups: Path | None = None
    certificate: Path | None = None


USUAL: Final = Bounds()

REASONS: Final = {
    "node_fault": "A fault has stopped the node; it must be started again.",
    "replaying": "Blocks of the log are executed again; ready after the last.",
    "disk_full": "Less disk is free than `limits.disk_free_mib`.",
    "store_full": "The map of the state store is nearly full.",
    "block_too_old": "Transactions have waited `limits.block_age_s` without a block.",
    "engine_no_peers": "The engine has no peer.",
    "engine_no_quorum": "More than two thirds of the votes were not seen lately.",
    "engine_catching_up": "The engine fetches blocks that others have.",
}


def facts_of(node: Ledger, now_ms: int, stalled_s: float) -> Facts:
    """Return what an open ledger shows; the rest is for its service to add."""
    store, worker = node.store, node.worker
    return Facts(
        height=store.height,
        checkpoint_height=store.checkpoint_height,
        block_time_ms=store.time_ms,
        now_ms=now_ms,
        stalled_s=stalled_s,
        store_used=store.map_used,
        containment=node.containment,
        worker_trips=0 if worker is None else worker.trips,
    )


def ready(facts: Facts, bounds: Bounds, folder: Folder) -> tuple[bool, dict[str, Any]]:
    """Return whether the node is ready, with the facts and the reasons why not."""
    found = reasons(facts, bounds, folder.path)
    return not found, {
        "containment": facts.containment,
        "engine": "stopped" if facts.is_failed else "running",
        "height": facts.height,
        "reasons": found,
    }


def reasons(facts: Facts, bounds: Bounds, place: Path) -> list[str]:
    """Return why the node is not ready, as words of :data:`REASONS`; none when it is."""
    engine = facts.engine
    found = {
        "node_fault": facts.is_failed,
        "disk_full": shutil.disk_usage(place).free < bounds.disk_free_bytes,
        "store_full": facts.store_used > STORE_USED_MAX,
        "block_too_old": facts.stalled_s > bounds.block_age_s,
        "engine_no_peers": engine is not None and engine.peers == 0 and not engine.has_quorum,
        "engine_no_quorum": engine is not None and not engine.has_quorum,
        "engine_catching_up": engine is not None and engine.catching_up,
    }
    return [word for word, holds in found.items() if holds]


def figures(facts: Facts, bounds: Bounds, folder: Folder, counted: Iterable[Sample]) -> str:
    """Return the figures of the node's state, and those ``counted``, in the text format."""
    labels = {
        "engine": "embedded" if facts.engine is None else "cometbft",
        "ledger": folder.ledger,
        "node": folder.node,
        "organisation": folder.organisation,
        "version": __version__,
    }
    state = [("hanse_info", labels, 1.0), *_state(facts, bounds, folder.path)]
    return exposition([*state, *counted])


def _state(facts: Facts, bounds: Bounds, place: Path) -> Iterator[Sample]:
    plain: dict[str, float] = {
        "hanse_ready": int(not reasons(facts, bounds, place)),
        "hanse_node_fault": int(facts.is_failed),
        "hanse_height": facts.height,
        "hanse_block_age_seconds": max(0, facts.now_ms - facts.block_time_ms) / 1_000,
        "hanse_stalled_seconds": facts.stalled_s,
        "hanse_pending_txs": facts.waiting,
        "hanse_verifier_queue": facts.verifying,
        "hanse_checkpoint_lag_blocks": facts.height - facts.checkpoint_height,
        "hanse_worker_trips_total": facts.worker_trips,
        "hanse_store_used_ratio": facts.store_used,
        "hanse_disk_free_bytes": shutil.disk_usage(place).free,
        "hanse_memory_bytes": _memory_bytes(),
        "hanse_feed_readers": facts.readers,
    }
    if facts.engine is not None:
        plain["hanse_peers"] = facts.engine.peers
    if (age := _backup_age_s(bounds.backups, facts.now_ms)) is not None:
        plain["hanse_backup_age_seconds"] = age
    if (days := _tls_days_left(bounds.certificate, facts.now_ms)) is not None:
        plain["hanse_tls_days_left"] = days
    for name, value in plain.items():
        yield name, {}, value


def _memory_bytes() -> int:
    """Return the resident memory of this process; 0 where the system does not tell."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS")), 0)


def _backup_age_s(folder: Path | None, now_ms: int) -> float | None:
    if folder is None:
        return None
    try:
        made = [f.stat().st_mtime for f in folder.iterdir() if f.is_file() and f.suffix != ".part"]
    except OSError:
        return None
    return max(0.0, now_ms / 1_000 - max(made)) if made else None


def _tls_days_left(certificate: Path | None, now_ms: int) -> float | None:
    if certificate is None:
        return None
    try:
        ends = load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
    except (OSError, ValueError):
        return 0.0
    return (ends - datetime.fromtimestamp(now_ms / 1_000, UTC)).total_seconds() / DAY_S
