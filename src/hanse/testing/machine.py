# SPDX-License-Identifier: Apache-2.0
"""Sequences of calls that nobody thought of: a Hypothesis machine from a contract's types.

    TestAnySequence = build_machine(Receivables, {"ann@mill": ("treasury",)}).TestCase

Each step is an action or query by one of the members, with arguments drawn from the declared types;
names and small numbers come up often, so that steps meet what earlier ones have left.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from hanse.contracts.contract import Contract
from hanse.contracts.entries import Entry
from hanse.contracts.runtime import Outcome
from hanse.contracts.types import MemberId, OrganisationId
from hanse.identity import organisation_of
from hanse.testing.bench import Bench, encode_arguments
from hanse.testing.strategies import arguments_of

ALWAYS_POSSIBLE: Final = frozenset({"bad_argument", "not_authorised"})
"""Codes that the runtime gives before an action runs; no docstring lists them."""
_NAMES: Final = ("A", "B", "C")
_NUMBERS: Final = (-1, 0, 1, 2, 10, 1_000)


class CallsMachine(RuleBasedStateMachine):
    """Calls on a bench; what :func:`build_machine` derives from."""

    contract: ClassVar[type[Contract]]
    members: ClassVar[Mapping[str, Sequence[str]]]

    @initialize()
    def begin(self) -> None:
        """Begin on an empty state."""
        self.bench: Bench[Any] = Bench(self.contract)

    @rule(hours=st.integers(1, 24 * 40))
    def pass_time(self, hours: int) -> None:
        """Let block time go on."""
        self.bench.pass_time(hours=hours)

    def call(self, member: str, name: str, args: Mapping[str, Any]) -> Outcome:
        """Return what came of one call, which is established to be something the contract names.

        A refusal carries a code of the docstring's ``Rejects:`` line; no call ends in
        ``contract_fault``, ``invariant_broken`` or ``cost_exceeded``.
        """
        entry = self.bench.loaded.entries[name]
        method = getattr(self.contract, name)
        who = self.bench.member(member, *self.members[member])
        outcome = self.bench.run(who, entry, encode_arguments(method, (), args))
        if outcome.code is not None:
            _check_refusal(entry, outcome)
        return outcome


def _check_refusal(entry: Entry, outcome: Outcome) -> None:
    named = {*entry.rejects, *ALWAYS_POSSIBLE}
    assert outcome.code in named, (
        f"{entry.name} ended with {outcome.code} ({outcome.reason}) at {outcome.at or 'its start'};"
        f" its docstring names {', '.join(entry.rejects) or 'nothing'}"
    )
    assert not outcome.writes, f"{entry.name} was refused and wrote all the same"


def build_machine(
    contract: type[Contract],
    members: Mapping[str, Sequence[str]],
    *,
    examples: int = 20,
    steps: int = 20,
) -> type[CallsMachine]:
    """Return a machine with a rule for each action and query of ``contract``.

    Args:
        contract: what is called.
        members: roles by member; there is at least one.
        examples: sequences that one test runs.
        steps: calls at most in each of them.
    """
    assert members, "somebody has to call"
    organisations = sorted({organisation_of(member) for member in members})
    preferred: dict[Any, Sequence[Any]] = {
        OrganisationId: organisations,
        MemberId: sorted(members),
        str: _NAMES,
        int: _NUMBERS,
    }
    body: dict[str, Any] = {"contract": contract, "members": dict(members)}
    for name in Bench(contract).loaded.entries:
        arguments = arguments_of(getattr(contract, name), preferred)
        body[f"call_{name}"] = rule(member=st.sampled_from(sorted(members)), args=arguments)(
            _step(name)
        )
    machine: type[CallsMachine] = type(f"{contract.__name__}Machine", (CallsMachine,), body)
    # how many and how long; all else is the reader's own profile
    machine.TestCase.settings = settings(
        max_examples=examples, stateful_step_count=steps, deadline=None
    )
    return machine


def _step(name: str) -> Any:
    def step(self: CallsMachine, member: str, args: dict[str, Any]) -> None:
        self.call(member, name, args)

    step.__name__ = f"call_{name}"
    return step
