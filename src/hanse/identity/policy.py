# SPDX-License-Identifier: Apache-2.0
"""Policies: ``(rule, organisations, roles)``, bound to a named resource such as ``member.recover``.

Rules: ``ALL``, ``ANY``, ``MAJORITY`` of the organisations; a number ``n`` of them; a fraction
``a/b`` of them, rounded up; ``WEIGHT:a/b``, that fraction of their weights; ``SELF``, the
organisation concerned alone; ``FORBIDDEN``.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from hanse.errors import Malformed

_NUMBER = re.compile(r"[1-9][0-9]{0,3}", re.ASCII).fullmatch
_FRACTION = re.compile(r"(?:WEIGHT:)?([1-9][0-9]{0,3})/([1-9][0-9]{0,3})", re.ASCII).fullmatch

_ALIKE: Final[Mapping[str, int]] = MappingProxyType({})
Verdict = Literal["open", "approved", "rejected"]


@dataclass(frozen=True, slots=True)
class Policy:
    """Who may decide about a resource.

    Empty ``organisations`` mean every active one, empty ``roles`` any role.
    """

    rule: str
    organisations: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a rule that is none of the eight forms."""
        fraction = _FRACTION(self.rule)
        if fraction and int(fraction[1]) <= int(fraction[2]):
            return
        named = self.rule in ("ALL", "ANY", "MAJORITY", "SELF", "FORBIDDEN")
        if fraction or not (named or _NUMBER(self.rule)):
            raise Malformed(reason=f"{self.rule!r} is not a policy rule", at="$.policies")


@dataclass(frozen=True, slots=True)
class Ballot:
    """An approval by one member, with its organisation and its roles at that height."""

    member: str
    organisation: str
    roles: tuple[str, ...]


def needed(
    policy: Policy, population: Iterable[str], weights: Mapping[str, int] = _ALIKE
) -> int | None:
    """Return how many organisations must approve; ``None`` where not enough can.

    Under ``WEIGHT:a/b`` it is how much they must weigh.

    Args:
        policy: what is asked.
        population: the active organisations of the ledger.
        weights: of organisations; one that is not named weighs 1.
    """
    entitled = [o for o in sorted(set(population)) if _is_entitled(policy, o)]
    if policy.rule == "FORBIDDEN" or not entitled:
        return None
    fraction = _FRACTION(policy.rule)
    total = _weight(policy, entitled, weights)
    if policy.rule == "ALL":
        count = len(entitled)
    elif policy.rule in ("ANY", "SELF"):
        count = 1
    elif policy.rule == "MAJORITY":
        count = len(entitled) // 2 + 1
    elif fraction:
        count = -(-total * int(fraction[1]) // int(fraction[2]))
    else:
        count = int(policy.rule)
    return count if count <= total else None


def is_satisfied(
    policy: Policy,
    ballots: Iterable[Ballot],
    population: Iterable[str],
    concerned: str | None = None,
    weights: Mapping[str, int] = _ALIKE,
) -> bool:
    """Whether the ballots reach what ``policy`` asks; an organisation counts once.

    Args:
        policy: what is asked.
        ballots: approvals, each valid at the height of the decision.
        population: the active organisations.
        concerned: whom the decision is about; the only one that counts under ``SELF``.
        weights: of organisations; one that is not named weighs 1.
    """
    active = sorted(set(population))
    count = needed(policy, active, weights)
    if count is None:
        return False
    approving = {
        b.organisation
        for b in ballots
        if b.organisation in active
        and _is_entitled(policy, b.organisation)
        and (policy.rule != "SELF" or b.organisation == concerned)
        and (not policy.roles or any(role in policy.roles for role in b.roles))
    }
    return _weight(policy, approving, weights) >= count


def decide(  # noqa: PLR0913, PLR0917 - the parts of one count
    policy: Policy,
    approving: Iterable[Ballot],
    against: Iterable[Ballot],
    population: Iterable[str],
    concerned: str | None = None,
    weights: Mapping[str, int] = _ALIKE,
) -> Verdict:
    """Return what the ballots decide: approved, no longer to be approved, or still open.

    An organisation counts for it when any of its members is, else as lost when one is against it.
    """
    active, cast = sorted(set(population)), list(approving)
    if is_satisfied(policy, cast, active, concerned, weights):
        return "approved"
    single = Policy("ANY", policy.organisations, policy.roles)
    for_it = {ballot.organisation for ballot in cast}
    lost = {b.organisation for b in against if is_satisfied(single, [b], active)} - for_it
    entitled = [o for o in active if _is_entitled(policy, o)]
    if policy.rule == "SELF":
        entitled = [o for o in entitled if o == concerned]
    count = needed(policy, active, weights)
    left = _weight(policy, [o for o in entitled if o not in lost], weights)
    return "open" if count is not None and left >= count else "rejected"


def _weight(policy: Policy, organisations: Iterable[str], weights: Mapping[str, int]) -> int:
    """Return how much organisations weigh together; each 1 but under ``WEIGHT:a/b``."""
    weighed = policy.rule.startswith("WEIGHT:")
    return sum([weights.get(o, 1) if weighed else 1 for o in organisations])


def _is_entitled(policy: Policy, organisation: str) -> bool:
    return not policy.organisations or organisation in policy.organisations
