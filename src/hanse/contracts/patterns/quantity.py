# SPDX-License-Identifier: Apache-2.0
"""Quantity: something countable that is issued, split, merged, passed on and retired.

Per kind and at every height, what was issued is what is held, free or locked, plus what was
retired. An amount lies in lots; a holding is what one organisation has of a lot. A lock sets part
of a holding aside for one owner, who alone can undo it.

A contract declares the maps of ``Books`` and calls one function for each action; its invariant is
``is_conserved``. Amounts and holders are plain fields: who must not be seen needs a pseudonym
until fields can be sealed.
"""

from hanse.contracts import Context, Map, OrganisationId, Written, record, replace, require
from hanse.contracts.patterns.forms import is_name

AMOUNT_MAX = 9_007_199_254_740_991
DECIMALS_MAX = 18
ELIGIBLE_MAX = 500
SHARES_MAX = 1_000


@record
class Kind:
    """What is counted. ``least`` is the smallest holding; ``eligible`` may hold it, none: all.

    ``decimals`` says how a person reads an amount; the ledger counts in the last of them.
    """

    id: str
    issuer: OrganisationId
    unit: str
    decimals: int
    cap: int
    least: int
    eligible: list[OrganisationId]
    issued: int = 0
    retired: int = 0


@record
class Holding:
    """What one organisation has of a lot: free to use, and locked."""

    free: int
    locked: int


@record
class Lock:
    """A part of a holding that is set aside for ``owner``."""

    kind: str
    lot: str
    holder: OrganisationId
    amount: int
    owner: OrganisationId


@record
class Retirement:
    """What was used up, by whom and why."""

    kind: str
    lot: str
    amount: int
    by: OrganisationId
    reason: str


@record
class Amount:
    """So much of a lot, in the unit that the signer believes it is counted in."""

    kind: str
    lot: str
    amount: int
    unit: str


Holdings = Map[tuple[str, str, str], Holding]
Lots = Map[tuple[str, str], str]
Books = tuple[Map[str, Kind], Lots, Holdings, Map[str, Lock], Map[str, Retirement]]
"""Kinds; lots by kind, each with the lot it was split from; holdings by kind, lot and holder;
locks; and retirements by transaction."""


def define_kind(books: Books, ctx: Context, kind: Kind) -> Kind:
    """Let the signer issue a kind. Refuses bad_unit, cap_exceeded, already_exists."""
    named = is_name(kind.id) and is_name(kind.unit) and 0 <= kind.decimals <= DECIMALS_MAX
    require(named, "bad_unit", "a kind has a name, a unit and at most 18 decimals")
    bounded = 0 < kind.least <= kind.cap <= AMOUNT_MAX and len(kind.eligible) <= ELIGIBLE_MAX
    require(bounded, "cap_exceeded", "0 < least <= cap <= 2^53 - 1; 500 holders are named at most")
    fresh = replace(kind, issuer=ctx.organisation, issued=0, retired=0)
    return books[0].add(kind.id, fresh)


def issue_amount(books: Books, ctx: Context, new: Amount, to: OrganisationId) -> Kind:
    """Bring an amount into being, in a new lot.

    Refuses not_found, wrong_organisation, bad_unit, below_minimum, cap_exceeded,
    holder_not_eligible, already_exists.
    """
    kinds, lots, holdings = books[:3]
    kind = kinds[new.kind]
    ctx.acts_for(kind.issuer)
    check_unit(kind, new.unit)
    require(new.amount >= kind.least, "below_minimum", "a holding is larger", least=kind.least)
    left = kind.cap - kind.issued
    require(new.amount <= left, "cap_exceeded", "more than may be issued", left=left)
    check_eligible(kind, to)
    add_lot(lots, new.kind, new.lot, "")
    kinds[kind.id] = replace(kind, issued=kind.issued + new.amount)
    shift(holdings, (new.kind, new.lot, to), new.amount, 0)
    return kinds[kind.id]


