# SPDX-License-Identifier: Apache-2.0
"""Evidence: this document existed, came from this source and was not replaced.

The document stays byte for byte where it is; the ledger holds its digest, what a validator said of
it, and who has had it in hand. A digest of something that could be guessed is salted
(``SALTED_TAG``). The time of a deposit is block time and no argument: nobody deposits yesterday.

Keeping the document itself sealed in a vault, and a bundle that carries it, come with vaults; the
proof that a deposit stands on the ledger is an evidence file already.
"""

from typing import Literal

from hanse.contracts import Context, Map, OrganisationId, TimeMs, Written, record, replace, require
from hanse.contracts.patterns.forms import is_digest, is_name

BYTES_MAX = 1_099_511_627_776
LINE_MAX = 100
ROWS_MAX = 1_000
SALTED_TAG = "evidence/salted/1"


@record
class Statement:
    """What a validator said of a document; whoever has the ruleset can say it again."""

    standard: str
    version: str
    ruleset_digest: str
    verdict: Literal["accepted", "accepted_with_findings", "refused", "not_validated"]


@record
class Deposit:
    """A document by its digest. Of a line of replacements each knows its neighbours."""

    digest: str
    media_type: str
    size_bytes: int
    statement: Statement
    source: OrganisationId
    custodian: OrganisationId
    at_ms: TimeMs
    height: int
    supersedes: str = ""
    superseded_by: str = ""
    sealed: bool = False
    times: int = 0
    hands: int = 0


@record
class Document:
    """What is said of a document when it is deposited."""

    digest: str
    media_type: str
    size_bytes: int
    statement: Statement


@record
class TimeProof:
    """A time stamp of another authority over a deposit: its kind, digest and the time it names."""

    kind: str
    digest: str
    time_ms: TimeMs
    by: OrganisationId
    at_ms: TimeMs


@record
class Supersede:
    """Why a document was replaced by which."""

    old: str
    new: str
    reason: str
    at_ms: TimeMs


@record
class Custody:
    """Who gave a deposit into whose hands."""

    frm: OrganisationId
    to: OrganisationId
    at_ms: TimeMs


@record
class Bundle:
    """All that the ledger knows of a deposit; ``line`` begins with what it replaced itself."""

    deposit: Deposit
    times: list[TimeProof]
    hands: list[Custody]
    line: list[str]


Deposits = Map[str, Deposit]
Times = Map[tuple[str, int], TimeProof]
Hands = Map[tuple[str, int], Custody]
Books = tuple[Deposits, Times, Hands, Map[str, Supersede]]
"""Deposits by digest; time proofs and custody by digest and number; replacements by the old."""


def make_deposit(books: Books, ctx: Context, told: Document) -> Deposit:
    """Put a document's digest on the ledger. Refuses bad_digest, already_exists."""
    formed = is_digest(told.digest) and is_digest(told.statement.ruleset_digest)
    sized = 0 < told.size_bytes <= BYTES_MAX and is_name(told.media_type)
    require(formed and sized, "bad_digest", "a document has a digest, a type and a size")
    made = Deposit(
        digest=told.digest,
        media_type=told.media_type,
        size_bytes=told.size_bytes,
        statement=told.statement,
        source=ctx.organisation,
        custodian=ctx.organisation,
        at_ms=ctx.now,
        height=ctx.height,
    )
    return books[0].add(told.digest, made)


def add_time(books: Books, ctx: Context, digest: str, proof: TimeProof, age_ms_max: int) -> Deposit:
    """Add a time stamp that another authority gave.

    Refuses not_found, too_early (it names a time longer than ``age_ms_max`` before the deposit),
    too_late (a time to come), bad_digest, not_source, sealed.
    """
    found = books[0][digest]
    recent = proof.time_ms >= found.at_ms - age_ms_max
    require(recent, "too_early", "the time stamp is older than is accepted")
    require(proof.time_ms <= ctx.now, "too_late", "the time stamp lies ahead of block time")
    formed = is_digest(proof.digest) and is_name(proof.kind)
    require(formed, "bad_digest", "a time stamp has a digest and a kind")
    check_source(ctx, found)
    check_unsealed(found)
    books[1][digest, found.times] = replace(proof, by=ctx.organisation, at_ms=ctx.now)
    books[0][digest] = replace(found, times=found.times + 1)
    return books[0][digest]


