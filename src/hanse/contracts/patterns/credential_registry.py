# SPDX-License-Identifier: Apache-2.0
"""Credential registry: who may issue what, since when and until when; the state of what was issued.

Not the kernel's registry, which holds organisations, members and keys. An accreditation comes from
a root through a chain of authorities, each of which passes on what it has itself. A batch is issued
at block time, so it cannot be dated back before a suspension. Credentials go from issuer to holder
off the ledger; here stand the salted root of each batch, the places of its credentials in a status
list, and every version of that list by its digest (W3C Bitstring Status List).

The place of a credential is public with its batch: issue many at a time and draw places by lot,
else a rare place tells who it is.
"""

from typing import Literal

from hanse.contracts import Context, Map, OrganisationId, TimeMs, Written, record, replace, require
from hanse.contracts.patterns.forms import are_names, is_digest, is_name, is_within

DEPTH_MAX = 6
ISSUE_MAX = 200
LIST_SIZE_MIN = 131_072
LIST_SIZE_MAX = 16_777_216
TYPES_MAX = 100

State = Literal["live", "suspended", "withdrawn"]


@record
class Accreditation:
    """The right to issue types of credentials, and perhaps to accredit others for them."""

    id: str
    parent: str
    authority: OrganisationId
    issuer: OrganisationId
    types: list[str]
    from_ms: TimeMs
    until_ms: TimeMs
    may_accredit: bool
    state: State = "live"


@record
class Schema:
    """A version of what a credential says, by digest."""

    owner: OrganisationId
    digest: str


@record
class StatusList:
    """A list with one bit for each place; its versions only grow."""

    id: str
    issuer: OrganisationId
    purpose: Literal["revocation", "suspension"]
    size: int
    version: int
    since_ms: TimeMs


@record
class StatusVersion:
    """A version of a status list by digest, in force from its block time on."""

    digest: str
    at_ms: TimeMs


@record
class Batch:
    """What an issuer issued at once: how many, under which accreditation, with which root."""

    issuer: OrganisationId
    number: int
    accreditation: str
    type: str
    schema_id: str
    schema_version: int
    status_list: str
    count: int
    salted_root: str
    at_ms: TimeMs
    height: int


@record
class Issuer:
    """How much an issuer has issued, and who follows it after its closure."""

    batches: int
    closed_height: int = 0
    successor: str = ""


@record
class Issuing:
    """A batch as its issuer names it: one place in the status list for each credential."""

    accreditation: str
    type: str
    schema_id: str
    schema_version: int
    status_list: str
    places: list[int]
    salted_root: str


Accreditations = Map[str, Accreditation]
Schemas = Map[tuple[str, int], Schema]
Lists = Map[str, StatusList]
Versions = Map[tuple[str, int], StatusVersion]
Batches = Map[tuple[str, int], Batch]
Places = Map[tuple[str, int], int]
Books = tuple[Accreditations, Schemas, Lists, Versions, Batches, Places, Map[str, Issuer]]
"""Accreditations; schemas and their versions; status lists, their versions; batches by issuer and
number; places by list and index, with the batch that took it; and issuers."""


def found_root(books: Books, ctx: Context, new: Accreditation) -> Accreditation:
    """Name an authority that all accreditations of its types come from.

    Refuses bad_accreditation, already_exists.
    """
    check_form(new)
    root = replace(new, parent="", authority=ctx.organisation, may_accredit=True, state="live")
    return books[0].add(new.id, root)


def accredit(books: Books, ctx: Context, new: Accreditation) -> Accreditation:
    """Pass on to another issuer what one is accredited for.

    Refuses bad_accreditation, no_accreditation, type_not_in_scope, accreditation_suspended,
    too_many, already_exists.
    """
    check_form(new)
    chain = chain_of(books[0], new.parent)
    check_chain(ctx, chain, new.types)
    mine = chain[0].may_accredit
    require(mine and len(chain) < DEPTH_MAX, "too_many", "this one accredits nobody further")
    made = replace(new, authority=ctx.organisation, state="live")
    return books[0].add(new.id, made)


