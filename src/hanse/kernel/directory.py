# SPDX-License-Identifier: Apache-2.0
"""The registry as the kernel reads it: keys, members and roles, remembered between its writes."""

from collections.abc import Callable
from typing import Final, NamedTuple, Self, TypeVar

import msgspec

from hanse.codec.limits import CONTRACTS_MAX, ORGANISATIONS_MAX, ROLES_PER_MEMBER_MAX
from hanse.contracts.keys import encode_key
from hanse.contracts.records import Codec
from hanse.contracts.state import Reader
from hanse.identity import Rules, is_valid_at
from hanse.kernel.entries import (
    CONTRACTS,
    ENGINE_VALIDATORS,
    FEATURES,
    NODES,
    REGISTERED,
    RULES,
    SUSPENSIONS,
    WEIGHTS,
    Entries,
)
from hanse.kernel.parties import EngineValidator, Node
from hanse.kernel.registry import (
    ContractEntry,
    ContractVersion,
    Key,
    Member,
    Organisation,
    PolicyEntry,
    Role,
)

T = TypeVar("T")

_KEYS: Codec[Key] = Codec(Key)
_MEMBERS: Codec[Member] = Codec(Member)
_ROLES: Codec[Role] = Codec(Role)
_CONTRACTS: Codec[ContractEntry] = Codec(ContractEntry)
_ORGANISATIONS: Codec[Organisation] = Codec(Organisation)
_POLICIES: Codec[PolicyEntry] = Codec(PolicyEntry)
_UNKNOWN: Final = object()
_CURRENT_MAX: Final = 256  # versions, by contract and height
_REMEMBERED_MAX = 200_000  # entries; beyond it the memory is emptied, not grown


class Seat(NamedTuple):
    """A validator of the engine: which node, and its entry."""

    organisation: str
    node: str
    entry: EngineValidator


