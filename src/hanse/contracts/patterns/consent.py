# SPDX-License-Identifier: Apache-2.0
"""Consent: access by purpose, fields, time and recipient, given by the subject and taken back.

Each access is a record, made before the data is handed out: who holds the data releases it against
the committed access and not otherwise. A grant may be narrowed and withdrawn, never widened. A
delegate holds at most what its delegator holds, and what it uses is used of both.

The subject signs as a member, by a pseudonym where a person is meant. Names of fields and purposes
are public: where they tell a secret, give them neutral names. Keys that open sealed fields, and
their release by vaults against an access, come with vaults. What a party does with data it has
already, no ledger sees.
"""

from typing import Literal

from hanse.contracts import (
    Context,
    Map,
    MemberId,
    OrganisationId,
    TimeMs,
    Written,
    record,
    replace,
    require,
)
from hanse.contracts.patterns.calendar import Calendar, deadline_of
from hanse.contracts.patterns.forms import are_names, is_digest, is_name, is_within

DEPTH_MAX = 4
FIELDS_MAX = 100
PURPOSES_MAX = 20
USES_MAX = 1_000_000


@record
class Terms:
    """What may be seen, what for, from when until when, how often."""

    fields: list[str]
    purposes: list[str]
    from_ms: TimeMs
    until_ms: TimeMs
    uses_left: int


@record
class Grant:
    """What a subject permits one recipient. ``depth_left`` is how often it may be delegated on."""

    id: str
    subject: MemberId
    holder: OrganisationId
    recipient: OrganisationId
    terms: Terms
    policy_digest: str
    depth_left: int
    parent: str = ""
    withdrawn: bool = False


@record
class Access:
    """One permitted look: the grant, or ``emergency``, who looks, what for and at what."""

    grant: str
    who: MemberId
    purpose: str
    fields: list[str]
    height: int
    at_ms: TimeMs


@record
class Review:
    """What somebody has to say about an access without consent, and by when."""

    access: str
    by: OrganisationId
    subject: MemberId
    reason: str
    due_ms: TimeMs
    outcome: Literal["open", "justified", "not_justified"]


Grants = Map[str, Grant]
Accesses = Map[str, Access]
Books = tuple[Grants, Accesses, Map[str, Review]]
"""Grants; accesses by their transaction; and reviews by the access that they are of."""


def give(books: Books, ctx: Context, new: Grant) -> Grant:
    """Permit a recipient something. Refuses bad_terms, not_subject, already_exists."""
    named = is_name(new.id) and is_name(new.recipient) and is_name(new.holder)
    formed = named and is_digest(new.policy_digest) and 0 <= new.depth_left < DEPTH_MAX
    require(formed and are_terms(new.terms), "bad_terms", "name fields, purposes, time and uses")
    check_subject(ctx, new)
    return books[0].add(new.id, replace(new, parent="", withdrawn=False))


def narrow(books: Books, ctx: Context, grant: str, terms: Terms) -> Grant:
    """Permit less than before.

    Refuses not_found, bad_terms, not_subject, widened, withdrawn.
    """
    found = books[0][grant]
    require(are_terms(terms), "bad_terms", "name fields, purposes, time and uses")
    check_subject(ctx, found)
    require(is_narrower(terms, found.terms), "widened", "ask for a new grant instead")
    require(not found.withdrawn, "withdrawn", "it was taken back")
    books[0][grant] = replace(found, terms=terms)
    return books[0][grant]


def withdraw(books: Books, ctx: Context, grant: str) -> Grant:
    """Take a grant back, with all that was delegated of it.

    Refuses not_found, not_subject, withdrawn.
    """
    found = books[0][grant]
    check_subject(ctx, found)
    require(not found.withdrawn, "withdrawn", "it was taken back before")
    books[0][grant] = replace(found, withdrawn=True)
    return books[0][grant]


def delegate(books: Books, ctx: Context, grant: str, new: Grant) -> Grant:
    """Let another organisation have a part of one's own grant.

    Refuses not_found, too_late, bad_terms, wrong_recipient, widened, not_delegable, withdrawn,
    already_exists.
    """
    found = books[0][grant]
    require(ctx.now <= found.terms.until_ms, "too_late", "the grant is over")
    named = is_name(new.id) and is_name(new.recipient)
    require(named and are_terms(new.terms), "bad_terms", "name fields, purposes, time and uses")
    require(found.recipient == ctx.organisation, "wrong_recipient", "it was given to another")
    require(is_narrower(new.terms, found.terms), "widened", "a delegate gets no more than you")
    require(found.depth_left > 0, "not_delegable", "the subject did not permit that")
    check_chain(books[0], found)
    made = replace(
        found, id=new.id, recipient=new.recipient, terms=new.terms, parent=grant, withdrawn=False
    )
    return books[0].add(new.id, replace(made, depth_left=found.depth_left - 1))


