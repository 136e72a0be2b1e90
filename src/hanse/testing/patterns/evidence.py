# SPDX-License-Identifier: Apache-2.0
"""Papers of a court: deposited by their digests, replaced openly, handed on, sealed."""

from hanse.contracts import Change, Context, Contract, Map, OrganisationId, action, invariant, query
from hanse.contracts.patterns.evidence import (
    Books,
    Bundle,
    Custody,
    Deposit,
    Document,
    Supersede,
    TimeProof,
    add_time,
    export_bundle,
    hand_over,
    is_document,
    is_kept,
    make_deposit,
    seal_deposit,
    supersede,
)

AGE_MS_MAX = 31_536_000_000


class Papers(Contract):
    """Documents by their digests."""

    deposits: Map[str, Deposit]
    times: Map[tuple[str, int], TimeProof]
    hands: Map[tuple[str, int], Custody]
    replaced: Map[str, Supersede]

    @action(role="clerk")
    def deposit(self, ctx: Context, document: Document) -> Deposit:
        """Put a document on the ledger. Rejects: bad_digest, already_exists."""
        return make_deposit(self._books(), ctx, document)

    @action(role="clerk")
    def add_time(self, ctx: Context, digest: str, proof: TimeProof) -> Deposit:
        """Add a time stamp. Rejects: not_found, too_early, too_late, bad_digest, not_source,
        sealed.
        """
        return add_time(self._books(), ctx, digest, proof, AGE_MS_MAX)

    @action(role="clerk")
    def supersede(self, ctx: Context, old: str, new: str, reason: str) -> Deposit:
        """Replace a document. Rejects: not_found, wrong_state, not_source, already_superseded,
        sealed.
        """
        return supersede(self._books(), ctx, old, new, reason)

    @action(role="clerk")
    def hand_over(self, ctx: Context, digest: str, to: OrganisationId) -> Deposit:
        """Give it to another. Rejects: not_found, wrong_organisation, sealed, bad_custodian."""
        return hand_over(self._books(), ctx, digest, to)

    @action(role="clerk")
    def seal(self, ctx: Context, digest: str) -> Deposit:
        """End all change. Rejects: not_found, wrong_organisation, sealed."""
        return seal_deposit(self._books(), ctx, digest)

    @query
    def export(self, ctx: Context, digest: str) -> Bundle:
        """Return all that is known. Rejects: not_found."""
        return export_bundle(self._books(), digest)

    @query
    def is_of(self, ctx: Context, digest: str, salt: bytes, document: bytes) -> bool:
        """Say whether a salted digest stands for this document."""
        return is_document(ctx, digest, salt, document)

    @invariant
    def nothing_is_lost(self, ctx: Context, change: Change) -> bool:
        """A digest never changes, a line never branches, a seal is final."""
        return is_kept(self.deposits, change.of(self.deposits))

    def _books(self) -> Books:
        return (self.deposits, self.times, self.hands, self.replaced)
