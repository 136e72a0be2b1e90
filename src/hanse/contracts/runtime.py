# SPDX-License-Identifier: Apache-2.0
"""Contracts loaded once and called often: all derived from the types, one call at a time."""

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final, get_args, get_origin, get_type_hints

import msgspec

from hanse.codec.documents import ContractEvent
from hanse.codec.limits import (
    CALL_DEPTH_MAX,
    FACTS_BYTES_MAX,
    HINT_CHARS_MAX,
    ITEMS_MAX,
    NAME_CHARS_MAX,
    RECEIPT_BYTES_MAX,
    TX_SIGNATURES_MAX,
    VALUE_BYTES_MAX,
)
from hanse.contracts.contract import MARK, Change, Context, Contract, Mark
from hanse.contracts.dialect.program import Program, build_program
from hanse.contracts.entries import Entry, entry_of
from hanse.contracts.joint import Joint
from hanse.contracts.keys import decode_key
from hanse.contracts.meter import COSTS, Meter
from hanse.contracts.package import package_files
from hanse.contracts.records import (
    Codec,
    are_bounded,
    encode_loose,
    is_event,
    is_field_name,
)
from hanse.contracts.refusals import CostExceeded, Fault, ReaderFailed, Refused
from hanse.contracts.state import Doing, Door, Map, Ordered, Reader, Value, Written
from hanse.contracts.work import Work, Writes
from hanse.crypto import SHA256, Hash
from hanse.errors import Malformed

STACK_FRAMES: Final = 6_000
"""Python frames; each of 8 contracts may have 32 functions on the stack, with helpers between."""

_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII).fullmatch


def _nobody(_member: str, _role: str) -> bool:
    return False


def _alone(_contract: str) -> None:
    return None


