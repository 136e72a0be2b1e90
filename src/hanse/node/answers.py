# SPDX-License-Identifier: Apache-2.0
"""What a caller waits for: one answer for each transaction that it sent."""

import asyncio
from dataclasses import dataclass, field

import msgspec

from hanse.codec.problems import problem_bytes
from hanse.errors import HanseError
from hanse.node.logs import is_told, tell


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What came of one submitted transaction: a receipt when ``ok``, else a problem document."""

    ok: bool
    status: int
    body: bytes


@dataclass(slots=True)
class Request:
    """Transactions of one call that wait for their answers."""

    answers: list[Answer | None]
    open: int
    done: asyncio.Future[None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def put(self, index: int, answer: Answer) -> None:
        """Take one answer in; the last one ends the wait."""
        self.answers[index] = answer
        self.open -= 1
        if self.open == 0 and not self.done.done():
            self.done.set_result(None)


def problem_answer(error: HanseError) -> Answer:
    """Return the answer that an error is, and say so in the log."""
    if is_told("tx_refused"):
        tell("tx_refused", code=error.code)
    return Answer(ok=False, status=error.status, body=problem_bytes(error))
