# SPDX-License-Identifier: Apache-2.0
"""Rows of a range of an ordered map, sans I/O: proved to be all of them, and no other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import msgspec

from hanse.client._http import Request, Steps, decode_answer, fetch_provable, segment
from hanse.client._ranges import RangeProof, bound_bytes, verify_range_proof
from hanse.client.session import Session, node_at_fault
from hanse.codec.base64url import to_bytes, to_text
from hanse.codec.canonical import decode, encode
from hanse.codec.limits import SCAN_ROWS_MAX
from hanse.contracts.keys import decode_key
from hanse.contracts.state import AFTER
from hanse.contracts.types import BigInt
from hanse.errors import Malformed, ProofInvalid

Bound = str | int | bool | bytes | tuple["Bound", ...]
"""A key, or the first parts of one; the empty tuple is the beginning, or the end, of the map."""
ROWS: Final = 100  # of one answer unless more are asked for


class _Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    certificate: msgspec.Raw
    header: msgspec.Raw
    range: RangeProof


_decoder = msgspec.json.Decoder(_Answer)


@dataclass(frozen=True, slots=True)
class Row:
    """One entry: the parts of its key, and its value."""

    key: tuple[Bound, ...]
    value: object


@dataclass(frozen=True, slots=True)
class VerifiedRange:
    """Rows of a map in key order: all that there are from ``first`` to ``last``, both included.

    Where ``next`` is a key they are all only up to that key, itself not among them: as many as were
    asked for. Asked for in reverse, the rows are the last ones, the last first, and ``previous`` is
    the key after which they are all.
    """

    contract: str
    collection: str
    rows: tuple[Row, ...]
    next: tuple[Bound, ...] | None
    height: int
    time_ms: int
    witnesses: tuple[str, ...]
    previous: tuple[Bound, ...] | None = None
    verified: ClassVar[bool] = True


def between(  # noqa: PLR0913  # which rows of what
    session: Session,
    of: tuple[str, str],
    first: Bound = (),
    last: Bound = (),
    limit: int = ROWS,
    *,
    reverse: bool = False,
) -> Steps[VerifiedRange]:
    """Return the rows of a contract's ordered map from ``first`` to ``last``, both included.

    In reverse the last come first, and where there are more rows than the limit, the last count.

    Raises:
        ProofInvalid: the answer does not prove that these are all the rows, and no other.
        AnswerStale: it is older than what this client has seen.
        Malformed: the limit is beyond ``SCAN_ROWS_MAX``.
    """
    if not 1 <= limit <= SCAN_ROWS_MAX:
        raise Malformed(reason=f"1 to {SCAN_ROWS_MAX} rows are asked for at a time", at="?rows")
    genesis = yield from session.genesis()
    size_before = session.size_seen
    path = range_path(of, first, last, limit, reverse=reverse)
    body = yield from fetch_provable(Request("GET", path))
    answer = decode_answer(body, _decoder, path)
    found = yield from session.certified(bytes(answer.header), bytes(answer.certificate), path)
    with node_at_fault(path):
        bounds = (bound_bytes(first), bound_bytes(last) + AFTER)
        proof = answer.range
        rows = verify_range_proof(
            genesis.hash, found.state_root, of, bounds, proof, limit, reverse=reverse
        )
        shown = [Row(_parts(key), decode(value)) for key, value in rows]
        ends = [
            _parts(to_bytes(end, "$.range")) if isinstance(end, str) else None
            for end in (proof.next, proof.previous)
        ]
    yield from session.see(found)
    session.require_fresh(found.size, size_before)
    return VerifiedRange(
        contract=of[0],
        collection=of[1],
        rows=tuple(reversed(shown) if reverse else shown),
        next=ends[0],
        previous=ends[1],
        height=found.header.height,
        time_ms=found.header.time_ms,
        witnesses=found.witnesses,
    )


def _parts(key: bytes) -> tuple[Bound, ...]:
    try:
        return tuple(decode_key(key))  # type: ignore[arg-type]  # what it decodes are key parts
    except ValueError as error:
        raise ProofInvalid(reason=f"a key of the tree: {error}") from None


def range_path(
    of: tuple[str, str], first: Bound, last: Bound, limit: int, *, reverse: bool = False
) -> str:
    """Return where the rows between two keys are served."""
    words = [f"rows={limit}", *(["reverse=1"] if reverse else [])]
    for name, bound in (("from_key", first), ("to_key", last)):
        if bound != ():
            words.append(f"{name}={segment(encode(json_key(bound)).decode())}")
    return f"/v1/state/{segment(of[0])}/{segment(of[1])}/range?{'&'.join(words)}"


def json_key(key: Bound) -> object:
    """Return the JSON form of a key or of its first parts."""
    if isinstance(key, tuple):
        return [json_key(part) for part in key]
    if isinstance(key, bytes):
        return to_text(key)
    return int.__str__(key) if isinstance(key, BigInt) else key


__all__: Sequence[str] = [
    "Bound",
    "RangeProof",
    "Row",
    "VerifiedRange",
    "between",
    "bound_bytes",
    "json_key",
    "range_path",
    "verify_range_proof",
]
