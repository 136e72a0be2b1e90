# SPDX-License-Identifier: Apache-2.0
"""A contract that goes up to any limit that it is told to."""

from hanse.contracts import BigInt, Context, Contract, Map, action, event, query


@event
class Rang:
    """The bell rang: {number}."""

    number: int


class Strain(Contract):
    """Goes up to any limit that it is told to."""

    name = "strain"
    texts: Map[str, str]
    big: Map[str, BigInt]

    @action(role=None)
    def write(self, ctx: Context, keys: int) -> None:
        """Write so many keys."""
        for number in range(keys):
            self.texts[f"k{number}"] = ""

    @action(role=None)
    def ring(self, ctx: Context, times: int) -> None:
        """Emit so many events."""
        for number in range(times):
            ctx.emit(Rang(number=number))

    @action(role=None)
    def put(self, ctx: Context, key_chars: int, value_chars: int) -> None:
        """Write one entry with a key and a value of these lengths."""
        self.texts["k" * key_chars] = "v" * value_chars

    @action(role=None)
    def answer(self, ctx: Context, chars: int) -> list[str]:
        """Return so much text, in two parts."""
        half = chars // 2
        return ["x" * half, "x" * (chars - half)]

    @action(role=None)
    def keep(self, ctx: Context, number: BigInt) -> None:
        """Keep a large number."""
        self.big["n"] = number

    @query
    def count(self, ctx: Context, limit: int) -> int:
        """Count the entries that one read gives."""
        return len(list(self.texts.items(limit=limit)))
