# SPDX-License-Identifier: Apache-2.0
"""The shape of a contract: base class, decorators, and the context that a call is given."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Concatenate, Literal, ParamSpec, Protocol, TypeVar, overload

import msgspec

from hanse.codec.base64url import to_text
from hanse.codec.documents import ContractEvent, Tagged, TimeMs
from hanse.codec.limits import ACTION_EVENTS_MAX
from hanse.contracts.digests import TAG_DIGEST, encode_parts
from hanse.contracts.meter import COSTS
from hanse.contracts.records import codec_of, is_event
from hanse.contracts.refusals import Fault, Refused
from hanse.contracts.state import Door, Written
from hanse.contracts.types import MemberId, OrganisationId

C = TypeVar("C", bound="Contract")
P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

Handler = Callable[Concatenate[C, "Context", P], R]
MARK = "__hanse__"


@dataclass(frozen=True, slots=True)
class Mark:
    """What a decorator leaves on a method."""

    kind: Literal["action", "query", "invariant", "migrate"]
    role: str | None = None
    from_: str = ""
    of: str = ""
    also_signed_by: str | None = None


def action(
    *, role: str | None, also_signed_by: str | None = None
) -> Callable[[Handler[C, P, R]], Handler[C, P, R]]:
    """Declare a change of state by a signer with ``role``; ``None``: by any member.

    ``also_signed_by`` names an argument, an ``OrganisationId`` or ``MemberId`` or a list of them:
    for each of these the transaction must carry a signature of that member, or of a member of that
    organisation, with the same role. ``None`` and an empty list name nobody.
    """

    def mark(function: Handler[C, P, R]) -> Handler[C, P, R]:
        setattr(function, MARK, Mark("action", role, also_signed_by=also_signed_by))
        return function

    return mark


def query(function: Handler[C, P, R]) -> Handler[C, P, R]:
    """Declare a question that changes nothing and runs on a committed height."""
    setattr(function, MARK, Mark("query"))
    return function


def invariant(
    function: Callable[[C, "Context", "Change"], bool],
) -> Callable[[C, "Context", "Change"], bool]:
    """Declare what must hold after every action; it is given what the action wrote."""
    setattr(function, MARK, Mark("invariant"))
    return function


def migrate(*, from_: str, of: str) -> Callable[[F], F]:
    """Declare how an entry of the map or value ``of``, written by version ``from_``, reads now.

    The method takes the key (a map's only) and the entry as it was, under the type that its
    annotation says, and returns the entry as it is now; ``None`` removes it. It can reach no state
    and knows no time: a rehearsal gives what the activation will give.
    """

    def mark(function: F) -> F:
        setattr(function, MARK, Mark("migrate", from_=from_, of=of))
        return function

    return mark


class Change:
    """What one action wrote, by map."""

    __slots__ = ("_read",)

    def __init__(self, read: Callable[[object], list[Written[Any]]]) -> None:
        """Wrap the runtime's reader of the write set."""
        self._read = read

    def of(self, collection: object) -> list[Written[Any]]:
        """Return the entries of ``collection``, a map or value, that were written."""
        return self._read(collection)


class Calling(Protocol):
    """Who calls and when, as the kernel says: what a context is made of."""

    @property
    def member(self) -> str:
        """The signer."""
        ...

    @property
    def organisation(self) -> str:
        """The signer's organisation."""
        ...

    @property
    def now(self) -> int:
        """Block time."""
        ...

    @property
    def height(self) -> int:
        """The block's height."""
        ...

    @property
    def tx(self) -> str:
        """The transaction's id; empty for a query."""
        ...

    @property
    def roles(self) -> Callable[[], tuple[str, ...]]:
        """What looks the signer's roles up."""
        ...


class Context:
    """What a call may know: who signs, block time and height, its transaction. Nothing else."""

    __slots__ = (
        "_call",
        "_door",
        "_held",
        "_invoke",
        "_tagged",
        "caller",
        "events",
        "height",
        "member",
        "now",
        "organisation",
        "tx",
    )

    def __init__(  # noqa: PLR0913, PLR0917  # one per call, made in one place
        self,
        call: "Calling",
        door: Door,
        tagged: Tagged,
        events: list[ContractEvent],
        invoke: Callable[[Any, str, str, dict[str, Any]], Any],
        caller: str | None = None,
    ) -> None:
        """Carry identity from the registry and time from the block."""
        self.caller = caller
        self.member: MemberId = call.member  # type: ignore[assignment]  # checked where it came in
        self.organisation: OrganisationId = call.organisation  # type: ignore[assignment]  # so
        self.now: TimeMs = call.now  # type: ignore[assignment]  # the block's
        self.height = call.height
        self.tx = call.tx
        self.events = events  # of the whole transaction, whichever contract emitted them
        self._call = call
        self._door = door
        self._invoke = invoke
        self._held: tuple[str, ...] | None = None
        self._tagged = tagged

    @property
    def roles(self) -> tuple[str, ...]:
        """The signer's roles at this height, sorted; looked up and charged once a call."""
        if self._held is None:
            self._held = self._door.ask(lambda _: self._call.roles())
            self._door.meter.charge(COSTS["scan"] + COSTS["row"] * len(self._held))
        return self._held

    def acts_for(self, *organisations: str) -> None:
        """Refuse with ``wrong_organisation`` unless the signer is of one of ``organisations``."""
        if self.organisation not in organisations:
            raise Refused(
                "wrong_organisation",
                "only the named organisation may do this",
                allowed=list(organisations),
                signer=self.organisation,
            )

    def digest(self, tag: str, *parts: str | bytes | int) -> str:
        """Return a digest of the parts under the network's hash, 43 characters of base64url.

        ``tag`` says what it stands for, so that a digest made for one purpose never serves another;
        parts are told apart by type and length. :func:`hanse.contracts.digests.digest_of` gives the
        same outside a contract.
        """
        data = encode_parts(tag, parts)
        self._door.meter.charge(COSTS["digest"], len(data))
        return to_text(self._tagged(TAG_DIGEST, data))

    def tagged(self, tag: str, data: bytes) -> bytes:
        """Return the network's hash of ``data`` under ``tag``; for contracts of Hanse itself."""
        self._door.meter.charge(COSTS["digest"], len(data))
        return self._tagged(tag, data)

    def emit(self, fields: Any) -> None:
        """Put a contract event into the receipt, after those emitted before."""
        kind = type(fields)
        if not is_event(kind):
            raise Fault("only a record declared with @event can be emitted")
        if self._door.doing != "action":
            raise Fault("only an action emits events")
        if len(self.events) >= ACTION_EVENTS_MAX:
            raise Fault(f"an action emits at most {ACTION_EVENTS_MAX} events")
        data = codec_of(kind).encode(fields)
        self._door.meter.charge(COSTS["event"], len(data))
        fields_raw = msgspec.Raw(data)
        self.events.append(ContractEvent(self._door.contract, kind.__name__, fields_raw))

    @overload
    def call(self, kind: type[T], contract: str, entry: str, /, **args: object) -> T: ...

    @overload
    def call(self, kind: None, contract: str, entry: str, /, **args: object) -> None: ...

    def call(self, kind: type[T] | None, contract: str, entry: str, /, **args: object) -> T | None:
        """Return what an action or query of another contract answers, as a value of ``kind``.

        It runs for the same signer, by its own role, within what is left of ``cost_max``; what it
        refuses refuses the whole transaction, and an answer of ``null`` is ``not_found``. ``kind``
        is ``None`` where no answer is wanted.
        """
        answer: T | None = self._invoke(kind, contract, entry, args)
        return answer


class Contract:
    """Base of every contract: state is annotations, behaviour is decorated methods.

    ``name`` is the contract's name on the ledger (by default the class name in lower case),
    ``version`` its version, ``uses`` the contracts that it may call.
    """

    name: ClassVar[str] = ""
    version: ClassVar[str] = "1"
    uses: ClassVar[tuple[str, ...]] = ()
