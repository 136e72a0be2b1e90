# SPDX-License-Identifier: Apache-2.0
"""What an evidence file says, as facts a person reads beside the verdict."""

import msgspec

from hanse.client._documents import Evidence, RangePart
from hanse.client._ranges import cut
from hanse.codec.base64url import to_bytes, to_text
from hanse.codec.limits import INTEGER_MAX
from hanse.contracts.keys import decode_key
from hanse.contracts.state import AFTER
from hanse.errors import ProofInvalid
from hanse.merkle.ranges import InnerPage, decode_page


def claim_of(evidence: Evidence) -> dict[str, object]:
    """Return who did what with which outcome, or which state value the file shows."""
    record = evidence.record
    if record is not None:
        body, receipt = record.transaction.body, record.receipt
        claim: dict[str, object] = {
            "action": body.action,
            "contract": body.contract,
            "signer": body.signer,
            "status": receipt.status,
            "tx": receipt.tx,
        }
        return claim if receipt.code is msgspec.UNSET else claim | {"code": receipt.code}
    if evidence.range is not None:
        return _claim_of_range(evidence.range)
    proof = evidence.state
    assert proof is not None, "a file shows a record or a state value"
    name, _, rest = proof.key.partition(b"\x00")
    return {
        "contract": proof.contract,
        "key": _readable_key(rest, to_text(proof.key)),
        "map": name.decode("ascii", "replace"),
        "present": proof.value is not None,
        "value": None if proof.value is None else msgspec.json.decode(proof.value),
    }


def _claim_of_range(part: RangePart) -> dict[str, object]:
    """Return the rows that the file shows; their keys are those of its pages."""
    low, high = cut((part.first, part.last + AFTER), part.proof)
    keys: list[bytes] = []
    for text in part.proof.pages:
        try:
            page = decode_page(to_bytes(text))
        except ProofInvalid:
            continue
        if not isinstance(page, InnerPage):
            keys += [key for key, _ in page if low <= key < high]
    values = [msgspec.json.decode(value) for value in part.proof.values]
    rows = [
        {"key": _readable_key(key, to_text(key)), "value": value}
        for key, value in zip(keys, values, strict=False)
    ]
    ends = [
        None if not isinstance(end, str) else _readable_key(to_bytes(end), end)
        for end in (part.proof.next, part.proof.previous)
    ]
    return {
        "contract": part.contract,
        "first": _readable_key(part.first, to_text(part.first)),
        "last": _readable_key(part.last, to_text(part.last)),
        "map": part.map,
        "next": ends[0],
        "previous": ends[1],
        "rows": rows,
    }


def _readable_key(rest: bytes, fallback: str) -> object:
    """Return the key's parts in their JSON form; keys of no known encoding stay as they are."""
    try:
        parts = decode_key(rest)
    except (ValueError, RecursionError):
        return fallback
    return [_readable(part) for part in parts]


def _readable(part: object) -> object:
    if isinstance(part, bytes):
        return to_text(part)
    if isinstance(part, tuple):
        return [_readable(inner) for inner in part]
    return part if isinstance(part, str | bool) or not _is_big(part) else str(part)


def _is_big(part: object) -> bool:
    return isinstance(part, int) and abs(part) > INTEGER_MAX
