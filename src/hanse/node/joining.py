# SPDX-License-Identifier: Apache-2.0
"""From nothing to a network of several organisations: join files, the network file, folders.

Each organisation makes its keys on its own machine and sends one join file, which holds public keys
only and is signed by each of them (``spec/joining.md``). From the join files of all founders the
network file is made, the same bytes by whoever makes it; each founder checks that it stands in
there, and all compare the ledger id by a way that they trust.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, Literal

import msgspec

from hanse.codec.base64url import to_bytes, to_text
from hanse.codec.canonical import decode, decode_as, encode
from hanse.codec.limits import GENESIS_BYTES_MAX
from hanse.contracts.contract import Contract
from hanse.crypto import keyfiles, signers, suite_named
from hanse.crypto.signers import Signer
from hanse.engines.cometbft.home import Keys, node_id
from hanse.errors import Malformed, Rejected
from hanse.identity import Genesis, GenesisPolicy, decode_genesis, is_name, ledger_id
from hanse.node.folder import Folder, mark_folder
from hanse.node.founding import Founder, Operator, PublicKey, found

ENGINE_SUITE: Final = "ed25519-sha256"  # the engine's own, whatever the members' suites
JOIN_BYTES_MAX: Final = 16 * 1024
TAG_JOIN: Final = b"hanse/join/1\x00"
SIGNED_BY: Final = ("admin", "node", "peer", "voting")


@dataclass(eq=False)
class JoinInvalid(Rejected):
    """A join file is not what an organisation makes."""

    at: str
    reason: str
    code: ClassVar[str] = "join_invalid"
    hint: ClassVar[str] = "Ask the organisation for a new one: `hanse network prepare` makes it."


@dataclass(eq=False)
class NotInTheNetwork(Rejected):
    """The network file does not hold what this folder was prepared with."""

    node: str
    reason: str
    code: ClassVar[str] = "not_in_the_network"
    hint: ClassVar[str] = "Do not start it. Send your join file again and compare who is in it."


class Join(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an organisation tells the others: who it is, where its node is, its public keys."""

    address: str
    admin: str
    admin_key: str
    made_ms: int
    name: str
    node: str
    node_key: str
    organisation: str
    peer_key: str
    suite: str
    v: Literal[1]
    voting_key: str


class _SignedJoin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    body: msgspec.Raw
    signatures: dict[str, str]


class Peer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a node's engine is met."""

    address: str
    node: str
    organisation: str
    peer_key: str

    @property
    def at(self) -> str:
        """The address in the engine's form; only who has the key can be met there."""
        return f"{node_id(to_bytes(self.peer_key))}@{self.address}"


class NetworkFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A ledger's genesis and where its nodes are met: all that one needs to take part."""

    genesis: msgspec.Raw
    peers: list[Peer]
    v: Literal[1]


_signed_decoder = msgspec.json.Decoder(_SignedJoin)
_join_decoder = msgspec.json.Decoder(Join)
_network_decoder = msgspec.json.Decoder(NetworkFile)


@dataclass(frozen=True, slots=True)
class Prepared:
    """The keys of an organisation that wants to take part, and what it tells the others."""

    join: bytes
    admin: Signer
    node: Signer
    engine: Keys


def prepare(  # noqa: PLR0913  # who one is, by name
    *, organisation: str, name: str, node: str, admin: str, address: str, suite: str, now_ms: int
) -> Prepared:
    """Return new keys and the join file that tells of them.

    Raises:
        JoinInvalid: a name is not one, or the address is not HOST:PORT.
    """
    keys = {"admin": signers.generate(suite), "node": signers.generate(suite)}
    keys |= {"peer": signers.generate(ENGINE_SUITE), "voting": signers.generate(ENGINE_SUITE)}
    join = Join(
        address=address,
        admin=f"{admin}@{organisation}",
        admin_key=to_text(keys["admin"].public_key),
        made_ms=now_ms,
        name=name,
        node=node,
        node_key=to_text(keys["node"].public_key),
        organisation=organisation,
        peer_key=to_text(keys["peer"].public_key),
        suite=suite,
        v=1,
        voting_key=to_text(keys["voting"].public_key),
    )
    body = encode(join)
    signatures = {who: to_text(keys[who].sign(TAG_JOIN + body)) for who in SIGNED_BY}
    raw = encode(_SignedJoin(msgspec.Raw(body), signatures))
    read_join(raw, organisation)
    return Prepared(raw, keys["admin"], keys["node"], Keys(keys["peer"], keys["voting"]))


