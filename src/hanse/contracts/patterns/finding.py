# SPDX-License-Identifier: Apache-2.0
"""Finding: a rule, a model or a person says "look here"; somebody with the duty answers.

A finding changes nothing but its own case. A person takes the case up, hears the supervised, and
ends it with a reason; the supervised may always reply, and appeal to a body that is neither of the
two. Only a live order touches anything: signed by two different organisations, for named things and
powers, until it expires.

The second signature is a transaction of its own here, so that who gives it judges what is on the
ledger. The kernel's supervision orders, which reach every contract, are to come: until then an
order reaches what its own contract asks ``is_frozen`` about.
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

INPUTS_MAX = 100
SCOPE_MAX = 200
NOTES_MAX = 1_000
POWERS = ("see", "hold", "freeze", "mask")
MOVES = (
    ("open", "taken"),
    ("taken", "dismissed"),
    ("taken", "confirmed"),
    ("confirmed", "appealed"),
    ("appealed", "upheld"),
    ("appealed", "dismissed"),
    ("confirmed", "closed"),
    ("upheld", "closed"),
    ("dismissed", "closed"),
)

CaseState = Literal["open", "taken", "dismissed", "confirmed", "appealed", "upheld", "closed"]


@record
class Model:
    """A version of a rule or model: what it is and was made of, when it speaks, who answers.

    A version never changes; another threshold is another version.
    """

    kind: Literal["rule", "model"]
    digest: str
    data_digest: str
    threshold: int
    owner: OrganisationId


@record
class Finding:
    """What was seen, by which version of what, from which inputs; ``by`` is empty for a person."""

    id: str
    by: str
    version: int
    reporter: MemberId
    about: OrganisationId
    thing: str
    inputs: list[str]
    score: int
    threshold: int
    explanation: str
    at_ms: TimeMs


@record
class Case:
    """What became of a finding: who has it, where it stands, by when, and why it ended so."""

    desk: OrganisationId
    appeal_body: OrganisationId
    due_ms: TimeMs
    officer: str = ""
    state: CaseState = "open"
    reason: str = ""
    notes: int = 0


@record
class Note:
    """A question to the supervised, or its reply, by the digest of what was written."""

    by: MemberId
    kind: Literal["ask", "reply"]
    digest: str
    at_ms: TimeMs


@record
class Order:
    """A warrant: on what basis, for which things, with which powers, until when, signed by whom."""

    id: str
    finding: str
    authority: OrganisationId
    basis: str
    scope: list[str]
    powers: list[str]
    expires_ms: TimeMs
    first: str = ""
    second: str = ""
    second_of: str = ""


@record
class Frozen:
    """A thing that an order holds still."""

    order: str
    until_ms: TimeMs
    by: MemberId


@record
class Filing:
    """A finding as it is proposed, the desk that shall answer, and who hears appeals."""

    id: str
    by: str
    version: int
    about: OrganisationId
    thing: str
    inputs: list[str]
    score: int
    explanation: str
    desk: OrganisationId
    appeal_body: OrganisationId
    days: int


Models = Map[tuple[str, int], Model]
Findings = Map[str, Finding]
Cases = Map[str, Case]
Notes = Map[tuple[str, int], Note]
Orders = Map[str, Order]
Freezes = Map[str, Frozen]
Books = tuple[Models, Findings, Cases, Notes, Orders, Freezes]
"""Models by name and version; findings; their cases; notes by finding and number; orders; and what
is frozen, by thing."""


def register_model(books: Books, ctx: Context, name: str, version: int, model: Model) -> Model:
    """Register the next version of a rule or model; who registers the first owns it.

    Refuses wrong_organisation, wrong_state, bad_model.
    """
    before = books[0].get((name, version - 1))
    mine = before is None or before.owner == ctx.organisation
    require(mine, "wrong_organisation", "it belongs to another")
    follows = (version == 1 or before is not None) and (name, version) not in books[0]
    require(follows, "wrong_state", "versions are numbered from 1; none is changed")
    data = is_digest(model.data_digest) or model.kind == "rule"
    formed = is_name(name) and is_digest(model.digest) and data
    require(formed, "bad_model", "name it, and its text and data by their digests")
    return books[0].add((name, version), replace(model, owner=ctx.organisation))


def propose(books: Books, ctx: Context, calendar: Calendar, told: Filing) -> Case:
    """Say "look here", to a desk that is not the supervised.

    Refuses wrong_organisation, inputs_missing, model_not_registered, already_exists, bad_calendar.
    """
    apart = told.about != told.desk and told.appeal_body not in (told.about, told.desk)
    require(apart, "wrong_organisation", "nobody judges itself, and another hears appeals")
    some = 0 < len(told.inputs) <= INPUTS_MAX and all(is_digest(one) for one in told.inputs)
    named = is_name(told.id) and is_name(told.thing) and told.explanation != ""
    require(some and named, "inputs_missing", "name the thing, its inputs, and what is wrong")
    model = books[0].get((told.by, told.version))
    known = told.by == "" or model is not None
    require(known, "model_not_registered", "register this version first", by=told.by)
    made = Finding(
        id=told.id,
        by=told.by,
        version=told.version,
        reporter=ctx.member,
        about=told.about,
        thing=told.thing,
        inputs=told.inputs,
        score=told.score,
        threshold=0 if model is None else model.threshold,
        explanation=told.explanation,
        at_ms=ctx.now,
    )
    books[1].add(told.id, made)
    due = deadline_of(calendar, ctx.now, told.days)
    return books[2].add(told.id, Case(desk=told.desk, appeal_body=told.appeal_body, due_ms=due))


def take_up(books: Books, ctx: Context, finding: str) -> Case:
    """Make a case one's own; a member of the desk does.

    Refuses not_found, wrong_organisation, wrong_state.
    """
    case = check_case(books, ctx, finding, ("open",))
    books[2][finding] = replace(case, state="taken", officer=ctx.member)
    return books[2][finding]


def write_note(
    books: Books, ctx: Context, finding: str, kind: Literal["ask", "reply"], digest: str
) -> Case:
    """Ask the supervised something, or reply; replying is possible until the case is closed.

    Refuses not_found, wrong_organisation, wrong_state, reason_missing.
    """
    case = books[2][finding]
    ctx.acts_for(case.desk if kind == "ask" else books[1][finding].about)
    opened = case.state != "closed" and case.notes < NOTES_MAX
    require(opened, "wrong_state", "the case is closed")
    require(is_digest(digest), "reason_missing", "name what was written by its digest")
    note = Note(by=ctx.member, kind=kind, digest=digest, at_ms=ctx.now)
    books[3][finding, case.notes] = note
    books[2][finding] = replace(case, notes=case.notes + 1)
    return books[2][finding]


def judge(
    books: Books,
    ctx: Context,
    finding: str,
    state: Literal["dismissed", "confirmed"],
    why: tuple[str, TimeMs],
) -> Case:
    """Dismiss or confirm a case that was taken up; not who reported it.

    ``why`` is the reason, and until when an appeal is possible. Refuses not_found,
    wrong_organisation, wrong_state, reason_missing, same_signer.
    """
    case = check_case(books, ctx, finding, ("taken",))
    require(why[0] != "", "reason_missing", "say why")
    other = ctx.member != books[1][finding].reporter
    require(other, "same_signer", "nobody judges a finding of one's own")
    books[2][finding] = replace(case, state=state, reason=why[0], due_ms=why[1], officer=ctx.member)
    return books[2][finding]


def appeal(books: Books, ctx: Context, finding: str, reason: str) -> Case:
    """Ask another body to look again; the supervised does, once, in time.

    Refuses not_found, wrong_organisation, wrong_state, too_late, reason_missing.
    """
    case = books[2][finding]
    ctx.acts_for(books[1][finding].about)
    require(case.state == "confirmed", "wrong_state", f"the case is {case.state}")
    require(ctx.now <= case.due_ms, "too_late", "the time for it is over", due_ms=case.due_ms)
    require(reason != "", "reason_missing", "say why")
    books[2][finding] = replace(case, state="appealed")
    return books[2][finding]


def decide_appeal(books: Books, ctx: Context, finding: str, upheld: bool, reason: str) -> Case:
    """Uphold what was confirmed, or dismiss it; the body of appeal does.

    Refuses not_found, wrong_organisation, wrong_state, reason_missing.
    """
    case = books[2][finding]
    ctx.acts_for(case.appeal_body)
    require(case.state == "appealed", "wrong_state", f"the case is {case.state}")
    require(reason != "", "reason_missing", "say why")
    books[2][finding] = replace(case, state="upheld" if upheld else "dismissed", reason=reason)
    return books[2][finding]


def close(books: Books, ctx: Context, finding: str, reason: str) -> Case:
    """End a case that was judged; a confirmed one after the time for an appeal.

    Refuses not_found, wrong_organisation, wrong_state, too_early, reason_missing, appeal_open.
    """
    ended = ("dismissed", "confirmed", "appealed", "upheld")
    case = check_case(books, ctx, finding, ended)
    over = case.state != "confirmed" or ctx.now > case.due_ms
    require(over, "too_early", "an appeal is possible still", due_ms=case.due_ms)
    require(reason != "", "reason_missing", "say why")
    require(case.state != "appealed", "appeal_open", "an appeal is open")
    books[2][finding] = replace(case, state="closed", reason=reason)
    return books[2][finding]


def request_order(books: Books, ctx: Context, order: Order) -> Order:
    """Sign an order first, for the thing of a confirmed case; it is live with a second signature.

    Refuses not_found, wrong_organisation, wrong_state, too_late, reason_missing, already_exists.
    """
    case = check_case(books, ctx, order.finding, ("confirmed", "upheld"))
    require(order.expires_ms > ctx.now, "too_late", "it would be over before it begins")
    powers = are_names(order.powers, len(POWERS)) and is_within(order.powers, list(POWERS))
    formed = is_name(order.id) and powers and are_names(order.scope, SCOPE_MAX)
    require(formed and order.basis != "", "reason_missing", "name basis, powers and scope")
    made = replace(order, authority=case.desk, first=ctx.member, second="", second_of="")
    return books[4].add(order.id, made)


def sign_order(books: Books, ctx: Context, order: str) -> Order:
    """Sign an order as the second; another organisation than the first does.

    Refuses not_found, wrong_state, too_late, same_signer. Two keys of one organisation may be one
    person's, so they do not do; nor does the supervised sign.
    """
    found = books[4][order]
    require(found.second == "", "wrong_state", "it has two signatures")
    require(ctx.now < found.expires_ms, "too_late", "it has expired")
    about = books[1][found.finding].about
    other = ctx.organisation not in (found.authority, about) and ctx.member != found.first
    require(other, "same_signer", "another organisation signs second")
    books[4][order] = replace(found, second=ctx.member, second_of=ctx.organisation)
    return books[4][order]


def freeze(books: Books, ctx: Context, order: str, thing: str) -> Frozen:
    """Hold a thing still, under a live order, until it expires.

    Refuses not_found, wrong_organisation, order_not_live, appeal_open.
    """
    found = books[4][order]
    ctx.acts_for(found.authority)
    live = is_live(found, ctx.now, thing)
    require(live, "order_not_live", "two signers, in time, for this thing and power", order=order)
    settled = books[2][found.finding].state != "appealed"
    require(settled, "appeal_open", "an appeal is open", finding=found.finding)
    books[5][thing] = Frozen(order=order, until_ms=found.expires_ms, by=ctx.member)
    return books[5][thing]


def release(books: Books, ctx: Context, thing: str) -> None:
    """Let a thing go; the authority of its order does. Refuses not_found, wrong_organisation."""
    ctx.acts_for(books[4][books[5][thing].order].authority)
    del books[5][thing]


def is_frozen(books: Books, ctx: Context, thing: str) -> bool:
    """Whether a thing is held still now: under an order that has not expired."""
    found = books[5].get(thing)
    return found is not None and ctx.now < found.until_ms


def is_live(order: Order, now: TimeMs, thing: str) -> bool:
    """Whether an order permits to freeze this thing at that time."""
    signed = order.first != "" and order.second != "" and order.second_of != order.authority
    covers = thing in order.scope and "freeze" in order.powers
    return signed and covers and now < order.expires_ms


def check_case(books: Books, ctx: Context, finding: str, states: tuple[str, ...]) -> Case:
    """Return a case of the signer's desk; refuses not_found, wrong_organisation, wrong_state."""
    case = books[2][finding]
    ctx.acts_for(case.desk)
    require(case.state in states, "wrong_state", f"the case is {case.state}")
    return case


