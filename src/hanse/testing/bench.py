# SPDX-License-Identifier: Apache-2.0
"""``Bench``: one contract under test, on the production runtime, without network, node or disk.

Arguments travel as canonical bytes and come back decoded, roles are checked, the meter runs and
invariants hold after every action, as on a ledger. A refusal is raised as ``Refused``.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, get_type_hints

import msgspec

from hanse.codec.base64url import to_text
from hanse.codec.canonical import decode, encode
from hanse.codec.limits import COST_MAX, QUERY_BYTES_MAX
from hanse.contracts.contract import Context, Contract
from hanse.contracts.entries import Entry
from hanse.contracts.records import Codec
from hanse.contracts.refusals import Refused
from hanse.contracts.runtime import Call, Outcome
from hanse.contracts.types import OrganisationId
from hanse.crypto import SHA256, Hash
from hanse.identity import is_member_id, organisation_of
from hanse.kernel import load_contract
from hanse.kernel.writes import contract_root
from hanse.testing.clock import START_MS, Clock
from hanse.testing.memory import Rows

C = TypeVar("C", bound=Contract)
P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state to which a bench can go back."""

    values: Mapping[bytes, bytes]
    now: int
    height: int


class Bench(Generic[C]):
    """A contract with a state of its own and a clock in hand; each action is a block."""

    def __init__(
        self,
        contract: type[C],
        *,
        hasher: Hash = SHA256,
        writes: Mapping[bytes, bytes] | None = None,
        clock: Clock | None = None,
        beside: "Sequence[Bench[Any]]" = (),
    ) -> None:
        """Load ``contract`` on an empty state, or on ``writes``, with a clock of its own.

        ``beside`` are the benches of the contracts that it calls: their state is read and written.
        """
        self.contract = contract
        self.loaded = load_contract(contract, hasher)
        self.hash = hasher
        self.clock = clock or Clock()
        self.height = 1
        self.last: Outcome | None = None
        self._beside = {bench.loaded.name: bench.loaded for bench in beside}
        held = {bench.loaded.name: bench._values for bench in beside}  # noqa: SLF001  # our own
        self._values: Rows = Rows(held)
        self._values.held.update(writes or {})

    def actor(self, organisation: str, *roles: str, name: str = "person") -> "Actor":
        """Return a member of ``organisation`` with exactly these roles."""
        return self.member(f"{name}@{organisation}", *roles)

    def member(self, member: str, *roles: str) -> "Actor":
        """Return the member ``name@organisation`` with exactly these roles."""
        assert is_member_id(member), f"{member} is no member id"
        organisation = OrganisationId(organisation_of(member))
        return Actor(self, member, organisation, tuple(sorted(roles)))

    @property
    def now(self) -> int:
        """Block time of the next call."""
        return self.clock.now

    @now.setter
    def now(self, now: int) -> None:
        self.clock.now = now

    def pass_time(self, *, days: int = 0, hours: int = 0, minutes: int = 0, ms: int = 0) -> None:
        """Let block time go on; it never goes back."""
        self.clock.pass_time(days=days, hours=hours, minutes=minutes, ms=ms)

    @property
    def root(self) -> bytes:
        """The state root of the contract, as a ledger would have it."""
        return contract_root(self.hash, self._values.held, self.loaded.ordered)

    @property
    def events(self) -> list[tuple[str, dict[str, Any]]]:
        """Name and fields of each event of the last call, in order."""
        events = () if self.last is None else self.last.events
        return [(e.event, msgspec.json.decode(e.fields)) for e in events]

    def snapshot(self) -> Snapshot:
        """Return the present state, for :meth:`revert`."""
        return Snapshot(dict(self._values.held), self.now, self.height)

    def revert(self, to: Snapshot) -> None:
        """Go back to a snapshot, clock and height included."""
        self._values.held = dict(to.values)
        self.now, self.height = to.now, to.height

    def entry_of(self, method: Callable[..., Any]) -> Entry:
        """Return the action or query that ``method`` of the contract's class is."""
        entry = self.loaded.entries.get(method.__name__)
        if entry is None or getattr(self.loaded.cls, entry.name) is not method:
            raise TypeError(f"{method.__qualname__} is no action or query of {self.loaded.name}")
        return entry

    def run(self, who: "Actor", entry: Entry, args: bytes) -> Outcome:
        """Return the outcome of one call with canonical arguments; an action's writes are kept."""
        decode(args)
        role = entry.mark.role
        if role is not None and role not in who.roles:
            facts = encode({"role": role})
            self.last = Outcome("not_authorised", 0, "the signer lacks the role", facts)
            return self.last
        action = entry.mark.kind == "action"
        height = self.height + 1 if action else self.height
        call = Call(
            entry=entry,
            args=args,
            member=who.member,
            organisation=who.organisation,
            now=self.now,
            height=height,
            tx=to_text(self.hash.tagged("hanse/bench/1", f"{height}".encode())) if action else "",
            cost_max=COST_MAX,
            roles=lambda: who.roles,
            signers=(who.member, *(other.member for other in who.others)),
            has_role=lambda member, role: any(
                role in actor.roles for actor in (who, *who.others) if actor.member == member
            ),
            contracts=self._beside.get,
        )
        self.last = outcome = self.loaded.call(self._values, call)
        if action:
            self.height = height
            self._values.take(outcome.writes)
        return outcome


