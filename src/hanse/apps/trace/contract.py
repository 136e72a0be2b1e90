# SPDX-License-Identifier: Apache-2.0
"""Trace: who made, moved, packed and holds what; recalls that reach every holder.

What an event says about things is kept as amounts that are created, held, under way or consumed:
nothing appears or vanishes in between. A serial number comes into being once.
"""

from hanse.apps.trace.model import (
    Captured,
    Commissioned,
    Corrected,
    Duty,
    Edge,
    Finding,
    Found,
    Graph,
    Holding,
    ItemRegistered,
    Location,
    LocationRegistered,
    Made,
    Moved,
    Node,
    Packed,
    Part,
    Recall,
    RecallAnswered,
    RecallClosed,
    RecallOpened,
    Scan,
    Statement,
    Thing,
    TraceEvent,
    TradeItem,
    Transit,
    gln_of,
    gtin_of,
    is_checked,
    kind_of,
    label_of,
)
from hanse.contracts import (
    Change,
    Context,
    Contract,
    Map,
    OrganisationId,
    action,
    invariant,
    must,
    query,
    replace,
    require,
)

FUTURE_MS = 300_000
THINGS_MAX = 200
TRACE_MAX = 500
TRAVEL_MS = 1_200_000


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
    contents: Map[tuple[str, str], int]
    forward: Map[tuple[str, str], str]
    back: Map[tuple[str, str], str]
    recalls: Map[str, Recall]
    duties: Map[tuple[str, str], Duty]
    scans: Map[str, Scan]
    findings: Map[tuple[str, str], Finding]

    @action(role="maker")
    def register_item(
        self, ctx: Context, gtin: str, name: str, unit: str, gain_max_ppm: int
    ) -> None:
        """Register a product under its GTIN, 14 digits. Rejects: bad_check_digit, already_exists.

        Args:
            gtin: 14 digits, the last one the check digit.
            unit: UN/CEFACT code, such as KGM, or H87 for pieces.
            gain_max_ppm: output above input that making it may show, in millionths.
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
        place = Location(gln=gln, kind=kind, name=name, owner=ctx.organisation)
        self.locations.add(gln, place)
        ctx.emit(LocationRegistered(gln=gln, name=name, owner=ctx.organisation))

    @action(role="operator")
    def capture(self, ctx: Context, captured: Captured, statement: Statement) -> str:
        """Put a validated EPCIS event on the ledger; returns its hash.

        Rejects: too_many_things, unknown_location, unknown_item, event_from_future,
        already_exists, serial_taken, not_commissioned, not_holder, input_consumed,
        mass_imbalance.
        """
        count = len(captured.things) + len(captured.inputs) + len(captured.outputs)
        require(count <= THINGS_MAX, "too_many_things", "split the event", things_max=THINGS_MAX)
        if captured.location != "":
            known = gln_of(captured.location) in self.locations
            require(
                known, "unknown_location", "register the place first", location=captured.location
            )
        for part in [*captured.things, *captured.outputs]:
            gtin = gtin_of(part.id)
            require(gtin == "" or gtin in self.items, "unknown_item", "register it", gtin=gtin)
        happened = captured.time_ms <= ctx.now + FUTURE_MS
        require(happened, "event_from_future", "the event's time lies ahead of block time")
        self.events.add(
            captured.hash,
            TraceEvent(
                hash=captured.hash,
                type=captured.type,
                action=captured.action,
                biz_step=captured.biz_step,
                time_ms=captured.time_ms,
                owner=ctx.organisation,
                location=captured.location,
                document=statement.document,
            ),
        )
        if captured.type == "TransformationEvent":
            self._make(ctx, captured)
        elif captured.parent != "":
            self._pack(ctx, captured)
        elif captured.type == "ObjectEvent":
            self._move(ctx, captured)
        return captured.hash

    @action(role="operator")
    def correct(self, ctx: Context, old: str, new: str, reason: str) -> None:
        """Point from a wrong event to the one that replaces it; nothing is removed.

        Rejects: not_found, not_event_owner, already_corrected.
        """
        entry = self.events[old]
        successor = self.events[new]
        own = entry.owner == ctx.organisation and successor.owner == ctx.organisation
        require(own, "not_event_owner", "only the events' owner may")
        require(entry.corrected_by is None, "already_corrected", "correct the correction instead")
        self.events[old] = replace(entry, corrected_by=new)
        ctx.emit(Corrected(owner=ctx.organisation, old=old, new=new, reason=reason))

    @action(role="operator")
    def record_scan(self, ctx: Context, serial: str, place: str) -> Scan:
        """Count a consumer's scan of a serial number, and say when it cannot be the same piece.

        Rejects: not_commissioned.
        """
        require(serial in self.things, "not_commissioned", "nobody made this number", serial=serial)
        before = self.scans.get(serial)
        scan = Scan(count=1 if before is None else before.count + 1, place=place, time_ms=ctx.now)
        self.scans[serial] = scan
        if before is not None and before.place != place:
            text = f"scanned in {before.place} and then in {place}"
            self._find(ctx, "clone_suspected", serial, "scan", text)
        return scan

    @action(role="recall")
    def open_recall(self, ctx: Context, recall_id: str, root: str, reason: str) -> Recall:
        """Recall a thing and all that was made of it, at every holder.

        Rejects: not_found, not_authorised_for_item, already_exists, too_many_things.
        """
        thing = self.things[root]
        entitled = thing.maker == ctx.organisation or "authority" in ctx.roles
        require(entitled, "not_authorised_for_item", "only its maker or an authority may")
        require(recall_id not in self.recalls, "already_exists", "the id is taken", id=recall_id)
        graph = self._walk(root, onward=True, limit=TRACE_MAX)
        require(graph.complete, "too_many_things", "recall in parts", things_max=TRACE_MAX)
        held: dict[OrganisationId, list[str]] = {}
        for node in graph.nodes:
            for holder in node.holders:
                held[holder] = [*held.get(holder, []), node.id]
        for holder in sorted(held):
            self.duties[recall_id, holder] = Duty(
                recall=recall_id, holder=holder, things=held[holder], state="open"
            )
        recall = Recall(
            id=recall_id,
            root=root,
            reason=reason,
            opened_by=ctx.organisation,
            opened_ms=ctx.now,
            holders=len(held),
            answered=0,
        )
        self.recalls[recall_id] = recall
        ctx.emit(
            RecallOpened(
                id=recall_id,
                by=ctx.organisation,
                root=root,
                things=len(graph.nodes),
                holders=len(held),
                reason=reason,
            )
        )
        return recall

    @action(role="operator")
    def acknowledge(self, ctx: Context, recall_id: str) -> None:
        """Confirm that the recall has been read. Rejects: not_found, not_a_holder, wrong_state."""
        duty = self._duty(ctx, recall_id)
        require(duty.state == "open", "wrong_state", "it is acknowledged already")
        self.duties[recall_id, ctx.organisation] = replace(duty, state="acknowledged")
        ctx.emit(RecallAnswered(id=recall_id, holder=ctx.organisation, state="acknowledged"))

    @action(role="operator")
    def confirm_quarantine(self, ctx: Context, recall_id: str) -> None:
        """Confirm that one's goods are locked away.

        Rejects: not_found, not_a_holder, wrong_state.
        """
        duty = self._duty(ctx, recall_id)
        require(duty.state != "quarantined", "wrong_state", "it is confirmed already")
        self.duties[recall_id, ctx.organisation] = replace(duty, state="quarantined")
        recall = self.recalls[recall_id]
        self.recalls[recall_id] = replace(recall, answered=recall.answered + 1)
        ctx.emit(RecallAnswered(id=recall_id, holder=ctx.organisation, state="quarantined"))

    @action(role="recall")
    def close_recall(self, ctx: Context, recall_id: str) -> None:
        """End a recall that all have answered.

        Rejects: not_found, wrong_organisation, holders_open.
        """
        recall = self.recalls[recall_id]
        ctx.acts_for(recall.opened_by)
        still_open = recall.holders - recall.answered
        require(still_open == 0, "holders_open", "holders have not answered", open=still_open)
        self.recalls[recall_id] = replace(recall, closed=True)
        ctx.emit(RecallClosed(id=recall_id, by=ctx.organisation, holders=recall.holders))

    @query
    def trace_forward(self, ctx: Context, thing: str) -> Graph:
        """Return all that was made of a thing, with who holds it."""
        return self._walk(thing, onward=True, limit=TRACE_MAX)

    @query
    def trace_back(self, ctx: Context, thing: str) -> Graph:
        """Return all that a thing was made of."""
        return self._walk(thing, onward=False, limit=TRACE_MAX)

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
        """What is held, under way or consumed of a thing is what was created, per thing."""
        sums: dict[str, int] = {}
        for held in change.of(self.holdings):
            after = 0 if held.after is None else held.after.amount_milli
            before = 0 if held.before is None else held.before.amount_milli
            sums[held.key[0]] = sums.get(held.key[0], 0) + after - before
        for moved in change.of(self.transit):
            after = 0 if moved.after is None else moved.after.amount_milli
            before = 0 if moved.before is None else moved.before.amount_milli
            sums[moved.key[0]] = sums.get(moved.key[0], 0) + after - before
        for thing in change.of(self.things):
            after = 0 if thing.after is None else _remaining(thing.after)
            before = 0 if thing.before is None else _remaining(thing.before)
            sums[thing.key] = sums.get(thing.key, 0) - after + before
        return all(total == 0 for total in sums.values())

    def _make(self, ctx: Context, captured: Captured) -> None:
        """Consume inputs, create outputs, remember what went into what."""
        used = made = 0
        for part in captured.inputs:
            self._take(ctx, part)
            thing = self.things[part.id]
            consumed = thing.consumed_milli + part.amount_milli
            self.things[part.id] = replace(thing, consumed_milli=consumed)
            used += part.amount_milli
        for part in captured.outputs:
            self._create(ctx, captured.hash, part)
            made += part.amount_milli
            for source in captured.inputs:
                self.forward[source.id, part.id] = captured.hash
                self.back[part.id, source.id] = captured.hash
        units = [part.unit for part in [*captured.inputs, *captured.outputs]]
        if captured.inputs and all(unit == units[0] for unit in units):
            gain = max([self._gain(part.id) for part in captured.outputs] + [0])
            most = used + used * gain // 1_000_000
            require(
                made <= most,
                "mass_imbalance",
                "more came out than went in",
                made_milli=made,
                most_milli=most,
                thing=captured.outputs[0].id,
            )
        outputs = [part.id for part in captured.outputs]
        ctx.emit(Made(owner=ctx.organisation, inputs=len(captured.inputs), outputs=outputs))

    def _move(self, ctx: Context, captured: Captured) -> None:
        """Create, end, send, receive or observe things."""
        step = captured.biz_step
        if captured.action == "ADD":
            for part in captured.things:
                self._create(ctx, captured.hash, part)
            first = captured.things[0].id if captured.things else "\N{EN DASH}"
            count = len(captured.things)
            ctx.emit(Commissioned(owner=ctx.organisation, count=count, first=first))
            return
        target = self._owner_of(captured.destination)
        for part in self._unpacked(captured.things):
            known = part.id in self.things
            require(known, "not_commissioned", "nobody made this", thing=part.id)
            if captured.action == "DELETE":
                self._take(ctx, part)
                thing = self.things[part.id]
                gone = thing.consumed_milli + part.amount_milli
                self.things[part.id] = replace(thing, consumed_milli=gone)
            elif step == "shipping" and target != "":
                self._take(ctx, part)
                moving = self.transit.get((part.id, target))
                before = 0 if moving is None else moving.amount_milli
                self.transit[part.id, target] = Transit(
                    amount_milli=before + part.amount_milli,
                    frm=ctx.organisation,
                    since_ms=captured.time_ms,
                    event=captured.hash,
                )
            elif step == "receiving":
                self._receive(ctx, part)
            self._check_travel(ctx, part.id, captured)
            if captured.disposition == "non_conformant" and step in ("transporting", "storing"):
                self._find(ctx, "cold_chain_broken", part.id, captured.hash, "out of its limits")
        first = captured.things[0].id if captured.things else "\N{EN DASH}"
        ctx.emit(
            Moved(
                owner=ctx.organisation,
                step=step,
                count=len(captured.things),
                first=first,
                location=captured.location,
            )
        )

    def _pack(self, ctx: Context, captured: Captured) -> None:
        """Put things into a package, or take them out."""
        parent = captured.parent
        if captured.action == "ADD":
            if parent not in self.things:
                self._create(ctx, captured.hash, Part(id=parent, amount_milli=1_000, unit="H87"))
            for part in captured.things:
                known = part.id in self.things
                require(known, "not_commissioned", "nobody made this", thing=part.id)
                self.contents[parent, part.id] = part.amount_milli
        if captured.action == "DELETE":
            listed = [part.id for part in captured.things]
            packed = [key[1] for key in self.contents.keys((parent,), limit=THINGS_MAX)]
            for child in listed or packed:
                del self.contents[parent, child]
        count = len(captured.things)
        step = captured.biz_step or captured.action.lower()
        ctx.emit(Packed(owner=ctx.organisation, step=step, count=count, parent=parent))

    def _create(self, ctx: Context, event: str, part: Part) -> None:
        kind = kind_of(part.id)
        thing = self.things.get(part.id)
        if thing is None or kind != "lot":
            require(thing is None, "serial_taken", "this number was used before", serial=part.id)
            thing = Thing(
                id=part.id,
                kind=kind,
                item=gtin_of(part.id),
                maker=ctx.organisation,
                born=event,
                unit=part.unit,
                created_milli=0,
                consumed_milli=0,
            )
        created = thing.created_milli + part.amount_milli
        self.things[part.id] = replace(thing, created_milli=created)
        self._give(part.id, ctx.organisation, part.amount_milli)

    def _give(self, thing: str, holder: str, amount_milli: int) -> None:
        held = self.holdings.get((thing, holder))
        before = 0 if held is None else held.amount_milli
        self.holdings[thing, holder] = Holding(amount_milli=before + amount_milli)

    def _take(self, ctx: Context, part: Part) -> None:
        known = part.id in self.things
        require(known, "not_commissioned", "nobody made this", thing=part.id)
        held = self.holdings.get((part.id, ctx.organisation))
        if held is None:
            thing = self.things[part.id]
            spent = thing.consumed_milli == thing.created_milli
            require(not spent, "input_consumed", "it was used up before", thing=part.id)
        have = 0 if held is None else held.amount_milli
        enough = have >= part.amount_milli
        require(enough, "not_holder", "you do not hold that much", thing=part.id, held_milli=have)
        if have == part.amount_milli:
            del self.holdings[part.id, ctx.organisation]
        else:
            left = have - part.amount_milli
            self.holdings[part.id, ctx.organisation] = Holding(amount_milli=left)

    def _receive(self, ctx: Context, part: Part) -> None:
        moving = self.transit.get((part.id, ctx.organisation))
        coming = 0 if moving is None else moving.amount_milli
        enough = moving is not None and coming >= part.amount_milli
        require(enough, "not_holder", "nobody sent you that much", thing=part.id, coming=coming)
        if moving is not None and coming > part.amount_milli:
            left = coming - part.amount_milli
            self.transit[part.id, ctx.organisation] = replace(moving, amount_milli=left)
        else:
            del self.transit[part.id, ctx.organisation]
        self._give(part.id, ctx.organisation, part.amount_milli)

    def _unpacked(self, parts: list[Part]) -> list[Part]:
        """Return the things and what is packed in them: who moves a pallet moves its cases."""
        out: list[Part] = []
        for part in parts:
            out = [*out, part]
            for key, amount in self.contents.items((part.id,), limit=THINGS_MAX):
                thing = self.things[key[1]]
                out = [*out, Part(id=thing.id, amount_milli=amount, unit=thing.unit)]
        require(len(out) <= THINGS_MAX, "too_many_things", "split the event")
        return out

    def _check_travel(self, ctx: Context, thing: str, captured: Captured) -> None:
        """Say when a single thing is seen at two places sooner than anything travels."""
        if kind_of(thing) == "lot" or captured.location == "":
            return
        before = self.scans.get(thing)
        self.scans[thing] = Scan(count=1, place=captured.location, time_ms=captured.time_ms)
        if before is not None and before.place != captured.location:
            apart = abs(captured.time_ms - before.time_ms)
            if apart < TRAVEL_MS and captured.biz_step != "receiving":
                text = f"seen at {before.place} and {captured.location} within minutes"
                self._find(ctx, "impossible_travel", thing, captured.hash, text)

    def _find(self, ctx: Context, rule: str, thing: str, event: str, sentence: str) -> None:
        """Keep a finding, the first one of its rule for each thing."""
        if (rule, thing) not in self.findings:
            found = Finding(rule=rule, thing=thing, event=event, sentence=sentence)
            self.findings[rule, thing] = found
            ctx.emit(Found(rule=rule, thing=thing, sentence=sentence))

    def _gain(self, thing: str) -> int:
        item = self.items.get(gtin_of(thing))
        return 0 if item is None else item.gain_max_ppm

    def _owner_of(self, gln_uri: str) -> str:
        place = self.locations.get(gln_of(gln_uri))
        return "" if place is None else place.owner

    def _duty(self, ctx: Context, recall_id: str) -> Duty:
        require(recall_id in self.recalls, "not_found", "no such recall", id=recall_id)
        duty = self.duties.get((recall_id, ctx.organisation))
        return must(duty, "not_a_holder", "your organisation holds nothing of it")

    def _holders(self, thing: str) -> list[OrganisationId]:
        held = [key[1] for key in self.holdings.keys((thing,), limit=THINGS_MAX)]
        coming = [key[1] for key in self.transit.keys((thing,), limit=THINGS_MAX)]
        return [OrganisationId(name) for name in sorted([*held, *coming])]

    def _walk(self, root: str, *, onward: bool, limit: int) -> Graph:
        """Follow what went into what, breadth first, each thing once."""
        nodes: list[Node] = []
        edges: list[Edge] = []
        seen: dict[str, bool] = {root: True}
        waiting = [root]
        while waiting and len(nodes) < limit:
            following: list[str] = []
            for name in waiting:
                thing = self.things[name]
                nodes = [
                    *nodes,
                    Node(
                        id=name,
                        label=label_of(name),
                        kind=thing.kind,
                        maker=thing.maker,
                        holders=self._holders(name),
                    ),
                ]
                steps = self.forward if onward else self.back
                for key, event in steps.items((name,), limit=THINGS_MAX):
                    pair = (name, key[1]) if onward else (key[1], name)
                    edges = [*edges, Edge(source=pair[0], target=pair[1], event=event)]
                    if key[1] not in seen:
                        seen[key[1]] = True
                        following = [*following, key[1]]
            waiting = following
        return Graph(nodes=nodes, edges=edges, complete=not waiting)


def _remaining(thing: Thing) -> int:
    return thing.created_milli - thing.consumed_milli
