# SPDX-License-Identifier: Apache-2.0
"""A node with SmallBank in this process, and the keys of those who use it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from hanse.client import Drafter, decode_genesis
from hanse.client.bulk import encode_args
from hanse.crypto import signers
from hanse.crypto.signers import Signer
from hanse.node.clock import wall_clock_ms
from hanse.node.folder import make_folder
from hanse.node.founding import Founder, Operator, found
from hanse.node.service import NodeService
from hanse.testing.smallbank import APP

MINUTE = 60_000


@dataclass
class Rig:
    """A running node with the keys of one admin and one member."""

    service: NodeService
    keys: dict[str, Signer]

    def pen(self, member: str, key_id: str = "k1", signer: Signer | None = None) -> Drafter:
        genesis = decode_genesis(self.service.genesis_bytes)
        return Drafter(genesis, member, key_id, signer or self.keys[member])

    def pay(
        self, pen: Drafter | None = None, *, cost: int = 2_000, expires: int = 10 * MINUTE
    ) -> bytes:
        args = encode_args({"account": "a1", "amount_minor": 1})
        made = pen or self.pen("al@bank")
        what = ("smallbank", "deposit_checking")
        return made.draft(what, args, cost, wall_clock_ms() + expires).raw

    async def registry(
        self, action: str, args: dict[str, object], member: str
    ) -> dict[str, object]:
        raw = encode_args(args)
        draft = self.pen(member).draft(("registry", action), raw, 5_000, wall_clock_ms() + MINUTE)
        return await self.answer(draft.raw)

    async def answer(self, raw: bytes) -> dict[str, object]:
        (answer,) = await self.service.submit([raw])
        return dict(json.loads(answer.body)) | {"ok": answer.ok}


def run(tmp_path: Path, scenario: Callable[[Rig], Awaitable[None]]) -> None:
    """Run ``scenario`` on a fresh node; afterwards the node must still take a good transaction."""

    async def main() -> None:
        keys = {name: signers.generate("ed25519-sha256") for name in ("al@bank", "root@bank")}
        operator = signers.generate("ed25519-sha256")
        genesis = found(
            network="bad",
            time_ms=wall_clock_ms() - MINUTE,
            organisations={"bank": "Bank"},
            members={n: Founder(("admin",) if n[0] == "r" else (), s) for n, s in keys.items()},
            operator=Operator("node1", "bank", operator),
            contracts=APP.contracts,
        )
        service = NodeService(make_folder(tmp_path / "node", genesis, "node1", operator), (APP,))
        await service.start()
        rig = Rig(service, keys)
        try:
            open_account = encode_args({"account": "a1", "checking": 5, "savings": 5})
            what = ("smallbank", "create_account")
            first = rig.pen("root@bank").draft(what, open_account, 2_000, wall_clock_ms() + MINUTE)
            assert (await rig.answer(first.raw))["status"] == "ok"
            await scenario(rig)
            assert (await rig.answer(rig.pay(rig.pen("root@bank"))))["status"] == "ok"
            assert service.ready()[0]
        finally:
            await service.stop()

    asyncio.run(main())