@dataclass(frozen=True, slots=True)
class Actor:
    """A member that calls: ``alice(Notes.issue, "N1", to="bob")``."""

    bench: Bench[Any]
    member: str
    organisation: OrganisationId
    roles: tuple[str, ...]
    others: "tuple[Actor, ...]" = ()

    def jointly(self, *others: "Actor") -> "Actor":
        """Return this actor with a pen that ``others`` hold, too: their signatures go along."""
        return replace(self, others=others)

    def __call__(
        self, method: Callable[Concatenate[Any, Context, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Return the result of an action or query.

        Raises:
            Refused: with the code that the receipt would carry.
        """
        entry = self.bench.entry_of(method)
        outcome = self.bench.run(self, entry, encode_arguments(method, args, kwargs))
        if outcome.code is not None:
            raise _refusal(outcome)
        if entry.result is None:
            return None  # type: ignore[return-value]  # the declared type is None
        assert outcome.result is not None
        # in the author's own classes, not in those that run
        result: R = _result_codec(method).decode(outcome.result)
        return result

    def attempt(self, name: str, args: Mapping[str, Any]) -> Outcome:
        """Return the outcome of an action or query with arguments in their JSON form."""
        return self.bench.run(self, self.bench.loaded.entries[name], encode(args))


def encode_arguments(
    method: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> bytes:
    """Return the canonical bytes of a call's arguments, each of its declared type.

    Raises:
        TypeError: they do not fit the method's signature.
        Fault: a value is not of its declared type.
    """
    hints = get_type_hints(method)
    bound = inspect.signature(method).bind(None, None, *args, **kwargs)
    named = list(bound.arguments.items())[2:]  # after self and the context
    return encode({name: msgspec.Raw(Codec(hints[name]).encode(value)) for name, value in named})


@lru_cache(maxsize=1_000)
def _result_codec(method: Callable[..., Any]) -> Codec[Any]:
    return Codec(get_type_hints(method)["return"], QUERY_BYTES_MAX)


def _refusal(outcome: Outcome) -> Refused:
    assert outcome.code is not None
    refused = Refused(outcome.code, outcome.reason)
    if outcome.facts is not None:
        refused.facts = msgspec.json.decode(outcome.facts)
    if outcome.at:
        refused.add_note(f"at {outcome.at}")
    return refused


__all__ = ["START_MS", "Actor", "Bench", "Snapshot", "encode_arguments"]
