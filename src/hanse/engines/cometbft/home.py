# SPDX-License-Identifier: Apache-2.0
"""CometBFT's home folder, written from data: configuration, genesis, keys.

The configuration is written at every start and says only what we mean; all else is CometBFT's own
default. Genesis and keys are written once and compared afterwards. The sign state, which protects
against signing twice, is begun with the home and never written again.
"""

import base64
import hashlib
import json
import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from hanse.codec.limits import ENGINE_BLOCK_BYTES_MAX
from hanse.crypto.signers import Signer
from hanse.engines.cometbft.configuration import Settings, configuration_toml
from hanse.engines.cometbft.errors import EngineHomeInvalid, SignStateMissing

ADDRESS_BYTES: Final = 20
EVIDENCE_BYTES_MAX: Final = 1024 * 1024
EVIDENCE_AGE_BLOCKS: Final = 1_000_000  # as long as either holds, evidence of misbehaviour counts
EVIDENCE_AGE_NS: Final = 14 * 24 * 3600 * 10**9
_PUBLIC: Final = "tendermint/PubKeyEd25519"
_PRIVATE: Final = "tendermint/PrivKeyEd25519"


@dataclass(frozen=True, slots=True)
class EngineValidator:
    """A voting key of the genesis, Ed25519, and its power."""

    public_key: bytes
    power: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class EngineGenesis:
    """What all engines of a network begin with; equal on all nodes, byte for byte."""

    chain_id: str
    time_ms: int
    validators: tuple[EngineValidator, ...]
    block_bytes_max: int = ENGINE_BLOCK_BYTES_MAX


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of an engine, both Ed25519; an observer's voting key is in no set."""

    node: Signer
    voting: Signer


@dataclass(frozen=True, slots=True)
class Home:
    """Where the parts of an engine's home lie."""

    path: Path

    @property
    def configuration(self) -> Path:
        """Written at every start."""
        return self.path / "config" / "config.toml"

    @property
    def genesis(self) -> Path:
        """The engine's genesis."""
        return self.path / "config" / "genesis.json"

    @property
    def node_key(self) -> Path:
        """The key that names the node among its peers."""
        return self.path / "config" / "node_key.json"

    @property
    def voting_key(self) -> Path:
        """The voting key, open: CometBFT reads no other form."""
        return self.path / "config" / "priv_validator_key.json"

    @property
    def blocks(self) -> Path:
        """The engine's own store of blocks."""
        return self.path / "data" / "blockstore.db"

    @property
    def sign_state(self) -> Path:
        """What was signed last; one per voting key, in no backup."""
        return self.path / "data" / "priv_validator_state.json"


def address_of(public_key: bytes) -> bytes:
    """Return the address by which CometBFT names an Ed25519 key: 20 bytes of its SHA-256."""
    return hashlib.sha256(public_key).digest()[:ADDRESS_BYTES]


def node_id(public_key: bytes) -> str:
    """Return the name of a node among its peers, as in ``id@host:port``."""
    return address_of(public_key).hex()


def write_home(
    path: Path,
    genesis: EngineGenesis,
    settings: Settings,
    keys: Keys,
    *,
    begin_sign_state: bool = False,
) -> Home:
    """Make ``path`` the home of an engine, for the owner only, or bring it up to date.

    Args:
        path: the folder; made if absent.
        genesis: must be that of an existing home.
        settings: replace those of the last start.
        keys: must be those of an existing home.
        begin_sign_state: allow an empty sign state for a key that may have signed before; then
            ``settings.double_sign_check_height`` must look back, once.

    Raises:
        EngineHomeInvalid: genesis or keys are there and are others.
        SignStateMissing: key or blocks are there and what was signed last is not.
    """
    home = Home(path)
    for folder in (home.path, home.configuration.parent, home.sign_state.parent):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
    _keep(home.genesis, genesis_json(genesis))
    _keep(home.node_key, key_json(keys.node, address=False))
    if not home.sign_state.exists():
        used = home.voting_key.exists() or home.blocks.exists()
        if used and not begin_sign_state:
            raise SignStateMissing(str(home.sign_state))
        # before the key: a start that breaks off between the two is repeated, not refused
        _write(home.sign_state, b'{"height":"0","round":0,"step":0}\n')
    _keep(home.voting_key, key_json(keys.voting, address=True))
    _write(home.configuration, configuration_toml(settings).encode())
    return home


def genesis_json(genesis: EngineGenesis) -> bytes:
    """Return the engine's genesis document, the same bytes on every node."""
    time = datetime.fromtimestamp(genesis.time_ms // 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    document = {
        "app_hash": "",
        "chain_id": genesis.chain_id,
        "consensus_params": {
            "abci": {"vote_extensions_enable_height": "0"},
            "block": {"max_bytes": str(genesis.block_bytes_max), "max_gas": "-1"},
            "evidence": {
                "max_age_duration": str(EVIDENCE_AGE_NS),
                "max_age_num_blocks": str(EVIDENCE_AGE_BLOCKS),
                "max_bytes": str(EVIDENCE_BYTES_MAX),
            },
            "validator": {"pub_key_types": ["ed25519"]},
            "version": {"app": "0"},
        },
        "genesis_time": f"{time}.{genesis.time_ms % 1_000:03d}Z",
        "initial_height": "1",
        "validators": [
            {
                "address": address_of(v.public_key).hex().upper(),
                "name": v.name,
                "power": str(v.power),
                "pub_key": {"type": _PUBLIC, "value": _text(v.public_key)},
            }
            for v in genesis.validators
        ],
    }
    return _json(document)


def key_json(signer: Signer, *, address: bool) -> bytes:
    """Return the key document of a node, or with ``address`` that of a voting key."""
    assert signer.suite.name == "ed25519-sha256", signer.suite.name
    private = _text(signer.private_bytes + signer.public_key)
    document: dict[str, object] = {"priv_key": {"type": _PRIVATE, "value": private}}
    if address:
        document["address"] = address_of(signer.public_key).hex().upper()
        document["pub_key"] = {"type": _PUBLIC, "value": _text(signer.public_key)}
    return _json(document)


def _json(document: object) -> bytes:
    return json.dumps(document, indent=1, sort_keys=True).encode() + b"\n"


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _keep(path: Path, data: bytes) -> None:
    """Write a file that is not there; one that is there must hold the same."""
    try:
        there = path.read_bytes()
    except FileNotFoundError:
        _write(path, data)
        return
    if there != data:
        raise EngineHomeInvalid(str(path), "it is that of another network or key")


def _write(path: Path, data: bytes) -> None:
    """Make ``path`` hold ``data``, whole or not at all, synced, for the owner only."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        with open(os.open(beside, flags, 0o600), "wb") as file:  # noqa: PTH123 - a descriptor
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
