# SPDX-License-Identifier: Apache-2.0
"""A node's folder: genesis, node key, block log, state, documents. One folder, one node."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from hanse.codec.canonical import decode, decode_as, encode
from hanse.crypto import keyfiles
from hanse.crypto.signers import Signer
from hanse.engines.cometbft.home import Keys
from hanse.identity import Genesis, decode_genesis, ledger_id
from hanse.node.errors import NotTheDirectory

FORMAT = 1
"""Version of the folder's layout; a node refuses a newer one."""


class _Marker(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    ledger: str
    node: str
    organisation: str


_marker_decoder = msgspec.json.Decoder(_Marker)


@dataclass(frozen=True, slots=True)
class Folder:
    """Where the parts of a node lie, and who it is."""

    path: Path
    genesis: Genesis
    genesis_bytes: bytes
    ledger: str
    node: str
    organisation: str

    @property
    def log(self) -> Path:
        """The block log's folder."""
        return self.path / "log"

    @property
    def state(self) -> Path:
        """The state store's folder."""
        return self.path / "state"

    @property
    def history(self) -> Path:
        """The read model of what entries were; it may be deleted while the node is stopped."""
        return self.path / "history.sqlite"

    @property
    def documents(self) -> Path:
        """The documents' folder."""
        return self.path / "documents"

    @property
    def packages(self) -> Path:
        """The folder of the texts of genesis contracts, each under its package hash."""
        return self.path / "packages"

    @property
    def keys(self) -> Path:
        """The folder of key files; empty but for the node's own outside demonstrations."""
        return self.path / "keys"

    @property
    def engine(self) -> Path:
        """CometBFT's home, on a ledger of several validators."""
        return self.path / "engine"

    @property
    def commits(self) -> Path:
        """What the engine committed, kept for proofs; may be removed."""
        return self.path / "commits.sqlite"

    @property
    def cosigned(self) -> Path:
        """The newest header that has its quorum of cosignatures."""
        return self.path / "cosigned.json"

    def signer(self, passphrase: str | None = None) -> Signer:
        """Return the node's signer.

        Raises:
            Misconfigured: no key file, readable by others, or a wrong passphrase.
        """
        return keyfiles.load(self.keys / "node.key", passphrase=passphrase)

    def engine_keys(self, passphrase: str | None = None) -> Keys:
        """Return the keys of the node's engine: by which peers know it, and with which it votes.

        Raises:
            Misconfigured: a key file is missing, readable by others, or of another passphrase.
        """
        peer, voting = (
            keyfiles.load(self.keys / f"{name}.key", passphrase=passphrase)
            for name in ("peer", "voting")
        )
        return Keys(peer, voting)


def make_folder(
    path: Path, genesis_bytes: bytes, node: str, signer: Signer, engine: Keys | None = None
) -> Folder:
    """Return the new folder of ``node``, its genesis and keys written.

    ``engine`` are the keys of an engine of several validators.

    Raises:
        NotTheDirectory: there is a node in it already, or the genesis names no such validator.
    """
    genesis = decode_genesis(genesis_bytes)
    validator = next((v for v in genesis.validators if v.node == node), None)
    if validator is None:
        raise NotTheDirectory(str(path), f"the genesis names no validator {node}")
    _require_fresh(path)
    path.mkdir(parents=True, exist_ok=True)
    (path / "keys").mkdir(mode=0o700, exist_ok=True)
    keyfiles.save(path / "keys" / "node.key", signer, passphrase=None)
    if engine is not None:
        keyfiles.save(path / "keys" / "peer.key", engine.node, passphrase=None)
        keyfiles.save(path / "keys" / "voting.key", engine.voting, passphrase=None)
    return mark_folder(path, genesis_bytes, node, validator.organisation)


def mark_folder(path: Path, genesis_bytes: bytes, node: str, organisation: str) -> Folder:
    """Return the folder, which has its keys already, as that of a node of this ledger.

    Raises:
        NotTheDirectory: there is a node in it already.
    """
    _require_fresh(path)
    genesis = decode_genesis(genesis_bytes)
    (path / "genesis.json").write_bytes(genesis_bytes)
    ledger = ledger_id(genesis_bytes, genesis.hash)
    marker = _Marker(format=FORMAT, ledger=ledger, node=node, organisation=organisation)
    (path / "node.json").write_bytes(encode(marker))
    return open_folder(path)


def _require_fresh(path: Path) -> None:
    if (path / "node.json").exists():
        raise NotTheDirectory(str(path), "it holds a node already")


def open_folder(path: Path) -> Folder:
    """Return the folder of an existing node.

    Raises:
        NotTheDirectory: there is none, or its parts do not belong together.
    """
    try:
        marker_bytes = (path / "node.json").read_bytes()
        genesis_bytes = (path / "genesis.json").read_bytes()
    except OSError as error:
        raise NotTheDirectory(str(path), error.strerror or "unreadable") from None
    decode(marker_bytes)
    marker = decode_as(marker_bytes, _marker_decoder)
    genesis = decode_genesis(genesis_bytes)
    ledger = ledger_id(genesis_bytes, genesis.hash)
    if marker.format != FORMAT or marker.ledger != ledger:
        raise NotTheDirectory(str(path), "the marker belongs to another genesis or format")
    return Folder(path, genesis, genesis_bytes, ledger, marker.node, marker.organisation)
