# SPDX-License-Identifier: Apache-2.0
"""A supervisor's desk: models find, people judge, orders freeze, the supervised appeal."""

from hanse.contracts import Change, Context, Contract, Map, TimeMs, action, invariant, query
from hanse.contracts.patterns.calendar import Calendar, deadline_of
from hanse.contracts.patterns.finding import (
    Books,
    Case,
    Filing,
    Finding,
    Frozen,
    Model,
    Note,
    Order,
    appeal,
    are_kept,
    close,
    decide_appeal,
    freeze,
    is_frozen,
    judge,
    propose,
    register_model,
    release,
    request_order,
    sign_order,
    take_up,
    touches_its_case_only,
    write_note,
)

APPEAL_DAYS = 10


class Desk(Contract):
    """Findings, their cases, and orders."""

    models: Map[tuple[str, int], Model]
    findings: Map[str, Finding]
    cases: Map[str, Case]
    notes: Map[tuple[str, int], Note]
    orders: Map[str, Order]
    frozen: Map[str, Frozen]

    @action(role="analyst")
    def register_model(self, ctx: Context, name: str, version: int, model: Model) -> Model:
        """Register a version. Rejects: wrong_organisation, wrong_state, bad_model."""
        return register_model(self._books(), ctx, name, version, model)

    @action(role="analyst")
    def propose(self, ctx: Context, told: Filing) -> Case:
        """Say "look here". Rejects: wrong_organisation, inputs_missing, model_not_registered,
        already_exists, bad_calendar.
        """
        return propose(self._books(), ctx, self._calendar(), told)

    @action(role="officer")
    def take_up(self, ctx: Context, finding: str) -> Case:
        """Make it one's own. Rejects: not_found, wrong_organisation, wrong_state."""
        return take_up(self._books(), ctx, finding)

    @action(role="officer")
    def ask(self, ctx: Context, finding: str, digest: str) -> Case:
        """Ask the supervised. Rejects: not_found, wrong_organisation, wrong_state,
        reason_missing.
        """
        return write_note(self._books(), ctx, finding, "ask", digest)

    @action(role=None)
    def reply(self, ctx: Context, finding: str, digest: str) -> Case:
        """Reply to it. Rejects: not_found, wrong_organisation, wrong_state, reason_missing."""
        return write_note(self._books(), ctx, finding, "reply", digest)

    @action(role="officer")
    def dismiss(self, ctx: Context, finding: str, reason: str) -> Case:
        """Find nothing in it. Rejects: not_found, wrong_organisation, wrong_state,
        reason_missing, same_signer.
        """
        return judge(self._books(), ctx, finding, "dismissed", (reason, ctx.now))

    @action(role="officer")
    def confirm(self, ctx: Context, finding: str, reason: str) -> Case:
        """Find it so. Rejects: not_found, wrong_organisation, wrong_state, reason_missing,
        same_signer.
        """
        until = deadline_of(self._calendar(), ctx.now, APPEAL_DAYS)
        return judge(self._books(), ctx, finding, "confirmed", (reason, until))

    @action(role=None)
    def appeal(self, ctx: Context, finding: str, reason: str) -> Case:
        """Ask another body. Rejects: not_found, wrong_organisation, wrong_state, too_late,
        reason_missing.
        """
        return appeal(self._books(), ctx, finding, reason)

    @action(role="officer")
    def decide(self, ctx: Context, finding: str, upheld: bool, reason: str) -> Case:
        """Decide an appeal. Rejects: not_found, wrong_organisation, wrong_state,
        reason_missing.
        """
        return decide_appeal(self._books(), ctx, finding, upheld, reason)

    @action(role="officer")
    def close(self, ctx: Context, finding: str, reason: str) -> Case:
        """End it. Rejects: not_found, wrong_organisation, wrong_state, too_early,
        reason_missing, appeal_open.
        """
        return close(self._books(), ctx, finding, reason)

    @action(role="officer")
    def request_order(self, ctx: Context, order: Order) -> Order:
        """Sign an order first. Rejects: not_found, wrong_organisation, wrong_state, too_late,
        reason_missing, already_exists.
        """
        return request_order(self._books(), ctx, order)

    @action(role="officer")
    def sign_order(self, ctx: Context, order: str) -> Order:
        """Sign it second. Rejects: not_found, wrong_state, too_late, same_signer."""
        return sign_order(self._books(), ctx, order)

    @action(role="officer")
    def freeze(self, ctx: Context, order: str, thing: str) -> Frozen:
        """Hold a thing still. Rejects: not_found, wrong_organisation, order_not_live,
        appeal_open.
        """
        return freeze(self._books(), ctx, order, thing)

    @action(role="officer")
    def release(self, ctx: Context, thing: str) -> None:
        """Let it go. Rejects: not_found, wrong_organisation."""
        release(self._books(), ctx, thing)

    @query
    def is_frozen(self, ctx: Context, thing: str) -> bool:
        """Say whether a thing is held still now."""
        return is_frozen(self._books(), ctx, thing)

    @query
    def overdue(self, ctx: Context, now: TimeMs) -> list[str]:
        """Return the findings that nobody judged in time."""
        cases = self.cases.items(limit=1_000)
        waiting = ("open", "taken")
        return [key for key, one in cases if one.state in waiting and one.due_ms < now]

    @invariant
    def cases_only(self, ctx: Context, change: Change) -> bool:
        """A finding changes its own case alone; a freeze stands under a live order."""
        findings, cases = change.of(self.findings), change.of(self.cases)
        kept = are_kept(change.of(self.models), change.of(self.notes))
        freezes = change.of(self.frozen)
        return kept and touches_its_case_only(self._books(), ctx, findings, cases, freezes)

    def _calendar(self) -> Calendar:
        return Calendar(id="week", rest_days=[6, 7], holidays=[], offset_minutes=0)

    def _books(self) -> Books:
        return (self.models, self.findings, self.cases, self.notes, self.orders, self.frozen)