class Call(msgspec.Struct, frozen=True, gc=False):
    """One call as the kernel prepares it: authorised, not yet decoded.

    The last three say who else signed, who holds which role, and which contracts can be called.
    """

    entry: Entry
    args: bytes
    member: str
    organisation: str
    now: int
    height: int
    tx: str
    cost_max: int
    roles: Callable[[], tuple[str, ...]]
    signers: tuple[str, ...] = ()
    has_role: Callable[[str, str], bool] = _nobody
    contracts: Callable[[str], "LoadedContract | None"] = _alone


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What came of a call: ``code`` is ``None`` exactly when it succeeded, else no writes."""

    code: str | None
    cost: int
    reason: str = ""
    facts: bytes | None = None
    result: bytes | None = None
    events: tuple[ContractEvent, ...] = ()
    writes: Writes = {}
    at: str = ""  # the author's line that failed; for people, never in a receipt


_READ: Final = COSTS["read"]
_programs: dict[type[Contract], Program] = {}  # one entry for each contract class in the code


def program_of(cls: type[Contract]) -> Program:
    """Return the program of a contract class: its text and all that this imports, lowered.

    Raises:
        OutsideDialect: the text is not written in the dialect.
    """
    known = _programs.get(cls)
    if known is None:
        known = _programs[cls] = build_program(cls.__module__, package_files(cls))
    return known


class LoadedContract:
    """A contract class with its entries, maps and codecs, ready to be called.

    Not for concurrent use.
    """

    def __init__(
        self, cls: type[Contract], hasher: Hash = SHA256, *, built_in: bool = False
    ) -> None:
        """Derive actions, queries, invariants and state from the annotations of ``cls``.

        Args:
            cls: the class as its author's module has it.
            hasher: the network's; a caller that runs no call need not name it.
            built_in: run the class itself, which is part of Hanse. Every other contract is run
                from its text, checked and lowered.

        Raises:
            OutsideDialect: the text is not written in the dialect.
            TypeError: an annotation is not of the contract language.
        """
        self._meter = Meter(0)
        self._tagged = hasher.tagged
        self.built_in = built_in
        if built_in:
            self.program: Program | None = None
            self._prepare(cls, cls, [vars(sys.modules[cls.__module__])])
            return
        self.program = program_of(cls)
        spaces = self.program.load(self._meter)
        lowered = spaces[self.program.main].get(cls.__name__)
        if not isinstance(lowered, type) or not issubclass(lowered, Contract):
            raise TypeError(f"{cls.__name__} is no contract at the top of its module")
        self._prepare(cls, lowered, spaces.values())

    @classmethod
    def of_program(cls, program: Program, hasher: Hash = SHA256) -> "LoadedContract":
        """Return the contract that a program holds, known by its text alone.

        Raises:
            TypeError: it holds none or several, or an annotation is not of the language.
        """
        made = cls.__new__(cls)
        made.program = program
        made.built_in = False
        made._meter = Meter(0)  # noqa: SLF001  # it is being made here
        made._tagged = hasher.tagged  # noqa: SLF001  # the same
        spaces = program.load(made._meter)  # noqa: SLF001  # the same
        found = [
            kind
            for kind in spaces[program.main].values()
            if isinstance(kind, type) and issubclass(kind, Contract) and kind is not Contract
        ]
        if len(found) != 1:
            raise TypeError(f"{program.module} holds {len(found)} contracts, not one")
        made._prepare(found[0], found[0], spaces.values())  # noqa: SLF001  # the same
        return made

    def _prepare(
        self, cls: type[Contract], runs: type[Contract], spaces: Iterable[Mapping[str, Any]]
    ) -> None:
        """Derive all from ``runs``; the events from ``spaces``, of which the contract's is last."""
        # what one contract may nest fits Python's usual limit; what several may, does not
        sys.setrecursionlimit(max(sys.getrecursionlimit(), STACK_FRAMES))
        self.cls = cls
        self._runs = runs
        self.name = runs.name or runs.__name__.lower()
        if not _NAME(self.name) or len(self.name) > NAME_CHARS_MAX:
            raise TypeError(f"{self.name!r} is not a contract name")
        self.version = runs.version
        self.uses = runs.uses
        self._answers: dict[Any, Codec[Any]] = {}  # one for each type that its text asks for
        events = {name: kind for space in spaces for name, kind in space.items() if is_event(kind)}
        self.events = dict(sorted(events.items()))
        self._door = Door(self.name)
        self._instance = _stateless(runs)
        self.collections: dict[str, Map[Any, Any] | Value[Any]] = {}
        self.map_types: dict[str, tuple[Any, Any]] = {}
        self._load_state()
        self.entries: dict[str, Entry] = {}
        self.migrations: list[tuple[Mark, Callable[..., Any]]] = []
        self._invariants: list[Callable[..., bool]] = []
        self._load_methods()

    def _load_state(self) -> None:
        for name, hint in get_type_hints(self._runs).items():
            origin, args = get_origin(hint), get_args(hint)
            if origin in (Map, Ordered):
                made: Map[Any, Any] | Value[Any] = origin(name, args[0], Codec(args[1]), self._door)
                self.map_types[name] = (args[0], args[1])
            elif origin is Value:
                made = Value(name, Codec(args[0]), self._door)
                self.map_types[name] = (None, args[0])
            else:
                continue
            self.collections[name] = made
            if len(name) > NAME_CHARS_MAX or not is_field_name(name):
                raise TypeError(f"{name!r} is not the name of a map")
            object.__setattr__(self._instance, name, made)
        self.ordered = tuple(n for n, m in self.collections.items() if isinstance(m, Ordered))

    def _load_methods(self) -> None:
        for name, function in inspect.getmembers(self._runs, inspect.isfunction):
            mark = getattr(function, MARK, None)
            if not isinstance(mark, Mark):
                continue
            if mark.kind == "invariant":
                self._invariants.append(function)
            elif mark.kind == "migrate":
                self.migrations.append((mark, function))
            else:
                self.entries[name] = entry_of(name, mark, function)

    def call(self, reader: Reader, call: Call) -> Outcome:
        """Return what came of one action or query on the state behind ``reader``.

        A failure of the contract is an outcome. A failure of the node is not: what ``reader``
        raises, and ``RecursionError`` and ``MemoryError``, which do not come at the same point on
        every machine, go to the caller, who must stop.
        """
        meter = self._meter
        meter.limit = meter.left = call.cost_max
        work = Work(reader, call)
        try:
            result = self._perform(work, call.entry, call.args, None)
            if call.entry.mark.kind == "action":
                _check_size(result, work.events)
            events = tuple(work.events)
            outcome = Outcome(None, meter.used, "", None, result, events, work.writes())
        except Refused as error:
            outcome = _refused(error, meter.used, _place(error, work))
        except CostExceeded as error:
            outcome = _cost_exceeded(call, meter, _place(error, work))
        except ReaderFailed as error:
            if error.__cause__ is None:
                raise
            raise error.__cause__ from None
        except (MemoryError, RecursionError):
            raise
        except Exception as error:  # noqa: BLE001  # a bug of the contract is an outcome, too
            reason = _fault_reason(error)
            outcome = Outcome("contract_fault", meter.used, reason, at=_place(error, work))
        # a call's text may go on for a few steps after its last unit, and then fail in another way
        if meter.exceeded and outcome.code != "cost_exceeded":
            return _cost_exceeded(call, meter, outcome.at)
        return outcome

    def _perform(self, work: Work, entry: Entry, args: bytes, caller: str | None) -> bytes | None:
        """Return the encoded result of an action or query; its writes and events are in ``work``.

        Whatever it raises ends the whole of ``work``.
        """
        kind: Doing = "action" if entry.mark.kind == "action" else "query"
        work.running.append(self.name)
        if self.program is not None:
            work.modules.append(self.program.module)
        self._door.open(work.reader, self._meter, kind, work.overlay(self.name))
        try:
            return self._run(work, entry, args, caller)
        finally:
            self._door.close()
            work.running.pop()

    def _run(self, work: Work, entry: Entry, args: bytes, caller: str | None) -> bytes | None:
        meter, call = self._meter, work.call
        invoke = partial(self._invoke, work)
        context = Context(call, self._door, self._tagged, work.events, invoke, caller)
        meter.charge(COSTS["action"], len(args))
        try:
            arguments = entry.arguments.decode(args)
        except msgspec.ValidationError as error:
            raise _bad_argument(error) from None
        values = _values(arguments)
        if len(args) > ITEMS_MAX and not are_bounded(values.values()):  # shorter ones all are
            reason = "a text, bytes or list of the arguments is too large"
            raise Refused("bad_argument", reason, at="$")
        if entry.joint is not None:
            self._check_joint(entry, entry.joint, values, call)
        value = entry.function(self._instance, context, **values)
        result = None if entry.result is None else entry.result.encode(value)
        if entry.mark.kind == "action":
            self._check_invariants(context)
        return result

    def _check_joint(
        self, entry: Entry, joint: Joint, values: Mapping[str, Any], call: Call
    ) -> None:
        """Refuse with ``not_also_signed`` unless all that ``also_signed_by`` names have signed."""
        role = entry.mark.role
        self._meter.charge(COSTS["read"] * len(call.signers))

        def holds(member: str) -> bool:
            return role is None or self._door.ask(lambda _: call.has_role(member, role))

        missing = joint.missing(values[joint.argument], call.signers, holds)
        if missing:
            shown = missing[:TX_SIGNATURES_MAX]
            reason = "others must sign this transaction, too"
            raise Refused("not_also_signed", reason, missing=shown, role=role)

    def _invoke(
        self, work: Work, kind: Any, contract: str, name: str, args: Mapping[str, Any]
    ) -> Any:
        """Return the answer of another contract's entry, all that passes being copies."""
        if self._door.doing not in ("action", "query"):
            raise Fault("an invariant asks about its own contract only")
        call: Call = work.call
        callee, entry = self._callee(work, contract, name)
        role = entry.mark.role
        if role is not None and not self._door.ask(lambda _: call.has_role(call.member, role)):
            raise Refused("not_authorised", "the signer lacks the role", role=role)
        data = encode_loose(args)
        self._meter.charge(1, len(data))
        inner = callee._meter  # noqa: SLF001  # another of this class
        inner.limit = inner.left = self._meter.left
        try:
            raw = callee._perform(work, entry, data, self.name)  # noqa: SLF001  # the same
        finally:
            self._meter.left = inner.left
        if self._meter.left < 0:
            raise CostExceeded
        return self._answer(kind, raw)

    def _callee(self, work: Work, contract: str, name: str) -> "tuple[LoadedContract, Entry]":
        if contract not in self.uses:
            raise Refused("call_not_declared", f"{self.name} does not declare that it uses it")
        if contract in work.running:
            raise Refused("call_reentered", "the contract is running already", contract=contract)
        if len(work.running) >= CALL_DEPTH_MAX:
            raise Refused("call_too_deep", f"at most {CALL_DEPTH_MAX} contracts call one another")
        call: Call = work.call
        callee = self._door.ask(lambda _: call.contracts(contract))
        if callee is None:
            raise Refused("unknown_contract", "no such contract is active at this height")
        entry = callee.entries.get(name)
        # an action that a question could call would write; the ledger's own are signed, not called
        queries_only = self._door.doing == "query" or callee.built_in
        if entry is None or (entry.mark.kind == "action" and queries_only):
            raise Refused("unknown_action", "the contract has nothing of this name to be called")
        return callee, entry

    def _answer(self, kind: Any, raw: bytes | None) -> Any:
        if kind is None:
            return None
        if raw in (None, b"null"):
            raise Refused("not_found", "the called contract has no such entry")
        if raw is None or len(raw) > VALUE_BYTES_MAX:
            raise Fault("the called contract answers too much")
        self._meter.charge(1, len(raw))
        codec = self._answers.get(kind)
        if codec is None:
            codec = self._answers[kind] = Codec(kind)
        try:
            value = codec.decode(raw)
        except Malformed:
            raise Fault("the called contract's answer is of another type") from None
        if not are_bounded([value]):
            raise Fault("the called contract's answer is too large")
        return value

    def _check_invariants(self, context: Context) -> None:
        if not self._invariants:
            return
        self._door.doing = "invariant"
        change = Change(self._written)
        for check in self._invariants:
            self._door.meter.charge(COSTS["invariant"])
            try:
                holds = check(self._instance, context, change)
            except Refused:
                holds = False
            if holds is not True:
                raise Refused("invariant_broken", f"{check.__name__} would no longer hold")

    def _written(self, collection: object) -> list[Written[Any]]:
        if not isinstance(collection, Map | Value):
            raise Fault("an invariant asks about a map or value of its own contract")
        prefix, door = collection._prefix, self._door  # noqa: SLF001  # no attribute of contracts
        meter = door.meter
        meter.charge(1 + (len(door.overlay) >> 3))
        found: list[Written[Any]] = []
        for key, after in door.overlay.items():
            if key.startswith(prefix):
                before = door.committed(key)
                meter.charge(_READ, 0 if before is None else len(before))
                found.append(collection.written(key, before, after))
        return found

    @property
    def texts(self) -> dict[str, str]:
        """The texts that it is known by; of a contract of the kernel, its module's."""
        return package_files(self.cls) if self.program is None else dict(self.program.files)

    @property
    def meter(self) -> Meter:
        """The meter that every call of this contract is charged to."""
        return self._meter

    def state_key(self, collection: str, key: object) -> bytes:
        """Return the state key bytes of a typed ``key`` of one of this contract's maps.

        Raises:
            Malformed: no such map.
        """
        made = self.collections.get(collection)
        if made is None:
            raise Malformed(reason=f"{self.name} has no map {collection}", at="$.map")
        return made.state_key(key)

    @staticmethod
    def key_parts(state_key: bytes) -> tuple[object, ...]:
        """Return the parts of a state key of one of this contract's maps."""
        return tuple(decode_key(state_key.partition(b"\x00")[2]))


