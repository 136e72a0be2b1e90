# SPDX-License-Identifier: Apache-2.0
"""Signatures verified in a process of its own, so that a second core helps; same verdicts.

Frames on the pipes are a length (four bytes, big-endian) and msgpack: a list of checks one way, a
byte for each verdict back, in order. Should the process die, checks are made here from then on.
"""

import asyncio
import struct
import sys
from collections import deque
from typing import BinaryIO

import msgspec

from hanse.crypto import suite_named

INLINE_MAX = 24  # checks that are quicker made here than sent
_LENGTH = struct.Struct(">I")


class Check(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One signature to verify under its suite's pinned rule."""

    suite: str
    public_key: bytes
    message: bytes
    signature: bytes


_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(list[Check])


def verify_here(checks: list[Check]) -> bytes:
    """Return one byte for each check: 1 where the signature holds, else 0."""
    verdicts = bytearray(len(checks))
    places: dict[str, list[int]] = {}
    for at, check in enumerate(checks):
        places.setdefault(check.suite, []).append(at)
    for suite, mine in places.items():
        triples = [(c.public_key, c.message, c.signature) for c in map(checks.__getitem__, mine)]
        found = suite_named(suite).are_signatures_valid(triples)
        for at, verdict in zip(mine, found, strict=True):
            verdicts[at] = verdict
    return bytes(verdicts)


class Verifier:
    """Verifies batches, the larger ones in a child process."""

    def __init__(self) -> None:
        """Verify everything here until :meth:`start`."""
        self._child: asyncio.subprocess.Process | None = None
        self._waiting: deque[asyncio.Future[bytes]] = deque()
        self._reader: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the child process."""
        self._child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "hanse.node.verifier",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        self._reader = asyncio.get_running_loop().create_task(self._read(), name="verifier")

    async def stop(self) -> None:
        """End the child process."""
        child, reader = self._child, self._reader
        if child is None or reader is None or child.stdin is None:
            return
        child.stdin.close()
        await child.wait()
        await asyncio.gather(reader, return_exceptions=True)

    async def verify(self, checks: list[Check]) -> bytes:
        """Return one byte for each check, in order."""
        child = self._child
        if child is None or child.stdin is None or len(checks) <= INLINE_MAX:
            return verify_here(checks)
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        frame = _encode(checks)
        try:
            child.stdin.write(_LENGTH.pack(len(frame)) + frame)
            self._waiting.append(answer)
            await child.stdin.drain()
            return await answer
        except (ConnectionError, EOFError, RuntimeError):
            return verify_here(checks)

    async def _read(self) -> None:
        assert self._child is not None
        assert self._child.stdout is not None
        try:
            while True:
                size = _LENGTH.unpack(await self._child.stdout.readexactly(4))[0]
                verdicts = await self._child.stdout.readexactly(size)
                waiting = self._waiting.popleft()
                if not waiting.done():
                    waiting.set_result(verdicts)
        except asyncio.IncompleteReadError:
            self._child, self._reader = None, None
            while self._waiting:
                lost = self._waiting.popleft()
                if not lost.done():
                    lost.set_exception(ConnectionResetError("the verifying process ended"))


def main() -> None:
    """Answer frames on standard input until it ends."""
    source: BinaryIO = sys.stdin.buffer
    target: BinaryIO = sys.stdout.buffer
    while len(head := source.read(4)) == 4:
        checks = _decoder.decode(source.read(_LENGTH.unpack(head)[0]))
        verdicts = verify_here(checks)
        target.write(_LENGTH.pack(len(verdicts)) + verdicts)
        target.flush()


if __name__ == "__main__":
    main()
