# SPDX-License-Identifier: Apache-2.0
"""Vouchers: issued by a city, passed on by families and shops, retired when they are paid out."""

from hanse.contracts import Change, Context, Contract, Map, OrganisationId, action, invariant
from hanse.contracts.patterns.quantity import (
    Amount,
    Books,
    Holding,
    Kind,
    Lock,
    Retirement,
    define_kind,
    is_conserved,
    issue_amount,
    lock_amount,
    merge_lot,
    retire_amount,
    split_lot,
    transfer_amount,
    unlock_amount,
)


class Vouchers(Contract):
    """Something countable that never appears or vanishes."""

    kinds: Map[str, Kind]
    lots: Map[tuple[str, str], str]
    holdings: Map[tuple[str, str, str], Holding]
    locks: Map[str, Lock]
    retirements: Map[str, Retirement]

    @action(role="issuer")
    def define(self, ctx: Context, kind: Kind) -> Kind:
        """Open a kind. Rejects: bad_unit, cap_exceeded, already_exists."""
        return define_kind(self._books(), ctx, kind)

    @action(role="issuer")
    def issue(self, ctx: Context, new: Amount, to: OrganisationId) -> Kind:
        """Bring an amount into being. Rejects: not_found, wrong_organisation, bad_unit,
        below_minimum, cap_exceeded, holder_not_eligible, already_exists.
        """
        return issue_amount(self._books(), ctx, new, to)

    @action(role=None)
    def transfer(self, ctx: Context, what: Amount, to: OrganisationId) -> None:
        """Pass on. Rejects: not_found, bad_unit, not_holder, locked, insufficient_amount,
        below_minimum, holder_not_eligible.
        """
        transfer_amount(self._books(), ctx, what, to)

    @action(role=None)
    def split(self, ctx: Context, what: Amount, into: str) -> None:
        """Move to a new lot. Rejects: not_found, bad_unit, not_holder, locked,
        insufficient_amount, below_minimum, already_exists.
        """
        split_lot(self._books(), ctx, what, into)

    @action(role=None)
    def merge(self, ctx: Context, what: Amount, into: str) -> None:
        """Move to another lot. Rejects: not_found, bad_unit, not_holder, locked,
        insufficient_amount, below_minimum.
        """
        merge_lot(self._books(), ctx, what, into)

    @action(role=None)
    def lock(self, ctx: Context, what: Amount, lock: str, owner: OrganisationId) -> None:
        """Set aside. Rejects: not_found, bad_unit, not_holder, locked, insufficient_amount,
        below_minimum, already_exists.
        """
        lock_amount(self._books(), ctx, what, lock, owner)

    @action(role=None)
    def unlock(self, ctx: Context, lock: str) -> None:
        """Give back. Rejects: not_found, wrong_organisation."""
        unlock_amount(self._books(), ctx, lock)

    @action(role=None)
    def retire(self, ctx: Context, what: Amount, reason: str) -> Retirement:
        """Use up. Rejects: not_found, bad_unit, not_holder, locked, insufficient_amount,
        below_minimum.
        """
        return retire_amount(self._books(), ctx, what, reason)

    @invariant
    def nothing_appears(self, ctx: Context, change: Change) -> bool:
        """Issued is held plus retired."""
        kinds, holdings = change.of(self.kinds), change.of(self.holdings)
        return is_conserved(kinds, holdings, change.of(self.locks))

    def _books(self) -> Books:
        return (self.kinds, self.lots, self.holdings, self.locks, self.retirements)
