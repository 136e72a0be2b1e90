# SPDX-License-Identifier: Apache-2.0
"""Health data: a patient permits, narrows and takes back; every look is on the ledger."""

from typing import Literal

from hanse.contracts import (
    Change,
    Context,
    Contract,
    Map,
    MemberId,
    TimeMs,
    action,
    invariant,
    query,
)
from hanse.contracts.patterns.calendar import Calendar
from hanse.contracts.patterns.consent import (
    Access,
    Books,
    Grant,
    Review,
    Terms,
    break_glass,
    delegate,
    give,
    is_never_wider,
    look,
    narrow,
    review,
    withdraw,
)

REVIEW_DAYS = 10


class Consents(Contract):
    """Access by purpose, time and recipient."""

    grants: Map[str, Grant]
    accesses: Map[str, Access]
    reviews: Map[str, Review]

    @action(role=None)
    def give(self, ctx: Context, grant: Grant) -> Grant:
        """Permit something. Rejects: bad_terms, not_subject, already_exists."""
        return give(self._books(), ctx, grant)

    @action(role=None)
    def narrow(self, ctx: Context, grant: str, terms: Terms) -> Grant:
        """Permit less. Rejects: not_found, bad_terms, not_subject, widened, withdrawn."""
        return narrow(self._books(), ctx, grant, terms)

    @action(role=None)
    def withdraw(self, ctx: Context, grant: str) -> Grant:
        """Take it back. Rejects: not_found, not_subject, withdrawn."""
        return withdraw(self._books(), ctx, grant)

    @action(role="doctor")
    def delegate(self, ctx: Context, grant: str, new: Grant) -> Grant:
        """Pass a part of it on. Rejects: not_found, too_late, bad_terms, wrong_recipient,
        widened, not_delegable, withdrawn, already_exists.
        """
        return delegate(self._books(), ctx, grant, new)

    @action(role="doctor")
    def access(self, ctx: Context, grant: str, purpose: str, fields: list[str]) -> Access:
        """Look. Rejects: too_early, too_late, no_grant, wrong_recipient, wrong_purpose,
        fields_exceeded, uses_spent, withdrawn.
        """
        return look(self._books(), ctx, grant, purpose, fields)

    @action(role="emergency")
    def break_glass(self, ctx: Context, subject: MemberId, reason: str) -> Access:
        """Look without consent, and answer for it: never refused."""
        calendar = Calendar(id="all", rest_days=[], holidays=[], offset_minutes=0)
        why = Review(
            access="",
            by=ctx.organisation,
            subject=subject,
            reason=reason,
            due_ms=TimeMs(0),
            outcome="open",
        )
        return break_glass(self._books(), ctx, calendar, why, REVIEW_DAYS)

    @action(role="reviewer")
    def review(
        self, ctx: Context, access: str, outcome: Literal["justified", "not_justified"]
    ) -> Review:
        """Judge it. Rejects: not_found, wrong_organisation, wrong_state."""
        return review(self._books(), ctx, access, outcome)

    @query
    def overdue(self, ctx: Context) -> list[str]:
        """Return the accesses whose review is late."""
        reviews = self.reviews.items(limit=1_000)
        return [key for key, one in reviews if one.outcome == "open" and one.due_ms < ctx.now]

    @invariant
    def never_wider(self, ctx: Context, change: Change) -> bool:
        """No grant widens; each access stands under a grant or a review."""
        written, accesses = change.of(self.grants), change.of(self.accesses)
        return is_never_wider(self.grants, written, accesses)

    def _books(self) -> Books:
        return (self.grants, self.accesses, self.reviews)
