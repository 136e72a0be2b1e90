# SPDX-License-Identifier: Apache-2.0
"""Typed calls: a contract's own methods name the action, its arguments and its result.

``client.call(Receivables.endorse, "R1", to="oreco")`` is checked by mypy against the method's
signature, and sends what the contract declares; the method itself never runs here.
"""

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Concatenate, Generic, ParamSpec, TypeAlias, TypeVar, get_type_hints

import msgspec

from hanse.client._http import AnswerInvalid, Steps
from hanse.client.reading import QueryAnswer
from hanse.client.receipts import VerifiedReceipt
from hanse.client.session import node_at_fault
from hanse.codec.canonical import encode
from hanse.contracts.contract import MARK, Context, Contract, Mark
from hanse.contracts.records import Codec
from hanse.contracts.refusals import Fault
from hanse.errors import Malformed

C = TypeVar("C", bound=Contract)
P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

Method: TypeAlias = Callable[Concatenate[C, Context, P], R]


@dataclass(frozen=True, slots=True)
class Called(Generic[R_co]):
    """An action that took effect: its proved receipt, and its result in the declared type."""

    receipt: VerifiedReceipt
    value: R_co


@dataclass(frozen=True, slots=True)
class Target(Generic[R_co]):
    """What a decorated method stands for on the ledger."""

    contract: str
    name: str
    kind: str
    signature: inspect.Signature
    codecs: dict[str, Codec[Any]]
    result: Codec[R_co] | None


_targets: dict[Callable[..., Any], Target[Any]] = {}  # one entry for each method in the code


def target_of(method: Callable[..., R]) -> Target[R]:
    """Return the contract, name and types of a method marked by ``@action`` or ``@query``.

    Raises:
        TypeError: not such a method of a class at the top of its module.
    """
    known = _targets.get(method)
    if known is None:
        known = _targets[method] = _build(method)
    return known


def _build(method: Callable[..., Any]) -> Target[Any]:
    mark = getattr(method, MARK, None)
    if not isinstance(mark, Mark) or mark.kind not in ("action", "query"):
        raise TypeError(f"{method!r} is neither an action nor a query of a contract")
    hints = get_type_hints(method, include_extras=True)
    signature = inspect.signature(method)
    names = list(signature.parameters)[2:]  # after self and the context
    result = hints.get("return", type(None))
    return Target(
        contract=_contract_name(method),
        name=method.__name__,
        kind=mark.kind,
        signature=signature,
        codecs={name: Codec(hints[name]) for name in names},
        result=None if result is type(None) else Codec(result),
    )


def _contract_name(method: Callable[..., Any]) -> str:
    owner = method.__qualname__.rpartition(".")[0]
    cls = getattr(sys.modules.get(method.__module__), owner, None)
    if not isinstance(cls, type) or not issubclass(cls, Contract):
        raise TypeError(f"{owner or method.__name__} is no contract at the top of its module")
    return cls.name or cls.__name__.lower()


def bind(target: Target[R], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, object]:
    """Return the arguments by name, each in the canonical form of its declared type.

    Raises:
        TypeError: the arguments do not fit the method's signature.
        Malformed: a value is not of its declared type.
    """
    bound = target.signature.bind(None, None, *args, **kwargs)
    named = {name: value for name, value in bound.arguments.items() if name in target.codecs}
    try:
        return {n: msgspec.Raw(target.codecs[n].encode(value)) for n, value in named.items()}
    except Fault as error:
        raise Malformed(reason=str(error), at="$.body.args") from None


def called(target: Target[R], receipt: VerifiedReceipt) -> Called[R]:
    """Return the receipt with its result in the declared type.

    Raises:
        Refusal: the action was rejected.
        AnswerInvalid: the result is not of the declared type: the ledger runs another version.
    """
    receipt.require_ok()
    return Called(receipt, _value(target, receipt.result_bytes))


def answered(target: Target[R], answer: QueryAnswer) -> R:
    """Return the result of a query in the declared type.

    Raises:
        AnswerInvalid: it is not of that type.
    """
    return _value(target, encode(answer.result))


def _value(target: Target[R], raw: bytes | None) -> R:
    if target.result is None:
        return None  # type: ignore[return-value]  # the declared type is None
    path = f"{target.contract}.{target.name}"
    with node_at_fault(path):
        if raw is None:
            raise AnswerInvalid(path=path, reason="no result where one is declared")
        return target.result.decode(raw)


__all__ = ["Called", "Method", "Steps", "Target", "answered", "bind", "called", "target_of"]
