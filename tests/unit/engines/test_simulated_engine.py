# SPDX-License-Identifier: Apache-2.0
"""The simulated engine with an application of three lines: sets that change, time, starts, lies."""

from collections import deque
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from hanse.codec.submission import Submission
from hanse.engines.simulated import SimulatedEngine
from hanse.engines.simulated_messages import (
    Answered,
    Conflict,
    Decided,
    Delivery,
    EngineBlock,
    Entry,
    Known,
    Pooled,
    Proposal,
    Saved,
    Send,
    Step,
    Timer,
    Vote,
    Wake,
    build_block,
)

KEYS = [bytes([number]) * 32 for number in range(5)]
START_MS = 1_000


@dataclass
class Journal:
    kept: list[Entry] = field(default_factory=list)

    def append(self, entry: Entry) -> None:
        self.kept.append(entry)

    def sync(self) -> None:
        pass

    @property
    def entries(self) -> list[Entry]:
        return [*self.kept]


@dataclass
class Counter:
    """Hashes the heights that it was given; ``changes`` are validator updates by height."""

    changes: dict[int, tuple[tuple[bytes, int], ...]] = field(default_factory=dict)
    durable: int = 0
    waiting: list[Submission] = field(default_factory=list)
    delivered: list[Delivery] = field(default_factory=list)

    def info(self) -> tuple[int, bytes]:
        return self.durable, b"%d" % self.durable

    def prepare(self) -> tuple[Submission, ...]:
        return tuple(self.waiting)

    def process(self, submissions: tuple[Submission, ...]) -> bool:
        return all(s.id != b"bad" for s in submissions)

    def pool(self, submissions: tuple[Submission, ...]) -> tuple[Submission, ...]:
        new = tuple(s for s in submissions if s not in self.waiting)
        self.waiting += new
        return new

    def finalize(self, delivery: Delivery) -> Answered:
        self.delivered.append(delivery)
        self.waiting = [s for s in self.waiting if s not in delivery.submissions]
        updates = self.changes.get(delivery.height, ())
        return Answered(delivery.height, b"%d" % delivery.height, updates)

    def commit(self) -> None:
        self.durable = self.delivered[-1].height


class Net:
    """Engines whose messages arrive at once and in order; timers fire when nothing else is left."""

    def __init__(self, count: int = 4, voters: int = 4, **changes: Any) -> None:
        powers = dict.fromkeys(KEYS[:voters], 1)
        self.number = 0
        self.now = START_MS
        self.clocks = dict.fromkeys(KEYS, 0)
        self.apps = {key: Counter(**changes) for key in KEYS[:count]}
        self.journals = {key: Journal() for key in self.apps}
        self.engines = {
            key: SimulatedEngine(key, (powers, START_MS), app, self.journals[key])
            for key, app in self.apps.items()
        }
        self.down: set[bytes] = set()
        self.waiting: deque[tuple[bytes, bytes, object]] = deque()
        self.timers: list[tuple[int, int, bytes, Timer]] = []
        self.sent: list[tuple[bytes, object]] = []
        for key, engine in self.engines.items():
            self.take(key, engine.on_restart(self.clock(key)))

    def clock(self, key: bytes) -> int:
        return self.now + self.clocks[key]

    def take(self, sender: bytes, outputs: list[object]) -> None:
        for output in outputs:
            match output:
                case Send(to, message):
                    self.sent.append((sender, message))
                    others = [key for key in self.engines if key != sender and to in {None, key}]
                    self.waiting.extend((sender, key, message) for key in others)
                case Wake(after_ms, timer):
                    self.number += 1
                    entry = (self.now + after_ms, self.number, sender, timer)
                    self.timers.append(entry)

    def run(self, height: int) -> None:
        """Let things happen until all engines that are up are at ``height``."""
        for _ in range(20_000):
            up = [e for key, e in self.engines.items() if key not in self.down]
            if all(engine.height >= height for engine in up):
                return
            if self.waiting:
                sender, key, message = self.waiting.popleft()
                if key not in self.down and sender not in self.down:
                    out = self.engines[key].on_message(self.clock(key), sender, message)
                    self.take(key, out)
                continue
            first = min(self.timers)
            self.timers.remove(first)
            self.now = max(self.now, first[0])
            if first[2] not in self.down:
                key = first[2]
                self.take(key, self.engines[key].on_timer(self.clock(key), first[3]))
        raise AssertionError("nothing is decided any more")

    def restart(self, key: bytes) -> SimulatedEngine:
        old = self.engines[key]
        powers = dict.fromkeys(KEYS[:4], 1)
        engine = SimulatedEngine(key, (powers, START_MS), self.apps[key], self.journals[key])
        self.engines[key] = engine
        self.down.discard(key)
        self.take(key, engine.on_restart(self.clock(key)))
        assert engine.height >= old.height
        return engine


