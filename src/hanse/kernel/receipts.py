# SPDX-License-Identifier: Apache-2.0
"""The receipt that an outcome becomes."""

import msgspec

from hanse.codec.base64url import to_text
from hanse.codec.canonical import encode
from hanse.codec.documents import Receipt, Transaction
from hanse.contracts.runtime import Outcome


def build_receipt(tx: Transaction, outcome: Outcome, height: int, index: int) -> bytes:
    """Return the receipt of a record: number ``index`` of the block of ``height``."""
    refused = outcome.code is not None
    return encode(
        Receipt(
            cost=outcome.cost,
            events=list(outcome.events),
            height=height,
            index=index,
            status="rejected" if refused else "ok",
            tx=to_text(tx.id),
            v=1,
            code=outcome.code,
            facts=msgspec.UNSET if outcome.facts is None else msgspec.Raw(outcome.facts),
            reason=outcome.reason or None,
            result=msgspec.UNSET if outcome.result is None else msgspec.Raw(outcome.result),
        )
    )