def _stateless(cls: type[Contract]) -> Contract:
    """Return an instance that refuses attributes: no call can leave anything to the next."""
    refusing = {"__setattr__": _refuse_attribute, "__delattr__": _refuse_attribute}
    made: type[Contract] = type(cls.__name__, (cls,), {**refusing, "__module__": cls.__module__})
    return made()


def _refuse_attribute(_self: object, _name: str, _value: object = None) -> None:
    raise Fault("a contract keeps state in its maps and values, not in attributes")


def _values(arguments: Any) -> dict[str, Any]:
    return {name: getattr(arguments, name) for name in arguments.__struct_fields__}


def _place(error: BaseException, work: Work) -> str:
    """Return the author's line that was being executed: file, line and function."""
    found = ""
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        module, _, file = code.co_filename.rpartition("/")
        if module in work.modules:
            found = f"{file}:{trace.tb_lineno} {code.co_name}"
        trace = trace.tb_next
    return found


def _check_size(result: bytes | None, events: Sequence[ContractEvent]) -> None:
    size = len(result or b"") + sum(len(bytes(e.fields)) for e in events)
    if size > RECEIPT_BYTES_MAX // 2:
        raise Fault(f"result and events have {size} bytes; the limit is {RECEIPT_BYTES_MAX // 2}")