def submission(name: bytes) -> Submission:
    return Submission(b"", name, "", "", 0, b"", b"", ())


def test_four_decide_the_same_blocks_and_go_on_without_one() -> None:
    net = Net()
    out = net.engines[KEYS[0]].on_submission(net.now, Pooled((submission(b"one"),)))
    net.take(KEYS[0], out)
    net.run(4)
    net.down.add(KEYS[2])
    net.run(8)
    first, *others = [app.delivered[:7] for key, app in net.apps.items() if key not in net.down]
    assert all(other == first for other in others)
    assert [s.id for d in first for s in d.submissions] == [b"one"]


def test_two_of_four_decide_nothing_and_all_go_on_when_they_are_back() -> None:
    net = Net()
    net.run(2)
    net.down |= {KEYS[0], KEYS[1]}
    with pytest.raises(AssertionError, match="nothing is decided"):
        net.run(4)
    net.down.clear()
    net.run(6)


def test_a_change_of_validators_counts_two_heights_later() -> None:
    net = Net(count=5, changes={3: ((KEYS[4], 1), (KEYS[0], 0))})
    seen: dict[int, set[bytes]] = {}
    for height in range(2, 9):
        net.run(height)
        engine = net.engines[KEYS[1]]
        seen[engine.height] = set(engine.validators)
    old, new = {*KEYS[:4]}, {*KEYS[1:5]}
    assert all(powers == (old if height < 5 else new) for height, powers in seen.items())
    signed = net.apps[KEYS[1]].delivered
    assert all(KEYS[4] not in d.signed for d in signed if d.height <= 5)
    assert any(KEYS[4] in d.signed for d in signed)
    assert all(KEYS[0] not in d.signed for d in signed if d.height > 5)


def test_block_time_lies_between_honest_clocks_and_grows() -> None:
    net = Net()
    net.clocks[KEYS[3]] = 86_400_000
    net.run(6)
    times = [d.time_ms for d in net.apps[KEYS[0]].delivered]
    assert times == sorted(set(times))
    assert START_MS < times[-1] <= net.now


def test_a_node_that_was_away_catches_up_with_proven_blocks() -> None:
    net = Net()
    net.run(2)
    net.down.add(KEYS[1])
    net.run(7)
    net.restart(KEYS[1])
    net.run(8)
    assert net.apps[KEYS[1]].delivered[:6] == net.apps[KEYS[0]].delivered[:6]


@pytest.mark.parametrize("spoil", ["too few", "twice", "another block", "a stranger"])
def test_a_block_without_the_votes_for_it_is_not_taken(spoil: str) -> None:
    net = Net()
    net.run(3)
    saved = next(e for e in net.journals[KEYS[0]].kept if isinstance(e, Saved))
    votes = saved.commit
    wrong = {
        "too few": votes[:2],
        "twice": (votes[0], votes[0], votes[1]),
        "another block": tuple(replace(v, block=bytes(32)) for v in votes),
        "a stranger": (*votes[:2], replace(votes[2], voter=KEYS[4])),
    }[spoil]
    powers = dict.fromkeys(KEYS[:4], 1)
    fresh = SimulatedEngine(KEYS[3], (powers, START_MS), Counter(), Journal())
    fresh.on_restart(START_MS)
    fresh.on_message(START_MS, KEYS[0], Decided((Saved(saved.block, wrong),)))
    assert fresh.height == 1
    fresh.on_message(START_MS, KEYS[0], Decided((saved,)))
    assert fresh.height == 2


def test_what_was_signed_is_not_signed_again_after_a_restart() -> None:
    net = Net()
    net.run(3)
    for key in KEYS[:4]:
        net.restart(key)
    net.run(5)
    said: dict[tuple[bytes, int, int, Step], set[bytes]] = {}
    for sender, message in net.sent:
        if isinstance(message, Known):
            for vote in message.votes:
                if vote.voter == sender:
                    at = (sender, vote.height, vote.round, vote.step)
                    said.setdefault(at, set()).add(vote.block)
    assert said
    assert all(len(blocks) == 1 for blocks in said.values())


