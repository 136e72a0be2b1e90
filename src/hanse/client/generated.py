# SPDX-License-Identifier: Apache-2.0
"""What generated clients stand on: one endpoint for each action and query, with its types.

``hanse gen python`` writes the classes; each of their methods is a line that calls an endpoint.
"""

import inspect
from collections.abc import Mapping
from typing import Any, Generic, Literal, TypeVar

from hanse.client.aio import AsyncClient
from hanse.client.sync import Client
from hanse.client.typed import Called, Target, answered, bind, called
from hanse.contracts.records import Codec

R = TypeVar("R")


class Endpoint(Generic[R]):
    """One action or query of a contract whose code is not here; ``R`` is its result."""

    def __init__(
        self,
        contract: str,
        name: str,
        kind: Literal["action", "query"],
        arguments: Mapping[str, Any],
        result: Any,
    ) -> None:
        """Know the declared type of each argument, and of the result."""
        places = inspect.Parameter
        named = [places(argument, places.KEYWORD_ONLY) for argument in arguments]
        before = [places(f"_{n}", places.POSITIONAL_ONLY) for n in range(2)]  # self, context
        self._target: Target[R] = Target(
            contract=contract,
            name=name,
            kind=kind,
            signature=inspect.Signature([*before, *named]),
            codecs={argument: Codec(hint) for argument, hint in arguments.items()},
            result=None if result is None else Codec(result),
        )

    def send(self, client: Client, /, **args: Any) -> Called[R]:
        """Return receipt and typed result of the action; errors as of :meth:`Client.call`."""
        target = self._target
        return called(target, client.submit(target.contract, target.name, bind(target, (), args)))

    async def send_async(self, client: AsyncClient, /, **args: Any) -> Called[R]:
        """Return receipt and typed result of the action; errors as of :meth:`Client.call`."""
        target = self._target
        sent = await client.submit(target.contract, target.name, bind(target, (), args))
        return called(target, sent)

    def ask(self, client: Client, /, **args: Any) -> R:
        """Return the typed result of the query; the node's word."""
        target = self._target
        return answered(target, client.query(target.contract, target.name, bind(target, (), args)))

    async def ask_async(self, client: AsyncClient, /, **args: Any) -> R:
        """Return the typed result of the query; the node's word."""
        target = self._target
        answer = await client.query(target.contract, target.name, bind(target, (), args))
        return answered(target, answer)


__all__ = ["Called", "Endpoint"]
