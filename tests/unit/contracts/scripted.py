# SPDX-License-Identifier: Apache-2.0
"""A contract that does what a test tells it, and state whose reads can fail."""

from collections.abc import Callable
from typing import Any

from hanse.contracts import (
    BigInt,
    Change,
    Context,
    Contract,
    Map,
    Value,
    action,
    event,
    invariant,
    query,
    record,
)
from hanse.contracts.runtime import Call, LoadedContract, Outcome


@record
class Cell:
    """A cell."""

    text: str


@event
class Happened:
    """{text} happened."""

    text: str


Script = Callable[["Scripted", Context], Any]
script: list[Script] = []
rule: list[Callable[["Scripted", Context, Change], Any]] = []


class Scripted(Contract):
    """Does what a test tells it."""

    name = "scripted"
    cells: Map[str, Cell]
    total: Value[Cell]

    @action(role=None)
    def act(self, ctx: Context) -> None:
        """Do it."""
        script[0](self, ctx)

    @action(role=None)
    def give(self, ctx: Context) -> Cell:
        """Return it."""
        found: Cell = script[0](self, ctx)
        return found

    @action(role=None)
    def take(
        self,
        ctx: Context,
        a: int,
        *,
        b: list[int] = [],  # noqa: B006  # each call gets its own
        c: BigInt | None = None,
    ) -> int:
        """Take arguments of several kinds."""
        return a + len(b) + (0 if c is None else 1)

    @query
    def ask(self, ctx: Context) -> str:
        """Ask it."""
        return str(script[0](self, ctx))

    @invariant
    def as_told(self, ctx: Context, change: Change) -> bool:
        """Hold as the test says."""
        return all(one(self, ctx, change) for one in rule)


class Rows:
    def __init__(self) -> None:
        self.held: dict[bytes, bytes] = {}
        self.fails: Exception | None = None

    def get(self, contract: str, key: bytes) -> bytes | None:
        if self.fails:
            raise self.fails
        return self.held.get(key)

    def scan(
        self, contract: str, prefix: bytes, start: bytes, limit: int
    ) -> list[tuple[bytes, bytes]]:
        if self.fails:
            raise self.fails
        rows = [(k, v) for k, v in sorted(self.held.items()) if k.startswith(prefix) and k >= start]
        return rows[:limit]


LOADED = LoadedContract(Scripted, built_in=True)  # its script is any Python


def clear() -> None:
    """Forget what the last test told."""
    script.clear()
    rule.clear()


def call(
    name: str = "act",
    does: Script | None = None,
    rows: Rows | None = None,
    args: bytes = b"{}",
    **changes: Any,
) -> Outcome:
    script[:] = [does] if does else []
    parts: dict[str, Any] = {
        "entry": LOADED.entries[name],
        "args": args,
        "member": "a@org",
        "organisation": "org",
        "now": 1,
        "height": 1,
        "tx": "t",
        "cost_max": 10**7,
        "roles": lambda: ("x",),
        **changes,
    }
    return LOADED.call(rows or Rows(), Call(**parts))


def put(key: str, text: str = "") -> Script:
    return lambda self, _: self.cells.__setitem__(key, Cell(text=text))


def raises(error: BaseException) -> Script:
    def does(self: Scripted, ctx: Context) -> None:
        self.cells["x"] = Cell(text="written before")
        raise error

    return does
