# SPDX-License-Identifier: Apache-2.0
"""A contract that hashes."""

from hanse.contracts import Context, Contract, query


class Hashing(Contract):
    """Hashes."""

    @query
    def hashed(self, ctx: Context, text: str, number: int) -> str:
        """Return a digest."""
        return ctx.digest("test", text, number, b"\x00")
