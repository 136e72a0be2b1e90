# SPDX-License-Identifier: Apache-2.0
"""What each decided change of the network does to the registry, at the beginning of a block.

An effect is tried on a view of its own: when it is proposed, for an early word, and when it is
carried out, which binds. What it wrote is taken over whole, or it has failed and nothing remains.
What begins here is valid in the block itself; rules and votes in the engine, from the next one on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from hanse.codec.limits import (
    ENGINE_POWER_MAX,
    ENGINE_VALIDATORS_MAX,
    HINT_CHARS_MAX,
    INTEGER_MAX,
    ORGANISATION_NAME_CHARS_MAX,
    ORGANISATIONS_MAX,
    SETTLED_PER_BLOCK_MAX,
    WEIGHT_MAX,
)
from hanse.contracts import replace
from hanse.contracts.state import Reader
from hanse.crypto import SUITES, suite_named
from hanse.errors import Malformed
from hanse.identity import (
    ENGINE_SUITE,
    Policy,
    Rules,
    check_rules,
    is_member_id,
    is_name,
    is_valid_at,
    needed,
    organisation_of,
)
from hanse.kernel import entries as e
from hanse.kernel import registry as r
from hanse.kernel.changes import (
    BESIDE,
    DEFAULT_ROLES,
    FORCE,
    FORCE_RULE,
    KINDS,
    Change,
    ProposedChange,
    concerned_by,
)
from hanse.kernel.directory import Directory, Seat
from hanse.kernel.liveness import quorum_of
from hanse.kernel.parties import EngineValidator, Node, Suspension
from hanse.kernel.view import BlockView

T = TypeVar("T")


class Refusal(Exception):
    """A change cannot be made: nothing of it remains."""

    def __init__(self, code: str, reason: str) -> None:
        """Say why, in the words that the proposal will show."""
        super().__init__(reason)
        self.code = code
        self.reason = reason[:HINT_CHARS_MAX]


@dataclass(frozen=True, slots=True)
class Making:
    """A change on a view of the state, in the block of ``height``."""

    view: BlockView
    change: Change
    height: int
    number: int

    @property
    def start(self) -> int:
        """The first height of what begins, and the end of what ends: the block itself."""
        return self.height

    @property
    def vote_start(self) -> int:
        """The same of votes in the engine, which its next header but one is the first to have."""
        return self.height + 1

    @property
    def directory(self) -> Directory:
        """Reads the view as it is now."""
        return Directory()


def policy_of(reader: Reader, resource: str) -> tuple[Policy, str] | None:
    """Return who decides about a resource, and whether the ``ledger`` says so or the ``default``.

    ``None`` where nobody has said it and there is no default.
    """
    entry = e.POLICIES.get(reader, resource)
    if entry is not None:
        return Policy(entry.rule, tuple(entry.organisations), tuple(entry.roles)), "ledger"
    rule = FORCE_RULE if resource == FORCE else ""
    rule = KINDS[resource].rule if resource in KINDS else rule
    return (Policy(rule, (), DEFAULT_ROLES), "default") if rule else None


def try_change(reader: Reader, change: Change, height: int, number: int = 0) -> BlockView:
    """Return a view on which the change is made in the block of ``height``; nothing else changes.

    Raises:
        Refusal: it cannot be made.
    """
    making = Making(BlockView(reader), change, height, number)
    _EFFECTS[change.resource](making)
    written = making.view.writes.get(e.REGISTRY, {})
    if any(map(e.ENGINE_VALIDATORS.begins, written)):
        _check_validators(making)
    return making.view


def settle_changes(reader: Reader, put: e.Put, height: int) -> bool:
    """Carry out what is due in the block of ``height``; returns whether anything was.

    One after another, each on what those before have made of the state: several changes of one
    block are judged together by the last of them.
    """
    due = [key for key, _ in e.CHANGE_AGENDA.rows(reader, SETTLED_PER_BLOCK_MAX)]
    done = False
    for at, number in due:
        assert isinstance(at, int)
        assert isinstance(number, int)
        if at > height:
            break
        done = True
        e.CHANGE_AGENDA.put(put, (at, number), None)
        held = e.CHANGES.get(reader, number)
        assert held is not None, "the agenda names proposals that are there"
        if held.status == "proposed":
            settled = replace(held, status="expired", settled_height=height)
        elif held.status == "approved" and held.due_height == at:
            settled = _made(reader, put, held, number, height)
        else:
            continue
        counted = e.CHANGE_COUNTERS.get(reader, ())
        assert counted is not None
        e.CHANGE_COUNTERS.put(put, (), replace(counted, open=counted.open - 1))
        e.CHANGES.put(put, number, settled)
    return done


def _made(
    reader: Reader, put: e.Put, held: ProposedChange, number: int, height: int
) -> ProposedChange:
    try:
        made = try_change(reader, held.change, height, number)
    except Refusal as error:
        return replace(
            held, status="failed", code=error.code, reason=error.reason, settled_height=height
        )
    for contract, writes in made.writes.items():
        put(contract, writes)
    return replace(held, status="done", settled_height=height)


def _check_validators(making: Making) -> None:
    """Establish that the next set is within bounds and that those of it that run have a quorum."""
    after = making.directory.engine_validators(making.view, making.vote_start)
    if not after:
        raise Refusal("no_validators", "the engine would have no validator left")
    if len(after) > ENGINE_VALIDATORS_MAX:
        raise Refusal("too_many_validators", f"the engine has at most {ENGINE_VALIDATORS_MAX}")
    quorum = quorum_of(making.view, after, making.height)
    if not quorum.holds and not making.change.forced:
        numbers = f"{quorum.running} of {quorum.total}"
        reason = f"validators seen lately would have {numbers} of the power, not more than 2/3"
        raise Refusal("no_quorum", reason)


# organisations ----------------------------------------------------------------------------------


def _admit(m: Making) -> None:
    terms = _given(m.change.admission)
    party = terms.organisation
    named = is_name(party) and is_member_id(terms.member) and is_name(terms.key_id)
    named = named and organisation_of(terms.member) == party
    if not named or not 1 <= len(terms.name) <= ORGANISATION_NAME_CHARS_MAX:
        raise Refusal("bad_name", "an organisation's id and name, and a member of that one")
    if e.ORGANISATIONS.get(m.view, party) is not None:
        raise Refusal("organisation_exists", "an organisation of this id is, or was, here")
    if len(e.ORGANISATIONS.all(m.view)) >= ORGANISATIONS_MAX:
        raise Refusal("too_many_organisations", f"a ledger has at most {ORGANISATIONS_MAX}")
    _check_key(terms.public_key, terms.suite)
    put, start = m.view.add, m.start
    e.ORGANISATIONS.put(put, party, r.Organisation(from_height=start, name=terms.name))
    e.MEMBERS.put(put, terms.member, r.Member(from_height=start, organisation=party))
    e.ROLES.put(put, (terms.member, "admin"), r.Role(from_height=start))
    key = r.Key(
        from_height=start, public_key=terms.public_key, purpose="signing", suite=terms.suite
    )
    e.KEYS.put(put, (terms.member, terms.key_id), key)
    node = [part is not None for part in (terms.node, terms.node_key, terms.node_suite)]
    votes = [part is not None for part in (terms.power, terms.voting_key)]
    if any(node + votes) and not all(node):
        raise Refusal("wrong_arguments", "a node has a name, a key and its suite")
    if any(votes) and not all(votes):
        raise Refusal("wrong_arguments", "a validator has a voting key and a power")
    if terms.node is not None:
        _put_node(m, (party, terms.node), terms.node_key, terms.node_suite)
        if terms.voting_key is not None:
            _put_seat(m, (party, terms.node), terms.voting_key, terms.power)


def _suspend(m: Making) -> None:
    party = _active(m)
    e.SUSPENSIONS.put(
        m.view.add,
        (party, m.start),
        Suspension(from_height=m.start, proposal=m.number, reason=m.change.reason),
    )
    _end_seats(m, party)
    _check_policies(m)


def _reinstate(m: Making) -> None:
    party = _given(m.change.party).organisation
    known = e.ORGANISATIONS.get(m.view, party)
    if known is None or not is_valid_at(known, m.start):
        raise Refusal("unknown_organisation", "no such organisation takes part")
    for key, entry in e.SUSPENSIONS.all(m.view, party):
        if is_valid_at(entry, m.start):
            e.SUSPENSIONS.put(m.view.add, key, replace(entry, to_height=m.start))
            return
    raise Refusal("not_suspended", "the organisation is not suspended")


def _remove(m: Making) -> None:
    party = _given(m.change.party).organisation
    entry = e.ORGANISATIONS.get(m.view, party)
    if entry is None or not is_valid_at(entry, m.start):
        raise Refusal("unknown_organisation", "no such organisation takes part")
    e.ORGANISATIONS.put(m.view.add, party, replace(entry, to_height=m.start))
    for key, node in e.NODES.all(m.view, party):
        if is_valid_at(node, m.start):
            e.NODES.put(m.view.add, key, replace(node, to_height=m.start))
    _end_seats(m, party)
    _check_policies(m)


def _active(m: Making) -> str:
    """Return the organisation that the change is about, established to take part."""
    party = concerned_by(m.change)
    if party not in m.directory.organisations(m.view, m.start):
        raise Refusal("unknown_organisation", "no such organisation takes part, or it is suspended")
    return party


def _check_policies(m: Making) -> None:
    """Establish that whatever could be decided before can be decided by those who stay."""
    after = m.directory.organisations(m.view, m.start)
    if not after:
        raise Refusal("last_organisation", "nobody would be left")
    before = [*after, concerned_by(m.change)]
    weights = m.directory.weights(m.view)
    for resource in (*KINDS, FORCE, *BESIDE):
        found = policy_of(m.view, resource)
        reached = found is not None and needed(found[0], before, weights) is not None
        if found is not None and reached and needed(found[0], after, weights) is None:
            reason = f"{resource} could not be decided any more: set its policy first"
            raise Refusal("policy_unreachable", reason)


# nodes and validators ---------------------------------------------------------------------------


def _add_node(m: Making) -> None:
    terms = _given(m.change.node)
    _put_node(m, (_active(m), terms.node), terms.public_key, terms.suite)


def _rotate_node(m: Making) -> None:
    terms = _given(m.change.node)
    _end_node(m)
    _put_node(m, (terms.organisation, terms.node), terms.public_key, terms.suite)


def _remove_node(m: Making) -> None:
    terms = _given(m.change.node)
    if _seat(m, terms.organisation, terms.node) is not None:
        raise Refusal("node_votes", "it is a validator: propose validator.remove first")
    _end_node(m)


def _end_node(m: Making) -> None:
    terms = _given(m.change.node)
    for key, entry in e.NODES.all(m.view, terms.organisation, terms.node):
        if is_valid_at(entry, m.start):
            e.NODES.put(m.view.add, key, replace(entry, to_height=m.start))
            return
    raise Refusal("unknown_node", "the organisation has no such node")


def _put_node(
    m: Making, place: tuple[str, str], public_key: bytes | None, suite: str | None
) -> None:
    if not is_name(place[1]):
        raise Refusal("bad_name", "a node is named a-z, 0-9, with . _ - inside")
    if m.directory.node(m.view, *place, m.start) is not None:
        raise Refusal("node_exists", "the organisation has a node of this name")
    key = _check_key(_given(public_key), _given(suite))
    entry = Node(from_height=m.start, public_key=key, suite=_given(suite))
    e.NODES.put(m.view.add, (*place, m.start), entry)


def _add_validator(m: Making) -> None:
    terms = _given(m.change.validator)
    place = (_active(m), terms.node)
    if m.directory.node(m.view, *place, m.start) is None:
        raise Refusal("unknown_node", "the organisation has no such node: add it first")
    _put_seat(m, place, _given(terms.public_key), terms.power)


def _remove_validator(m: Making) -> None:
    _end_seat(m, _own_seat(m))


def _rotate_validator(m: Making) -> None:
    seat, terms = _own_seat(m), _given(m.change.validator)
    _end_seat(m, seat)
    _put_seat(m, (seat.organisation, seat.node), _given(terms.public_key), seat.entry.power)


def _weigh_validator(m: Making) -> None:
    seat, terms = _own_seat(m), _given(m.change.validator)
    if terms.power == seat.entry.power:
        raise Refusal("no_change", "the validator has this power")
    _end_seat(m, seat)
    place, key_height = (seat.organisation, seat.node), seat.entry.key_height
    _put_seat(m, place, seat.entry.public_key, terms.power, key_height)


def _own_seat(m: Making) -> Seat:
    terms = _given(m.change.validator)
    seat = _seat(m, terms.organisation, terms.node)
    if seat is None:
        raise Refusal("unknown_validator", "the node has no vote in the engine")
    return seat


def _seat(m: Making, organisation: str, node: str) -> Seat | None:
    seats = m.directory.engine_validators(m.view, m.vote_start)
    return next((s for s in seats if (s.organisation, s.node) == (organisation, node)), None)


def _put_seat(
    m: Making,
    place: tuple[str, str],
    public_key: bytes,
    power: int | None,
    key_height: int | None = None,
) -> None:
    """Begin a seat; ``key_height`` is given where the key goes on."""
    rows = e.ENGINE_VALIDATORS.all(m.view)
    if not rows:
        raise Refusal("no_engine", "this ledger's engine has no validators that could change")
    if _seat(m, *place) is not None:
        raise Refusal("validator_exists", "the node is a validator already")
    if power is None or not 1 <= power <= ENGINE_POWER_MAX:
        raise Refusal("bad_power", f"1 to {ENGINE_POWER_MAX}")
    _check_key(public_key, ENGINE_SUITE)
    if key_height is None and any(entry.public_key == public_key for _, entry in rows):
        raise Refusal("voting_key_taken", "a voting key is, or was, another validator's")
    began = m.vote_start if key_height is None else key_height
    entry = EngineValidator(
        from_height=m.vote_start, key_height=began, power=power, public_key=public_key
    )
    e.ENGINE_VALIDATORS.put(m.view.add, (*place, m.vote_start), entry)


def _end_seats(m: Making, party: str) -> None:
    for seat in m.directory.engine_validators(m.view, m.vote_start):
        if seat.organisation == party:
            _end_seat(m, seat)


def _end_seat(m: Making, seat: Seat) -> None:
    """End a seat with this block; one that would only have begun with the next is taken back."""
    at = (seat.organisation, seat.node, seat.entry.from_height)
    ended = replace(seat.entry, to_height=m.vote_start)
    e.ENGINE_VALIDATORS.put(m.view.add, at, None if at[2] == m.vote_start else ended)


# the constitution and the rules -----------------------------------------------------------------


def _set_policy(m: Making) -> None:
    terms = _given(m.change.policy)
    if terms.resource not in KINDS and terms.resource != FORCE and terms.resource not in BESIDE:
        raise Refusal("unknown_resource", "nothing is decided under this name")
    try:
        policy = Policy(terms.rule, tuple(terms.organisations), tuple(terms.roles))
    except Malformed as error:
        raise Refusal("bad_policy", error.reason) from None
    active = m.directory.organisations(m.view, m.start)
    if not set(terms.organisations) <= set(active) or not all(map(is_name, terms.roles)):
        raise Refusal("bad_policy", "it names an organisation that takes no part, or no role")
    weights = m.directory.weights(m.view)
    if policy.rule != "FORBIDDEN" and needed(policy, active, weights) is None:
        raise Refusal("policy_unreachable", "so many organisations there are not")
    entry = r.PolicyEntry(organisations=terms.organisations, roles=terms.roles, rule=terms.rule)
    e.POLICIES.put(m.view.add, terms.resource, entry)


def _set_weight(m: Making) -> None:
    terms = _given(m.change.weight)
    if not 1 <= terms.weight <= WEIGHT_MAX:
        raise Refusal("bad_weight", f"1 to {WEIGHT_MAX}")
    e.WEIGHTS.put(m.view.add, _active(m), terms.weight)


def _set_parameters(m: Making) -> None:
    terms = _given(m.change.parameters)
    names = [name for name in Rules.__struct_fields__ if name != "cost_version"]
    wanted = {name: getattr(terms, name) for name in names if getattr(terms, name) is not None}
    before = m.directory.rules(m.view, Rules())
    after = replace(before, **wanted)
    if after == before:
        raise Refusal("no_change", "the rules are these")
    try:
        check_rules(after)
    except Malformed as error:
        raise Refusal("bad_parameters", f"{error.at}: {error.reason}") from None
    for name, value in wanted.items():
        e.RULES.put(m.view.add, name, value)
    delay = r.Parameters(recovery_delay_blocks=after.recovery_delay_blocks)
    e.PARAMETERS.put(m.view.add, (), delay)


def _activate(m: Making) -> None:
    terms = _given(m.change.software)
    if not is_name(terms.feature):
        raise Refusal("bad_name", "a feature is named a-z, 0-9, with . _ - inside")
    if e.FEATURES.get(m.view, terms.feature) is not None:
        raise Refusal("no_change", "the feature has its height")
    if not m.height < terms.height <= INTEGER_MAX:
        raise Refusal("too_late", "the height has come: nobody could prepare for it")
    e.FEATURES.put(m.view.add, terms.feature, terms.height)


# what they share --------------------------------------------------------------------------------


def _check_key(public_key: bytes, suite: str) -> bytes:
    if suite not in SUITES or not suite_named(suite).is_public_key_valid(public_key):
        raise Refusal("bad_key", "no public key of a known suite")
    return public_key


def _given(value: T | None) -> T:
    """Return what the proposal was established to have when it was made."""
    if value is None:
        raise Refusal("wrong_arguments", "the change lacks what it is about")
    return value


_EFFECTS: Final[dict[str, Callable[[Making], None]]] = {
    "node.add": _add_node,
    "node.remove": _remove_node,
    "node.rotate": _rotate_node,
    "organisation.admit": _admit,
    "organisation.reinstate": _reinstate,
    "organisation.remove": _remove,
    "organisation.suspend": _suspend,
    "parameters.set": _set_parameters,
    "policy.set": _set_policy,
    "software.activate": _activate,
    "validator.add": _add_validator,
    "validator.power": _weigh_validator,
    "validator.remove": _remove_validator,
    "validator.rotate": _rotate_validator,
    "weight.set": _set_weight,
}
