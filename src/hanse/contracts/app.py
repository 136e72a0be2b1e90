# SPDX-License-Identifier: Apache-2.0
"""``App`` and its parts: plain data that the gateway, the console and the command line read."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from hanse.contracts.contract import Contract


@dataclass(frozen=True, slots=True)
class Format:
    """A standard's document type that an app reads.

    ``check`` takes the raw bytes and the media type, and returns the report of
    ``spec/formats.md``: verdict, findings with pointers, digests, and the drafts of actions that
    would put the document on the ledger.
    """

    name: str
    title: str
    media_types: tuple[str, ...]
    check: Callable[[bytes, str | None], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Panel:
    """A view of an app in the console: a table or graph from a query, a form for an action."""

    name: str
    title: str
    kind: Literal["table", "graph", "form", "timeline"]
    query: str | None = None
    action: str | None = None
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class App:
    """One domain application."""

    name: str
    title: str
    contracts: tuple[type[Contract], ...]
    formats: tuple[Format, ...] = ()
    panels: tuple[Panel, ...] = ()
    scenario: str | None = None
