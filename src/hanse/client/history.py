# SPDX-License-Identifier: Apache-2.0
"""What state entries were, sans I/O: the node's word, with the transactions that prove it."""

from dataclasses import dataclass
from typing import ClassVar, Final

import msgspec

from hanse.client._http import Request, Steps, decode_answer, fetch, segment
from hanse.client.ranges import json_key
from hanse.client.reading import Key
from hanse.codec.canonical import encode

VERSIONS: Final = 50  # of one answer unless more are asked for


@dataclass(frozen=True, slots=True)
class Version:
    """What an entry became, and what it was before; ``tx`` is ``None`` of genesis and migrations.

    ``present`` and ``was_present`` tell ``None`` from nothing there.
    """

    height: int
    index: int | None
    time_ms: int
    tx: str | None
    action: str | None
    signer: str | None
    present: bool
    value: object
    was_present: bool
    was: object


@dataclass(frozen=True, slots=True)
class History:
    """Versions of an entry up to ``height``, the newest first, in the form of their time.

    The node's word: what a version's transaction asked and what came of it proves
    ``evidence(version.tx)``. ``next`` is where the page after this one begins.
    """

    contract: str
    collection: str
    key: Key
    height: int
    versions: tuple[Version, ...]
    next: str | None
    verified: ClassVar[bool] = False


class _Version(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    action: str | None
    height: int
    index: int | None
    present: bool
    signer: str | None
    time_ms: int
    tx: str | None
    value: object
    was: object
    was_present: bool
    evidence: str | None = None


class _History(msgspec.Struct, frozen=True):
    height: int
    next: str | None
    versions: list[_Version]


_history_decoder = msgspec.json.Decoder(_History)


def history(
    of: tuple[str, str],
    key: Key,
    as_of: int | str | None = None,
    limit: int = VERSIONS,
) -> Steps[History]:
    """Return what an entry was, the newest version first, at most ``limit``; not proved.

    Args:
        of: contract and map.
        key: of the entry; the empty tuple for a single value.
        as_of: a height: versions up to it; or ``next`` of an answer, to go on.
        limit: most versions, at most 200.

    Raises:
        HanseError: ``history_not_kept``: the node keeps none.
    """
    asked = None if key == () else json_key(key)
    words = [f"key={segment(encode(asked).decode())}", f"limit={limit}"]
    words += [] if as_of is None else [f"as_of={segment(str(as_of))}"]
    path = f"/v1/state/{segment(of[0])}/{segment(of[1])}/history?{'&'.join(words)}"
    answer = decode_answer((yield from fetch(Request("GET", path))), _history_decoder, path)
    names = Version.__slots__
    found = [Version(**{name: getattr(one, name) for name in names}) for one in answer.versions]
    return History(*of, key, answer.height, tuple(found), answer.next)
