# SPDX-License-Identifier: Apache-2.0
"""Trace: who made, moved, packed and holds what; recalls that reach every holder.

Amounts are created, held, packed, under way or consumed: nothing appears or vanishes in between.
What is packed goes where its package goes, and must be taken out before it is used by itself.
"""

from hanse.apps.trace.model import (
    Captured,
    Corrected,
    Duty,
    Finding,
    Graph,
    ItemRegistered,
    Location,
    LocationRegistered,
    Recall,
    RecallAnswered,
    RecallClosed,
    RecallOpened,
    RecallState,
    Scan,
    Statement,
    TraceEvent,
    TradeItem,
    check_form,
    check_mass,
    check_names,
    event_of,
    find,
    graph_of,
    held_in,
    look,
    plan_of,
    tell,
    with_contents,
)
from hanse.contracts import (
    Change,
    Context,
    Contract,
    Map,
    action,
    invariant,
    must,
    query,
    replace,
    require,
)
from hanse.contracts.patterns.gs1 import gln_of, is_checked, kind_of
from hanse.contracts.patterns.lineage import (
    HOLDERS_MAX,
    REACH_MAX,
    Books,
    Holding,
    Thing,
    Transit,
    book,
    check_amounts,
    check_cycle,
    check_things,
    is_balanced,
    link,
    reach,
)


