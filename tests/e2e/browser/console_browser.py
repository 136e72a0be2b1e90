# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium, driven over its debugging protocol: what tests need of it and no more."""

import asyncio
import contextlib
import json
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
    *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--hide-scrollbars", "--remote-debugging-port=0"),
)
WAIT_S = 20


def find_chromium() -> str | None:
    """Return the browser of this machine."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Tab:
    """One tab: commands go out, answers and the browser's log come back."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._number = 0
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._loaded = asyncio.Event()
        self.log: list[str] = []

    async def listen(self) -> None:
        async for message in self._socket:
            event = json.loads(message.data)
            method, params = event.get("method"), event.get("params", {})
            if "id" in event:
                self._answers.pop(event["id"]).set_result(event)
            elif method == "Page.loadEventFired":
                self._loaded.set()
            elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
                self.log.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
            elif method == "Runtime.exceptionThrown":
                self.log.append(str(params["exceptionDetails"].get("exception")))

    async def do(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[self._number] = answer
        await self._socket.send_json({"id": self._number, "method": method, "params": params})
        found = await asyncio.wait_for(answer, WAIT_S)
        assert "error" not in found, found
        result: dict[str, Any] = found["result"]
        return result

    async def open(self, url: str) -> None:
        self._loaded.clear()
        await self.do("Page.navigate", url=url)
        await asyncio.wait_for(self._loaded.wait(), WAIT_S)

    async def look(self, expression: str) -> Any:
        found = await self.do(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    async def until(self, expression: str) -> None:
        """Return once the page, or the one that it leads to, says that ``expression`` holds."""
        async with asyncio.timeout(WAIT_S):
            while not await self.look(f"Boolean({expression})"):  # noqa: ASYNC110 - no event here
                await asyncio.sleep(0.02)

    async def press(self, key: str, text: str = "") -> None:
        codes = {"Enter": 13, "Tab": 9}
        code = codes.get(key, 0)
        event = {"key": key, "windowsVirtualKeyCode": code, "text": text}
        await self.do("Input.dispatchKeyEvent", type="keyDown", **event)
        await self.do("Input.dispatchKeyEvent", type="keyUp", key=key)


@asynccontextmanager
async def browser(program: str) -> AsyncIterator[Tab]:
    """Run a browser with a new profile and yield its tab."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            program,
            *FLAGS,
            f"--user-data-dir={profile}",
            "about:blank",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            port = await asyncio.wait_for(_port(process, Path(profile)), WAIT_S)
            async with aiohttp.ClientSession() as http:
                async with http.get(f"http://127.0.0.1:{port}/json/list") as answer:
                    pages = [one for one in await answer.json() if one["type"] == "page"]
                address = pages[0]["webSocketDebuggerUrl"]
                async with http.ws_connect(address, max_msg_size=2**26) as socket:
                    tab = Tab(socket)
                    listener = asyncio.create_task(tab.listen())
                    for domain in ("Page", "Runtime", "Log"):
                        await tab.do(f"{domain}.enable")
                    yield tab
                    listener.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await listener
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.communicate()


async def _port(process: asyncio.subprocess.Process, profile: Path) -> int:
    assert process.stderr is not None
    async for line in process.stderr:
        if b"DevTools listening on" in line:
            return int(line.rsplit(b":", 1)[1].split(b"/")[0])
    raise AssertionError(f"the browser ended: {profile}")
