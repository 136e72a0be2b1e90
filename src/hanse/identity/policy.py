# SPDX-License-Identifier: Apache-2.0
"""Policies: ``(rule, organisations, roles)``, bound to a named resource such as ``member.recover``.

Rules: ``ALL``, ``ANY``, ``MAJORITY`` of the organisations; a number ``n`` of them; a fraction
``a/b`` of them, rounded up; ``SELF``, the organisation concerned alone; ``FORBIDDEN``.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from hanse.errors import Malformed

_NUMBER = re.compile(r"[1-9][0-9]{0,3}", re.ASCII).fullmatch
_FRACTION = re.compile(r"([1-9][0-9]{0,3})/([1-9][0-9]{0,3})", re.ASCII).fullmatch


@dataclass(frozen=True, slots=True)
class Policy:
    """Who may decide about a resource.

    Empty ``organisations`` mean every active one, empty ``roles`` any role.
    """

    rule: str
    organisations: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a rule that is none of the seven forms."""
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


def needed(policy: Policy, population: Iterable[str]) -> int | None:
    """Return how many organisations must approve; ``None`` where not enough can.

    ``population`` is the active organisations of the ledger.
    """
    entitled = [o for o in sorted(set(population)) if _is_entitled(policy, o)]
    if policy.rule == "FORBIDDEN" or not entitled:
        return None
    fraction = _FRACTION(policy.rule)
    if policy.rule == "ALL":
        count = len(entitled)
    elif policy.rule in ("ANY", "SELF"):
        count = 1
    elif policy.rule == "MAJORITY":
        count = len(entitled) // 2 + 1
    elif fraction:
        count = -(-len(entitled) * int(fraction[1]) // int(fraction[2]))
    else:
        count = int(policy.rule)
    return count if count <= len(entitled) else None


def is_satisfied(
    policy: Policy,
    ballots: Iterable[Ballot],
    population: Iterable[str],
    concerned: str | None = None,
) -> bool:
    """Whether the ballots reach what ``policy`` asks; an organisation counts once.

    Args:
        policy: what is asked.
        ballots: approvals, each valid at the height of the decision.
        population: the active organisations.
        concerned: whom the decision is about; the only one that counts under ``SELF``.
    """
    active = sorted(set(population))
    count = needed(policy, active)
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
    return len(approving) >= count


def _is_entitled(policy: Policy, organisation: str) -> bool:
    return not policy.organisations or organisation in policy.organisations