def transfer_amount(books: Books, ctx: Context, what: Amount, to: OrganisationId) -> None:
    """Give a free amount to another holder.

    Refuses not_found, bad_unit, not_holder, locked, insufficient_amount, below_minimum,
    holder_not_eligible.
    """
    kind = check_mine(books, ctx, what)
    check_eligible(kind, to)
    shift(books[2], (what.kind, what.lot, ctx.organisation), -what.amount, 0)
    shift(books[2], (what.kind, what.lot, to), what.amount, 0)


def split_lot(books: Books, ctx: Context, what: Amount, into: str) -> None:
    """Move a free amount into a new lot of one's own.

    Refuses not_found, bad_unit, not_holder, locked, insufficient_amount, below_minimum,
    already_exists.
    """
    check_mine(books, ctx, what)
    add_lot(books[1], what.kind, into, what.lot)
    shift(books[2], (what.kind, what.lot, ctx.organisation), -what.amount, 0)
    shift(books[2], (what.kind, into, ctx.organisation), what.amount, 0)


def merge_lot(books: Books, ctx: Context, what: Amount, into: str) -> None:
    """Move a free amount into another lot of one's own that there is.

    Refuses not_found, bad_unit, not_holder, locked, insufficient_amount, below_minimum.
    """
    check_mine(books, ctx, what, into)
    shift(books[2], (what.kind, what.lot, ctx.organisation), -what.amount, 0)
    shift(books[2], (what.kind, into, ctx.organisation), what.amount, 0)


def lock_amount(
    books: Books, ctx: Context, what: Amount, lock_id: str, owner: OrganisationId
) -> None:
    """Set a free amount aside for an owner, who alone can unlock it.

    Refuses not_found, bad_unit, not_holder, locked, insufficient_amount, below_minimum,
    already_exists.
    """
    check_mine(books, ctx, what)
    holder = ctx.organisation
    made = Lock(kind=what.kind, lot=what.lot, holder=holder, amount=what.amount, owner=owner)
    require(is_name(lock_id), "already_exists", "a lock takes a new name of visible ASCII")
    books[3].add(lock_id, made)
    shift(books[2], (what.kind, what.lot, holder), -what.amount, what.amount)


def unlock_amount(books: Books, ctx: Context, lock_id: str) -> None:
    """Give a locked amount back to its holder. Refuses not_found, wrong_organisation."""
    found = books[3][lock_id]
    ctx.acts_for(found.owner)
    del books[3][lock_id]
    shift(books[2], (found.kind, found.lot, found.holder), found.amount, -found.amount)


def retire_amount(books: Books, ctx: Context, what: Amount, reason: str) -> Retirement:
    """Use a free amount up, for ever.

    Refuses not_found, bad_unit, not_holder, locked, insufficient_amount, below_minimum.
    """
    kind = check_mine(books, ctx, what)
    shift(books[2], (what.kind, what.lot, ctx.organisation), -what.amount, 0)
    books[0][kind.id] = replace(kind, retired=kind.retired + what.amount)
    by = ctx.organisation
    gone = Retirement(kind=what.kind, lot=what.lot, amount=what.amount, by=by, reason=reason)
    return books[4].add(ctx.tx, gone)


def check_mine(books: Books, ctx: Context, what: Amount, into: str = "") -> Kind:
    """Return the kind, refusing what the signer cannot move, in the order of the codes.

    ``into`` is another lot of which the signer must hold something.
    """
    kind = books[0][what.kind]
    check_unit(kind, what.unit)
    found = books[2].get((what.kind, what.lot, ctx.organisation))
    require(found is not None, "not_holder", "you hold nothing of this lot", lot=what.lot)
    known = into == "" or (what.kind, into, ctx.organisation) in books[2]
    require(known, "not_holder", "you hold nothing of the other lot", lot=into)
    free, locked = (0, 0) if found is None else (found.free, found.locked)
    most = free + locked
    blocked = free < what.amount <= most
    require(not blocked, "locked", "part of it is locked", free=free, locked=locked)
    require(what.amount <= free, "insufficient_amount", "you hold less", free=free)
    left = most - what.amount
    whole = what.amount >= kind.least and (left == 0 or left >= kind.least)
    require(whole, "below_minimum", "it, or what is left, is too small", least=kind.least)
    return kind


