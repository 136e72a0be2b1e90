# SPDX-License-Identifier: Apache-2.0
"""CometBFT's own interface, asked over its unix socket: how far it is, and what was signed.

Only this node asks; the socket lies in a folder that is closed to others.
"""

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import aiohttp
import msgspec

from hanse.engines.cometbft.answers import (
    EnginePeer,
    EngineStatus,
    SetMember,
    SignedHeader,
    parse_members,
    parse_peers,
    parse_signed_header,
    parse_status,
    parse_submissions,
)
from hanse.engines.cometbft.errors import EngineRpcFailed

ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024  # a block comes in base64
TIMEOUT_S: Final = 10.0
PAGE: Final = 100  # validators; the most that CometBFT gives at once
PAGES_MAX: Final = 100

Parsed = TypeVar("Parsed")


class EngineRpc:
    """Asks one engine; usable as an asynchronous context."""

    def __init__(self, socket: Path) -> None:
        """Ask the engine that listens at ``socket``; nothing is opened yet."""
        self._socket = socket
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def is_up(self) -> bool:
        """Tell whether the engine answers; it does once it has replayed what the node lacked."""
        try:
            await self._ask("health")
        except EngineRpcFailed:
            return False
        return True

    async def status(self) -> EngineStatus:
        """Return how far the engine is.

        Raises:
            EngineRpcFailed: no answer, or one that version 0.40 does not give; so for all calls.
        """
        return _parsed("status", parse_status, await self._ask("status"))

    async def peers(self) -> tuple[EnginePeer, ...]:
        """Return the peers to which there is a connection."""
        return _parsed("net_info", parse_peers, await self._ask("net_info"))

    async def commit(self, height: int) -> SignedHeader:
        """Return the header of an engine height and the commit for it.

        It is canonical, and will not change, once the next engine block is there.
        """
        found = _parsed("commit", parse_signed_header, await self._ask("commit", height=height))
        if found.header.height != height:
            raise EngineRpcFailed("commit", f"height {found.header.height} instead of {height}")
        return found

    async def validators(self, height: int) -> tuple[SetMember, ...]:
        """Return the set that signs an engine height, in the order of its commits."""
        members: list[SetMember] = []
        for page in range(1, PAGES_MAX + 1):
            answer = await self._ask("validators", height=height, page=page, per_page=PAGE)
            total, found = _parsed("validators", parse_members, answer)
            members += found
            if len(members) >= total or not found:
                break
        return tuple(members)

    async def submissions(self, height: int) -> tuple[bytes, ...]:
        """Return what an engine block ordered."""
        return _parsed("block", parse_submissions, await self._ask("block", height=height))

    async def _ask(self, method: str, **arguments: int) -> Any:
        """Return the result of a call, undecoded."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.UnixConnector(str(self._socket)),
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
            )
        parameters = {name: str(value) for name, value in arguments.items()}
        try:
            async with self._session.get(f"http://engine/{method}", params=parameters) as answer:
                data = await answer.content.read(ANSWER_BYTES_MAX + 1)
                while not answer.content.at_eof() and len(data) <= ANSWER_BYTES_MAX:
                    data += await answer.content.read(ANSWER_BYTES_MAX + 1 - len(data))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise EngineRpcFailed(method, f"{type(error).__name__}: {error}") from None
        if len(data) > ANSWER_BYTES_MAX:
            raise EngineRpcFailed(method, f"more than {ANSWER_BYTES_MAX} bytes")
        try:
            body = msgspec.json.decode(data)
            if "error" in body:
                raise EngineRpcFailed(method, str(body["error"])[:1_000])
            return body["result"]
        except (ValueError, KeyError, TypeError) as error:
            raise EngineRpcFailed(method, f"{type(error).__name__}: {error}") from None


def _parsed(method: str, parse: Callable[[Any], Parsed], result: Any) -> Parsed:
    """Return what the answer says, or say that it is none."""
    try:
        return parse(result)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise EngineRpcFailed(method, f"{type(error).__name__}: {error}") from None
