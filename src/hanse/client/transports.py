# SPDX-License-Identifier: Apache-2.0
"""What carries the asynchronous client's requests: kept-alive connections of aiohttp."""

import ssl
from collections.abc import AsyncIterator
from typing import Final, Protocol

import aiohttp
from yarl import URL

from hanse.client._http import NDJSON, NotReachable, Request, Response, problem_of
from hanse.client.sync import ANSWER_BYTES_MAX, TIMEOUT_S
from hanse.errors import TooLarge


class AsyncTransport(Protocol):
    """What carries requests to one node, in asyncio."""

    async def exchange(self, request: Request) -> Response:
        """Return the node's whole response."""

    def stream(self, path: str, last_event_id: str) -> AsyncIterator[bytes]:
        """Yield the chunks of an endless response until the connection ends."""

    def duplex(self, path: str, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Yield the chunks of the response while ``body`` is still being sent."""

    async def close(self) -> None:
        """Let go of the connections."""


class AioTransport:
    """Kept-alive connections of aiohttp; a request that meets a dead one is sent once more."""

    def __init__(
        self, url: str, timeout_s: int = TIMEOUT_S, *, tls: ssl.SSLContext | None = None
    ) -> None:
        """Prepare for an address, its certificate judged by ``tls``; connect when first asked."""
        self._tls: Final = tls
        self._url: Final = url.rstrip("/")
        self._timeout: Final = aiohttp.ClientTimeout(total=timeout_s)
        self._session: aiohttp.ClientSession | None = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = None if self._tls is None else aiohttp.TCPConnector(ssl=self._tls)
            self._session = aiohttp.ClientSession(connector=connector, auto_decompress=False)
        return self._session

    async def exchange(self, request: Request) -> Response:
        """Return the node's whole response; every request may be sent twice (see ``Request``).

        Raises:
            NotReachable: both tries failed.
            TooLarge: the answer has more than ``ANSWER_BYTES_MAX`` bytes.
        """
        try:
            return await self._exchange_once(request)
        except (OSError, TimeoutError, aiohttp.ClientError):
            pass
        try:
            return await self._exchange_once(request)
        except (OSError, TimeoutError, aiohttp.ClientError) as error:
            raise NotReachable(url=self._url, reason=repr(error)) from None

    async def _exchange_once(self, request: Request) -> Response:
        url = URL(self._url + request.path, encoded=True)
        post = request.method == "POST"
        headers = {"Content-Type": request.content_type} if post else {}
        data = request.body if post else None
        session = self._open()
        async with session.request(
            request.method, url, data=data, headers=headers, timeout=self._timeout
        ) as answer:
            return await _whole(answer)

    async def stream(self, path: str, last_event_id: str) -> AsyncIterator[bytes]:
        """Yield the chunks of an endless response until the connection ends."""
        headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=self._timeout.total)
        try:
            async with self._open().get(
                self._url + path, headers=headers, timeout=timeout
            ) as answer:
                if answer.status != 200:
                    raise problem_of(await _whole(answer))
                async for chunk in answer.content.iter_any():
                    yield chunk
        except (OSError, TimeoutError, aiohttp.ClientError):
            return

    async def duplex(self, path: str, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Yield the chunks of the response while ``body`` is still being sent.

        Raises:
            NotReachable: the connection was lost; what was not answered may be sent again.
        """
        timeout = aiohttp.ClientTimeout(total=None, sock_read=self._timeout.total)
        try:
            async with self._open().post(
                self._url + path, data=body, headers={"Content-Type": NDJSON}, timeout=timeout
            ) as answer:
                if answer.status != 200:
                    raise problem_of(await _whole(answer))
                async for chunk in answer.content.iter_any():
                    yield chunk
        except (OSError, TimeoutError, aiohttp.ClientError) as error:
            raise NotReachable(url=self._url, reason=repr(error)) from None

    async def close(self) -> None:
        """Let go of the connections; the next request opens new ones."""
        if self._session is not None:
            await self._session.close()
            self._session = None


async def _whole(answer: aiohttp.ClientResponse) -> Response:
    chunks: list[bytes] = []
    size = 0
    async for chunk in answer.content.iter_any():
        chunks.append(chunk)
        size += len(chunk)
        if size > ANSWER_BYTES_MAX:
            raise TooLarge(what="answer bytes", limit=ANSWER_BYTES_MAX, actual=size)
    return Response(answer.status, answer.headers.get("Content-Type", ""), b"".join(chunks))
