# SPDX-License-Identifier: Apache-2.0
"""Contracts loaded once and called often: all derived from the types, one call at a time."""

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_origin, get_type_hints

import msgspec

from hanse.codec.documents import ContractEvent
from hanse.codec.limits import (
    FACTS_BYTES_MAX,
    HINT_CHARS_MAX,
    ITEMS_MAX,
    NAME_CHARS_MAX,
    QUERY_BYTES_MAX,
    RECEIPT_BYTES_MAX,
)
from hanse.contracts.contract import MARK, Change, Context, Contract, Mark
from hanse.contracts.dialect.program import Program, build_program
from hanse.contracts.keys import decode_key
from hanse.contracts.meter import COSTS, Meter
from hanse.contracts.package import package_files
from hanse.contracts.records import (
    Codec,
    are_bounded,
    encode_loose,
    is_event,
    is_field_name,
    runtime_type,
)
from hanse.contracts.refusals import CostExceeded, Fault, ReaderFailed, Refused
from hanse.contracts.state import Door, Map, Reader, Value, Written
from hanse.contracts.types import decode_hook
from hanse.crypto import SHA256, Hash
from hanse.errors import Malformed

_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII).fullmatch
_REJECTS = re.compile(r"Rejects:\s*([a-z0-9_,\s→°]+?)\.(?:\s|$)")


@dataclass(frozen=True, slots=True)
class Entry:
    """One callable door of a contract: an action or a query, with its argument types."""

    name: str
    mark: Mark
    function: Callable[..., Any]
    parameters: tuple[tuple[str, Any, bool], ...]
    arguments: msgspec.json.Decoder[Any]
    result: Codec[Any] | None
    result_hint: Any
    doc: str
    rejects: tuple[str, ...]


class Call(msgspec.Struct, frozen=True, gc=False):
    """One call as the kernel prepares it: authorised, not yet decoded."""

    entry: Entry
    args: bytes
    member: str
    organisation: str
    now: int
    height: int
    tx: str
    cost_max: int
    roles: Callable[[], tuple[str, ...]]


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What came of a call: ``code`` is ``None`` exactly when it succeeded, else no writes."""

    code: str | None
    cost: int
    reason: str = ""
    facts: bytes | None = None
    result: bytes | None = None
    events: tuple[ContractEvent, ...] = ()
    writes: dict[bytes, bytes | None] = {}
    at: str = ""  # the author's line that failed; for people, never in a receipt


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
        self.cls = cls
        self._runs = runs
        self.name = runs.name or runs.__name__.lower()
        if not _NAME(self.name) or len(self.name) > NAME_CHARS_MAX:
            raise TypeError(f"{self.name!r} is not a contract name")
        self.version = runs.version
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
            if origin is Map:
                made: Map[Any, Any] | Value[Any] = Map(name, args[0], Codec(args[1]), self._door)
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
                self.entries[name] = _entry(name, mark, function)

    def call(self, reader: Reader, call: Call) -> Outcome:
        """Return what came of one action or query on the state behind ``reader``.

        A failure of the contract is an outcome. A failure of the node is not: what ``reader``
        raises, and ``RecursionError`` and ``MemoryError``, which do not come at the same point on
        every machine, go to the caller, who must stop.
        """
        meter = self._meter
        meter.limit = meter.left = call.cost_max
        self._door.open(reader, meter, "action" if call.entry.mark.kind == "action" else "query")
        try:
            outcome = self._run(call, meter)
        except Refused as error:
            outcome = _refused(error, meter.used, self._place(error))
        except CostExceeded as error:
            outcome = _cost_exceeded(call, meter, self._place(error))
        except ReaderFailed as error:
            if error.__cause__ is None:
                raise
            raise error.__cause__ from None
        except (MemoryError, RecursionError):
            raise
        except Exception as error:  # noqa: BLE001  # a bug of the contract is an outcome, too
            reason = _fault_reason(error)
            outcome = Outcome("contract_fault", meter.used, reason, at=self._place(error))
        finally:
            self._door.close()
        # a call's text may go on for a few steps after its last unit, and then fail in another way
        if meter.exceeded and outcome.code != "cost_exceeded":
            return _cost_exceeded(call, meter, outcome.at)
        return outcome

    def _place(self, error: BaseException) -> str:
        """Return the author's line that was being executed: file, line and function."""
        found = ""
        trace = error.__traceback__
        while trace is not None and self.program is not None:
            code = trace.tb_frame.f_code
            file = code.co_filename
            if file.startswith(f"{self.program.module}/"):
                found = f"{file.rpartition('/')[2]}:{trace.tb_lineno} {code.co_name}"
            trace = trace.tb_next
        return found

    def _run(self, call: Call, meter: Meter) -> Outcome:
        context = Context(
            member=call.member,
            organisation=call.organisation,
            now=call.now,
            height=call.height,
            tx=call.tx,
            meter=meter,
            roles=lambda: self._door.ask(lambda _: call.roles()),
            doing=lambda: self._door.doing,
            tagged=self._tagged,
        )
        meter.charge(COSTS["action"], len(call.args))
        try:
            arguments = call.entry.arguments.decode(call.args)
        except msgspec.ValidationError as error:
            return _bad_argument(error, meter.used)
        values = _values(arguments)
        if len(call.args) > ITEMS_MAX and not are_bounded(values.values()):  # shorter ones all are
            return _too_large_argument(meter.used)
        value = call.entry.function(self._instance, context, **values)
        result = None if call.entry.result is None else call.entry.result.encode(value)
        events = tuple(
            ContractEvent(contract=self.name, event=name, fields=msgspec.Raw(fields))
            for name, fields in context.events
        )
        if call.entry.mark.kind == "action":
            self._check_size(result, events)
            self._check_invariants(context)
        return Outcome(None, meter.used, "", None, result, events, self._door.overlay)

    @staticmethod
    def _check_size(result: bytes | None, events: tuple[ContractEvent, ...]) -> None:
        size = len(result or b"") + sum(len(bytes(e.fields)) for e in events)
        if size > RECEIPT_BYTES_MAX // 2:
            raise Fault(
                f"result and events have {size} bytes; the limit is {RECEIPT_BYTES_MAX // 2}"
            )

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

    def _written(self, collection: object) -> Iterable[Written[Any]]:
        if not isinstance(collection, Map | Value):
            raise Fault("an invariant asks about a map or value of its own contract")
        prefix = collection.name.encode("ascii") + b"\x00"
        self._door.meter.charge(1 + (len(self._door.overlay) >> 3))
        for key, after in self._door.overlay.items():
            if key.startswith(prefix):
                before = self._door.committed(key)
                self._door.meter.charge(COSTS["read"], len(before or b""))
                yield collection.written(key, before, after)

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


