# SPDX-License-Identifier: Apache-2.0
"""The same transactions give the same bytes, whatever hash seed, locale, time zone or Python."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.property import lifecycle_history
from tests.property.history import play
from tools._pythons import VERSIONS, environment, missing

ROOT = Path(__file__).parent.parent.parent
SETTINGS = [
    ("0", "C", "UTC"),
    ("1", "tr_TR.UTF-8", "America/St_Johns"),
    ("4711", "C", "Asia/Kathmandu"),
]
SLOW = [
    (seed, locale, zone)
    for seed in ("0", "1", "4711", "99999", "random")
    for locale, zone in (("C", "UTC"), ("tr_TR.UTF-8", "America/St_Johns"))
]


def run(python: str, count: int, setting: tuple[str, str, str], *more: str) -> str:
    return run_module(python, setting, "tests.property.history", str(count), *more)


def run_module(python: str, setting: tuple[str, str, str], *argv: str) -> str:
    seed, locale, zone = setting
    env = {
        "HANSE_VECTORS": os.environ.get("HANSE_VECTORS", ""),
        "LC_ALL": locale,
        "PATH": os.environ.get("PATH", ""),
        "PYTHONHASHSEED": seed,
        "PYTHONUTF8": "1",
        "TZ": zone,
    }
    command = [python, "-W", "error", "-m", *argv]
    done = subprocess.run(
        command, cwd=ROOT, env=env, check=True, capture_output=True, text=True, timeout=300
    )
    return done.stdout.strip()


def test_a_thousand_transactions_have_one_root_in_every_setting() -> None:
    expected = play(1_000)
    assert [run(sys.executable, 1_000, setting) for setting in SETTINGS] == [expected] * 3


def test_the_life_of_a_contract_has_one_root_in_every_setting() -> None:
    module = "tests.property.lifecycle_history"
    found = [run_module(sys.executable, setting, module) for setting in SETTINGS]
    assert found == [lifecycle_history.play()] * len(SETTINGS)


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_the_life_of_a_contract_has_one_root_on_every_python(version: str) -> None:
    if missing(version):
        pytest.skip(missing(version))
    python = str(environment(version) / "bin" / "python")
    found = run_module(python, SETTINGS[1], "tests.property.lifecycle_history")
    assert found == lifecycle_history.play()


def test_the_comparison_sees_an_order_that_depends_on_the_hash_seed() -> None:
    found = {run(sys.executable, 100, setting, "spoilt") for setting in SETTINGS}
    assert len(found) > 1


def test_a_history_depends_on_each_of_its_transactions() -> None:
    assert len({play(count) for count in (99, 100, 101)}) == 3


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_ten_thousand_transactions_have_one_root_on_every_python(version: str) -> None:
    here = "{}.{}".format(*sys.version_info)
    if version != here and missing(version):
        if os.environ.get("CI"):
            pytest.fail(missing(version))
        pytest.skip(missing(version))
    expected = play(10_000)
    python = sys.executable if version == here else str(environment(version) / "bin" / "python")
    assert [run(python, 10_000, setting) for setting in SLOW] == [expected] * len(SLOW)
