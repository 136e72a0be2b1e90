# SPDX-License-Identifier: Apache-2.0
"""Claim once: a right used once among organisations that may not see each other's books.

The identifier of the right never reaches the ledger. A registrar, who sees it anyway, normalises
it and computes a tag under a key that only the registrars of the domain hold
(``hanse.client.tags``), and answers for the tag by signing the claim. Whoever claims is named by a
salted digest, which ``is_claimant`` opens; once fields can be sealed, a sealed field replaces it.

When the key changes, a rotation is open until every tag is carried over. Meanwhile each call names
the tags under both keys, so that a claim made during the rotation stays unique.

A contract declares the maps of ``Books`` and calls one function for each action; its invariant is
``is_within_capacity``. One domain is one register: apps share it once contracts can call each
other, until then those that must not claim twice belong in one contract.
"""

from typing import Literal

from hanse.contracts import Context, Map, OrganisationId, TimeMs, Written, record, replace, require
from hanse.contracts.patterns.forms import are_names, check_acts_for, is_digest, is_name

CAPACITY_MAX = 9_007_199_254_740_991
REGISTRARS_MAX = 100
CLAIMANT_TAG = "claim_once/claimant/1"

ClaimState = Literal["live", "consumed", "released"]


@record
class ClaimDomain:
    """A register of one kind of right, and who may write in it.

    ``normaliser`` names how identifiers are brought to one form, ``unit`` what capacity counts.
    An asker may check ``checks_max`` times in ``window_ms``. ``epoch`` numbers the key;
    ``old_left`` tags of the epoch before are not carried over yet. ``retention_days`` is a promise
    of the registrars about their own files: no ledger forgets.
    """

    domain: str
    registrars: list[OrganisationId]
    normaliser: str
    unit: str
    retention_days: int
    checks_max: int
    window_ms: int
    epoch: int = 1
    tags: int = 0
    old_left: int = 0


@record
class Tagged:
    """What a tag stands for: a right, named by its first tag, under the key of an epoch."""

    right: str
    epoch: int


@record
class Right:
    """How much of a right there is, is claimed and is used up; when it was claimed first."""

    capacity: int
    live: int
    consumed: int
    since_height: int


@record
class Claim:
    """Units of a right for one claimant, named by a salted digest."""

    id: str
    domain: str
    right: str
    units: int
    purpose: str
    claimant: str
    evidence: str
    state: ClaimState
    since_ms: TimeMs


@record
class Answer:
    """What an asker was told; ``withheld`` where it has asked too often."""

    domain: str
    tag: str
    outcome: Literal["free", "taken", "withheld"]
    asker: str
    height: int


@record
class Asker:
    """How often an asker has checked since its window began; ``withheld`` counts all refusals."""

    since_ms: TimeMs
    count: int
    withheld: int


@record
class Asked:
    """What a registrar says of an identifier: its tag, and its old one while a rotation is open."""

    domain: str
    epoch: int
    tag: str
    old_tag: str = ""


@record
class Claiming:
    """What is claimed; ``capacity`` is the whole right's, ``evidence`` its document's digest."""

    id: str
    capacity: int
    units: int
    purpose: str
    claimant: str
    evidence: str


Domains = Map[str, ClaimDomain]
Tags = Map[tuple[str, str], Tagged]
Rights = Map[tuple[str, str], Right]
Claims = Map[tuple[str, str], Claim]
Proofs = Map[tuple[str, str], str]
Books = tuple[Domains, Tags, Rights, Claims, Proofs]
"""Domains; tags, rights and claims by domain; and by domain and evidence, the right it proves."""


def open_domain(books: Books, domain: ClaimDomain) -> ClaimDomain:
    """Open a register. Refuses bad_domain, already_exists."""
    named = is_name(domain.domain) and is_name(domain.normaliser) and is_name(domain.unit)
    some = are_names([str(name) for name in domain.registrars], REGISTRARS_MAX)
    counted = domain.checks_max > 0 and domain.window_ms > 0 and domain.retention_days > 0
    require(named and some and counted, "bad_domain", "name it, its registrars and its limits")
    fresh = replace(domain, epoch=1, tags=0, old_left=0)
    return books[0].add(domain.domain, fresh)