class Directory:
    """Reads registry entries and remembers them.

    What it remembers is of one reader. Whoever reads a committed state says :meth:`look_at` before;
    for a block under way the kernel says :meth:`forget` whenever the registry has changed.
    """

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._found: dict[tuple[str, object], object] = {}
        self._current: dict[tuple[str, int], ContractVersion | None] = {}
        self._reader: Reader | None = None
        self._height: int | None = None

    def look_at(self, reader: Reader) -> Self:
        """Drop what is remembered unless it is of ``reader``, its registry unchanged since.

        ``changed_height`` of the reader tells, where it has that; else its ``height``.
        """
        changed = getattr(reader, "changed_height", None)
        height = getattr(reader, "height", None)
        if changed is not None:
            height = max(changed("registry"), changed("governance"))
        if height is None or height != self._height or reader is not self._reader:
            self.forget()
            self._height, self._reader = height, reader
        return self

    def forget(self) -> None:
        """Drop what is remembered: the registry has changed, or another state is read."""
        self._found = {}
        self._current = {}

    def _entry(self, reader: Reader, name: str, key: object, codec: Codec[T]) -> T | None:
        at = (name, key)
        found = self._found.get(at, _UNKNOWN)
        if found is not _UNKNOWN:
            return found  # type: ignore[return-value]  # stored under its own map's name
        data = reader.get("registry", name.encode("ascii") + b"\x00" + encode_key(key))
        value = None if data is None else codec.decode_stored(data)
        if len(self._found) >= _REMEMBERED_MAX:
            self._found = {}
        self._found[at] = value
        return value

    def key(self, reader: Reader, member: str, key_id: str) -> Key | None:
        """Return a key of a member, whatever its validity."""
        return self._entry(reader, "keys", (member, key_id), _KEYS)

    def member(self, reader: Reader, member: str) -> Member | None:
        """Return a member's entry, whatever its validity."""
        return self._entry(reader, "members", member, _MEMBERS)

    def has_role(self, reader: Reader, member: str, role: str, height: int) -> bool:
        """Whether ``member`` holds ``role`` in the block of that height."""
        held = self._entry(reader, "roles", (member, role), _ROLES)
        return held is not None and is_valid_at(held, height)

    def roles(self, reader: Reader, member: str, height: int) -> tuple[str, ...]:
        """Return the roles of ``member`` at that height, sorted."""
        prefix = b"roles\x00" + encode_key((member,))
        rows = reader.scan("registry", prefix, prefix, ROLES_PER_MEMBER_MAX)
        return tuple(
            key[len(prefix) + 1 : -1].decode()
            for key, value in rows
            if is_valid_at(_ROLES.decode_stored(value), height)
        )

    def policy(self, reader: Reader, resource: str) -> PolicyEntry | None:
        """Return the policy that is bound to ``resource``."""
        return self._entry(reader, "policies", resource, _POLICIES)

    def organisations(self, reader: Reader, height: int) -> list[str]:
        """Return the organisations that take part at that height, sorted; no suspended ones."""
        prefix = b"organisations\x00"
        rows = reader.scan("registry", prefix, prefix, ORGANISATIONS_MAX)
        named = [
            key[len(prefix) + 1 : -1].decode()
            for key, value in rows
            if is_valid_at(_ORGANISATIONS.decode_stored(value), height)
        ]
        out = self.suspended(reader, height)
        return [organisation for organisation in named if organisation not in out]

    def organisation(self, reader: Reader, organisation: str) -> Organisation | None:
        """Return an organisation's entry, whatever its validity."""
        return self._entry(reader, "organisations", organisation, _ORGANISATIONS)

    def _at_height(self, name: str, height: int, read: Callable[[], T]) -> T:
        """Return what ``read`` gives, remembered under a name and the height it is of."""
        at, found = (name, ()), self._found.get((name, ()))
        if isinstance(found, tuple) and found[0] == height:
            return found[1]  # type: ignore[no-any-return]  # stored under its own name
        value = read()
        self._found[at] = (height, value)
        return value

    def suspended(self, reader: Reader, height: int) -> frozenset[str]:
        """Return the organisations that are suspended at that height."""
        return self._at_height(
            "suspended",
            height,
            lambda: frozenset(
                str(key[0])
                for key, entry in self._rows(reader, SUSPENSIONS)
                if is_valid_at(entry, height)
            ),
        )

    def node(self, reader: Reader, organisation: str, node: str, height: int) -> Node | None:
        """Return the entry of a node that is valid at that height; its organisation may be out."""
        return self._at_height(
            f"node {node}@{organisation}",
            height,
            lambda: next(
                (e for _, e in NODES.all(reader, organisation, node) if is_valid_at(e, height)),
                None,
            ),
        )

    def may_submit(self, reader: Reader, organisation: str, node: str, height: int) -> Node | None:
        """Return the node whose submissions count at that height; ``None`` where they do not.

        It is registered, and its organisation takes part and is not suspended.
        """
        party = self.organisation(reader, organisation)
        if party is None or not is_valid_at(party, height):
            return None
        if organisation in self.suspended(reader, height):
            return None
        return self.node(reader, organisation, node, height)

    def nodes(self, reader: Reader, height: int) -> list[tuple[str, str, Node]]:
        """Return the nodes that are valid at that height: organisation, node, entry, sorted."""
        rows = NODES.all(reader)
        return [(str(k[0]), str(k[1]), e) for k, e in rows if is_valid_at(e, height)]

    def engine_validators(self, reader: Reader, height: int) -> tuple[Seat, ...]:
        """Return the engine validators that the header of that height commits to.

        They are sorted by organisation, then node. They are in force in the engine from the block
        after that one's on.
        """
        return self._at_height(
            "engine_validators",
            height,
            lambda: tuple(
                Seat(str(key[0]), str(key[1]), entry)
                for key, entry in self._rows(reader, ENGINE_VALIDATORS)
                if is_valid_at(entry, height)
            ),
        )

    def rules(self, reader: Reader, genesis: Rules) -> Rules:
        """Return the rules of genesis with what was decided since."""
        changed = {str(key[0]): value for key, value in self._rows(reader, RULES)}
        return msgspec.structs.replace(genesis, **changed) if changed else genesis

    def weights(self, reader: Reader) -> dict[str, int]:
        """Return the weights of organisations' votes; one that is not named weighs 1."""
        return {str(key[0]): weight for key, weight in self._rows(reader, WEIGHTS)}

    def features(self, reader: Reader) -> dict[str, int]:
        """Return the features that software must have, each from a height on."""
        return {str(key[0]): height for key, height in self._rows(reader, FEATURES)}

    def _rows(self, reader: Reader, entries: Entries[T]) -> list[tuple[tuple[object, ...], T]]:
        """Return all entries of a map, remembered."""
        at = ("all", entries.name)
        found = self._found.get(at, _UNKNOWN)
        if found is _UNKNOWN:
            found = self._found[at] = entries.all(reader)
        return found  # type: ignore[return-value]  # stored under its own map's name

    def version(self, reader: Reader, contract: str, height: int) -> ContractVersion | None:
        """Return the version of ``contract`` that is current in the block of that height."""
        at = (contract, height)
        if at not in self._current:
            if len(self._current) >= _CURRENT_MAX:
                self._current = {}
            entry = self._entry(reader, "contracts", contract, _CONTRACTS)
            begun = [] if entry is None else [v for v in entry.versions if v.from_height <= height]
            self._current[at] = begun[-1] if begun else None
        return self._current[at]

    def contracts(self, reader: Reader) -> dict[str, list[ContractVersion]]:
        """Return the versions of every contract that was ever active, by name, oldest first."""
        rows = REGISTERED.rows(reader, CONTRACTS_MAX)
        return {str(name): entry.versions for (name,), entry in rows}

    def status(self, reader: Reader, contract: str) -> str:
        """Return whether a contract is ``active``, ``frozen`` or ``retired``.

        On a ledger that was founded without governance, all are active.
        """
        at = ("status", contract)
        found = self._found.get(at)
        if found is None:
            deployed = CONTRACTS.get(reader, contract)
            found = self._found[at] = "active" if deployed is None else deployed.status
        return str(found)