def test_an_application_behind_its_engine_is_brought_up_and_must_agree() -> None:
    net = Net()
    net.run(5)
    app = net.apps[KEYS[0]]
    app.durable = 2  # the rest was lost
    net.restart(KEYS[0])
    assert app.durable == 4
    app.durable = 2
    app.changes[3] = ((KEYS[0], 7),)  # it is not the software that it was
    with pytest.raises(AssertionError, match="another answer"):
        net.restart(KEYS[0])


def block_of(engine: SimulatedEngine, **changes: Any) -> EngineBlock:
    good = engine._build(())
    parts = {n: getattr(good, n) for n in EngineBlock.__slots__ if n != "id"}
    return build_block(**{**parts, **changes})


def test_a_block_is_refused_for_each_thing_that_an_honest_proposer_would_not_do() -> None:
    net = Net()
    net.run(4)
    engine = net.engines[KEYS[0]]
    good = block_of(engine)
    vote = good.commit[0]
    assert engine._is_good(good)
    wrong = {
        "height": 3,
        "app_hash": b"other",
        "time_ms": good.time_ms + 1,
        "commit": good.commit[:2],
        "misbehaviour": (Conflict(vote, vote),),
        "submissions": (submission(b"bad"),),
    }
    for name, value in wrong.items():
        assert not engine._is_good(block_of(engine, **{name: value})), name


def test_two_votes_in_one_step_convict_and_nothing_else_does() -> None:
    vote = Vote(1, 0, Step.PREVOTE, b"a", KEYS[0], 0)
    assert Conflict(vote, replace(vote, block=b"b")).holds
    assert not Conflict(vote, replace(vote, time_ms=1)).holds
    assert not Conflict(vote, replace(vote, block=b"b", round=1)).holds
    assert not Conflict(vote, replace(vote, block=b"b", voter=KEYS[1])).holds


def test_who_is_bound_to_a_block_votes_for_no_other_until_a_majority_does() -> None:
    powers = dict.fromkeys(KEYS[:4], 1)
    one = SimulatedEngine(KEYS[0], (powers, START_MS), Counter(), Journal())
    one.on_restart(START_MS)
    blocks = [
        build_block(
            height=1,
            time_ms=START_MS + 1,
            proposer=KEYS[proposer],
            app_hash=b"0",
            commit=(),
            misbehaviour=(),
            submissions=(),
        )
        for proposer in (1, 2)
    ]
    others = KEYS[1:4]

    def tell(round_: int, block: EngineBlock, voters: list[bytes]) -> list[Vote]:
        """Let prevotes arrive, and return what the engine votes then."""
        votes = tuple(Vote(1, round_, Step.PREVOTE, block.id, v, START_MS) for v in voters)
        out = one.on_message(START_MS, KEYS[1], Known(1, (), votes))
        said = [o.message for o in out if isinstance(o, Send) and isinstance(o.message, Known)]
        return [vote for known in said for vote in known.votes if vote.voter == KEYS[0]]

    def propose(round_: int, block: EngineBlock, valid_round: int) -> bytes:
        """Let a proposal arrive, and return what the engine prevotes."""
        proposal = Proposal(1, round_, block, valid_round, KEYS[(1 + round_) % 4])
        one.on_message(START_MS, KEYS[1], Known(1, (proposal,), ()))
        by_block = one._heard._votes[round_, Step.PREVOTE]
        return next(block_id for block_id, votes in by_block.items() if KEYS[0] in votes)

    assert propose(0, blocks[0], -1) == blocks[0].id
    assert [vote.step for vote in tell(0, blocks[0], others[:2])] == [Step.PRECOMMIT]
    one.on_timer(START_MS, Timer(1, 0, Step.PRECOMMIT))
    assert propose(1, blocks[1], -1) == b""  # bound: nothing for another block
    tell(1, blocks[1], others)
    one.on_timer(START_MS, Timer(1, 1, Step.PRECOMMIT))
    assert one.round == 2
    assert propose(2, blocks[1], 1) == blocks[1].id  # a newer majority frees it
