# SPDX-License-Identifier: Apache-2.0
"""Diplomas: a ministry accredits schools, schools issue, and a diploma outlives its school."""

from typing import Literal

from hanse.contracts import Change, Context, Contract, Map, TimeMs, action, invariant, query
from hanse.contracts.patterns.credential_registry import (
    Accreditation,
    Batch,
    Books,
    Issuer,
    Issuing,
    Schema,
    StatusList,
    StatusVersion,
    accredit,
    are_free,
    close_issuer,
    found_root,
    is_sound,
    issue,
    open_list,
    publish_schema,
    set_state,
    set_status,
    version_at,
)


class Diplomas(Contract):
    """Who may issue what, and what became of it."""

    accreditations: Map[str, Accreditation]
    schemas: Map[tuple[str, int], Schema]
    lists: Map[str, StatusList]
    versions: Map[tuple[str, int], StatusVersion]
    batches: Map[tuple[str, int], Batch]
    places: Map[tuple[str, int], int]
    issuers: Map[str, Issuer]

    @action(role="governor")
    def found_root(self, ctx: Context, new: Accreditation) -> Accreditation:
        """Name a root. Rejects: bad_accreditation, already_exists."""
        return found_root(self._books(), ctx, new)

    @action(role="authority")
    def accredit(self, ctx: Context, new: Accreditation) -> Accreditation:
        """Accredit an issuer. Rejects: bad_accreditation, no_accreditation, type_not_in_scope,
        accreditation_suspended, too_many, already_exists.
        """
        return accredit(self._books(), ctx, new)

    @action(role="authority")
    def suspend(self, ctx: Context, accreditation: str) -> Accreditation:
        """Stop it for a time. Rejects: not_found, wrong_organisation, wrong_state."""
        return set_state(self._books(), ctx, accreditation, "suspended")

    @action(role="authority")
    def resume(self, ctx: Context, accreditation: str) -> Accreditation:
        """Set it live again. Rejects: not_found, wrong_organisation, wrong_state."""
        return set_state(self._books(), ctx, accreditation, "live")

    @action(role="authority")
    def withdraw(self, ctx: Context, accreditation: str) -> Accreditation:
        """End it. Rejects: not_found, wrong_organisation, wrong_state."""
        return set_state(self._books(), ctx, accreditation, "withdrawn")

    @action(role="issuer")
    def publish_schema(self, ctx: Context, schema: str, version: int, digest: str) -> Schema:
        """Publish a version. Rejects: wrong_organisation, wrong_state, bad_digest."""
        return publish_schema(self._books(), ctx, schema, version, digest)

    @action(role="issuer")
    def open_list(
        self, ctx: Context, name: str, purpose: Literal["revocation", "suspension"], size: int
    ) -> StatusList:
        """Open a status list. Rejects: bad_list, already_exists."""
        return open_list(self._books(), ctx, name, purpose, size)

    @action(role="issuer")
    def set_status(self, ctx: Context, name: str, version: int, digest: str) -> StatusList:
        """Publish its next version. Rejects: not_found, wrong_organisation, wrong_state,
        bad_digest.
        """
        return set_status(self._books(), ctx, name, version, digest)

    @action(role="issuer")
    def issue(self, ctx: Context, new: Issuing) -> Batch:
        """Issue a batch. Rejects: not_found, wrong_organisation, wrong_state, no_accreditation,
        type_not_in_scope, accreditation_suspended, schema_unknown, index_used, too_many,
        bad_digest.
        """
        return issue(self._books(), ctx, new)

    @action(role="issuer")
    def close_issuer(self, ctx: Context, successor: str) -> Issuer:
        """End one's issuing. Rejects: wrong_state."""
        return close_issuer(self._books(), ctx, successor)

    @query
    def version_at(self, ctx: Context, name: str, at_ms: TimeMs) -> int:
        """Say which version of a list was in force. Rejects: not_found."""
        return version_at(self._books(), name, at_ms)

    @invariant
    def chains_hold(self, ctx: Context, change: Change) -> bool:
        """Nothing is issued without a chain to a root; no place is used twice."""
        accreditations, batches = change.of(self.accreditations), change.of(self.batches)
        free = are_free(change.of(self.places))
        return free and is_sound(self._books(), ctx, accreditations, batches, change.of(self.lists))

    def _books(self) -> Books:
        given = (self.accreditations, self.schemas, self.lists, self.versions)
        return (given[0], given[1], given[2], given[3], self.batches, self.places, self.issuers)