class Trace(Contract):
    """Supply chain and food safety on EPCIS events."""

    name = "trace"
    version = "1"

    items: Map[str, TradeItem]
    locations: Map[str, Location]
    events: Map[str, TraceEvent]
    things: Map[str, Thing]
    holdings: Map[tuple[str, str], Holding]
    transit: Map[tuple[str, str], Transit]
    contents: Map[tuple[str, str], Holding]
    inside: Map[tuple[str, str], str]
    forward: Map[tuple[str, str], str]
    back: Map[tuple[str, str], str]
    recalls: Map[str, Recall]
    duties: Map[tuple[str, str], Duty]
    seen: Map[str, Scan]
    scans: Map[str, Scan]
    findings: Map[tuple[str, str], Finding]

    @action(role="maker")
    def register_item(
        self, ctx: Context, gtin: str, name: str, unit: str, gain_max_ppm: int
    ) -> None:
        """Register a product under its GTIN, 14 digits. Rejects: bad_check_digit, already_exists.

        ``unit`` is a UN/CEFACT code, such as KGM, or H87 for pieces; ``gain_max_ppm`` is the
        output above input that making it may show, in millionths.
        """
        require(is_checked(gtin, 14), "bad_check_digit", "a GTIN has 14 digits with a check digit")
        owner = ctx.organisation
        item = TradeItem(gtin=gtin, gain_max_ppm=gain_max_ppm, name=name, owner=owner, unit=unit)
        self.items.add(gtin, item)
        ctx.emit(ItemRegistered(gtin=gtin, name=name, owner=owner))

    @action(role="operator")
    def register_location(self, ctx: Context, gln: str, name: str, kind: str) -> None:
        """Register a place under its GLN, 13 digits. Rejects: bad_check_digit, already_exists."""
        require(is_checked(gln, 13), "bad_check_digit", "a GLN has 13 digits with a check digit")
        self.locations.add(gln, Location(gln=gln, kind=kind, name=name, owner=ctx.organisation))
        ctx.emit(LocationRegistered(gln=gln, name=name, owner=ctx.organisation))

    @action(role="operator")
    def capture(self, ctx: Context, captured: Captured, statement: Statement) -> str:
        """Put a validated EPCIS event on the ledger; returns its hash.

        Rejects: too_many_things, bad_identifier, bad_amount, unknown_location, unknown_item,
        not_authorised_for_item, event_from_future, already_exists, serial_taken,
        not_commissioned, unit_mismatch, not_holder, input_consumed, not_found, not_empty, cycle,
        mass_imbalance.
        """
        told, mine = with_contents(captured, self._books()), ctx.organisation
        place = self.locations.get(gln_of(told.destination))
        target = "" if place is None else place.owner
        plan = plan_of(told, mine, target, told.parent in self.things)
        check_form(told, plan)
        check_names(ctx, told, plan, self.items, self.locations)
        self.events.add(told.hash, event_of(told, mine, statement.document))
        check_things(self.things, plan)
        check_amounts(self._books(), plan, mine)
        check_cycle(self.things, self.back, plan)
        check_mass(told, self.items)
        book(self._books(), plan, mine)
        link(self.forward, self.back, plan)
        look(ctx, told, self.seen, self.findings)
        tell(ctx, told, plan)
        return told.hash

    @action(role="operator")
    def correct(self, ctx: Context, old: str, new: str, reason: str) -> None:
        """Point from a wrong event to the one that replaces it; nothing is removed.

        Rejects: not_found, not_event_owner, same_event, already_corrected.
        """
        wrong, right = self.events[old], self.events[new]
        own = wrong.owner == ctx.organisation and right.owner == ctx.organisation
        require(own, "not_event_owner", "only the events' owner may")
        require(old != new, "same_event", "an event does not replace itself")
        first = wrong.corrected_by is None and right.corrected_by is None
        require(first, "already_corrected", "correct the correction instead")
        self.events[old] = replace(wrong, corrected_by=new)
        ctx.emit(Corrected(owner=ctx.organisation, old=old, new=new, reason=reason))

    @action(role="operator")
    def record_scan(self, ctx: Context, serial: str, place: str) -> Scan:
        """Count a consumer's scan of a serial number, and say when it cannot be the same piece.

        Rejects: not_commissioned.
        """
        made = serial in self.things and kind_of(serial) == "serial"
        require(made, "not_commissioned", "nobody made this number", serial=serial)
        before = self.scans.get(serial)
        count = 1 if before is None else before.count + 1
        self.scans[serial] = Scan(count=count, place=place, time_ms=ctx.now)
        if before is not None and before.place != place:
            text = f"scanned in {before.place} and then in {place}"
            found = Finding(rule="clone_suspected", thing=serial, event="scan", sentence=text)
            find(ctx, self.findings, found)
        return self.scans[serial]

    @action(role="recall")
    def open_recall(self, ctx: Context, recall_id: str, root: str, reason: str) -> Recall:
        """Recall a thing, what is packed in it and all that was made of it, at every holder.

        Rejects: not_found, not_authorised_for_item, already_exists, too_many_things.
        """
        own = self.things[root].maker == ctx.organisation or "authority" in ctx.roles
        require(own, "not_authorised_for_item", "only its maker or an authority may")
        require(recall_id not in self.recalls, "already_exists", "the id is taken", id=recall_id)
        graph = self._walk(root, onward=True)
        held = held_in(graph)
        whole = graph.complete and len(held) <= HOLDERS_MAX
        require(whole, "too_many_things", "recall in parts", things_max=REACH_MAX)
        for holder in sorted(held):
            duty = Duty(recall=recall_id, holder=holder, things=held[holder], state="open")
            self.duties[recall_id, holder] = duty
        by, count = ctx.organisation, len(held)
        recall = Recall(
            id=recall_id,
            root=root,
            reason=reason,
            opened_by=by,
            opened_ms=ctx.now,
            holders=count,
            answered=0,
        )
        self.recalls[recall_id] = recall
        things = len(graph.nodes)
        ctx.emit(
            RecallOpened(
                id=recall_id, by=by, root=root, things=things, holders=count, reason=reason
            )
        )
        return recall

    @action(role="operator")
    def acknowledge(self, ctx: Context, recall_id: str) -> None:
        """Confirm that the recall has been read. Rejects: not_found, not_a_holder, wrong_state."""
        self._answer(ctx, recall_id, "acknowledged")

    @action(role="operator")
    def confirm_quarantine(self, ctx: Context, recall_id: str) -> None:
        """Confirm that one's goods are locked away.

        Rejects: not_found, not_a_holder, wrong_state.
        """
        self._answer(ctx, recall_id, "quarantined")
        recall = self.recalls[recall_id]
        self.recalls[recall_id] = replace(recall, answered=recall.answered + 1)

    @action(role="recall")
    def close_recall(self, ctx: Context, recall_id: str) -> None:
        """End a recall that all have answered.

        Rejects: not_found, wrong_organisation, wrong_state, holders_open.
        """
        recall = self.recalls[recall_id]
        ctx.acts_for(recall.opened_by)
        require(not recall.closed, "wrong_state", "it is closed already")
        still_open = recall.holders - recall.answered
        require(still_open == 0, "holders_open", "holders have not answered", open=still_open)
        self.recalls[recall_id] = replace(recall, closed=True)
        ctx.emit(RecallClosed(id=recall_id, by=ctx.organisation, holders=recall.holders))

    @query
    def trace_forward(self, ctx: Context, thing: str) -> Graph:
        """Return all that was made of a thing, with who holds it."""
        return self._walk(thing, onward=True)

    @query
    def trace_back(self, ctx: Context, thing: str) -> Graph:
        """Return all that a thing was made of."""
        return self._walk(thing, onward=False)

    @query
    def list_things(self, ctx: Context, prefix: str = "", limit: int = 100) -> list[Thing]:
        """Return things in order of their identifiers."""
        return list(self.things.values(prefix, limit=limit))

    @query
    def list_events(self, ctx: Context, limit: int = 100) -> list[TraceEvent]:
        """Return trace events in order of their hashes."""
        return list(self.events.values(limit=limit))

    @query
    def list_recalls(self, ctx: Context) -> list[Recall]:
        """Return the recalls."""
        return list(self.recalls.values(limit=100))

    @query
    def list_duties(self, ctx: Context, recall_id: str) -> list[Duty]:
        """Return who has to do what in a recall."""
        return list(self.duties.values((recall_id,), limit=1_000))

    @query
    def list_findings(self, ctx: Context) -> list[Finding]:
        """Return what the rules saw."""
        return list(self.findings.values(limit=1_000))

    @query
    def unreceived(self, ctx: Context, before_ms: int) -> list[str]:
        """Return things under way since before that time, as ``thing to organisation``."""
        rows = self.transit.items(limit=1_000)
        return [f"{key[0]} to {key[1]}" for key, row in rows if row.since_ms < before_ms]

    @invariant
    def nothing_appears(self, ctx: Context, change: Change) -> bool:
        """What is held, packed, under way or consumed of a thing is what was created of it."""
        things, holdings = change.of(self.things), change.of(self.holdings)
        return is_balanced(things, holdings, change.of(self.transit), change.of(self.contents))

    def _books(self) -> Books:
        return (self.things, self.holdings, self.transit, self.contents, self.inside)

    def _answer(self, ctx: Context, recall_id: str, state: RecallState) -> None:
        require(recall_id in self.recalls, "not_found", "no such recall", id=recall_id)
        found = self.duties.get((recall_id, ctx.organisation))
        duty = must(found, "not_a_holder", "your organisation holds nothing of it")
        later = duty.state == "open" or (duty.state == "acknowledged" and state == "quarantined")
        require(later, "wrong_state", "it is confirmed already")
        self.duties[recall_id, ctx.organisation] = replace(duty, state=state)
        ctx.emit(RecallAnswered(id=recall_id, holder=ctx.organisation, state=state))

    def _walk(self, root: str, onward: bool) -> Graph:
        require(root in self.things, "not_found", "no such thing", thing=root)
        found = reach(self._books(), root, self.forward if onward else self.back, onward)
        return graph_of(self._books(), found)
