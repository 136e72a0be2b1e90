# SPDX-License-Identifier: Apache-2.0
"""Lots on a shelf: the contract on which the mistakes of callers are tried."""

from typing import Literal

from hanse.contracts import (
    BigInt,
    Context,
    Contract,
    Date,
    Map,
    OrganisationId,
    action,
    query,
    record,
    require,
)

Role = Literal["packer", "clerk"]


@record
class Lot:
    """A lot."""

    owner: OrganisationId
    kg: int
    worth: BigInt
    due: Date | None = None
    state: Literal["live", "gone"] = "live"


class Shelf(Contract):
    """Lots by name."""

    lots: Map[str, Lot]

    @action(role="packer")
    def put(self, ctx: Context, lot: str, kg: int, worth: BigInt, due: Date | None = None) -> Lot:
        """Put a lot. Rejects: bad_weight, already_exists."""
        require(kg > 0, "bad_weight", "a lot weighs something")
        made = Lot(owner=ctx.organisation, kg=kg, worth=worth, due=due)
        return self.lots.add(lot, made)

    @query
    def weight(self, ctx: Context, lot: str) -> int | None:
        """Return what a lot weighs, nothing where there is none."""
        found = self.lots.get(lot)
        return None if found is None else found.kg