def supersede(books: Books, ctx: Context, old: str, new: str, reason: str) -> Deposit:
    """Say which deposit takes the place of which; both stay. A line of them has no branches.

    Refuses not_found, wrong_state, not_source, already_superseded, sealed.
    """
    wrong, right = books[0][old], books[0][new]
    fresh = old != new and right.supersedes == "" and right.superseded_by == ""
    require(fresh, "wrong_state", "the new document has a place in a line already")
    check_source(ctx, wrong)
    check_source(ctx, right)
    last = wrong.superseded_by == ""
    require(last, "already_superseded", "replace what replaced it", by=wrong.superseded_by)
    check_unsealed(wrong)
    check_unsealed(right)
    books[0][old] = replace(wrong, superseded_by=new)
    books[0][new] = replace(right, supersedes=old)
    books[3][old] = Supersede(old=old, new=new, reason=reason, at_ms=ctx.now)
    return books[0][new]


def hand_over(books: Books, ctx: Context, digest: str, to: OrganisationId) -> Deposit:
    """Give a deposit into the hands of another.

    Refuses not_found, wrong_organisation, sealed,
    bad_custodian.
    """
    found = books[0][digest]
    ctx.acts_for(found.custodian)
    check_unsealed(found)
    named = is_name(to) and to != found.custodian
    require(named, "bad_custodian", "name another organisation")
    books[2][digest, found.hands] = Custody(frm=found.custodian, to=to, at_ms=ctx.now)
    books[0][digest] = replace(found, custodian=to, hands=found.hands + 1)
    return books[0][digest]


def seal_deposit(books: Books, ctx: Context, digest: str) -> Deposit:
    """End all change of a deposit, for ever. Refuses not_found, wrong_organisation, sealed."""
    found = books[0][digest]
    ctx.acts_for(found.custodian)
    check_unsealed(found)
    books[0][digest] = replace(found, sealed=True)
    return books[0][digest]


def export_bundle(books: Books, digest: str) -> Bundle:
    """Return all that is known of a deposit; of its line, the last 100. Refuses not_found."""
    found = books[0][digest]
    line: list[str] = []
    before = found.supersedes
    while before != "" and len(line) < LINE_MAX:
        line.append(before)
        before = books[0][before].supersedes
    times = list(books[1].values((digest,), limit=ROWS_MAX))
    hands = list(books[2].values((digest,), limit=ROWS_MAX))
    return Bundle(deposit=found, times=times, hands=hands, line=line)


def is_document(ctx: Context, digest: str, salt: bytes, document: bytes) -> bool:
    """Whether a salted digest stands for this document."""
    return ctx.digest(SALTED_TAG, salt, document) == digest


def check_source(ctx: Context, deposit: Deposit) -> None:
    """Refuse not_source."""
    mine = deposit.source == ctx.organisation
    require(mine, "not_source", "only who deposited it may", source=deposit.source)


def check_unsealed(deposit: Deposit) -> None:
    """Refuse sealed."""
    require(
        not deposit.sealed, "sealed", "nothing about it changes any more", digest=deposit.digest
    )


def is_kept(deposits: Deposits, written: list[Written[Deposit]]) -> bool:
    """Whether no deposit lost anything: what it was of, its line, its seal."""
    good = True
    for one in written:
        after = one.after
        if after is None or after.digest != one.key:
            return False
        good = good and (one.before is None or is_same(one.before, after))
        good = good and is_linked(deposits, after)
    return good


def is_same(before: Deposit, after: Deposit) -> bool:
    """Whether a deposit is what it was, with at most one replacement, hand or time stamp more."""
    told = before.media_type == after.media_type and before.size_bytes == after.size_bytes
    told = told and before.statement == after.statement and before.source == after.source
    timed = before.at_ms == after.at_ms and before.height == after.height
    placed = before.supersedes in ("", after.supersedes)
    placed = placed and before.superseded_by in ("", after.superseded_by)
    held = before.custodian == after.custodian or after.hands == before.hands + 1
    return told and timed and placed and held and not before.sealed


def is_linked(deposits: Deposits, deposit: Deposit) -> bool:
    """Whether both neighbours in the line know this deposit."""
    old, new = deposits.get(deposit.supersedes), deposits.get(deposit.superseded_by)
    back = deposit.supersedes == "" or (old is not None and old.superseded_by == deposit.digest)
    forth = deposit.superseded_by == "" or (new is not None and new.supersedes == deposit.digest)
    return back and forth and deposit.supersedes != deposit.digest
