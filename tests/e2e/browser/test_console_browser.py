# SPDX-License-Identifier: Apache-2.0
"""The console in a real browser: the policy holds, nothing overflows, the feed moves, keys work."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from console_browser import Tab, browser, find_chromium

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "unit" / "console"))
from console_parcels import APP

from hanse.client import AsyncClient
from hanse.console import build_console
from hanse.crypto import signers
from hanse.crypto.signers import Signer
from hanse.gateway import build_app, start
from hanse.node.clock import wall_clock_ms
from hanse.node.folder import make_folder
from hanse.node.founding import Founder, Operator, found
from hanse.node.service import NodeService

pytestmark = pytest.mark.slow
CHROMIUM = find_chromium()
SUITE = "ed25519-sha256"
SEND = {"grams": 12, "kind": "box", "to": "beta"}


@dataclass
class World:
    """A console that listens, a browser that looks at it, and a client that sends."""

    url: str
    tab: Tab
    client: AsyncClient

    async def send(self, name: str) -> str:
        receipt = await self.client.submit("parcels", "send", {**SEND, "id": name})
        assert receipt.ok, receipt
        return receipt.tx


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    ada, operator = signers.generate(SUITE), signers.generate(SUITE)
    genesis = found(
        network="parcels-test",
        time_ms=wall_clock_ms(),
        organisations={"acme": "Acme Ltd", "beta": "Beta GmbH"},
        members={"ada@acme": Founder(("sender", "admin"), ada)},
        operator=Operator("node1", "acme", operator),
        contracts=list(APP.contracts),
        witnesses={},
        witness_quorum=0,
    )
    service = NodeService(make_folder(folder / "node", genesis, "node1", operator), (APP,))
    await service.start()
    shown = _Late()
    running = await start(build_app(service, console=shown), port=0)
    reader = AsyncClient(running.url, trust=service.ledger)
    shown.app = build_console(reader, wallet={"ada@acme": ada}, apps=(APP,))
    try:
        async with (
            _sender(running.url, service.ledger, ada) as client,
            browser(str(CHROMIUM)) as tab,
        ):
            yield World(running.url, tab, client)
    finally:
        await reader.close()
        await running.stop()
        await service.stop()


class _Late:
    app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


def _sender(url: str, ledger: str, signer: Signer) -> AsyncClient:
    return AsyncClient(url, trust=ledger, member="ada@acme", signer=signer)


def _run(folder: Path, test: Callable[[World], Awaitable[None]]) -> None:
    if CHROMIUM is None:
        assert "CI" not in os.environ, "not run: chromium is absent"
        pytest.skip("not run: chromium is absent")

    async def main() -> None:
        async with world(folder) as opened:
            await asyncio.wait_for(test(opened), 100)
            assert opened.tab.log == []

    asyncio.run(main())


def test_no_page_breaks_the_policy_or_overflows_at_any_width(tmp_path: Path) -> None:
    async def look(w: World) -> None:
        tx = await w.send("P1")
        paths = [
            *("/", "/blocks", "/blocks/1", f"/transactions/{tx}", f"/transactions/{tx}/proof"),
            *("/organisations/acme", "/contracts/parcels", "/contracts/parcels/actions/send"),
            *("/apps/parcels/held", "/apps/parcels/way?parcel=P1&run=1", "/documents", "/v"),
            *("/settings", "/console/patterns"),
        ]
        for width in (320, 1440):
            await w.tab.do(
                "Emulation.setDeviceMetricsOverride",
                width=width,
                height=900,
                deviceScaleFactor=1,
                mobile=False,
            )
            for language in ("en", "zh-Hans", "es"):
                for path in paths:
                    sign = "&" if "?" in path else "?"
                    await w.tab.open(f"{w.url}{path}{sign}lang={language}")
                    over = await w.tab.look("document.documentElement.scrollWidth - innerWidth")
                    assert over <= 0, (path, width, language, over)
                    assert w.tab.log == [], path

    _run(tmp_path, look)


def test_a_new_block_appears_in_the_feed_and_pausing_holds_it_back(tmp_path: Path) -> None:
    async def look(w: World) -> None:
        await w.send("P1")
        await w.tab.open(w.url)
        await w.tab.until("!document.querySelector('[data-feed-pause]').hidden")
        await w.send("P2")
        await w.tab.until("document.querySelector('[data-feed]').innerText.includes('P2')")
        assert await w.tab.look("document.querySelector('[data-height]').textContent") == "2"
        await w.tab.look("document.querySelector('[data-feed-pause]').click()")
        await w.send("P3")
        await w.tab.look("new Promise((done) => setTimeout(done, 700))")
        shown = "document.querySelector('[data-feed]').innerText.includes('P3')"
        assert not await w.tab.look(shown)
        await w.tab.look("document.querySelector('[data-feed-pause]').click()")
        await w.tab.until(shown)

    _run(tmp_path, look)


def test_a_transaction_is_sent_by_keyboard_alone(tmp_path: Path) -> None:
    async def look(w: World) -> None:
        await w.tab.open(f"{w.url}/contracts/parcels/actions/send")
        await w.tab.press("/", "/")
        assert await w.tab.look("document.activeElement.id") == "q"
        await w.tab.look("document.querySelector('#f-id').focus()")
        for text in ("K1", "beta", "7"):
            await w.tab.do("Input.insertText", text=text)
            await w.tab.press("Tab")
        await w.tab.press("b", "b")  # chooses "box"
        for _ in range(20):
            await w.tab.press("Tab")
            if await w.tab.look("document.activeElement.value") == "send":
                break
        await w.tab.press("Enter", "\r")
        await w.tab.until("location.pathname.startsWith('/transactions/')")
        await w.tab.until("document.querySelector('h1')?.innerText.includes('K1')")
        assert await w.tab.look("document.querySelector('.chip.ok') !== null")

    _run(tmp_path, look)


def test_the_theme_switches_without_a_new_page(tmp_path: Path) -> None:
    async def look(w: World) -> None:
        await w.tab.open(f"{w.url}/settings")
        before = await w.tab.look("getComputedStyle(document.body).backgroundColor")
        button = "[...document.querySelectorAll('.theme button')].find((b) => b.offsetParent)"
        await w.tab.look(f"{button}.click()")
        after = await w.tab.look("getComputedStyle(document.body).backgroundColor")
        assert after != before
        await w.tab.until("performance.getEntriesByName(location.origin + '/settings').length > 1")
        await w.tab.open(f"{w.url}/blocks")
        kept = await w.tab.look("getComputedStyle(document.body).backgroundColor")
        assert kept == after

    _run(tmp_path, look)
