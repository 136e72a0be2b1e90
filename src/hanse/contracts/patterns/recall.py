# SPDX-License-Identifier: Apache-2.0
"""Recalls, the other half of lineage: what was made of a thing, at every holder, each answering.

A recall walks on from its roots when it is opened and gives each holder a duty with a deadline.
Who does not answer is overdue, and the recall stays open. That its list of holders leaves nobody
out can be recomputed by whoever has the state; a proof of it comes with ordered maps.
"""

from typing import Literal

from hanse.contracts import Context, Map, OrganisationId, TimeMs, Written, record, replace, require
from hanse.contracts.patterns.calendar import Calendar, deadline_of
from hanse.contracts.patterns.forms import are_names
from hanse.contracts.patterns.lineage import HOLDERS_MAX, Books, Links, holders_of, reach

DUTIES_MAX = 1_000
ROOTS_MAX = 20


@record
class Recall:
    """A call for all that was made of its roots."""

    id: str
    roots: list[str]
    reason: str
    opened_by: OrganisationId
    opened_ms: TimeMs
    due_ms: TimeMs
    holders: int
    answered: int
    stage: Literal["open", "closed"] = "open"


@record
class Duty:
    """What one holder has of a recall, and whether it has locked it away."""

    things: list[str]
    answered: bool


@record
class Calling:
    """A recall as it is opened; ``days`` are working days to answer in."""

    id: str
    roots: list[str]
    reason: str
    days: int


RecallBooks = tuple[Map[str, Recall], Map[tuple[str, str], Duty]]
"""Recalls; and duties by recall and holder."""


def open_recall(
    recalls: RecallBooks, lineage: tuple[Books, Links], ctx: Context, call: Calling, week: Calendar
) -> Recall:
    """Recall things and all that was made of them; ``lineage`` has the books and the forward steps.

    Refuses not_found, bad_recall, already_exists, too_many_things, bad_calendar.
    """
    books, forward = lineage
    for root in call.roots:
        require(root in books[0], "not_found", "no such thing", thing=root)
    require(are_names(call.roots, ROOTS_MAX), "bad_recall", "1 to 20 roots, each once")
    require(call.id not in recalls[0], "already_exists", "the name is taken", id=call.id)
    held: dict[str, list[str]] = {}
    seen: dict[str, bool] = {}
    for root in call.roots:
        found = reach(books, root, forward, True)  # as in lineage
        require(found.complete, "too_many_things", "recall in parts", root=root)
        for name in [one for one in found.names if one not in seen]:
            seen[name] = True
            for who in holders_of(books, name):
                things = held.get(who, [])
                things.append(name)
                held[who] = things
    require(len(held) <= HOLDERS_MAX, "too_many_things", "recall in parts", holders=len(held))
    for holder in sorted(held.keys()):
        recalls[1][call.id, holder] = Duty(things=held[holder], answered=False)
    recall = Recall(
        id=call.id,
        roots=call.roots,
        reason=call.reason,
        opened_by=ctx.organisation,
        opened_ms=ctx.now,
        due_ms=deadline_of(week, ctx.now, call.days),
        holders=len(held),
        answered=0,
    )
    return recalls[0].add(call.id, recall)


def acknowledge(recalls: RecallBooks, ctx: Context, recall: str) -> Duty:
    """Confirm that one's own goods are locked away.

    Refuses not_found, not_a_holder, wrong_state.
    """
    found = recalls[0][recall]
    duty = recalls[1].get((recall, ctx.organisation))
    require(duty is not None, "not_a_holder", "your organisation holds nothing of it")
    fresh = duty is not None and not duty.answered
    require(fresh, "wrong_state", "it is confirmed already")
    things = [] if duty is None else duty.things
    recalls[1][recall, ctx.organisation] = Duty(things=things, answered=True)
    recalls[0][recall] = replace(found, answered=found.answered + 1)
    return recalls[1][recall, ctx.organisation]


def close_recall(recalls: RecallBooks, ctx: Context, recall: str) -> Recall:
    """End a recall that all have answered.

    Refuses not_found, wrong_organisation, wrong_state, holders_open.
    """
    found = recalls[0][recall]
    ctx.acts_for(found.opened_by)
    require(found.stage == "open", "wrong_state", "it is closed already")
    left = found.holders - found.answered
    require(left == 0, "holders_open", "holders have not answered", open=left)
    recalls[0][recall] = replace(found, stage="closed")
    return recalls[0][recall]


def overdue(recalls: RecallBooks, ctx: Context, recall: str) -> list[OrganisationId]:
    """Return who has not answered in time. Refuses not_found."""
    if ctx.now <= recalls[0][recall].due_ms:
        return []
    rows = recalls[1].items((recall,), limit=DUTIES_MAX)
    return [OrganisationId(key[1]) for key, duty in rows if not duty.answered]


def is_answered(recalls: list[Written[Recall]], duties: list[Written[Duty]]) -> bool:
    """Whether answers are counted right, none is taken back, and a recall ends with the last."""
    counts: dict[str, int] = {}
    good = True
    for duty in duties:
        after = duty.after
        if after is None or (duty.before is not None and duty.before.answered):
            return False
        good = good and (duty.before is None or duty.before.things == after.things)
        counts[duty.key[0]] = counts.get(duty.key[0], 0) - (1 if after.answered else 0)
    for recall in recalls:
        now = recall.after
        if now is None or (recall.before is not None and recall.before.stage == "closed"):
            return False
        old = 0 if recall.before is None else recall.before.answered
        counts[recall.key] = counts.get(recall.key, 0) + now.answered - old
        good = good and 0 <= now.answered <= now.holders
        good = good and (now.stage == "open" or now.answered == now.holders)
        good = good and (recall.before is None or recall.before.holders == now.holders)
    return good and all(count == 0 for count in counts.values())
