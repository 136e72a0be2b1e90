# SPDX-License-Identifier: Apache-2.0
"""What a client says when a node's answers do not hold, or do not fit together."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

from hanse.client._http import AnswerInvalid
from hanse.errors import Corrupt, Misconfigured, Refusal, Rejected


@dataclass(eq=False)
class HistoryRewritten(Corrupt):
    """The ledger's log is not an extension of what it was: records were changed or taken away."""

    reason: str
    size_seen: int
    size_shown: int
    code: ClassVar[str] = "history_rewritten"
    status: ClassVar[int] = 502
    hint: ClassVar[str] = "Keep the state folder and the node's note as evidence; tell the members."


@dataclass(eq=False)
class ForkShown(Corrupt):
    """More than two thirds of the voting power made two headers of one height final."""

    height: int
    seen: str
    shown: str
    code: ClassVar[str] = "fork_shown"
    status: ClassVar[int] = 502
    hint: ClassVar[str] = (
        "Keep `<ledger id>.fork.json` of the state folder: both are signed. Tell the members."
    )


@dataclass(eq=False)
class AnswerStale(Corrupt):
    """The answer is true of an older height than one this client has already seen."""

    size_seen: int
    size_shown: int
    code: ClassVar[str] = "answer_stale"
    status: ClassVar[int] = 502
    hint: ClassVar[str] = "Ask again, or another node; this one lags, or hides what came later."


@dataclass(eq=False)
class AnotherLedger(Corrupt):
    """The node serves another ledger than the one that is trusted."""

    trusted: str
    shown: str
    code: ClassVar[str] = "another_ledger"
    status: ClassVar[int] = 502
    hint: ClassVar[str] = (
        "Check the address and the trusted ledger id; get the id from its members."
    )


@dataclass(eq=False)
class SignerMissing(Misconfigured):
    """The client was opened without a member and a key, so it can read but not sign."""

    code: ClassVar[str] = "signer_missing"
    hint: ClassVar[str] = 'Open it with `member="alice@acme"` and `signer=…`.'


@contextmanager
def node_at_fault(path: str) -> Iterator[None]:
    """Turn errors of form into ``AnswerInvalid``: what a node sends is not the caller's fault."""
    try:
        yield
    except (AnswerInvalid, Refusal):
        raise
    except Rejected as error:
        raise AnswerInvalid(path=path, reason=str(error)) from None
