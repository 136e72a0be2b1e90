# SPDX-License-Identifier: Apache-2.0
"""Contracts loaded once and called often: derive everything from the types, run one call at a time."""

import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, get_args, get_origin, get_type_hints

import msgspec

from hanse.codec.documents import ContractEvent
from hanse.codec.limits import NAME_CHARS_MAX, RECEIPT_BYTES_MAX
from hanse.contracts.contract import MARK, Change, Context, Contract, Mark
from hanse.contracts.keys import decode_key
from hanse.contracts.meter import COSTS, Meter
from hanse.contracts.records import Codec, encode_loose, runtime_type
from hanse.contracts.refusals import CostExceeded, Fault, Refused
from hanse.contracts.state import Door, Map, Reader, Value, Written
from hanse.contracts.types import decode_hook
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


@dataclass(frozen=True, slots=True)
class Call:
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


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a call. ``code`` is ``None`` exactly when it succeeded; writes are empty otherwise."""

    code: str | None
    cost: int
    reason: str = ""
    facts: bytes | None = None
    result: bytes | None = None
    events: tuple[ContractEvent, ...] = ()
    writes: dict[bytes, bytes | None] = field(default_factory=dict)


class LoadedContract:
    """A contract class with its entries, maps and codecs, ready to be called. Not for concurrent use."""

    def __init__(self, cls: type[Contract]) -> None:
        """Derive actions, queries, invariants and state from the annotations of ``cls``.

        Raises:
            TypeError: an annotation is not of the contract language.
        """
        self.cls = cls
        self.name = cls.name or cls.__name__.lower()
        if not _NAME(self.name) or len(self.name) > NAME_CHARS_MAX:
            raise TypeError(f"{self.name!r} is not a contract name")
        self.version = cls.version
        self._door = Door(self.name)
        self._instance = cls()
        self.collections: dict[str, Map[Any, Any] | Value[Any]] = {}
        self.map_types: dict[str, tuple[Any, Any]] = {}
        self._load_state()
        self.entries: dict[str, Entry] = {}
        self._invariants: list[Callable[..., bool]] = []
        self._load_methods()

    def _load_state(self) -> None:
        for name, hint in get_type_hints(self.cls).items():
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
            setattr(self._instance, name, made)

    def _load_methods(self) -> None:
        for name, function in inspect.getmembers(self.cls, inspect.isfunction):
            mark = getattr(function, MARK, None)
            if not isinstance(mark, Mark):
                continue
            if mark.kind == "invariant":
                self._invariants.append(function)
            else:
                self.entries[name] = _entry(name, mark, function)

    def call(self, reader: Reader, call: Call) -> Outcome:
        """Run one action or query on the state behind ``reader``; every failure is an outcome."""
        meter = Meter(call.cost_max)
        writable = call.entry.mark.kind == "action"
        self._door.open(reader, meter, writable=writable)
        context = Context(
            member=call.member,
            organisation=call.organisation,
            now=call.now,
            height=call.height,
            tx=call.tx,
            meter=meter,
            roles=call.roles,
        )
        try:
            meter.charge(COSTS["action"], len(call.args))
            arguments = call.entry.arguments.decode(call.args)
            value = call.entry.function(self._instance, context, *_values(arguments))
            result = self._result(call.entry, value)
            events = tuple(self._event(e) for e in context.events)
            self._check_size(result, events)
            if writable:
                self._check_invariants(context, reader)
        except msgspec.ValidationError as error:
            # the path only: the library's own words may differ between its versions
            _, _, at = str(error).partition(" - at `")
            facts = encode_loose({"at": at.rstrip("`") or "$"})
            return Outcome("bad_argument", meter.used, "an argument is not of its type", facts)
        except Refused as error:
            return _refused(error, meter.used)
        except CostExceeded:
            return Outcome(
                "cost_exceeded", meter.used, f"more than {call.cost_max} units are needed"
            )
        except (Exception, RecursionError) as error:  # noqa: BLE001  # a bug of the contract is an outcome, too
            return Outcome("contract_fault", meter.used, _fault_reason(error))
        return Outcome(None, meter.used, "", None, result, events, self._door.overlay)

    def _result(self, entry: Entry, value: Any) -> bytes | None:
        if entry.result is None:
            return None
        return entry.result.encode(value, RECEIPT_BYTES_MAX)

    def _event(self, fields: Any) -> ContractEvent:
        return ContractEvent(
            contract=self.name,
            event=type(fields).__name__,
            fields=msgspec.Raw(encode_loose(fields)),
        )

    @staticmethod
    def _check_size(result: bytes | None, events: tuple[ContractEvent, ...]) -> None:
        size = len(result or b"") + sum(len(bytes(e.fields)) for e in events)
        if size > RECEIPT_BYTES_MAX // 2:
            raise Fault(
                f"result and events have {size} bytes; the limit is {RECEIPT_BYTES_MAX // 2}"
            )

    def _check_invariants(self, context: Context, reader: Reader) -> None:
        if not self._invariants:
            return
        overlay = self._door.overlay
        self._door.writable = False
        change = Change(lambda collection: self._written(collection, overlay, reader))
        for check in self._invariants:
            self._door.meter.charge(COSTS["invariant"])
            if check(self._instance, context, change) is not True:
                raise Refused("invariant_broken", f"{check.__name__} would no longer hold")

    def _written(
        self, collection: object, overlay: dict[bytes, bytes | None], reader: Reader
    ) -> Iterable[Written[Any]]:
        if not isinstance(collection, (Map, Value)):
            raise Fault("an invariant asks about a map or value of its own contract")
        prefix = collection.name.encode("ascii") + b"\x00"
        for key, after in overlay.items():
            if key.startswith(prefix):
                before = reader.get(self.name, key)
                self._door.meter.charge(COSTS["read"], len(before or b""))
                yield collection.written(key, before, after)

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


def _values(arguments: Any) -> list[Any]:
    return [getattr(arguments, name) for name in arguments.__struct_fields__]


def _entry(name: str, mark: Mark, function: Callable[..., Any]) -> Entry:
    hints = get_type_hints(function)
    parameters: list[tuple[str, Any, bool]] = []
    fields: list[Any] = []
    for parameter in list(inspect.signature(function).parameters.values())[2:]:
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
    doc = inspect.getdoc(function) or ""
    return Entry(
        name=name,
        mark=mark,
        function=function,
        parameters=tuple(parameters),
        arguments=msgspec.json.Decoder(arguments, dec_hook=decode_hook),
        result=None if returns in (None, type(None)) else Codec(returns),
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


def _refused(error: Refused, cost: int) -> Outcome:
    try:
        facts = encode_loose(error.facts) if error.facts else None
    except Fault:
        facts = None
    return Outcome(error.code, cost, error.hint, facts)


def _fault_reason(error: BaseException) -> str:
    # a Python exception's own text may differ between versions, so only our own words enter a receipt
    return (
        str(error)[:200]
        if isinstance(error, Fault)
        else "the contract failed in a way it did not foresee"
    )
