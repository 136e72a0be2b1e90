# SPDX-License-Identifier: Apache-2.0
"""Joint authority: whose signatures a transaction must carry beside its signer's (ADR 0015)."""

import types
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Union, get_args, get_origin

from hanse.contracts.types import MemberId, OrganisationId


@dataclass(frozen=True, slots=True)
class Joint:
    """The argument that names who must also sign, and what it names them by."""

    argument: str
    by_member: bool

    def missing(
        self, value: Any, signers: Iterable[str], holds: Callable[[str], bool]
    ) -> list[str]:
        """Return those that ``value`` names and for whom nobody signed who ``holds`` the role.

        Args:
            value: the decoded argument.
            signers: the members whose signatures the transaction carries.
            holds: whether a member has the role of the action.
        """
        named: list[str] = [value] if isinstance(value, str) else list(value or ())
        if not named:
            return []
        signed = [member for member in signers if holds(member)]
        if not self.by_member:
            signed = [member.rpartition("@")[2] for member in signed]
        return [one for one in dict.fromkeys(named) if one not in signed]


def joint_of(argument: str | None, parameters: Iterable[tuple[str, Any, bool]]) -> Joint | None:
    """Return how an action's ``also_signed_by`` is to be read.

    Raises:
        TypeError: it names no argument, or one that stands for no organisations or members.
    """
    if argument is None:
        return None
    for name, hint, _ in parameters:
        if name == argument:
            kinds = [kind for kind in _parts(hint) if kind is not type(None)]
            if kinds in ([OrganisationId], [MemberId]):
                return Joint(name, kinds == [MemberId])
    raise TypeError(
        f"also_signed_by={argument!r} names no argument of type OrganisationId or MemberId"
    )


def _parts(hint: Any) -> list[Any]:
    """Return the types that a list or a union is of, else the type itself."""
    origin = get_origin(hint)
    if origin is list:
        return list(get_args(hint))
    if origin in (Union, types.UnionType):
        return [part for one in get_args(hint) for part in (_parts(one) if one else [one])]
    return [hint]
