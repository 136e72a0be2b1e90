# SPDX-License-Identifier: Apache-2.0
"""Cheese: milk is brought in, made into cheese, sent to shops, and recalled from them."""

from hanse.contracts import (
    Change,
    Context,
    Contract,
    Map,
    OrganisationId,
    action,
    invariant,
    query,
    require,
)
from hanse.contracts.patterns.calendar import Calendar
from hanse.contracts.patterns.lineage import (
    Books,
    Deed,
    Holding,
    MassRule,
    Part,
    Plan,
    Reach,
    Thing,
    Transit,
    book,
    check_amounts,
    check_cycle,
    check_things,
    is_balanced,
    is_within_mass,
    link,
    point_on,
    reach,
    together,
)
from hanse.contracts.patterns.recall import (
    Calling,
    Duty,
    Recall,
    RecallBooks,
    acknowledge,
    close_recall,
    is_answered,
    open_recall,
    overdue,
)

AMOUNT_MILLI_MAX = 1_000_000_000
LOSS_MAX_PPM = 950_000


class Cheese(Contract):
    """What was made of what, and who has it."""

    things: Map[str, Thing]
    holdings: Map[tuple[str, str], Holding]
    transit: Map[tuple[str, str], Transit]
    contents: Map[tuple[str, str], Holding]
    inside: Map[tuple[str, str], str]
    forward: Map[tuple[str, str], str]
    back: Map[tuple[str, str], str]
    corrections: Map[str, str]
    recalls: Map[str, Recall]
    duties: Map[tuple[str, str], Duty]

    @action(role="maker")
    def bring(self, ctx: Context, new: Part) -> None:
        """Bring a lot into being. Rejects: bad_amount, serial_taken, unit_mismatch."""
        self._do(ctx, "commission", [new], [], "")

    @action(role="maker")
    def make(self, ctx: Context, used: list[Part], new: Part) -> None:
        """Make a lot of others. Rejects: bad_amount, serial_taken, not_commissioned,
        unit_mismatch, not_holder, input_consumed, cycle, mass_imbalance.
        """
        self._do(ctx, "make", [new], used, "")

    @action(role="maker")
    def send(self, ctx: Context, part: Part, to: OrganisationId) -> None:
        """Send a part of a lot. Rejects: bad_amount, not_commissioned, unit_mismatch,
        not_holder, input_consumed.
        """
        self._do(ctx, "send", [], [part], to)

    @action(role="maker")
    def receive(self, ctx: Context, part: Part) -> None:
        """Take in what was sent. Rejects: bad_amount, not_commissioned, unit_mismatch,
        not_holder.
        """
        self._do(ctx, "receive", [], [part], "")

    @action(role="maker")
    def correct(self, ctx: Context, old: str, new: str) -> None:
        """Point to what replaces an event. Rejects: same_event, already_corrected."""
        point_on(self.corrections, old, new)

    @action(role="recall")
    def open_recall(self, ctx: Context, call: Calling) -> Recall:
        """Recall lots. Rejects: not_found, bad_recall, already_exists, too_many_things,
        bad_calendar.
        """
        week = Calendar(id="week", rest_days=[], holidays=[], offset_minutes=0)
        return open_recall(self._calls(), (self._books(), self.forward), ctx, call, week)

    @action(role=None)
    def acknowledge(self, ctx: Context, recall: str) -> Duty:
        """Confirm that it is locked away. Rejects: not_found, not_a_holder, wrong_state."""
        return acknowledge(self._calls(), ctx, recall)

    @action(role="recall")
    def close_recall(self, ctx: Context, recall: str) -> Recall:
        """End a recall. Rejects: not_found, wrong_organisation, wrong_state, holders_open."""
        return close_recall(self._calls(), ctx, recall)

    @query
    def made_of(self, ctx: Context, thing: str, onward: bool) -> Reach:
        """Return what was made of a lot, or what it was made of."""
        steps = self.forward if onward else self.back
        return reach(self._books(), thing, steps, onward)

    @query
    def late(self, ctx: Context, recall: str) -> list[OrganisationId]:
        """Return who has not answered in time. Rejects: not_found."""
        return overdue(self._calls(), ctx, recall)

    @invariant
    def nothing_appears(self, ctx: Context, change: Change) -> bool:
        """What is held, under way or consumed is what was created."""
        things, holdings = change.of(self.things), change.of(self.holdings)
        return is_balanced(things, holdings, change.of(self.transit), change.of(self.contents))

    @invariant
    def answers_count(self, ctx: Context, change: Change) -> bool:
        """A recall ends with the last answer."""
        return is_answered(change.of(self.recalls), change.of(self.duties))

    def _do(self, ctx: Context, deed: Deed, new: list[Part], used: list[Part], to: str) -> None:
        parts = together(used)
        for part in new + parts:
            good = 0 < part.amount_milli <= AMOUNT_MILLI_MAX
            require(good, "bad_amount", "an amount is above zero", thing=part.id)
        plan = Plan(
            deed=deed,
            event=ctx.tx,
            time_ms=ctx.now,
            package="",
            target=OrganisationId(to),
            created=[self._thing(ctx, part) for part in new],
            moved=parts,
            named=[],
        )
        check_things(self.things, plan)
        check_amounts(self._books(), plan, ctx.organisation)
        check_cycle(self.things, self.back, plan)
        went = sum([part.amount_milli for part in parts])
        came = sum([part.amount_milli for part in new])
        rule = MassRule(process="ripening", unit="KGM", loss_max_ppm=LOSS_MAX_PPM, gain_max_ppm=0)
        fits = deed != "make" or is_within_mass(rule, went, came)
        require(fits, "mass_imbalance", "more or less came out than the process allows")
        book(self._books(), plan, ctx.organisation)
        link(self.forward, self.back, plan)

    def _thing(self, ctx: Context, part: Part) -> Thing:
        return Thing(
            id=part.id,
            kind="lot",
            item="",
            maker=ctx.organisation,
            born=ctx.tx,
            unit=part.unit,
            created_milli=part.amount_milli,
            consumed_milli=0,
        )

    def _calls(self) -> RecallBooks:
        return (self.recalls, self.duties)

    def _books(self) -> Books:
        return (self.things, self.holdings, self.transit, self.contents, self.inside)
