# SPDX-License-Identifier: Apache-2.0
"""The SDK: signs, submits, verifies what it is given.

``Client`` is for ordinary code, ``AsyncClient`` for asyncio; both run the same steps. Evidence
files are judged by :mod:`hanse.client.evidence`, checkpoints cosigned by
:mod:`hanse.client.witness`.
"""

from typing import TYPE_CHECKING

from hanse.client._genesis import Genesis, decode_genesis
from hanse.client._http import AnswerInvalid, NodeFailed, NotReachable
from hanse.client.bulk import Draft, Drafter
from hanse.client.receipts import Outcome, VerifiedReceipt
from hanse.client.session import AnotherLedger, AnswerStale, HistoryRewritten, SignerMissing
from hanse.client.sync import Client
from hanse.client.typed import Called
from hanse.client.witness import ForkSeen, NotCosigned, Witness, open_witness

if TYPE_CHECKING:
    from hanse.client.aio import AsyncClient as AsyncClient

__all__ = [
    "AnotherLedger",
    "AnswerInvalid",
    "AnswerStale",
    "AsyncClient",
    "Called",
    "Client",
    "Draft",
    "Drafter",
    "ForkSeen",
    "Genesis",
    "HistoryRewritten",
    "NodeFailed",
    "NotCosigned",
    "NotReachable",
    "Outcome",
    "SignerMissing",
    "VerifiedReceipt",
    "Witness",
    "decode_genesis",
    "open_witness",
]


def __getattr__(name: str) -> object:
    """Load the asynchronous client when it is first asked for: aiohttp takes 0.2 s to import."""
    if name == "AsyncClient":
        from hanse.client.aio import AsyncClient  # noqa: PLC0415  # the reason is in the docstring

        return AsyncClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
