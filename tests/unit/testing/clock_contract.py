# SPDX-License-Identifier: Apache-2.0
"""A contract that remembers times."""

from hanse.contracts import Change, Context, Contract, Map, action, invariant, query


class Clock(Contract):
    """Remembers times; breaks its own rule on request."""

    times: Map[str, int]

    @action(role="keeper")
    def tick(self, ctx: Context, name: str) -> int:
        """Keep the time."""
        self.times[name] = ctx.now
        return ctx.now

    @action(role=None)
    def lie(self, ctx: Context) -> None:
        """Keep a time that is none."""
        self.times[ctx.member] = -1

    @query
    def ticks(self, ctx: Context) -> list[tuple[str, int]]:
        """Return all times."""
        return list(self.times.items())

    @invariant
    def times_are_real(self, ctx: Context, change: Change) -> bool:
        """Time is positive."""
        return all(written.after > 0 for written in change.of(self.times))