def read_join(raw: bytes, at: str) -> Join:
    """Return what a join file says; whoever made it has all four keys.

    Raises:
        JoinInvalid: the form is wrong, or one of the keys did not sign it.
        Rejected: it is not canonical JSON.
    """
    decode(raw, JOIN_BYTES_MAX)
    signed = decode_as(raw, _signed_decoder)
    join = decode_as(bytes(signed.body), _join_decoder)
    for text in (join.organisation, join.node, join.admin.partition("@")[0]):
        if not is_name(text):
            raise JoinInvalid(at, f"{text[:70]!r} is not a name")
    if join.admin.partition("@")[2] != join.organisation:
        raise JoinInvalid(at, "its admin is of another organisation")
    host, _, port = join.address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise JoinInvalid(at, "the address is not HOST:PORT")
    message = TAG_JOIN + bytes(signed.body)
    keys = {
        "admin": (join.suite, join.admin_key),
        "node": (join.suite, join.node_key),
        "peer": (ENGINE_SUITE, join.peer_key),
        "voting": (ENGINE_SUITE, join.voting_key),
    }
    for who, (suite_name, key) in keys.items():
        suite, public = suite_named(suite_name), to_bytes(key, at)
        signature = to_bytes(signed.signatures.get(who, ""), at)
        known = suite.is_public_key_valid(public)
        if not known or not suite.is_signature_valid(public, message, signature):
            raise JoinInvalid(at, f"the {who} key did not sign it")
    return join


def found_network(
    joins: Sequence[Join],
    *,
    network: str,
    contracts: Iterable[type[Contract]],
    policies: Sequence[GenesisPolicy] = (),
    time_ms: int | None = None,
) -> bytes:
    """Return the network file of these founders: the same bytes in whatever order they come.

    ``time_ms`` is when the ledger begins: by default when the last join file was made.

    Raises:
        JoinInvalid: two of them are of one organisation, or of different suites.
        Malformed: they do not make a genesis.
    """
    ordered = sorted(joins, key=lambda join: join.organisation)
    if len({join.organisation for join in ordered}) < len(ordered):
        raise JoinInvalid("$", "two join files are of one organisation")
    if len({join.suite for join in ordered}) != 1:
        raise JoinInvalid("$", "all founders of a network use one suite")
    operators = [_operator(join) for join in ordered]
    genesis = found(
        network=network,
        time_ms=max(join.made_ms for join in ordered) if time_ms is None else time_ms,
        organisations={join.organisation: join.name for join in ordered},
        members={join.admin: Founder(("admin",), _public(join, "admin")) for join in ordered},
        operator=operators[0],
        others=operators[1:],
        contracts=contracts,
        policies=policies,
    )
    return network_file(genesis, [peer_of(join) for join in ordered])


def network_file(genesis: bytes, peers: Iterable[Peer]) -> bytes:
    """Return the file with which somebody else can take part."""
    listed = sorted(peers, key=lambda peer: (peer.organisation, peer.node))
    return encode(NetworkFile(msgspec.Raw(genesis), listed, 1))


def peer_of(join: Join) -> Peer:
    """Return where the node of a join file is met."""
    return Peer(join.address, join.node, join.organisation, join.peer_key)


