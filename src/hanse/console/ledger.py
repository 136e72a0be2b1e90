# SPDX-License-Identifier: Apache-2.0
"""What the console asks of a ledger: the client's methods that it uses, and what it makes of the answers.

The console never reaches a node but through this protocol, so it can stand beside a node or far from one.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import quote

from hanse.crypto.signers import Signer


class LedgerClient(Protocol):
    """The part of ``hanse.client.AsyncClient`` that the console uses."""

    @property
    def url(self) -> str:
        """The address of the node."""

    @property
    def trust(self) -> str | None:
        """The trust anchor: the ledger id that answers are verified against."""

    async def get(self, path: str) -> Any:
        """Return the JSON answer of ``path``; a problem is raised as an error."""

    async def get_bytes(self, path: str) -> bytes:
        """Return the bytes of ``path``."""

    async def post(self, path: str, document: Any) -> Any:
        """Return the JSON answer to ``document`` sent to ``path``."""

    async def post_bytes(self, path: str, data: bytes, media_type: str) -> Any:
        """Return the JSON answer to raw bytes sent to ``path``."""

    def feed(self, from_height: int | None = None) -> AsyncIterator[Mapping[str, Any]]:
        """Yield blocks as they become final."""


@dataclass(frozen=True, slots=True)
class Step:
    """One named step of a verification, and how it ended; ``None``: not reached."""

    name: str
    passed: bool | None
    detail: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the client found when it verified evidence, ready for a page."""

    verdict: str
    steps: tuple[Step, ...]
    ledger: str = ""
    kind: str = ""
    height: int | None = None
    as_of_height: int | None = None
    as_of_time_ms: int | None = None
    claim: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_good(self) -> bool:
        """Whether the badge may say that the client verified the record."""
        return self.verdict in {"valid", "withdrawn"}

    @property
    def failed(self) -> Step | None:
        """The step that failed, if one did."""
        return next((step for step in self.steps if step.passed is False), None)


def action_path(contract: str, action: str) -> str:
    """Return the API address that checks an action without sending it."""
    return f"/v1/contracts/{quote(contract)}/actions/{quote(action)}/check"


def query_path(contract: str, query: str) -> str:
    """Return the API address of a query."""
    return f"/v1/contracts/{quote(contract)}/queries/{quote(query)}"


@dataclass(frozen=True, slots=True)
class Directory:
    """Names of organisations and members, from the ledger's own registry."""

    organisations: tuple[Mapping[str, Any], ...] = ()

    def name_of(self, organisation: str) -> str | None:
        """Return the registered name of an organisation."""
        for entry in self.organisations:
            if entry.get("id") == organisation:
                return str(entry.get("name") or organisation)
        return None

    def member_ids(self) -> list[str]:
        """Return every member id of the ledger."""
        members = (member for entry in self.organisations for member in entry.get("members", ()))
        return [str(member.get("id", "")) for member in members]

    def has_member(self, member: str) -> bool:
        """Whether the registry knows this member."""
        return member in self.member_ids()


Signers = Mapping[str, Signer]