def check_right(
    books: Books, askers: Map[tuple[str, str], Asker], ctx: Context, asked: Asked, asker: str
) -> Answer:
    """Answer whether a right is claimed; beyond an asker's limit the answer is withheld.

    ``asker`` is a pseudonym that the registrar gives to whoever asks through it. A withheld answer
    is a record, so that guessing shows.

    Refuses not_found, wrong_organisation, wrong_epoch, bad_evidence.
    """
    domain = check_asked(books, ctx, asked)
    require(is_name(asker), "bad_evidence", "say under what pseudonym it was asked")
    before = askers.get((asked.domain, asker))
    if before is None or ctx.now - before.since_ms >= domain.window_ms:
        kept = 0 if before is None else before.withheld
        before = Asker(since_ms=ctx.now, count=0, withheld=kept)
    found = find_right(books, asked)
    full = found is not None and found.live + found.consumed >= found.capacity
    outcome: Literal["free", "taken", "withheld"] = "taken" if full else "free"
    height = found.since_height if found is not None and full else 0
    if before.count >= domain.checks_max:
        outcome, height = "withheld", 0
        before = replace(before, withheld=before.withheld + 1)
    else:
        before = replace(before, count=before.count + 1)
    askers[asked.domain, asker] = before
    return Answer(domain=asked.domain, tag=asked.tag, outcome=outcome, asker=asker, height=height)


def take_claim(books: Books, ctx: Context, asked: Asked, new: Claiming) -> Claim:
    """Claim units of a right.

    Refuses not_found, wrong_organisation, wrong_epoch, bad_evidence, capacity_mismatch, taken,
    already_exists. Who is refused with ``taken`` learns a height, and nothing else.
    """
    domain = check_asked(books, ctx, asked)
    tagged = find_tagged(books, asked)
    right_id = asked.tag if tagged is None else tagged.right
    proves = books[4].get((asked.domain, new.evidence))
    named = is_name(new.id) and is_digest(new.evidence) and is_digest(new.claimant)
    good = named and (proves is None or proves == right_id)
    text = "evidence and claimant are digests; a document proves one right only"
    require(good, "bad_evidence", text)
    right = books[2].get((asked.domain, right_id))
    if right is None:
        right = Right(capacity=new.capacity, live=0, consumed=0, since_height=ctx.height)
    possible = 0 < new.units <= new.capacity <= CAPACITY_MAX and new.capacity == right.capacity
    require(possible, "capacity_mismatch", "the right is of another size than was claimed before")
    left = right.capacity - right.live - right.consumed
    require(new.units <= left, "taken", "it was claimed before", height=right.since_height)
    made = Claim(
        id=new.id,
        domain=asked.domain,
        right=right_id,
        units=new.units,
        purpose=new.purpose,
        claimant=new.claimant,
        evidence=new.evidence,
        state="live",
        since_ms=ctx.now,
    )
    books[3].add((asked.domain, new.id), made)
    books[4][asked.domain, new.evidence] = right_id
    books[2][asked.domain, right_id] = replace(right, live=right.live + new.units)
    remember_tag(books, domain, asked, right_id)
    return made


def transfer_claim(books: Books, ctx: Context, domain: str, claim: str, claimant: str) -> Claim:
    """Give a live claim to another claimant.

    Refuses not_found, wrong_organisation, wrong_state, bad_evidence.
    """
    found = check_claim(books, ctx, domain, claim)
    require(is_digest(claimant), "bad_evidence", "the claimant is named by a salted digest")
    books[3][domain, claim] = replace(found, claimant=claimant)
    return books[3][domain, claim]


def end_claim(
    books: Books, ctx: Context, domain: str, claim: str, state: Literal["consumed", "released"]
) -> Claim:
    """Use up the units of a live claim for ever, or set them free again.

    Refuses not_found, wrong_organisation, wrong_state.
    """
    found = check_claim(books, ctx, domain, claim)
    right = books[2][domain, found.right]
    used = found.units if state == "consumed" else 0
    books[2][domain, found.right] = replace(
        right, live=right.live - found.units, consumed=right.consumed + used
    )
    books[3][domain, claim] = replace(found, state=state)
    return books[3][domain, claim]


def start_rotation(books: Books, ctx: Context, domain: str) -> ClaimDomain:
    """Begin to use the next key; every tag there is must be carried over.

    Refuses not_found, wrong_organisation, wrong_state.
    """
    found = books[0][domain]
    check_acts_for(ctx, found.registrars)
    require(
        found.old_left == 0, "wrong_state", "the last rotation is not over", left=found.old_left
    )
    books[0][domain] = replace(found, epoch=found.epoch + 1, old_left=found.tags)
    return books[0][domain]


def carry_tag(books: Books, ctx: Context, asked: Asked) -> ClaimDomain:
    """Put a right under its tag of the new key. Refuses not_found, wrong_organisation, wrong_epoch.

    The rotation is over with the last one.
    """
    domain = check_asked(books, ctx, asked)
    old = books[1].get((asked.domain, asked.old_tag))
    require(old is not None, "wrong_epoch", "no such tag of the old key", tag=asked.old_tag)
    right_id = asked.tag if old is None else old.right
    remember_tag(books, domain, asked, right_id)
    return books[0][asked.domain]


