# SPDX-License-Identifier: Apache-2.0
"""Who votes at which engine height: learnt step by step, each agreed by those before.

A light client in the plain way: from the genesis, or from the set remembered with the newest
header, over every change of the set. Nothing is skipped (``spec/finality-cometbft.md``).
"""

from bisect import bisect_right
from typing import Final

import msgspec

from hanse.client._commit import ChainStep, Voters, Weight, verify_step, verify_step_form, voters_of
from hanse.client._genesis import Genesis
from hanse.client._http import Request, Steps, decode_answer, fetch
from hanse.codec.base64url import to_text
from hanse.codec.limits import INTEGER_MAX
from hanse.errors import ProofInvalid

STEPS_MAX: Final = 10_000  # changes of the set that a client follows in one go


class _StepsAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    steps: list[ChainStep]


_decoder = msgspec.json.Decoder(_StepsAnswer)


class Sets:
    """Sets of validators by the engine height from which each is known to vote."""

    def __init__(self, genesis: Genesis, since: int, voters: Voters) -> None:
        """Begin with ``voters``, trusted to be in force at the engine header ``since``."""
        self._genesis: Final = genesis
        self._starts = [since]
        self._sets = [voters]

    @property
    def newest(self) -> tuple[int, Voters]:
        """The set known last, and the engine height from which it votes."""
        return self._starts[-1], self._sets[-1]

    @property
    def first(self) -> tuple[int, Voters]:
        """The set known first, and the engine height from which it is trusted to vote."""
        return self._starts[0], self._sets[0]

    def find(self, height: int) -> Voters | None:
        """Return who votes at the engine header ``height``, as far as it is known.

        ``None`` where it lies before the first set that is known.
        """
        place = bisect_right(self._starts, height) - 1
        return None if place < 0 else self._sets[place]

    def extend(self, step: ChainStep, at: str) -> None:
        """Take in a step that the newest set agreed to.

        Raises:
            Malformed: its form is wrong.
            ProofInvalid: it does not hold.
        """
        verify_step_form(step, at)
        since, voters = self.newest
        above, ledger = since - 1, self._genesis.ledger
        first, following = verify_step(step, voters, ledger, above, INTEGER_MAX)
        self._starts.append(first)
        self._sets.append(following)

    def learn(self) -> Steps[None]:
        """Take in every later step that the node has.

        Raises:
            ProofInvalid: one does not hold, or they have no end.
        """
        for _ in range(STEPS_MAX):
            since = self._starts[-1]
            path = f"/v1/validators?since={since}"
            answer = decode_answer((yield from fetch(Request("GET", path))), _decoder, path)
            if self._starts[-1] != since:
                continue  # another task of this client learnt them while we asked
            for place, step in enumerate(answer.steps):
                self.extend(step, f"$.steps[{place}]")
            if not answer.steps:
                return
        raise ProofInvalid(reason=f"more than {STEPS_MAX} changes of the validators")


def sets_of(genesis: Genesis) -> Sets:
    """Return what the genesis says: who votes from the first engine header on."""
    assert genesis.engine_validators is not None, "asked of a ledger whose engine votes"
    return Sets(genesis, 1, voters_of(genesis.engine_validators))


def weights_of(voters: Voters) -> list[Weight]:
    """Return a set as documents spell it, in the engine's order."""
    return [Weight(power=v.power, public_key=to_text(v.public_key)) for v in voters.voters]
