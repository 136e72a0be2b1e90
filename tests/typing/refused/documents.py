# SPDX-License-Identifier: Apache-2.0
"""Documents are frozen, complete and of their own kind."""

import msgspec

from hanse.codec.canonical import JsonValue
from hanse.codec.documents import Receipt, Signature

RECEIPT = Receipt(cost=1, events=[], height=1, index=0, status="ok", tx="t", v=1)
RECEIPT.cost = 2  # expect: misc
MISSING = RECEIPT.missing  # expect: attr-defined
Receipt(cost=1, events=[], height=1, index=0, status="no", tx="t", v=1)  # expect: arg-type
Receipt(cost=1, events=[], height=1, index=0, status="ok", tx="t", v=2)  # expect: arg-type
Receipt(cost=1, events=[], height=1, index=0, status="ok", tx="t")  # expect: call-arg
BARE = msgspec.Raw(b"{}")
Receipt(1, [], 1, 0, "ok", "t", 1, result=BARE)
Receipt(1, [], 1, 0, "ok", "t", 1, result={})  # expect: arg-type
Receipt(1, [], 1, 0, "ok", "t", 1, result=b"{}")  # expect: arg-type

Signature(key="k1", signature=b"", signer="alice@acme")  # expect: arg-type
Signature("k1", "", "alice@acme", 1)  # expect: call-arg

GOOD: JsonValue = {"a": [1, None, "x", {"b": True}]}
FLOAT: JsonValue = 1.5  # expect: assignment
DEEP: JsonValue = {"a": [1.5]}  # expect: list-item
BYTES: JsonValue = b"x"  # expect: assignment