def read_network(raw: bytes) -> tuple[Genesis, bytes, list[Peer]]:
    """Return genesis, its exact bytes, and the peers of a network file.

    Raises:
        Rejected: it is not of its form.
    """
    decode(raw, 2 * GENESIS_BYTES_MAX)
    network = decode_as(raw, _network_decoder)
    genesis_bytes = bytes(network.genesis)
    genesis = decode_genesis(genesis_bytes)
    if not genesis.voters:
        raise Malformed(reason="a network has validators", at="$.genesis.engine_validators")
    return genesis, genesis_bytes, network.peers


def write_prepared(path: Path, prepared: Prepared) -> Path:
    """Keep the keys of an organisation in the folder of its node; return the join file's path.

    Raises:
        KeyFileExists: there are keys in it already.
    """
    join = read_join(prepared.join, str(path))
    path.mkdir(parents=True, exist_ok=True)
    for folder in ("keys", "members"):
        (path / folder).mkdir(mode=0o700, exist_ok=True)
    for name, signer in (
        ("keys/node", prepared.node),
        ("keys/peer", prepared.engine.node),
        ("keys/voting", prepared.engine.voting),
        (f"members/{join.admin}", prepared.admin),
    ):
        keyfiles.save(path / f"{name}.key", signer, passphrase=None)
    file = path / f"{join.organisation}.join.json"
    file.write_bytes(prepared.join)
    return file


def accept(path: Path, raw: bytes, *, late: bool = False) -> tuple[Folder, tuple[str, ...]]:
    """Make the prepared folder ``path`` a node of the network; return it and the other peers.

    ``late`` joins a network that was founded without it: its registry must admit it then.

    Raises:
        NotInTheNetwork: the network file holds this organisation with other keys, or not at all.
        Rejected: a file is not of its form.
    """
    join_files = sorted(path.glob("*.join.json"))
    if len(join_files) != 1:
        raise NotInTheNetwork(str(path), "the folder holds no join file, or several")
    join = read_join(join_files[0].read_bytes(), str(join_files[0]))
    genesis, genesis_bytes, peers = read_network(raw)
    signer = keyfiles.load(path / "keys" / "node.key", passphrase=None)
    if to_text(signer.public_key) != join.node_key:
        raise NotInTheNetwork(str(path), "the folder's key is not that of its join file")
    mine = peer_of(join)
    if not late:
        _require_founder(join, genesis, mine in peers)
    folder = mark_folder(path, genesis_bytes, join.node, join.organisation)
    return folder, tuple(peer.at for peer in peers if peer != mine)


def _require_founder(join: Join, genesis: Genesis, met: bool) -> None:
    """Establish that the genesis holds exactly what a founder told of itself."""
    who = (join.organisation, join.node)
    nodes = {(v.organisation, v.node): v.public_key for v in genesis.validators}
    voters = {(v.organisation, v.node): v.public_key for v in genesis.voters}
    admins = {m.id: [k.public_key for k in m.keys] for m in genesis.members}
    for held, what in (
        (met, "no peer has its address and key"),
        (nodes.get(who) == join.node_key, "the genesis names another node key"),
        (voters.get(who) == join.voting_key, "the genesis names another voting key"),
        (admins.get(join.admin) == [join.admin_key], "the genesis names another admin key"),
    ):
        if not held:
            raise NotInTheNetwork(f"{join.node}@{join.organisation}", what)


def ledger_of(raw: bytes) -> str:
    """Return the id of the ledger of a network file: what all founders compare."""
    genesis, genesis_bytes, _ = read_network(raw)
    return ledger_id(genesis_bytes, genesis.hash)


def _public(join: Join, who: Literal["admin", "node"]) -> PublicKey:
    text = join.admin_key if who == "admin" else join.node_key
    return PublicKey(suite_named(join.suite), to_bytes(text))


def _operator(join: Join) -> Operator:
    return Operator(join.node, join.organisation, _public(join, "node"), to_bytes(join.voting_key))
