# SPDX-License-Identifier: Apache-2.0
"""Metering: numbers without overlap or hole, each reading provable, corrections beside it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.contracts.patterns.pattern_bench import (
    Case,
    attempt,
    check_case,
    digest,
    rows,
    unlisted,
)

from hanse.client.batches import batch_path, batch_root, reading_leaf
from hanse.contracts import MemberId, OrganisationId, TimeMs, Written, replace
from hanse.contracts.patterns.metering import (
    Batch,
    Correction,
    Device,
    Gap,
    Readings,
    Shown,
    is_cut,
)
from hanse.crypto import SHA256
from hanse.testing.bench import START_MS, Actor, Bench
from hanse.testing.patterns.metering import Meters

M = Meters
MINUTE, HOUR = 60_000, 3_600_000
GRID = OrganisationId("grid")


def device(name: str = "m1", **changes: Any) -> Device:
    parts: dict[str, Any] = {
        "id": name,
        "owner": GRID,
        "kind": "electricity",
        "unit": "Wh",
        "interval_ms": MINUTE,
        "late_ms": HOUR,
        **changes,
    }
    return Device(**parts)


def leaves(first: int, last: int, name: str = "m1") -> list[str]:
    """Reading n is n watt hours at minute n."""
    return [
        reading_leaf(SHA256.tagged, name, n, START_MS + n * MINUTE, n)
        for n in range(first, last + 1)
    ]


def batch(first: int, last: int, **changes: Any) -> Batch:
    parts: dict[str, Any] = {
        "device": "m1",
        "epoch": 1,
        "from_seq": first,
        "to_seq": last,
        "from_ms": TimeMs(START_MS + first * MINUTE),
        "to_ms": TimeMs(START_MS + last * MINUTE),
        "root": batch_root(SHA256.tagged, leaves(first, last))
        if 0 <= last - first < 100
        else digest("r"),
        "total": sum(range(first, last + 1)),
        **changes,
    }
    return Batch(**parts)


def shown(seq: int, first: int = 0, last: int = 9, **changes: Any) -> Shown:
    parts: dict[str, Any] = {
        "device": "m1",
        "from_seq": first,
        "seq": seq,
        "time_ms": TimeMs(START_MS + seq * MINUTE),
        "value": seq,
        "path": batch_path(SHA256.tagged, leaves(first, last), seq - first),
        **changes,
    }
    return Shown(**parts)


def world() -> tuple[Bench[Meters], dict[str, Actor]]:
    """Return a grid with meter m1, readings 0 to 9 committed; OLD is retired; the time is 00:20."""
    bench = Bench(Meters)
    who = {
        "grid": bench.actor("grid", "operator"),
        "thief": bench.actor("thief", "operator", "device"),
        "m1": bench.actor("grid", "device", name="m1"),
        "m2": bench.actor("grid", "device", name="m2"),
    }
    who["grid"](M.enrol, device(), MemberId("m1@grid"))
    who["grid"](M.enrol, device("OLD"), MemberId("m2@grid"))
    who["grid"](M.retire, "OLD")
    bench.pass_time(minutes=20)
    who["m1"](M.commit, batch(0, 9))
    return bench, who


def owning(name: str, more: dict[str, Any], later: str = "") -> list[Case]:
    """Return the lines that every step of an owner shares."""
    method = getattr(M, name)
    return [
        ("not_found", "wrong_organisation", "thief", method, {"device": "no", **more}),
        ("wrong_organisation", "device_retired", "thief", method, {"device": "OLD", **more}),
        ("device_retired", later, "grid", method, {"device": "OLD", **more}),
    ]


LATE = batch(10, 10, from_ms=TimeMs(START_MS + 10 * MINUTE), root="x")
GAP = {"device": "m1", "reason": ""}
CASES: list[Case] = [
    ("bad_device", "already_exists", "grid", M.enrol, {"device": device(unit=""), "signer": "s"}),
    ("bad_device", "", "grid", M.enrol, {"device": device("m3", interval_ms=0), "signer": "s"}),
    ("bad_device", "", "grid", M.enrol, {"device": device("m3"), "signer": ""}),
    ("already_exists", "", "thief", M.enrol, {"device": device(), "signer": "s"}),
    *owning("rotate", {"signer": ""}, "bad_device"),
    ("bad_device", "", "grid", M.rotate, {"device": "m1", "signer": ""}),
    *owning("retire", {}),
    ("not_found", "device_retired", "m1", M.commit, {"batch": batch(0, 1, device="no")}),
    (
        "device_retired",
        "wrong_epoch",
        "m1",
        M.commit,
        {"batch": batch(0, 1, device="OLD", epoch=2)},
    ),
    ("wrong_epoch", "bad_signature", "m2", M.commit, {"batch": batch(0, 1, epoch=2)}),
    ("bad_signature", "overlap", "m2", M.commit, {"batch": batch(9, 10)}),
    ("bad_signature", "overlap", "thief", M.commit, {"batch": batch(0, 9)}),
    ("overlap", "clock_skew", "m1", M.commit, {"batch": batch(0, 9)}),
    ("overlap", "clock_skew", "m1", M.commit, {"batch": batch(9, 10)}),
    ("sequence_gap", "clock_skew", "m1", M.commit, {"batch": batch(11, 99)}),
    ("sequence_gap", "", "m1", M.commit, {"batch": batch(10, 9)}),
    ("sequence_gap", "", "m1", M.commit, {"batch": batch(10, 10 + 2**20)}),
    ("clock_skew", "bad_root", "m1", M.commit, {"batch": batch(10, 22, root="x")}),
    (
        "clock_skew",
        "",
        "m1",
        M.commit,
        {"batch": batch(10, 19, from_ms=TimeMs(START_MS + 9 * MINUTE))},
    ),
    ("clock_skew", "", "m1", M.commit, {"batch": batch(10, 11, to_ms=TimeMs(START_MS))}),
    (
        "clock_skew",
        "",
        "m1",
        M.commit,
        {"batch": batch(10, 19, to_ms=TimeMs(START_MS + 12 * MINUTE))},
    ),
    ("bad_root", "", "m1", M.commit, {"batch": batch(10, 11, root="x")}),
    *owning("declare_gap", {"span": (0, 1), "reason": ""}, "overlap"),
    ("overlap", "late_without_reason", "grid", M.declare_gap, {**GAP, "span": (9, 10)}),
    ("sequence_gap", "late_without_reason", "grid", M.declare_gap, {**GAP, "span": (11, 12)}),
    ("sequence_gap", "late_without_reason", "grid", M.declare_gap, {**GAP, "span": (10, 9)}),
    ("late_without_reason", "", "grid", M.declare_gap, {**GAP, "span": (10, 12)}),
    (
        "not_found",
        "wrong_organisation",
        "thief",
        M.correct,
        {"shown": shown(3, 0, device="no"), "value": 1, "reason": ""},
    ),
    (
        "not_found",
        "wrong_organisation",
        "thief",
        M.correct,
        {"shown": shown(3, 1), "value": 1, "reason": ""},
    ),
    (
        "wrong_organisation",
        "not_in_batch",
        "thief",
        M.correct,
        {"shown": shown(3, value=4), "value": 1, "reason": ""},
    ),
    (
        "not_in_batch",
        "late_without_reason",
        "grid",
        M.correct,
        {"shown": shown(3, value=4), "value": 1, "reason": ""},
    ),
    ("late_without_reason", "", "grid", M.correct, {"shown": shown(3), "value": 1, "reason": ""}),
    ("not_found", "", "thief", M.is_committed, {"shown": shown(3, 1)}),
]


@pytest.mark.parametrize("case", CASES)
def test_what_a_meter_refuses(case: Case) -> None:
    check_case(*world(), case)


def test_a_late_batch_gives_its_reason() -> None:
    bench, who = world()
    bench.pass_time(hours=2)
    early = batch(10, 19, from_ms=TimeMs(START_MS), root="x")
    check_case(bench, who, ("clock_skew", "late_without_reason", "m1", M.commit, {"batch": early}))
    late: Case = (
        "late_without_reason",
        "bad_root",
        "m1",
        M.commit,
        {"batch": batch(10, 19, root="x")},
    )
    check_case(bench, who, late)
    assert attempt(who["m1"], M.commit, batch=batch(10, 19, reason="no network")) == "ok"
    for _ in range(100):
        who["grid"](M.correct, shown(3), 4, "misread")
    silent = {"shown": shown(3), "value": 1, "reason": ""}
    check_case(bench, who, ("late_without_reason", "too_many", "grid", M.correct, silent))
    many: Case = ("too_many", "", "grid", M.correct, {"shown": shown(3), "value": 1, "reason": "r"})
    check_case(bench, who, many)
    assert unlisted(bench, [*CASES, late, many]) == []


STEPS = st.tuples(
    st.sampled_from(["commit", "commit", "commit", "gap", "correct", "rotate"]),
    st.sampled_from(["m1", "m1", "m2"]),
    st.integers(-2, 2),
    st.integers(-1, 5),
    st.integers(0, 30),
)


@given(st.lists(STEPS, max_size=25))
def test_numbers_are_cut_into_batches_and_gaps(steps: list[tuple[str, str, int, int, int]]) -> None:
    bench, who = world()
    for name, actor, off, more, minutes in steps:
        bench.pass_time(minutes=minutes)
        held, seen = rows(bench, "devices")["m1"], rows(bench, "batches")
        first = held.next_seq + off
        args: dict[str, Any] = {
            "commit": {"batch": batch(first, first + more, epoch=held.epoch, reason="r")},
            "gap": {"device": "m1", "span": (first, first + more), "reason": "storm"},
            "correct": {"shown": shown(abs(off) + more), "value": minutes, "reason": "misread"},
            "rotate": {"device": "m1", "signer": f"{actor}@grid"},
        }[name]
        method = {"gap": M.declare_gap}.get(name) or getattr(M, name)
        attempt(who[actor if name == "commit" else "grid"], method, **args)
        assert {key: rows(bench, "batches")[key] for key in seen} == seen
    spans = [(key[1], b.to_seq) for key, b in rows(bench, "batches").items() if key[0] == "m1"]
    spans += [(key[1], g.to_seq) for key, g in rows(bench, "gaps").items()]
    covered = [n for first, last in sorted(spans) for n in range(first, last + 1)]
    assert covered == list(range(rows(bench, "devices")["m1"].next_seq))
    times = [(b.from_ms, b.to_ms) for _, b in sorted(rows(bench, "batches").items())]
    assert times == sorted(times)


AFTER = replace(device(), next_seq=5, last_ms=TimeMs(1))
ROW = Readings(
    to_seq=4,
    from_ms=TimeMs(0),
    to_ms=TimeMs(1),
    root="",
    total=None,
    epoch=1,
    at_ms=TimeMs(1),
    reason="",
)
LOST = Gap(to_seq=4, reason="", at_ms=TimeMs(0))
FIXED = Correction(old=1, new=2, reason="", at_ms=TimeMs(0))


def put(key: Any, after: Any, before: Any = None) -> Written[Any]:
    return Written(key, before, after)


@pytest.mark.parametrize(
    ("devices", "batches", "gaps", "corrections"),
    [
        ([put("m1", AFTER, device())], [], [], []),
        ([], [put(("m1", 0), ROW)], [], []),
        ([put("m1", AFTER, device())], [put(("m1", 1), ROW)], [], []),
        ([put("m1", AFTER, device())], [put(("m1", 0), ROW)], [put(("m1", 0), LOST)], []),
        ([put("m1", AFTER, device())], [put(("m1", 0), ROW)], [put(("m1", 3), LOST)], []),
        ([put("m1", AFTER, device())], [put(("m1", 0), None, ROW)], [], []),
        ([put("m1", AFTER, device())], [put(("m1", 0), ROW, ROW)], [], []),
        ([put("m1", AFTER, AFTER)], [], [], [put(("m1", 0, 0), FIXED, FIXED)]),
        ([put("m1", None, device())], [], [], []),
        ([put("m1", AFTER, replace(device(), retired=True))], [put(("m1", 0), ROW)], [], []),
    ],
)
def test_the_invariant_sees_holes_and_overlaps(
    devices: Any, batches: Any, gaps: Any, corrections: Any
) -> None:
    assert is_cut([put("m1", AFTER, device())], [put(("m1", 0), ROW)], [], [])
    assert not is_cut(devices, batches, gaps, corrections)


@given(st.integers(1, 40), st.data())
def test_one_reading_of_a_batch_is_proved_and_an_edited_one_is_not(count: int, data: Any) -> None:
    bench, who = Bench(Meters), {}
    who["grid"] = bench.actor("grid", "operator")
    who["m1"] = bench.actor("grid", "device", name="m1")
    who["grid"](M.enrol, device(), MemberId("m1@grid"))
    bench.pass_time(hours=1)
    who["m1"](M.commit, batch(0, count - 1))
    seq = data.draw(st.integers(0, count - 1))
    true = shown(seq, 0, count - 1)
    assert who["grid"](M.is_committed, true)
    for edited in (
        replace(true, value=seq + 1),
        replace(true, time_ms=TimeMs(true.time_ms + 1)),
        replace(true, seq=(seq + 1) % count if count > 1 else 1),
        replace(true, seq=count),
        replace(true, seq=-1),
        replace(true, path=[*true.path, digest("more")]),
        replace(true, path=true.path[:-1] if true.path else [digest("more")]),
        replace(true, path=[digest("x")] * 21),
    ):
        assert not who["grid"](M.is_committed, edited)


def test_a_replayed_reading_is_refused() -> None:
    _, who = world()
    assert attempt(who["m1"], M.commit, batch=batch(0, 9)) == "overlap"
    # the same readings under new numbers carry other leaves and old times
    again = batch(10, 19, from_ms=TimeMs(START_MS), to_ms=TimeMs(START_MS + 9 * MINUTE))
    assert attempt(who["m1"], M.commit, batch=again) == "clock_skew"


def test_readings_that_a_broker_dropped_leave_a_declared_gap() -> None:
    bench, who = world()
    assert attempt(who["m1"], M.commit, batch=batch(15, 19)) == "sequence_gap"
    assert (
        attempt(who["m1"], M.declare_gap, device="m1", span=(10, 14), reason="x")
        == "not_authorised"
    )
    assert attempt(who["grid"], M.declare_gap, device="m1", span=(10, 14), reason="broker") == "ok"
    assert attempt(who["m1"], M.commit, batch=batch(15, 19)) == "ok"
    assert rows(bench, "gaps")["m1", 10].reason == "broker"


def test_a_retired_key_signs_no_more_readings() -> None:
    _, who = world()
    who["grid"](M.rotate, "m1", MemberId("m2@grid"))
    assert attempt(who["m1"], M.commit, batch=batch(10, 11)) == "wrong_epoch"
    assert attempt(who["m1"], M.commit, batch=batch(10, 11, epoch=2)) == "bad_signature"
    assert attempt(who["m2"], M.commit, batch=batch(10, 11, epoch=2)) == "ok"


def test_a_correction_stands_beside_the_reading() -> None:
    bench, who = world()
    before = rows(bench, "batches")
    who["grid"](M.correct, shown(3), 30, "misread")
    who["grid"](M.correct, shown(3), 31, "misread again")
    assert rows(bench, "batches") == before
    kept = rows(bench, "corrections")
    assert [(key, c.old, c.new) for key, c in kept.items()] == [
        (("m1", 3, 0), 3, 30),
        (("m1", 3, 1), 3, 31),
    ]