def check_unit(kind: Kind, unit: str) -> None:
    """Refuse bad_unit: an amount in another unit than its kind's is another amount."""
    require(unit == kind.unit, "bad_unit", "count it in its own unit", unit=kind.unit)


def check_eligible(kind: Kind, holder: OrganisationId) -> None:
    """Refuse holder_not_eligible."""
    free = kind.eligible == [] or holder in kind.eligible
    require(free and is_name(holder), "holder_not_eligible", "it may not hold this", holder=holder)


def add_lot(lots: Lots, kind: str, lot: str, parent: str) -> None:
    """Name a new lot; refuses already_exists where the name was used before, or is none."""
    fresh = is_name(lot) and (kind, lot) not in lots
    require(fresh, "already_exists", "a lot takes a new name of visible ASCII", lot=lot)
    lots[kind, lot] = parent


def shift(holdings: Holdings, key: tuple[str, str, str], free: int, locked: int) -> None:
    """Add to a holding or take from it; a holding of nothing is no holding."""
    before = holdings.get(key)
    old_free, old_locked = (0, 0) if before is None else (before.free, before.locked)
    after = Holding(free=old_free + free, locked=old_locked + locked)
    if after.free == 0 and after.locked == 0:
        del holdings[key]
    else:
        holdings[key] = after


def share_out(total: int, weights: list[int]) -> list[int]:
    """Return ``total`` divided by weight: integers that add up to it exactly, none below zero.

    Each running sum is rounded half to even, so that nobody is off by one unit or more.
    """
    whole = sum(weights)
    good = total >= 0 and 0 < len(weights) <= SHARES_MAX and min(weights) >= 0 and whole > 0
    require(good, "bad_weights", "1 to 1000 weights, not below zero, one of them above")
    shares: list[int] = []
    reached, given = 0, 0
    for weight in weights:
        reached += weight
        upto = half_even(total * reached, whole)
        shares.append(upto - given)
        given = upto
    return shares


def half_even(number: int, by: int) -> int:
    """Return ``number`` divided by ``by``, above zero, rounded half to even."""
    whole, rest = divmod(number, by)
    up = rest * 2 > by or (rest * 2 == by and whole % 2 == 1)
    return whole + 1 if up else whole


def is_conserved(
    kinds: list[Written[Kind]], holdings: list[Written[Holding]], locks: list[Written[Lock]]
) -> bool:
    """Whether, of each kind, what changed hands, was issued and retired adds up; locks likewise."""
    sums: dict[str, int] = {}
    locked: dict[str, int] = {}
    good = True
    for kind in kinds:
        good = good and kind.after is not None and is_bounded(kind.after)
        sums[kind.key] = sums.get(kind.key, 0) - (out_of(kind.after) - out_of(kind.before))
    for held in holdings:
        name = held.key[0]
        where = f"{name} {held.key[1]} {held.key[2]}"
        before, after = parts_of(held.before), parts_of(held.after)
        good = good and min(after) >= 0
        sums[name] = sums.get(name, 0) + sum(after) - sum(before)
        locked[where] = locked.get(where, 0) + after[1] - before[1]
    for entry in locks:
        for one, sign in ((entry.before, 1), (entry.after, -1)):
            if one is not None:
                where = f"{one.kind} {one.lot} {one.holder}"
                locked[where] = locked.get(where, 0) + sign * one.amount
                good = good and one.amount > 0
    balanced = all(total == 0 for total in sums.values())
    return good and balanced and all(total == 0 for total in locked.values())


def is_bounded(kind: Kind) -> bool:
    """Whether no more is retired than issued, and no more issued than the cap."""
    return 0 <= kind.retired <= kind.issued <= kind.cap


def out_of(kind: Kind | None) -> int:
    """Return how much of a kind is there: issued and not retired."""
    return 0 if kind is None else kind.issued - kind.retired


def parts_of(holding: Holding | None) -> tuple[int, int]:
    """Return what is free and what is locked of a holding."""
    return (0, 0) if holding is None else (holding.free, holding.locked)