def touches_its_case_only(
    books: Books,
    ctx: Context,
    findings: list[Written[Finding]],
    cases: list[Written[Case]],
    freezes: list[Written[Frozen]],
) -> bool:
    """Whether findings stay, cases move as listed and end with a reason, orders cover freezes."""
    good = all(one.before is None and one.after is not None for one in findings)
    good = good and all(is_move(one.before, one.after) for one in cases)
    for one in freezes:
        held = one.after
        if held is not None:
            order = books[4].get(held.order)
            if order is None or held.until_ms != order.expires_ms:
                return False
            good = good and is_live(order, ctx.now, one.key)
    return good


def is_move(before: Case | None, after: Case | None) -> bool:
    """Whether a case is new, gained a note, or moved as listed, with a reason at its end."""
    if after is None or before is None:
        return after is not None and after.state == "open"
    same = before.desk == after.desk and before.appeal_body == after.appeal_body
    noted = before.state == after.state and replace(before, notes=after.notes) == after
    moved = (before.state, after.state) in MOVES and before.notes == after.notes
    said = after.reason != "" or after.state in ("open", "taken")
    return same and said and (noted or moved) and after.notes >= before.notes


def are_kept(models: list[Written[Model]], notes: list[Written[Note]]) -> bool:
    """Whether no version of a model and no note was changed."""
    first = all(one.before is None and one.after is not None for one in models)
    return first and all(one.before is None and one.after is not None for one in notes)