def _entry(name: str, mark: Mark, function: Callable[..., Any]) -> Entry:
    hints = get_type_hints(function)
    parameters: list[tuple[str, Any, bool]] = []
    fields: list[Any] = []
    for parameter in list(inspect.signature(function).parameters.values())[2:]:
        named = parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        if not named or not is_field_name(parameter.name):
            raise TypeError(f"{name}: {parameter} is no argument that a transaction can name")
        hint = hints[parameter.name]
        optional = parameter.default is not inspect.Parameter.empty
        parameters.append((parameter.name, hint, optional))
        kind = runtime_type(hint)
        fields.append(
            (parameter.name, kind, parameter.default) if optional else (parameter.name, kind)
        )
    arguments = msgspec.defstruct(
        f"{name}_arguments", fields, forbid_unknown_fields=True, kw_only=True, frozen=True
    )
    returns = hints.get("return", type(None))
    doc = inspect.cleandoc(function.__doc__ or "")  # its own: getdoc would look at other classes
    bytes_max = RECEIPT_BYTES_MAX // 2 if mark.kind == "action" else QUERY_BYTES_MAX
    return Entry(
        name=name,
        mark=mark,
        function=function,
        parameters=tuple(parameters),
        arguments=msgspec.json.Decoder(arguments, dec_hook=decode_hook),
        result=None if returns in (None, type(None)) else Codec(returns, bytes_max),
        result_hint=returns,
        doc=doc,
        rejects=_rejects(doc),
    )


def _rejects(doc: str) -> tuple[str, ...]:
    match = _REJECTS.search(doc)
    if not match:
        return ()
    words = re.split(r"[,\s→]+", match.group(1))
    return tuple(word.rstrip("°") for word in words if word)


def _bad_argument(error: msgspec.ValidationError, cost: int) -> Outcome:
    # the path only: the library's own words may differ between its versions
    _, _, at = str(error).partition(" - at `")
    facts = encode_loose({"at": at.rstrip("`") or "$"})
    return Outcome("bad_argument", cost, "an argument is not of its type", facts)


def _too_large_argument(cost: int) -> Outcome:
    reason = "a text, bytes or list of the arguments is too large"
    return Outcome("bad_argument", cost, reason, encode_loose({"at": "$"}))


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
