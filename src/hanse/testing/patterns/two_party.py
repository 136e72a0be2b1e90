# SPDX-License-Identifier: Apache-2.0
"""Offers between two companies, with one deadline that neither can move alone."""

from hanse.contracts import Change, Context, Contract, Map, action, invariant
from hanse.contracts.patterns.calendar import Calendar, check_calendar
from hanse.contracts.patterns.two_party import (
    TABLE,
    Act,
    Books,
    Exchange,
    Offer,
    Step,
    is_lawful,
    propose,
    take_step,
)


class Offers(Contract):
    """Offer, answer, time limit."""

    calendars: Map[str, Calendar]
    exchanges: Map[str, Exchange]
    steps: Map[tuple[str, int], Step]

    @action(role="authority")
    def set_calendar(self, ctx: Context, calendar: Calendar) -> None:
        """Say which days count, for deadlines set later. Rejects: bad_calendar."""
        check_calendar(calendar)
        self.calendars[calendar.id] = calendar

    @action(role="trader")
    def propose(self, ctx: Context, offer: Offer) -> Exchange:
        """Make an offer. Rejects: not_found, bad_terms, bad_calendar, already_exists."""
        return propose(self._books(), ctx, offer)

    @action(role="trader")
    def counter(self, ctx: Context, offer: str, at_round: int, terms: str) -> Exchange:
        """Offer other terms. Rejects: not_found, wrong_organisation, wrong_state, too_late,
        not_your_turn, stale_round, bad_terms.
        """
        return self._take(ctx, Act(exchange=offer, act="counter", round=at_round, terms=terms))

    @action(role="trader")
    def accept(self, ctx: Context, offer: str, at_round: int, terms: str) -> Exchange:
        """Agree to these terms. Rejects: not_found, wrong_organisation, wrong_state, too_late,
        not_your_turn, stale_round, terms_changed.
        """
        return self._take(ctx, Act(exchange=offer, act="accept", round=at_round, terms=terms))

    @action(role="trader")
    def reject(self, ctx: Context, offer: str, at_round: int) -> Exchange:
        """Say no. Rejects: not_found, wrong_organisation, wrong_state, too_late, not_your_turn,
        stale_round.
        """
        return self._take(ctx, Act(exchange=offer, act="reject", round=at_round))

    @action(role="trader")
    def withdraw(self, ctx: Context, offer: str, at_round: int) -> Exchange:
        """Take it back. Rejects: not_found, wrong_organisation, wrong_state, too_late,
        not_your_turn, stale_round.
        """
        return self._take(ctx, Act(exchange=offer, act="withdraw", round=at_round))

    @action(role="trader")
    def pause(self, ctx: Context, offer: str, at_round: int) -> Exchange:
        """Give more time. Rejects: not_found, wrong_organisation, wrong_state, too_late,
        not_your_turn, stale_round, pause_used_up, bad_calendar.
        """
        return self._take(ctx, Act(exchange=offer, act="pause", round=at_round))

    @action(role="trader")
    def terminate(self, ctx: Context, offer: str, at_round: int) -> Exchange:
        """End what was agreed. Rejects: not_found, wrong_organisation, wrong_state, stale_round."""
        return self._take(ctx, Act(exchange=offer, act="terminate", round=at_round))

    @action(role=None)
    def expire(self, ctx: Context, offer: str) -> Exchange:
        """Close what nobody answered. Rejects: not_found, wrong_state, too_early."""
        return self._take(ctx, Act(exchange=offer, act="expire"))

    @invariant
    def only_listed_steps(self, ctx: Context, change: Change) -> bool:
        """Each exchange takes a step of the table."""
        return is_lawful(TABLE, change.of(self.exchanges))

    def _take(self, ctx: Context, done: Act) -> Exchange:
        return take_step(self._books(), TABLE, ctx, done)

    def _books(self) -> Books:
        return (self.exchanges, self.steps, self.calendars)