def _bad_argument(error: msgspec.ValidationError) -> Refused:
    # the path only: the library's own words may differ between its versions
    _, _, at = str(error).partition(" - at `")
    return Refused("bad_argument", "an argument is not of its type", at=at.rstrip("`") or "$")


def _cost_exceeded(call: Call, meter: Meter, at: str) -> Outcome:
    reason = f"more than {call.cost_max} units are needed"
    return Outcome("cost_exceeded", meter.used, reason, at=at)


def _refused(error: Refused, cost: int, at: str) -> Outcome:
    """Return the refusal as a receipt can carry it: facts that do not fit are left out."""
    try:
        hint = encode_loose(error.hint).decode()
        if not _NAME(error.code) or len(error.code) > NAME_CHARS_MAX or hint[:1] != '"':
            return Outcome("contract_fault", cost, "a refusal has a code and a hint", at=at)
        facts = encode_loose(error.facts) if error.facts else None
    except (Fault, TypeError):
        reason = "a refusal has a code, a hint and plain facts"
        return Outcome("contract_fault", cost, reason, at=at)
    if facts is not None and len(facts) > FACTS_BYTES_MAX:
        facts = None
    return Outcome(error.code, cost, error.hint[:HINT_CHARS_MAX], facts, at=at)


def _fault_reason(error: Exception) -> str:
    # a Python exception's own text may differ between versions: only our words enter a receipt
    if isinstance(error, Fault):
        return str(error)[:HINT_CHARS_MAX]
    return "the contract failed in a way it did not foresee"
