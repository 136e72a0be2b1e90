# SPDX-License-Identifier: Apache-2.0
"""What the next block takes: equal shares, unused ones lent, the ledger's own contracts first."""

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hanse.codec.limits import PENDING_TXS_MAX
from hanse.codec.submission import Submission
from hanse.engines.budget import Budget
from hanse.engines.cometbft.pool import DONE_KEPT, Pool, fits

BUDGET = Budget(txs=1_000, cost=1_000, bytes=100_000)


class _Body:
    def __init__(self, cost: int, contract: str, expires_ms: int) -> None:
        self.cost_max, self.contract, self.expires_ms = cost, contract, expires_ms


class _Tx:
    def __init__(self, body: _Body) -> None:
        self.body = body


def _submission(  # one figure each
    number: int,
    organisation: str = "a",
    cost: int = 100,
    size: int = 1_000,
    contract: str = "x",
    txs: int = 1,
    expires_ms: int = 9,
) -> Submission:
    each: Any = tuple(_Tx(_Body(cost // txs, contract, expires_ms)) for _ in range(txs))
    name = number.to_bytes(8, "big")
    return Submission(name * (size // 8), name, "L", f"n@{organisation}", number, b"", b"", each)


def _pool(*submissions: Submission) -> Pool:
    pool = Pool()
    for submission in submissions:
        assert pool.add(submission, own=True)
    return pool


def test_a_flood_of_one_organisation_leaves_the_others_their_share() -> None:
    flood = [_submission(i, "a") for i in range(50)]
    pool = _pool(*flood, *(_submission(100 + i, "b") for i in range(8)))
    chosen = Counter(s.node for s in pool.choose(BUDGET, 1 << 20))
    assert chosen == {"n@a": 5, "n@b": 5}


def test_what_one_leaves_goes_to_the_others() -> None:
    pool = _pool(*(_submission(i, "a") for i in range(50)), _submission(100, "b"))
    assert Counter(s.node for s in pool.choose(BUDGET, 1 << 20)) == {"n@a": 9, "n@b": 1}


def test_the_ledgers_own_contracts_go_first() -> None:
    flood = [_submission(i) for i in range(50)]
    pool = _pool(*flood, _submission(99, "z", contract="governance"))
    assert pool.choose(BUDGET, 1 << 20)[0].node == "n@z"


def test_one_that_does_not_fit_holds_up_nobody_else() -> None:
    pool = _pool(_submission(1, "a", cost=1_001), _submission(2, "b", cost=1_000))
    assert [s.seq for s in pool.choose(BUDGET, 1 << 20)] == [2]


def test_what_is_ordered_does_not_come_back() -> None:
    one = _submission(1)
    pool = _pool(one)
    pool.remove([one.id])
    assert pool.txs == 0
    assert pool.add(one, own=False)  # the peer is told that it is known
    assert pool.choose(BUDGET, 1 << 20) == []
    pool.remove(i.to_bytes(8, "big") for i in range(2, DONE_KEPT + 3))
    assert one.id not in pool


def test_peers_leave_half_of_the_room() -> None:
    pool = Pool()
    half = PENDING_TXS_MAX // 2
    assert pool.add(_submission(1, txs=half), own=False)
    assert not pool.add(_submission(2), own=False)
    assert pool.add(_submission(3, txs=half), own=True)
    assert not pool.add(_submission(4), own=True)


def test_the_dead_are_given_back_once() -> None:
    pool = _pool(_submission(1, expires_ms=5), _submission(2, expires_ms=50))
    assert [s.seq for s in pool.expire(10)] == [1]
    assert pool.expire(10) == []
    assert pool.txs == 1


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abcd"),
            st.integers(1, 1_200),
            st.integers(8, 120_000),
            st.sampled_from(["x", "governance"]),
        ),
        max_size=40,
    ),
    st.integers(1_000, 200_000),
)
def test_a_choice_always_fits_and_leaves_nothing_that_would(
    wanted: list[tuple[str, int, int, str]], bytes_max: int
) -> None:
    made = [_submission(i, o, c, s, k) for i, (o, c, s, k) in enumerate(wanted)]
    pool = _pool(*made)
    chosen = pool.choose(BUDGET, bytes_max)
    assert len({s.id for s in chosen}) == len(chosen)
    assert fits(BUDGET, chosen)
    assert sum(len(s.raw) + 8 for s in chosen) <= bytes_max
    for organisation in {s.node for s in made}:  # in the order in which they came
        mine = [s.seq for s in chosen if s.node == organisation]
        plain = [s.seq for s in chosen if s.node == organisation and s not in _first(chosen)]
        assert plain == sorted(plain)
        assert len(mine) >= len(plain)


def _first(submissions: list[Submission]) -> list[Submission]:
    return [s for s in submissions if s.transactions[0].body.contract == "governance"]
