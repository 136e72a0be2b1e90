# SPDX-License-Identifier: Apache-2.0
"""CometBFT's ``config.toml``: what of it we mean, and what of that an operator may choose."""

import json
import os
import secrets
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from hanse.codec.limits import ENGINE_BLOCK_BYTES_MAX, SOCKET_PATH_BYTES_MAX

Value: TypeAlias = str | int | bool
BYTES_PER_SECOND: Final = 100 * 1024 * 1024  # to and from one peer; the network is the limit
PACKET_BYTES: Final = 32 * 1024  # of a message, sent as one; at least as large on every node


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a validator waits in each step; all in milliseconds.

    The first of each pair is for round 0, the second is added for each further round.
    """

    propose_ms: int = 1_500
    propose_delta_ms: int = 500
    prevote_ms: int = 500
    prevote_delta_ms: int = 250
    precommit_ms: int = 500
    precommit_delta_ms: int = 250
    commit_ms: int = 0
    empty_block_ms: int = 500
    reap_ms: int = 50
    gossip_ms: int = 25


@dataclass(frozen=True, slots=True)
class StateSync:
    """Where a joining node finds a header to trust; two servers at least."""

    rpc_servers: tuple[str, ...]
    trust_height: int
    trust_hash: str
    trust_period_hours: int = 24 * 7


@dataclass(frozen=True, slots=True)
class Settings:
    """What of an engine's configuration depends on node and operator."""

    moniker: str
    app_socket: Path
    rpc_socket: Path
    listen: str = "127.0.0.1:26656"
    external: str = ""
    peers: tuple[str, ...] = ()
    on_loopback: bool = False
    metrics_listen: str = ""
    log_level: str = "error"
    broadcast: bool = True
    double_sign_check_height: int = 0
    timeouts: Timeouts = field(default_factory=Timeouts)
    state_sync: StateSync | None = None


def configuration_toml(settings: Settings) -> str:
    """Return the text of ``config.toml``."""
    tables = configuration(settings)
    lines = ["# Written by Hanse at every start; change the node's configuration instead."]
    for name, table in tables.items():
        lines += ["", f"[{name}]"] if name else []
        lines += [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    return "\n".join(lines) + "\n"


def configuration(settings: Settings) -> dict[str, dict[str, Value]]:
    """Return the tables of ``config.toml``; the nameless one stands at the top."""
    tables: dict[str, dict[str, Value]] = {
        "": {
            "proxy_app": f"unix://{settings.app_socket}",
            "abci": "socket",
            "moniker": settings.moniker,
            "db_backend": "goleveldb",
            "log_level": settings.log_level,
            "log_format": "json",
        },
        "rpc": {"laddr": f"unix://{settings.rpc_socket}", "max_open_connections": 64},
        "p2p": _peers(settings),
        "mempool": {
            "type": "app",
            "broadcast": settings.broadcast,
            "max_tx_bytes": ENGINE_BLOCK_BYTES_MAX,
            "reap_interval": _ms(settings.timeouts.reap_ms),
        },
        # with adaptive sync a validator can sign for heights that were decided without it
        "blocksync": {"version": "v0", "adaptive_sync": False},
        "consensus": _consensus(settings),
        "storage": {"discard_abci_responses": True},
        "tx_index": {"indexer": "null"},
        "instrumentation": {"prometheus": bool(settings.metrics_listen)},
    }
    if settings.metrics_listen:
        tables["instrumentation"]["prometheus_listen_addr"] = settings.metrics_listen
        tables["instrumentation"]["namespace"] = "cometbft"
    if settings.state_sync is not None:
        tables["statesync"] = {
            "enable": True,
            "rpc_servers": ",".join(settings.state_sync.rpc_servers),
            "trust_height": settings.state_sync.trust_height,
            "trust_hash": settings.state_sync.trust_hash,
            "trust_period": f"{settings.state_sync.trust_period_hours}h",
        }
    return tables


def _peers(settings: Settings) -> dict[str, Value]:
    """Return the table about peers: those that are named, no others are looked for."""
    return {
        "laddr": f"tcp://{settings.listen}",
        "external_address": settings.external,
        "persistent_peers": ",".join(settings.peers),
        "unconditional_peer_ids": ",".join(peer.split("@")[0] for peer in settings.peers),
        "persistent_peers_max_dial_period": "5s",
        "addr_book_strict": not settings.on_loopback,
        "allow_duplicate_ip": settings.on_loopback,
        "pex": False,
        "send_rate": BYTES_PER_SECOND,
        "recv_rate": BYTES_PER_SECOND,
        "max_packet_msg_payload_size": PACKET_BYTES,
        "flush_throttle_timeout": _ms(settings.timeouts.gossip_ms),
    }


def _consensus(settings: Settings) -> dict[str, Value]:
    waits = settings.timeouts
    return {
        "timeout_propose": _ms(waits.propose_ms),
        "timeout_propose_delta": _ms(waits.propose_delta_ms),
        "timeout_prevote": _ms(waits.prevote_ms),
        "timeout_prevote_delta": _ms(waits.prevote_delta_ms),
        "timeout_precommit": _ms(waits.precommit_ms),
        "timeout_precommit_delta": _ms(waits.precommit_delta_ms),
        "timeout_commit": _ms(waits.commit_ms),
        "skip_timeout_commit": True,  # the wait is for those who are late; with all there is none
        # the mempool "app" never says that something waits: the interval drives the first block,
        # and a changed app hash every one after it, at once
        "create_empty_blocks": True,
        "create_empty_blocks_interval": _ms(waits.empty_block_ms),
        "peer_gossip_sleep_duration": _ms(waits.gossip_ms),
        # 2 or more stops every validator after all went down together; the sign state protects
        "double_sign_check_height": settings.double_sign_check_height,
    }


def socket_folder(wanted: Path, *, longest_name: str = "abci.sock") -> Path:
    """Return a folder for sockets, made, for the owner only: ``wanted``, or a short one instead.

    A socket's path has about a hundred bytes; where ``wanted`` is too long, the folder is a new
    one below the system's temporary folder, and whoever asked removes it.
    """
    if len(os.fsencode(wanted / longest_name)) <= SOCKET_PATH_BYTES_MAX:
        wanted.mkdir(mode=0o700, parents=True, exist_ok=True)
        wanted.chmod(0o700)
        return wanted
    return Path(tempfile.mkdtemp(prefix=f"hanse-{secrets.token_hex(4)}-", dir="/tmp"))


def _ms(number: int) -> str:
    return f"{number}ms"