def set_state(books: Books, ctx: Context, accreditation: str, state: State) -> Accreditation:
    """Suspend an accreditation, set it live again, or withdraw it for ever.

    Refuses not_found, wrong_organisation, wrong_state. What was issued before stays good.
    """
    found = books[0][accreditation]
    ctx.acts_for(found.authority)
    changes = found.state not in (state, "withdrawn")
    require(changes, "wrong_state", f"it is {found.state}")
    books[0][accreditation] = replace(found, state=state)
    return books[0][accreditation]


def publish_schema(books: Books, ctx: Context, schema: str, version: int, digest: str) -> Schema:
    """Publish the next version of a schema; who publishes the first owns it.

    Refuses wrong_organisation, wrong_state, bad_digest.
    """
    before = books[1].get((schema, version - 1))
    mine = before is None or before.owner == ctx.organisation
    require(mine, "wrong_organisation", "it belongs to another")
    follows = (version == 1 or before is not None) and (schema, version) not in books[1]
    require(follows, "wrong_state", "versions are numbered from 1 without a gap")
    require(is_digest(digest) and is_name(schema), "bad_digest", "a schema has a name and a digest")
    return books[1].add((schema, version), Schema(owner=ctx.organisation, digest=digest))


def open_list(
    books: Books, ctx: Context, name: str, purpose: Literal["revocation", "suspension"], size: int
) -> StatusList:
    """Open a status list, all bits clear. Refuses bad_list, already_exists."""
    sized = LIST_SIZE_MIN <= size <= LIST_SIZE_MAX and is_name(name)
    require(sized, "bad_list", "fewer places than 131072 would tell who it is")
    made = StatusList(
        id=name, issuer=ctx.organisation, purpose=purpose, size=size, version=0, since_ms=ctx.now
    )
    return books[2].add(name, made)


def set_status(books: Books, ctx: Context, name: str, version: int, digest: str) -> StatusList:
    """Publish the next version of a status list; an issuer's successor may, after its closure.

    Refuses not_found, wrong_organisation, wrong_state, bad_digest.
    """
    found = books[2][name]
    issuer = books[6].get(found.issuer)
    heir = issuer is not None and issuer.successor == ctx.organisation
    mine = found.issuer == ctx.organisation or heir
    require(mine, "wrong_organisation", "only its issuer may, or who follows it")
    require(version == found.version + 1, "wrong_state", "versions grow by one", at=found.version)
    require(is_digest(digest), "bad_digest", "a version has a digest")
    books[3][name, version] = StatusVersion(digest=digest, at_ms=ctx.now)
    books[2][name] = replace(found, version=version)
    return books[2][name]


def issue(books: Books, ctx: Context, new: Issuing) -> Batch:
    """Issue a batch of credentials.

    Refuses not_found, wrong_organisation, wrong_state, no_accreditation, type_not_in_scope,
    accreditation_suspended, schema_unknown, index_used, too_many, bad_digest.
    """
    status = books[2][new.status_list]
    ctx.acts_for(status.issuer)
    issuer = books[6].get(ctx.organisation)
    if issuer is None:
        issuer = Issuer(batches=0)
    require(issuer.closed_height == 0, "wrong_state", "this issuer is closed")
    check_chain(ctx, chain_of(books[0], new.accreditation), [new.type])
    known = (new.schema_id, new.schema_version) in books[1]
    require(known, "schema_unknown", "publish the schema first")
    check_places(books[5], status, new.places)
    require(is_digest(new.salted_root), "bad_digest", "a batch has a root")
    batch = Batch(
        issuer=ctx.organisation,
        number=issuer.batches + 1,
        accreditation=new.accreditation,
        type=new.type,
        schema_id=new.schema_id,
        schema_version=new.schema_version,
        status_list=new.status_list,
        count=len(new.places),
        salted_root=new.salted_root,
        at_ms=ctx.now,
        height=ctx.height,
    )
    for place in new.places:
        books[5][new.status_list, place] = batch.number
    books[6][ctx.organisation] = replace(issuer, batches=batch.number)
    return books[4].add((ctx.organisation, batch.number), batch)


def close_issuer(books: Books, ctx: Context, successor: str) -> Issuer:
    """End one's issuing for ever; a successor may keep the status lists. Refuses wrong_state.

    What was issued before stays good.
    """
    issuer = books[6].get(ctx.organisation)
    if issuer is None:
        issuer = Issuer(batches=0)
    open_still = issuer.closed_height == 0 and successor != ctx.organisation
    require(open_still, "wrong_state", "it is closed already, or would follow itself")
    books[6][ctx.organisation] = replace(issuer, closed_height=ctx.height, successor=successor)
    return books[6][ctx.organisation]


