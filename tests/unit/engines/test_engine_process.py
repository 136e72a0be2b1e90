# SPDX-License-Identifier: Apache-2.0
"""A child in CometBFT's place that ends, hangs or talks too much: what the supervisor does."""

import asyncio
import os
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from hanse.engines.cometbft import process as module
from hanse.engines.cometbft.errors import EngineRefused, EngineStopped
from hanse.engines.cometbft.process import LINE_BYTES_MAX, RESTARTS_MAX, Command, EngineProcess

FAILURE = '{"_msg":"CONSENSUS FAILURE!!!","err":"x","level":"error"}'


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 60))


def child(folder: Path, source: str) -> EngineProcess:
    """Return the supervisor of a program that is given CometBFT's arguments."""
    path = folder / "program"
    path.write_text(f"#!{sys.executable} -ISu\n{source}\n")
    path.chmod(0o700)
    return EngineProcess(Command(path, folder / "home", folder / "engine.log"))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DELAYS_S", (0.01, 0.01))


async def said(folder: Path, words: str) -> None:
    """Return once the log holds these words."""
    log = folder / "engine.log"
    async with asyncio.timeout(30):
        # another process: nothing to wait on
        while not (log.exists() and words in log.read_text()):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def test_it_is_told_its_home_and_nothing_that_overrides_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CMTHOME", "/elsewhere")
    monkeypatch.setenv("CMT_LOG_LEVEL", "debug")
    monkeypatch.setenv("KEPT", "1")

    async def test() -> None:
        engine = child(
            tmp_path,
            "import os,sys,time\n"
            "print(sys.argv[1:], sorted(n for n in os.environ if n[:3] in ('CMT','KEP')))\n"
            "time.sleep(60)",
        )
        await engine.start()
        home = str(tmp_path / "home")
        await said(tmp_path, f"['start', '--home', '{home}'] ['KEPT']")
        await engine.stop()
        assert engine.pid is None
        await engine.wait()

    run(test())


def test_one_that_ends_again_and_again_is_given_up(tmp_path: Path) -> None:
    async def test() -> None:
        engine = child(tmp_path, "print('bye'); raise SystemExit(7)")
        await engine.start()
        with pytest.raises(EngineStopped) as caught:
            await engine.wait()
        assert caught.value.exit_code_seen == 7
        assert caught.value.last.splitlines()[-1] == "bye"
        assert engine.restarts == RESTARTS_MAX
        await engine.stop()

    run(test())


def test_stopping_does_not_wait_for_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DELAYS_S", (3_600.0,))

    async def test() -> None:
        engine = child(tmp_path, "print('bye')")
        await engine.start()
        await said(tmp_path, "bye")
        async with asyncio.timeout(30):
            while engine.pid is not None:  # noqa: ASYNC110  # another process: nothing to wait on
                await asyncio.sleep(0.01)
        await asyncio.wait_for(engine.stop(), 5)
        await engine.wait()
        assert engine.restarts == 0

    run(test())


def test_one_that_failed_and_runs_on_is_ended_at_once(tmp_path: Path) -> None:
    async def test() -> None:
        engine = child(tmp_path, f"import time\nprint('''{FAILURE}''')\ntime.sleep(60)")
        await engine.start()
        with pytest.raises(EngineRefused):
            await engine.wait()
        assert engine.pid is None
        assert engine.restarts == 0

    run(test())


def test_one_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    async def test() -> None:
        engine = child(
            tmp_path,
            "import signal,time\nsignal.signal(15, signal.SIG_IGN)\nprint('deaf')\ntime.sleep(60)",
        )
        await engine.start()
        await said(tmp_path, "deaf")
        pid = engine.pid
        await engine.stop(patience_s=0.2)
        assert engine.pid is None
        with pytest.raises(ProcessLookupError):
            os.kill(pid or 0, 0)

    run(test())


def test_a_line_without_end_neither_fills_memory_nor_stops_the_reading(tmp_path: Path) -> None:
    async def test() -> None:
        engine = child(
            tmp_path,
            f"import time\nprint('x' * {3 * LINE_BYTES_MAX})\nprint('''{FAILURE}''')\n"
            "time.sleep(60)",
        )
        await engine.start()
        with pytest.raises(EngineRefused):
            await engine.wait()

    run(test())


def test_its_log_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ENGINE_LOG_BYTES_MAX", 1_000)

    async def test() -> None:
        engine = child(
            tmp_path, "import time\nfor n in range(100): print('y' * 99)\ntime.sleep(60)"
        )
        await engine.start()
        await said(tmp_path, "yy")
        await asyncio.sleep(0.3)
        await engine.stop()
        log, older = tmp_path / "engine.log", tmp_path / "engine.log.1"
        assert log.stat().st_size == older.stat().st_size == 1_000

    run(test())
