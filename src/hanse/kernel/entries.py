# SPDX-License-Identifier: Apache-2.0
"""Maps of the built-in contracts as the kernel itself reads and writes them, outside calls."""

from collections.abc import Callable
from typing import Final, Generic, TypeVar

from hanse.codec.limits import SCAN_ROWS_MAX
from hanse.contracts.keys import decode_key, encode_key
from hanse.contracts.records import Codec
from hanse.contracts.state import Reader
from hanse.kernel import changes as n
from hanse.kernel import proposals as g
from hanse.kernel import registry as r
from hanse.kernel.parties import EngineValidator, Node, Suspension

T = TypeVar("T")
Put = Callable[[str, dict[bytes, bytes | None]], None]
"""Takes writes in for a contract."""


class Entries(Generic[T]):
    """One map, or one value with the key ``()``, of a built-in contract."""

    def __init__(self, contract: str, name: str, kind: type[T]) -> None:
        """Stand for the map ``name`` of ``contract``, with values of ``kind``."""
        self.contract = contract
        self.name = name
        self._prefix = name.encode("ascii") + b"\x00"
        self._codec: Codec[T] = Codec(kind)

    def get(self, reader: Reader, key: object) -> T | None:
        """Return the value at ``key``."""
        data = reader.get(self.contract, self._prefix + encode_key(key))
        return None if data is None else self._codec.decode_stored(data)

    def put(self, put: Put, key: object, value: T | None) -> None:
        """Write ``value`` at ``key``; ``None`` removes it."""
        data = None if value is None else self._codec.encode(value)
        put(self.contract, {self._prefix + encode_key(key): data})

    def write(self, key: object, value: T) -> tuple[bytes, bytes]:
        """Return state key and bytes of an entry."""
        return self._prefix + encode_key(key), self._codec.encode(value)

    def rows(self, reader: Reader, limit: int) -> list[tuple[tuple[object, ...], T]]:
        """Return the first entries, in key order."""
        found = reader.scan(self.contract, self._prefix, self._prefix, limit)
        cut = len(self._prefix)
        return [(tuple(decode_key(k[cut:])), self._codec.decode_stored(v)) for k, v in found]

    def all(self, reader: Reader, *parts: str) -> list[tuple[tuple[object, ...], T]]:
        """Return every entry whose key begins with ``parts``, in key order."""
        prefix = self._prefix + encode_key(parts)
        found: list[tuple[bytes, bytes]] = []
        start = prefix
        while rows := reader.scan(self.contract, prefix, start, SCAN_ROWS_MAX):
            found += rows
            start = rows[-1][0] + b"\x00"
        cut = len(self._prefix)
        return [(tuple(decode_key(k[cut:])), self._codec.decode_stored(v)) for k, v in found]

    def begins(self, key: bytes) -> bool:
        """Whether a state key of the contract is one of this map."""
        return key.startswith(self._prefix)


GOVERNANCE: Final = "governance"
AGENDA: Final = Entries(GOVERNANCE, "agenda", bool)
CONTRACTS: Final = Entries(GOVERNANCE, "contracts", g.Deployed)
COUNTERS: Final = Entries(GOVERNANCE, "counters", g.Counters)
MIGRATION: Final = Entries(GOVERNANCE, "migration", g.Migration)
PACKAGES: Final = Entries(GOVERNANCE, "packages", g.Package)
PROPOSALS: Final = Entries(GOVERNANCE, "proposals", g.Proposal)
TEXTS: Final = Entries(GOVERNANCE, "texts", str)
VERSIONS: Final = Entries(GOVERNANCE, "versions", g.Version)

NETWORK: Final = "network"
ATTENDANCE: Final = Entries(NETWORK, "attendance", int)
CHANGE_AGENDA: Final = Entries(NETWORK, "agenda", bool)
CHANGE_COUNTERS: Final = Entries(NETWORK, "counters", g.Counters)
CHANGES: Final = Entries(NETWORK, "proposals", n.ProposedChange)

REGISTRY: Final = "registry"
ENGINE_VALIDATORS: Final = Entries(REGISTRY, "engine_validators", EngineValidator)
FEATURES: Final = Entries(REGISTRY, "features", int)
KEYS: Final = Entries(REGISTRY, "keys", r.Key)
MEMBERS: Final = Entries(REGISTRY, "members", r.Member)
NODES: Final = Entries(REGISTRY, "nodes", Node)
ORGANISATIONS: Final = Entries(REGISTRY, "organisations", r.Organisation)
PARAMETERS: Final = Entries(REGISTRY, "parameters", r.Parameters)
POLICIES: Final = Entries(REGISTRY, "policies", r.PolicyEntry)
REGISTERED: Final = Entries(REGISTRY, "contracts", r.ContractEntry)
ROLES: Final = Entries(REGISTRY, "roles", r.Role)
RULES: Final = Entries(REGISTRY, "rules", int)
SUSPENSIONS: Final = Entries(REGISTRY, "suspensions", Suspension)
WEIGHTS: Final = Entries(REGISTRY, "weights", int)
