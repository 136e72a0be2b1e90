# SPDX-License-Identifier: Apache-2.0
"""The registry as the kernel reads it: keys, members and roles, remembered between its writes."""

from typing import Final, Self, TypeVar

from hanse.codec.limits import ROLES_PER_MEMBER_MAX
from hanse.contracts.keys import encode_key
from hanse.contracts.records import Codec
from hanse.contracts.state import Reader
from hanse.identity import is_valid_at
from hanse.kernel.registry import ContractEntry, Key, Member, Role

T = TypeVar("T")

_KEYS: Codec[Key] = Codec(Key)
_MEMBERS: Codec[Member] = Codec(Member)
_ROLES: Codec[Role] = Codec(Role)
_CONTRACTS: Codec[ContractEntry] = Codec(ContractEntry)
_UNKNOWN: Final = object()
_REMEMBERED_MAX = 200_000  # entries; beyond it the memory is emptied, not grown


class Directory:
    """Reads registry entries and remembers them.

    What it remembers is of one reader. Whoever reads a committed state says :meth:`look_at` before;
    for a block under way the kernel says :meth:`forget` whenever the registry has changed.
    """

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._found: dict[tuple[str, object], object] = {}
        self._reader: Reader | None = None
        self._height: int | None = None

    def look_at(self, reader: Reader) -> Self:
        """Drop what is remembered unless it is of ``reader``, its registry unchanged since.

        ``changed_height("registry")`` of the reader tells, where it has that; else its ``height``.
        """
        changed = getattr(reader, "changed_height", None)
        height = getattr(reader, "height", None) if changed is None else changed("registry")
        if height is None or height != self._height or reader is not self._reader:
            self._found = {}
            self._height, self._reader = height, reader
        return self

    def forget(self) -> None:
        """Drop what is remembered: the registry has changed, or another state is read."""
        self._found = {}

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

    def is_active(self, reader: Reader, contract: str, height: int) -> bool:
        """Whether some version of ``contract`` is active in the block of that height."""
        entry = self._entry(reader, "contracts", contract, _CONTRACTS)
        return entry is not None and any(v.from_height <= height for v in entry.versions)
