# SPDX-License-Identifier: Apache-2.0
"""The pytest plugin: its fixtures by annotation, roles from the network's file, engines."""

import subprocess
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from tests.unit.testing.clock_contract import Clock as ClockContract

from hanse.contracts import Refused
from hanse.testing.bench import START_MS, Bench
from hanse.testing.clock import Clock
from hanse.testing.ledger import Ledger
from hanse.testing.smallbank import SmallBank

HEAD = """
from hanse.testing.bench import Bench
from hanse.testing.ledger import Ledger
from hanse.testing.smallbank import SmallBank
"""


def run_pytest(folder: Path, text: str, *options: str) -> tuple[int, str]:
    """Run pytest on one file in a project of its own."""
    (folder / "test_it.py").write_text(HEAD + text, "utf-8")
    (folder / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n", "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_the_clock_is_the_benchs_own(bench: Bench[ClockContract], clock: Clock) -> None:
    assert bench.clock is clock
    clock.pass_time(hours=3)
    assert bench.now == START_MS + 3 * 3_600_000
    bench.now += 5
    assert clock() == clock.now == bench.now
    with pytest.raises(AssertionError, match="never goes back"):
        clock.pass_time(ms=-1)


def test_a_state_is_reverted_with_its_clock(bench: Bench[SmallBank], clock: Clock) -> None:
    teller = bench.actor("bank")
    teller(SmallBank.create_account, "ann", 1, 1)
    kept, root = bench.snapshot(), bench.root
    clock.pass_time(days=1)
    teller(SmallBank.create_account, "ben", 1, 1)
    bench.revert(kept)
    assert (bench.root, clock.now) == (root, START_MS)


def test_a_member_is_called_by_its_name(bench: Bench[SmallBank], as_member: Any) -> None:
    ann = as_member("ann@bank", "teller")
    assert (ann.member, ann.organisation, ann.roles) == ("ann@bank", "bank", ("teller",))
    ann(SmallBank.create_account, "ann", 1, 1)


def test_the_same_calls_on_a_real_node(ledger: Ledger[SmallBank], clock: Clock) -> None:
    ann, bob = ledger.actor("bank"), ledger.member("bob@mill")
    ann(SmallBank.create_account, "ann", 5, 5)
    with pytest.raises(Refused, match="already_exists") as refused:
        bob(SmallBank.create_account, "ann", 5, 5)
    assert refused.value.facts["key"] == "ann"
    assert bob(SmallBank.balance, "ann") == 10
    clock.pass_time(days=40)
    ann(SmallBank.create_account, "ben", 5, 5)
    height = ann.client.ledger()["height"]
    late_ms = ann.client.header(height).header.time_ms - START_MS
    assert 0 <= late_ms - 40 * 86_400_000 < 1_000  # a block is later than the last by 1 ms at least
    assert ann.client.state("smallbank", "accounts", "ben").verified
    receipt = bob.attempt("create_account", {"account": "eve", "checking": 1, "savings": 1})
    assert receipt.verified
    assert receipt.code is None
    with pytest.raises(AssertionError, match="before the first call"):
        ledger.actor("late")
    with pytest.raises(AssertionError, match="has the roles"):
        ledger.actor("bank", "teller")


def test_roles_come_from_the_description_of_the_network(tmp_path: Path) -> None:
    (tmp_path / "network.toml").write_text('[[members]]\nid = "a@b"\nroles = ["x"]\n', "utf-8")
    code, said = run_pytest(
        tmp_path,
        "def test_it(bench: Bench[SmallBank], as_member):\n"
        "    assert as_member('a@b').roles == ('x',)\n"
        "    assert as_member('a@b', 'y').roles == ('y',)\n"
        "    assert as_member('c@b').roles == ()\n",
    )
    assert code == 0, said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def test_it(bench): pass", "annotate the argument: bench: Bench[YourContract]"),
        ("def test_it(ledger): pass", "annotate the argument: ledger: Ledger[YourContract]"),
        (
            "def test_it(bench: Bench[SmallBank], ledger: Ledger[SmallBank], as_member): pass",
            "as_member is of a test with `bench` or with `ledger`",
        ),
        ("def test_it(as_member): pass", "as_member is of a test with `bench` or with `ledger`"),
    ],
)
def test_a_fixture_without_its_contract_says_what_to_write(tmp_path, text, said) -> None:
    code, printed = run_pytest(tmp_path, text)
    assert code == 1
    assert said in printed


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        ("cometbft", "--engine cometbft is planned; there is: embedded"),
        ("raft", "--engine raft is unknown; there is: embedded"),
    ],
)
def test_an_engine_that_is_not_there_is_refused(tmp_path, engine, said) -> None:
    code, printed = run_pytest(tmp_path, "def test_it(): pass", "--engine", engine)
    assert code == 4
    assert said in printed
    assert run_pytest(tmp_path, "def test_it(): pass", "--engine", "embedded")[0] == 0


def test_two_hundred_contract_tests_keep_their_budget() -> None:
    began = perf_counter()
    for turn in range(200):
        bench = Bench(SmallBank)
        teller = bench.actor("bank")
        teller(SmallBank.create_account, "ann", turn, 1)
        teller(SmallBank.balance, "ann")
    each_ms = (perf_counter() - began) * 1_000 / 200
    assert each_ms < 25, each_ms  # 5 are promised; machines that do much else at once are slower
