# SPDX-License-Identifier: Apache-2.0
"""Two party: offer, answer, time limit; the shape of most dealings.

Which step may follow is a table, data that a contract hands in: ``TABLE``, or one of its own. One
deadline holds for the whole exchange: no counter-offer moves it, and only who waits for an answer
may pause it, not who owes one. Terms are a digest here, the document goes from vault to vault;
acceptance binds the digest of the last proposal.

Each party signs for itself, step by step. An action that both sign in one transaction says so by
``also_signed_by``.
"""

from hanse.contracts import Context, Map, OrganisationId, TimeMs, Written, record, replace, require
from hanse.contracts.patterns.calendar import Calendar, deadline_of
from hanse.contracts.patterns.forms import is_digest, is_name

PAUSES_MAX = 10
PAUSE_DAYS_MAX = 365

Table = tuple[tuple[str, str, str, str], ...]
"""Rows of state, actor, act and next state. An actor is ``proposer``, who made the last proposal;
``answerer``, the other; ``either``; or ``anybody``. The first state is ``open``; one that no row
leaves is an end. The deadline binds in each state that a row with the act ``expire`` leaves."""

TABLE = (
    ("open", "answerer", "counter", "open"),
    ("open", "answerer", "accept", "accepted"),
    ("open", "answerer", "reject", "rejected"),
    ("open", "proposer", "withdraw", "withdrawn"),
    ("open", "proposer", "pause", "open"),
    ("open", "anybody", "expire", "expired"),
    ("accepted", "either", "terminate", "terminated"),
)


@record
class Exchange:
    """A dealing between two organisations and where it stands."""

    id: str
    kind: str
    a: OrganisationId
    b: OrganisationId
    state: str
    proposer: OrganisationId
    round: int
    terms: str
    calendar: str
    starts_ms: TimeMs
    ends_ms: TimeMs
    pauses_left: int
    pause_days: int
    steps: int


@record
class Step:
    """One thing that was done in an exchange."""

    by: OrganisationId
    act: str
    round: int
    digest: str
    at_ms: TimeMs


@record
class Offer:
    """A first proposal. ``days`` are working days of the calendar until the exchange expires."""

    id: str
    kind: str
    to: OrganisationId
    terms: str
    calendar: str
    days: int
    pauses: int = 0
    pause_days: int = 0


@record
class Act:
    """A step that is taken: what the signer believes to be the present round and terms."""

    exchange: str
    act: str
    round: int = 0
    terms: str = ""


Exchanges = Map[str, Exchange]
Books = tuple[Exchanges, Map[tuple[str, int], Step], Map[str, Calendar]]
"""Exchanges; their steps by exchange and number; and the calendars that deadlines count by."""


def propose(books: Books, ctx: Context, offer: Offer) -> Exchange:
    """Open an exchange with another organisation; its deadline is set once.

    Refuses not_found, bad_terms, bad_calendar, already_exists.
    """
    calendar = books[2][offer.calendar]
    named = is_name(offer.id) and is_name(offer.kind) and is_name(offer.to)
    other = is_digest(offer.terms) and offer.to != ctx.organisation
    paused = 0 <= offer.pauses <= PAUSES_MAX and 0 <= offer.pause_days <= PAUSE_DAYS_MAX
    paused = paused and (offer.pauses == 0 or offer.pause_days > 0)
    require(named and other and paused, "bad_terms", "terms are a digest, offered to another")
    made = Exchange(
        id=offer.id,
        kind=offer.kind,
        a=ctx.organisation,
        b=offer.to,
        state="open",
        proposer=ctx.organisation,
        round=1,
        terms=offer.terms,
        calendar=offer.calendar,
        starts_ms=ctx.now,
        ends_ms=deadline_of(calendar, ctx.now, offer.days),
        pauses_left=offer.pauses,
        pause_days=offer.pause_days,
        steps=0,
    )
    books[0].add(offer.id, made)
    return note_step(books, ctx, made, "propose")


def take_step(books: Books, table: Table, ctx: Context, done: Act) -> Exchange:
    """Do what the table permits.

    Refuses not_found, wrong_organisation, wrong_state, too_early, too_late, not_your_turn,
    stale_round, terms_changed, pause_used_up, bad_calendar, bad_terms.
    """
    found = books[0][done.exchange]
    anybody = done.act == "expire"
    if not anybody:
        ctx.acts_for(found.a, found.b)
    rows = [row for row in table if row[0] == found.state and row[2] == done.act]
    require(rows != [], "wrong_state", f"nothing of the kind is done while it is {found.state}")
    late = ctx.now > found.ends_ms
    require(late or not anybody, "too_early", "it runs still", ends_ms=found.ends_ms)
    bound = is_bound(table, found.state)
    require(not late or anybody or not bound, "too_late", "its time is over")
    role = "proposer" if ctx.organisation == found.proposer else "answerer"
    mine = [row for row in rows if row[1] in (role, "either", "anybody")]
    require(mine != [], "not_your_turn", "the other party does this", proposer=found.proposer)
    fresh = anybody or done.round == found.round
    require(fresh, "stale_round", "there is another proposal since", round=found.round)
    same = done.act != "accept" or done.terms == found.terms
    require(same, "terms_changed", "accept what was proposed last", terms=found.terms)
    after = replace(found, state=mine[0][3])
    if done.act == "pause":
        require(found.pauses_left > 0, "pause_used_up", "no pause is left")
        ends = deadline_of(books[2][found.calendar], found.ends_ms, found.pause_days)
        after = replace(after, pauses_left=found.pauses_left - 1, ends_ms=ends)
    if done.act == "counter":
        require(is_digest(done.terms), "bad_terms", "terms are a digest")
        after = replace(after, proposer=ctx.organisation, round=found.round + 1, terms=done.terms)
    return note_step(books, ctx, after, done.act)


def note_step(books: Books, ctx: Context, after: Exchange, act: str) -> Exchange:
    """Keep an exchange and the step that led there."""
    books[1][after.id, after.steps] = Step(
        by=ctx.organisation, act=act, round=after.round, digest=after.terms, at_ms=ctx.now
    )
    books[0][after.id] = replace(after, steps=after.steps + 1)
    return books[0][after.id]


def is_lawful(table: Table, exchanges: list[Written[Exchange]]) -> bool:
    """Whether each exchange that was written took one step that the table lists."""
    return all(is_step(table, one.before, one.after) for one in exchanges)


def is_bound(table: Table, state: str) -> bool:
    """Whether the deadline binds in this state: an exchange can expire from it."""
    return any(row[0] == state and row[2] == "expire" for row in table)


def is_step(table: Table, before: Exchange | None, after: Exchange | None) -> bool:
    """Whether this is a first proposal, or one step of the table; an end state has none."""
    if after is None:
        return False
    if before is None:
        return after.state == "open" and after.round == 1 and after.proposer == after.a
    listed = [row for row in table if row[0] == before.state and row[3] == after.state]
    parties = before.a == after.a and before.b == after.b and before.kind == after.kind
    counter = after.round == before.round + 1 and after.proposer != before.proposer
    bound = before.terms == after.terms and before.round == after.round
    kept = before.starts_ms == after.starts_ms and before.pause_days == after.pause_days
    still = before.ends_ms == after.ends_ms and before.pauses_left == after.pauses_left
    paused = before.ends_ms < after.ends_ms and before.pauses_left - 1 == after.pauses_left >= 0
    runs = is_bound(table, after.state)
    terms = bound or (runs and counter)
    clock = kept and (still or (runs and paused))
    return listed != [] and parties and terms and clock and after.steps == before.steps + 1