def is_claimant(ctx: Context, claim: Claim, salt: str, claimant: OrganisationId) -> bool:
    """Whether a claim's digest opens to this salt and claimant."""
    return ctx.digest(CLAIMANT_TAG, salt, claimant) == claim.claimant


def check_asked(books: Books, ctx: Context, asked: Asked) -> ClaimDomain:
    """Return the domain; refuses not_found, wrong_organisation, wrong_epoch.

    While a rotation is open both tags are asked for, and at no other time.
    """
    domain = books[0][asked.domain]
    check_acts_for(ctx, domain.registrars)
    rotating = domain.old_left > 0
    both = is_digest(asked.old_tag) and asked.old_tag != asked.tag
    right = both if rotating else asked.old_tag == ""
    old, new = books[1].get((asked.domain, asked.old_tag)), books[1].get((asked.domain, asked.tag))
    right = right and (old is None or (old.epoch < domain.epoch and new is None))
    right = right and (new is None or new.epoch == domain.epoch)
    good = asked.epoch == domain.epoch and is_digest(asked.tag) and right
    text = "compute the tag under the present key, and under the old one while it rotates"
    require(good, "wrong_epoch", text, epoch=domain.epoch, rotating=rotating)
    return domain


def find_tagged(books: Books, asked: Asked) -> Tagged | None:
    """Return what the tag stands for, by the new key or by the old."""
    found = books[1].get((asked.domain, asked.tag))
    if found is None and asked.old_tag != "":
        found = books[1].get((asked.domain, asked.old_tag))
    return found


def find_right(books: Books, asked: Asked) -> Right | None:
    """Return the right behind a tag, if it was ever claimed."""
    tagged = find_tagged(books, asked)
    return None if tagged is None else books[2].get((asked.domain, tagged.right))


def remember_tag(books: Books, domain: ClaimDomain, asked: Asked, right: str) -> None:
    """Put a right under its present tag, and take away the old one."""
    domains, tags = books[:2]
    fresh = 0 if (asked.domain, asked.tag) in tags else 1
    left = domain.old_left
    if asked.old_tag != "" and (asked.domain, asked.old_tag) in tags:
        del tags[asked.domain, asked.old_tag]
        left -= 1
        fresh -= 1
    tags[asked.domain, asked.tag] = Tagged(right=right, epoch=domain.epoch)
    domains[asked.domain] = replace(domain, tags=domain.tags + fresh, old_left=left)


def check_claim(books: Books, ctx: Context, domain: str, claim: str) -> Claim:
    """Return a live claim; refuses not_found, wrong_organisation, wrong_state."""
    found = books[3][domain, claim]
    check_acts_for(ctx, books[0][domain].registrars)
    require(found.state == "live", "wrong_state", f"the claim is {found.state}")
    return found


def is_within_capacity(rights: list[Written[Right]], claims: list[Written[Claim]]) -> bool:
    """Whether no right is claimed beyond its capacity, nor changed but by claims that add up."""
    live: dict[str, int] = {}
    consumed: dict[str, int] = {}
    good = True
    for right in rights:
        name = f"{right.key[0]} {right.key[1]}"
        good = good and is_right(right.before, right.after)
        live[name] = live_in(right.after) - live_in(right.before)
        consumed[name] = consumed_in(right.after) - consumed_in(right.before)
    for claim in claims:
        after = claim.after
        good = good and after is not None and is_claim(claim.before, after)
        if after is not None:
            name = f"{after.domain} {after.right}"
            before: ClaimState = "released" if claim.before is None else claim.before.state
            live[name] = live.get(name, 0) + after.units * (is_in(before) - is_in(after.state))
            if after.state == "consumed" and before != "consumed":
                consumed[name] = consumed.get(name, 0) - after.units
    balanced = all(total == 0 for total in live.values())
    return good and balanced and all(total == 0 for total in consumed.values())


def is_right(before: Right | None, after: Right | None) -> bool:
    """Whether a right keeps its size, and is not used beyond it."""
    if after is None or (before is not None and before.capacity != after.capacity):
        return False
    whole = after.live + after.consumed <= after.capacity
    return whole and after.live >= 0 and after.consumed >= consumed_in(before)


def is_claim(before: Claim | None, after: Claim) -> bool:
    """Whether a claim keeps its right and units, and an ended one stays as it is."""
    if before is None:
        return after.units > 0 and after.state == "live"
    same = before.right == after.right and before.units == after.units
    return same and (before.state == "live" or before == after)


def is_in(state: ClaimState) -> int:
    """Return 1 for a live claim, else 0."""
    return 1 if state == "live" else 0


def live_in(right: Right | None) -> int:
    """Return the live units of a right."""
    return 0 if right is None else right.live


def consumed_in(right: Right | None) -> int:
    """Return the used units of a right."""
    return 0 if right is None else right.consumed
