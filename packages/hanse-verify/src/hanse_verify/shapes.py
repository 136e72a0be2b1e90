# SPDX-License-Identifier: Apache-2.0
"""The exact fields of an evidence file: a table to read beside ``spec/evidence.md``.

A shape is a dict of fields (``name?`` may be absent, ``...`` allows others), a list with the shape
of every item, a tuple of the only values allowed, or the name of a kind that ``_is`` knows.
"""

from typing import Any, Final

from hanse_verify.canonical import EvidenceError, unb64

_TYPES: Final = {"flag": bool, "object": dict, "text": str}


def check(value: Any, shape: Any, at: str = "$") -> None:
    """Establish that ``value`` has ``shape``: no field more, and none less."""
    if isinstance(shape, tuple):
        fits = any(type(value) is type(one) and value == one for one in shape)  # True is not 1
    else:
        fits = type(value) is type(shape) if isinstance(shape, dict | list) else _is(value, shape)
    if not fits:
        raise EvidenceError(f"{at} has not the form that belongs there")
    if isinstance(shape, list):
        for index, item in enumerate(value):
            check(item, shape[0], f"{at}[{index}]")
    elif isinstance(shape, dict):
        for name in shape:
            if name[-1] not in "?." and name not in value:
                raise EvidenceError(f"{at}.{name} is missing")
        for name, item in value.items():
            inner = shape.get(name, shape.get(f"{name}?", shape.get("...")))
            if inner is None:
                raise EvidenceError(f"{at}.{name} is not a field of this format")
            check(item, inner, f"{at}.{name}")


def _is(value: Any, kind: str) -> bool:
    if value is None or kind == "any":
        return kind == "any" or kind.endswith("|null")
    kind = kind.removesuffix("|null")
    if kind in _TYPES:
        return type(value) is _TYPES[kind]
    if kind == "count":
        return type(value) is int and value >= 0
    if kind == "member":  # name@organisation
        return type(value) is str and [part != "" for part in value.split("@")] == [True, True]
    if kind == "pair":  # of hashes
        return type(value) is list and len(value) == 2 and all(_is(item, "b32") for item in value)
    size = len(unb64(value)) if type(value) is str else -1
    return size >= 0 and kind in ("b", f"b{size}")  # base64url: of any bytes; of so many


def fields(nested: dict[str, Any] | None = None, /, **kinds: str) -> dict[str, Any]:
    """Return a dict shape: the names of each kind, and what is nested."""
    return {name: kind for kind, names in kinds.items() for name in names.split()} | (nested or {})


_V: Final = {"v": (1,)}
_SIGNATURE: Final = fields(text="key", b="signature", member="signer")
_BODY: Final = fields(
    _V, text="action contract key", object="args", count="cost_max expires_ms", b32="ledger",
    b="nonce", any="private?", member="signer")  # fmt: skip
_EVENT: Final = fields(text="contract event", object="fields")
_RECEIPT: Final = fields(
    _V | {"events": [_EVENT], "status": ("ok", "rejected")}, text="code? reason?", b32="tx",
    count="cost height index", any="facts? result?")  # fmt: skip
_HEADER: Final = fields(
    _V, count="engine_height height log_size time_ms",
    b32="ledger log_root previous rules state_root validators")  # fmt: skip
POWERS: Final = [fields(text="organisation", count="power", b32="public_key")]
_SIGNER: Final = fields(b="public_key", text="suite", any="...")
_GENESIS: Final = _V | {
    "engine_validators?": POWERS, "hash": ("sha256", "sm3"), "network": "text", "rules": "object",
    "time_ms": "count", "validators": [_SIGNER | fields(text="node organisation")],
    "witness_quorum": "count", "witnesses": [_SIGNER | fields(text="name")],
    "...": "any"}  # fmt: skip
_STATE: Final = fields(
    {"bucket": ["pair"], "siblings": ["b480"], "top_bucket": ["pair"], "top_siblings": ["b480"]},
    text="contract", b="key", flag="present", any="value")  # fmt: skip
EMBEDDED: Final = {"engine": ("embedded",), "header_path": ["b32"], "note": "text"}
_COMMON: Final = _V | {"certificate": "object", "genesis": _GENESIS, "header": _HEADER}
_RECORD: Final = {"index": "count", "path": ["b32"], "receipt": _RECEIPT,
                  "transaction": {"body": _BODY, "signatures": [_SIGNATURE]}}  # fmt: skip
FILES: Final = {
    "state": _COMMON | {"kind": ("state",), "state": _STATE},
    "record": _COMMON | {"kind": ("record",), "contract": _STATE, "record": _RECORD,
                         "keys": [{"key": _STATE, "member": _STATE}], "withdrawal": _STATE},
}  # fmt: skip
_VALID: Final = {"from_height": "count", "to_height": "count|null"}
VALUES: Final = {  # what the registry's maps hold
    "keys": _VALID | fields(b="public_key", text="purpose suite"),
    "members": _VALID | fields(text="organisation"),
    "contracts": {"versions": [fields(count="from_height", b32="hash", text="version")]},
    "withdrawals": fields({"replacement": "text|null"}, text="by reason", count="height"),
}
