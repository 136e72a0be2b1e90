# SPDX-License-Identifier: Apache-2.0
"""Canonical JSON, one byte string for a value, and the exact fields of every document in a file.

A row of the table names a document, or goes on with it, and lists ``field:kind``; ``field?`` may be
absent, ``...`` allows others. A kind is a document (without one, that of the field's name), a word
of ``_is``, a size in bytes, or ``=`` and the values; ``kind?`` may be null, ``kind*1-8`` is a list.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, Final

BYTES_MAX: Final = 4 * 1024 * 1024  # of an evidence file
DEPTH_MAX: Final = 32  # levels of nesting
INTEGER_MAX: Final = 2**53 - 1
_TABLE: Final = """
record_file v:=1 kind:="record" certificate:object digest:32 genesis: header: record: state:
state_file  v:=1 kind:="state" certificate:object digest:32 genesis: header: state:
state_file  contract:text key:1-480
range_file  v:=1 kind:="range" certificate:object digest:32 genesis: header: range: map:text
range_file  contract:text first:0-480 last:0-480
genesis     v:=1 hash:="sha256"|"sm3" network:text rules:object time_ms:count witness_quorum:count
genesis     engine_validators?:voter*1- validators:validator*1- witnesses:witness*0-32 ...:any
validator   node:text organisation:text public_key:bytes suite:text ...:any
witness     name:text public_key:bytes suite:text ...:any
voter       node:text organisation:text power:count public_key:32
header      v:=1 engine_height:count height:count ledger:32 log_root:32 log_size:count previous:32
header      rules:32 state_root:32 time_ms:count validators:32
embedded    engine:="embedded" header_path:32*0- note:text
cometbft    engine:="cometbft" header:bytes*14 parts:bytes round:count votes:vote?*0-
cometbft    steps:step*0- validators?:voter*1-
step        header:bytes*14 next:weight*1- parts:bytes round:count votes:vote?*0-
weight      power:count public_key:32
vote        signature:bytes time:bytes
record      index:count path:32*0- receipt: transaction:
transaction body: signatures:signature*1-8
signature   key:text signature:bytes signer:member
body        v:=1 action:text args:object contract:text cost_max:count expires_ms:count key:text
body        ledger:32 nonce:bytes private?:any signer:member
receipt     v:=1 code?:text cost:count events:event*0- facts?:any height:count index:count
receipt     reason?:text result?:any status:="ok"|"rejected" tx:32
event       contract:text event:text fields:object
state       bucket:64*0-16 entries:entry*1-18 siblings:480*0-64
entry       bucket:64*0-16 siblings:480*0-64 value?:any
range       bucket:64*0-16 entry: next:0-480? pages:bytes*0-8192 previous?:0-480
range       siblings:480*0-64 values:any*0-1000
contracts   versions:version*0-
version     from_height:count hash:32 version:text
keys        from_height:count public_key:bytes purpose:text suite:text to_height:count?
members     from_height:count organisation:text to_height:count?
withdrawals by:text height:count reason:text replacement:text?
"""
_DOCUMENTS: Final[dict[str, dict[str, str]]] = {}
for _name, *_fields in map(str.split, _TABLE.strip().splitlines()):
    _DOCUMENTS.setdefault(_name, {}).update(dict(_field.split(":", 1) for _field in _fields))
Document = dict[str, Any]


def encode(value: object) -> bytes:
    """Return the canonical bytes of ``value``, which came from :func:`decode`."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def decode(data: bytes) -> Any:
    """Return the value whose one canonical encoding is ``data``; this, as all, or a ValueError."""
    value = json.loads(data.decode())
    _check(value, DEPTH_MAX)
    if encode(value) != data:  # repeated or unsorted keys, white space, needless escapes, -0
        raise ValueError("not canonical JSON: another encoding of its value")
    return value


def _check(value: object, levels: int) -> None:
    if isinstance(value, float) or (isinstance(value, int) and abs(value) > INTEGER_MAX):
        raise ValueError("a number is not an integer, or beyond 2^53 - 1")
    if isinstance(value, dict) and not all(k.isascii() and k.isidentifier() for k in value):
        raise ValueError("a key is not an ASCII identifier")
    if isinstance(value, dict | list):
        if levels == 0:
            raise ValueError(f"more than {DEPTH_MAX} levels of nesting")
        for inner in value.values() if isinstance(value, dict) else value:
            _check(inner, levels - 1)


def b64(data: bytes) -> str:
    """Return ``data`` as base64url without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def unb64(text: str) -> bytes:
    """Return the bytes of which ``text`` is the one base64url spelling."""
    data = urlsafe_b64decode(text + "==")
    if b64(data) != text:
        raise ValueError("not the one base64url spelling of its bytes")
    return data


def check(value: Any, kind: str, at: str = "$") -> None:
    """Establish that ``value`` is of ``kind``: no field more, and none less."""
    item, star, sizes = kind.partition("*")
    fields = _DOCUMENTS.get(kind)
    if star and isinstance(value, list) and _fits(len(value), sizes):
        for index, one in enumerate(value):
            check(one, item, f"{at}[{index}]")
    elif kind[-1] == "?":
        check(value, "any" if value is None else kind[:-1], at)
    elif fields and isinstance(value, dict):
        for name in {**fields, **value}:
            inner = fields.get(name, fields.get(f"{name}?", fields.get("...")))
            if inner is None:
                raise ValueError(f"{at}.{name} is not a field of this format")
            if name in value:
                check(value[name], inner or name, f"{at}.{name}")
            elif name[-1] not in "?.":
                raise ValueError(f"{at}.{name} is missing")
    elif star or fields or not _is(value, kind):
        raise ValueError(f"{at} has not the form that belongs there")


def _is(value: Any, kind: str) -> bool:
    if kind[0] == "=":  # compared as bytes, for in Python True is 1
        return encode(value).decode() in kind[1:].split("|")
    if kind in ("any", "object"):
        return kind == "any" or isinstance(value, dict)
    if kind == "count" or not isinstance(value, str):
        return kind == "count" and type(value) is int and value >= 0
    if kind in ("text", "member"):  # name@organisation
        return kind == "text" or (value.count("@") == 1 and all(value.split("@")))
    return _fits(len(unb64(value)), "0-" if kind == "bytes" else kind)


def _fits(count: int, sizes: str) -> bool:
    least, dash, most = sizes.partition("-")
    return int(least) <= count <= int(most or (count if dash else least))
