# SPDX-License-Identifier: Apache-2.0
"""A contract with ordered maps."""

from hanse.contracts import Context, Contract, Map, Ordered, action, query


class Shelf(Contract):
    """Things by name, and by owner and number."""

    things: Ordered[str, int]
    owned: Ordered[tuple[str, int], str]
    plain: Map[str, int]

    @action(role=None)
    def put(self, ctx: Context, name: str, n: int) -> None:
        """Put a thing."""
        self.things[name] = n
        self.plain[name] = n

    @action(role=None)
    def own(self, ctx: Context, owner: str, n: int, text: str) -> None:
        """Own a thing. Rejects: already_exists."""
        self.owned.add((owner, n), text)

    @action(role=None)
    def drop(self, ctx: Context, name: str) -> None:
        """Take a thing away. Rejects: not_found."""
        del self.things[name]

    @query
    def range(self, ctx: Context, first: str, last: str, limit: int = 100) -> list[int]:
        """Return things in a range of names."""
        return [n for _, n in self.things.between(first, last, limit=limit)]

    @query
    def of_owners(self, ctx: Context, first: str, last: str) -> list[str]:
        """Return what owners of a range of names have."""
        return [text for _, text in self.owned.between((first,), (last,))]

    @query
    def numbers(self, ctx: Context, owner: str, first: int, last: int) -> list[str]:
        """Return what an owner has with numbers in a range."""
        return [text for _, text in self.owned.between((owner, first), (owner, last))]

    @query
    def all_things(self, ctx: Context) -> list[str]:
        """Return all names."""
        return [name for name, _ in self.things.between((), ())]