def look(books: Books, ctx: Context, grant: str, purpose: str, fields: list[str]) -> Access:
    """Record an access under a grant; the holder releases the fields against this record.

    Refuses too_early, too_late, no_grant, wrong_recipient, wrong_purpose, fields_exceeded,
    uses_spent, withdrawn. Of a delegated grant, each one above must permit it, too.
    """
    found = books[0].get(grant)
    if found is not None:
        require(ctx.now >= found.terms.from_ms, "too_early", "the grant has not begun")
    chain = chain_of(books[0], grant)
    for one in chain:
        require(ctx.now <= one.terms.until_ms, "too_late", "the grant is over", grant=one.id)
    require(chain != [], "no_grant", "there is no such grant", grant=grant)
    mine = chain[0].recipient == ctx.organisation
    require(mine, "wrong_recipient", "it was given to another")
    for one in chain:
        meant = purpose in one.terms.purposes
        require(meant, "wrong_purpose", "it was not given for this", grant=one.id)
    asked = are_names(fields, FIELDS_MAX)
    for one in chain:
        seen = asked and is_within(fields, one.terms.fields)
        require(seen, "fields_exceeded", "it does not show all of these", grant=one.id)
    for one in chain:
        require(one.terms.uses_left > 0, "uses_spent", "it is used up", grant=one.id)
    check_chain(books[0], chain[0])
    for one in chain:
        left = replace(one.terms, uses_left=one.terms.uses_left - 1)
        books[0][one.id] = replace(one, terms=left)
    return note_access(books, ctx, grant, purpose, fields)


def break_glass(books: Books, ctx: Context, calendar: Calendar, why: Review, days: int) -> Access:
    """Record an access without consent, and open its review.

    An eligible role is never refused; eligible is whom the contract's action lets in.
    """
    access = note_access(books, ctx, "emergency", "emergency", [])
    books[2][ctx.tx] = replace(
        why,
        access=ctx.tx,
        by=ctx.organisation,
        due_ms=deadline_of(calendar, ctx.now, days),
        outcome="open",
    )
    return access


def review(
    books: Books, ctx: Context, access: str, outcome: Literal["justified", "not_justified"]
) -> Review:
    """Say whether an access without consent was justified; not by who made it.

    Refuses not_found, wrong_organisation, wrong_state.
    """
    found = books[2][access]
    other = found.by != ctx.organisation
    require(other, "wrong_organisation", "nobody reviews what it did itself")
    require(found.outcome == "open", "wrong_state", "it was reviewed before")
    books[2][access] = replace(found, outcome=outcome)
    return books[2][access]


def note_access(books: Books, ctx: Context, grant: str, purpose: str, fields: list[str]) -> Access:
    """Keep an access under its transaction, one for each."""
    made = Access(
        grant=grant,
        who=ctx.member,
        purpose=purpose,
        fields=fields,
        height=ctx.height,
        at_ms=ctx.now,
    )
    return books[1].add(ctx.tx, made)


def chain_of(grants: Grants, grant: str) -> list[Grant]:
    """Return a grant, first, and those that it was delegated from; none if it is not there."""
    chain: list[Grant] = []
    name = grant
    while name != "" and len(chain) <= DEPTH_MAX:
        found = grants.get(name)
        if found is None:
            return []
        chain.append(found)
        name = found.parent
    return chain


def check_chain(grants: Grants, grant: Grant) -> None:
    """Refuse withdrawn, where the grant or one that it was delegated from was taken back."""
    for one in chain_of(grants, grant.id):
        require(not one.withdrawn, "withdrawn", "the subject took it back", grant=one.id)


def check_subject(ctx: Context, grant: Grant) -> None:
    """Refuse not_subject."""
    require(
        ctx.member == grant.subject, "not_subject", "only the subject may", subject=grant.subject
    )


def are_terms(terms: Terms) -> bool:
    """Whether terms name something: fields, purposes, a time and a number of uses."""
    named = are_names(terms.fields, FIELDS_MAX) and are_names(terms.purposes, PURPOSES_MAX)
    return named and terms.from_ms <= terms.until_ms and 0 <= terms.uses_left <= USES_MAX


def is_narrower(new: Terms, old: Terms) -> bool:
    """Whether new terms permit nothing that the old ones did not."""
    named = is_within(new.fields, old.fields) and is_within(new.purposes, old.purposes)
    timed = new.from_ms >= old.from_ms and new.until_ms <= old.until_ms
    return named and timed and new.uses_left <= old.uses_left


def is_never_wider(
    grants: Grants, written: list[Written[Grant]], accesses: list[Written[Access]]
) -> bool:
    """Whether no grant was widened or revived, and each access stands under one that permits it."""
    for one in written:
        after = one.after
        if after is None or not is_grant_kept(one.before, after):
            return False
        above = None if after.parent == "" else grants.get(after.parent)
        if one.before is None and after.parent != "":
            if above is None or not is_narrower(after.terms, above.terms):
                return False
            if after.subject != above.subject or after.depth_left >= above.depth_left:
                return False
    return all(is_access(grants, one) for one in accesses)


def is_grant_kept(before: Grant | None, after: Grant) -> bool:
    """Whether a grant is between the same, no wider, and stays withdrawn."""
    if before is None:
        return not after.withdrawn
    same = before.subject == after.subject and before.recipient == after.recipient
    same = same and before.holder == after.holder and before.parent == after.parent
    kept = before.depth_left == after.depth_left and before.policy_digest == after.policy_digest
    ended = after.withdrawn or not before.withdrawn
    return same and kept and ended and is_narrower(after.terms, before.terms)


def is_access(grants: Grants, one: Written[Access]) -> bool:
    """Whether an access is new and, under a grant, within what the grant permits and not late."""
    if one.before is not None or one.after is None:
        return False
    if one.after.grant == "emergency":
        return True
    chain = chain_of(grants, one.after.grant)
    return chain != [] and all(permits(grant, one.after) for grant in chain)


def permits(grant: Grant, access: Access) -> bool:
    """Whether a grant permits this access, its use counted already."""
    terms = grant.terms
    named = access.purpose in terms.purposes and is_within(access.fields, terms.fields)
    return named and access.at_ms <= terms.until_ms and not grant.withdrawn
