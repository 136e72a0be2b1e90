# SPDX-License-Identifier: Apache-2.0
"""Maps of the built-in contracts as the kernel itself reads and writes them, outside calls."""

from collections.abc import Callable
from typing import Final, Generic, TypeVar

from hanse.contracts.keys import decode_key, encode_key
from hanse.contracts.records import Codec
from hanse.contracts.state import Reader
from hanse.kernel import proposals as g
from hanse.kernel.registry import ContractEntry

T = TypeVar("T")
Put = Callable[[str, dict[bytes, bytes | None]], None]
"""Takes writes in for a contract."""


class Entries(Generic[T]):
    """One map, or one value with the key ``()``, of a built-in contract."""

    def __init__(self, contract: str, name: str, kind: type[T]) -> None:
        """Stand for the map ``name`` of ``contract``, with values of ``kind``."""
        self.contract = contract
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


GOVERNANCE: Final = "governance"
AGENDA: Final = Entries(GOVERNANCE, "agenda", bool)
CONTRACTS: Final = Entries(GOVERNANCE, "contracts", g.Deployed)
COUNTERS: Final = Entries(GOVERNANCE, "counters", g.Counters)
PACKAGES: Final = Entries(GOVERNANCE, "packages", g.Package)
PROPOSALS: Final = Entries(GOVERNANCE, "proposals", g.Proposal)
TEXTS: Final = Entries(GOVERNANCE, "texts", str)
VERSIONS: Final = Entries(GOVERNANCE, "versions", g.Version)
REGISTERED: Final = Entries("registry", "contracts", ContractEntry)
