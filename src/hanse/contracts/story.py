# SPDX-License-Identifier: Apache-2.0
"""A story: named organisations and what they do, as plain data, for demonstrations and tests."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Ask = Callable[[str, str, Mapping[str, Any]], Any]
"""Asks a query of a contract and returns its result: ``ask(contract, query, args)``."""


Refused = Sequence[tuple[str, Mapping[str, Any]]]
"""The refusals of the story so far: code and facts of each, in order."""


@dataclass(frozen=True, slots=True)
class Cast:
    """A member of the story with its roles; its organisation is what follows the ``@``."""

    member: str
    roles: tuple[str, ...]
    about: str


@dataclass(frozen=True, slots=True)
class Step:
    """One thing a member does: an action with arguments, or a document to import.

    ``expect`` names the code that each transaction of the step must end with, ``ok`` included, in
    order; a single entry stands for all of them.
    """

    member: str
    contract: str = ""
    action: str = ""
    args: Mapping[str, Any] | None = None
    document: bytes | None = None
    format: str = ""
    expect: tuple[str, ...] = ("ok",)
    label: str = ""


@dataclass(frozen=True, slots=True)
class Anomaly:
    """Something that is wrong in the story on purpose, and what has to be found of it."""

    kind: str
    thing: str
    note: str


@dataclass(frozen=True, slots=True)
class Check:
    """Something that must hold at the end, looked up through queries."""

    name: str
    holds: Callable[[Ask], bool]


@dataclass(frozen=True, slots=True)
class Story:
    """All that a scenario needs."""

    title: str
    organisations: Mapping[str, str]
    cast: tuple[Cast, ...]
    steps: tuple[Step, ...]
    anomalies: tuple[Anomaly, ...]
    detect: Callable[[Ask, Refused], list[Anomaly]]
    checks: tuple[Check, ...]
    next_things: tuple[str, ...]