def version_at(books: Books, name: str, at_ms: TimeMs) -> int:
    """Return which version of a status list was in force; 0: all bits clear. Refuses not_found."""
    version = books[2][name].version
    while version > 0 and books[3][name, version].at_ms > at_ms:
        version -= 1
    return version


def chain_of(accreditations: Accreditations, name: str) -> list[Accreditation]:
    """Return an accreditation, first, and those above it up to the root; none if one is absent."""
    chain: list[Accreditation] = []
    above = name
    while above != "" and len(chain) < DEPTH_MAX:
        found = accreditations.get(above)
        if found is None:
            return []
        chain.append(found)
        above = found.parent
    return chain if above == "" else []


def check_chain(ctx: Context, chain: list[Accreditation], types: list[str]) -> None:
    """Refuse no_accreditation, type_not_in_scope, accreditation_suspended.

    Outside its time there is no accreditation, and none that was withdrawn.
    """
    mine = chain != [] and chain[0].issuer == ctx.organisation
    require(mine, "no_accreditation", "you hold no such accreditation")
    for one in chain:
        live = one.state != "withdrawn" and one.from_ms <= ctx.now <= one.until_ms
        require(live, "no_accreditation", "it is not in force", accreditation=one.id)
    for one in chain:
        scope = is_within(types, one.types)
        require(scope, "type_not_in_scope", "it is for other types", accreditation=one.id)
    for one in chain:
        live = one.state == "live"
        require(live, "accreditation_suspended", "it is suspended", accreditation=one.id)


def check_places(places: Places, status: StatusList, wanted: list[int]) -> None:
    """Refuse index_used, too_many."""
    seen: dict[int, bool] = {}
    for place in wanted:
        free = place not in seen and (status.id, place) not in places
        require(free, "index_used", "each place is used once", index=place)
        seen[place] = True
    inside = all(0 <= place < status.size for place in wanted)
    few = 0 < len(wanted) <= ISSUE_MAX and inside
    require(few, "too_many", "1 to 200 credentials, each inside its list")


def check_form(new: Accreditation) -> None:
    """Refuse bad_accreditation."""
    named = is_name(new.id) and is_name(new.issuer) and are_names(new.types, TYPES_MAX)
    require(named and new.from_ms <= new.until_ms, "bad_accreditation", "name it, types and time")


def is_sound(
    books: Books,
    ctx: Context,
    accreditations: list[Written[Accreditation]],
    batches: list[Written[Batch]],
    lists: list[Written[StatusList]],
) -> bool:
    """Whether scope never grows, batches stand under a live chain, and versions only grow."""
    good = all(is_accreditation(books[0], one) for one in accreditations)
    good = good and all(is_list(one.before, one.after) for one in lists)
    for one in batches:
        batch = one.after
        if batch is None or one.before is not None or batch.at_ms != ctx.now:
            return False
        chain = chain_of(books[0], batch.accreditation)
        live = [a.state == "live" and a.from_ms <= ctx.now <= a.until_ms for a in chain]
        scope = [batch.type in a.types for a in chain]
        good = good and live != [] and all(live) and all(scope)
        good = good and chain[0].issuer == batch.issuer
    return good


def is_accreditation(held: Accreditations, one: Written[Accreditation]) -> bool:
    """Whether an accreditation changed its state alone; a new one is within the one above."""
    before, after = one.before, one.after
    if after is None:
        return False
    if before is not None:
        return before.state != "withdrawn" and replace(before, state=after.state) == after
    above = held.get(after.parent)
    if above is None:
        return after.parent == ""
    return is_within(after.types, above.types) and above.issuer == after.authority


def is_list(before: StatusList | None, after: StatusList | None) -> bool:
    """Whether a status list is new, or the same with one version more."""
    if after is None or before is None:
        return after is not None and after.version == 0
    return replace(before, version=before.version + 1) == after


def are_free(places: list[Written[int]]) -> bool:
    """Whether each place that was written was free before."""
    return all(one.before is None and one.after is not None for one in places)
