# SPDX-License-Identifier: Apache-2.0
"""A gateway over a node from memory: prints its port; a line on stdin asks for CPU time."""

import asyncio
import resource
import sys
from collections.abc import Sequence

from gateway_fakes import FakeAnswer, FakeNode

from hanse.gateway import Running, build_app, new_event_loop, serve


class InstantNode(FakeNode):
    """Answers without looking: what is left is the gateway's own work."""

    answer = FakeAnswer(True, b'{"status":"ok","tx":"' + b"A" * 43 + b'"}')

    async def submit(self, raws: Sequence[bytes]) -> list[FakeAnswer]:
        return [self.answer] * len(raws)


async def _main() -> None:
    node = InstantNode() if "instant" in sys.argv else FakeNode()
    app = build_app(node, requests_per_second=int(sys.argv[1]))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask() -> None:
        line = sys.stdin.readline()
        if not line:
            stop.set()
            loop.remove_reader(sys.stdin)
            return
        used = resource.getrusage(resource.RUSAGE_SELF)
        print(used.ru_utime + used.ru_stime, len(node.submitted), used.ru_maxrss, flush=True)

    def ready(running: Running) -> None:
        loop.add_reader(sys.stdin, ask)
        print(running.port, flush=True)

    await serve(app, port=0, ready=ready, stop=stop)


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    runner.run(_main())
