# SPDX-License-Identifier: Apache-2.0
"""What entries were, by HTTP: as the log executed again has it, whatever befalls the model."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.rig import Rig

from hanse.client import AsyncClient
from hanse.crypto import signers
from hanse.errors import HanseError
from hanse.gateway.app import build_app
from hanse.gateway.server import start as start_gateway
from hanse.node.clock import wall_clock_ms
from hanse.node.folder import Folder, make_folder
from hanse.node.founding import Founder, Operator, found
from hanse.node.history import history as executed_again
from hanse.node.service import NodeService
from hanse.testing.smallbank import APP

ENTRY = ("smallbank", "accounts", "a1")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Return a node's folder with ten payments in its log, made while history was kept."""
    key, operator = signers.generate("ed25519-sha256"), signers.generate("ed25519-sha256")
    genesis = found(
        network="past",
        time_ms=wall_clock_ms() - 60_000,
        organisations={"bank": "Bank"},
        members={"al@bank": Founder(("admin",), key)},
        operator=Operator("node1", "bank", operator),
        contracts=APP.contracts,
    )
    made = make_folder(tmp_path / "node", genesis, "node1", operator)

    async def fill() -> None:
        service = NodeService(made, (APP,), history=True)
        await service.start()
        rig = Rig(service, {"al@bank": key})
        args: dict[str, object] = {"account": "a1", "checking": 5, "savings": 5}
        pen = rig.pen("al@bank")
        raw = pen.draft(
            ("smallbank", "create_account"), encode(args), 2_000, wall_clock_ms() + 60_000
        ).raw
        assert (await rig.answer(raw))["status"] == "ok"
        for _ in range(3):
            answers = await service.submit([rig.pay(pen) for _ in range(3)])
            assert all(answer.ok for answer in answers)
        await service.stop()

    asyncio.run(fill())
    return made


def encode(args: dict[str, object]) -> Any:
    from hanse.client.bulk import encode_args

    return encode_args(args)


async def asked(folder: Folder, *, history: bool = True, **part: Any) -> list[Any]:
    """Return all pages of the entry's history, by a client of the node on this folder."""
    service = NodeService(folder, (APP,), history=history)
    await service.start()
    running = await start_gateway(build_app(service), port=0)
    try:
        async with AsyncClient(running.url, trust=folder.ledger) as client:
            pages = [await client.history(*ENTRY, **part)]
            while pages[-1].next is not None:
                pages.append(await client.history(*ENTRY, pages[-1].next, **part))
            for version in pages[0].versions:
                if version.tx is not None:
                    await client.evidence(version.tx)  # verified before it is returned
            return [version for page in pages for version in page.versions]
    finally:
        await running.stop()
        await service.stop()


def told(versions: list[Any]) -> list[tuple[object, ...]]:
    names = ("height", "index", "tx", "action", "signer", "time_ms", "present", "value")
    return [tuple(getattr(version, name) for name in names) for version in versions]


def test_the_answer_is_what_executing_the_log_again_gives(folder: Folder) -> None:
    true = told(list(executed_again(folder, (APP,), ENTRY).versions))
    assert len(true) == 10
    found = asyncio.run(asked(folder, limit=4))
    assert told(found)[::-1] == true
    for newer, older in zip(found, [*found[1:], None], strict=True):
        assert (newer.was_present, newer.was) == (
            (older is not None), None if older is None else older.value
        )  # fmt: skip


def test_as_of_a_height_the_first_version_is_what_counted_then(folder: Folder) -> None:
    whole = told(asyncio.run(asked(folder)))
    for height in {version[0] for version in whole}:
        expected = [version for version in whole if version[0] <= height]
        part = asyncio.run(asked(folder, as_of=height, limit=50))
        assert told(part) == expected


@pytest.mark.parametrize("harm", ["deleted", "ahead", "another root", "behind", "another ledger"])
def test_a_model_that_does_not_fit_is_rebuilt_from_the_log(folder: Folder, harm: str) -> None:
    true = told(list(executed_again(folder, (APP,), ENTRY).versions))[::-1]
    if harm == "deleted":
        folder.history.unlink()
    else:
        change = {
            "ahead": "UPDATE model SET height = 99",
            "another root": "UPDATE model SET state_root = 'x'",
            "behind": "UPDATE model SET height = 1; DELETE FROM versions WHERE height > 1;"
            "DELETE FROM records WHERE height > 1; DELETE FROM blocks WHERE height > 1",
            "another ledger": "UPDATE model SET ledger = 'x'",
        }[harm]
        model = sqlite3.connect(folder.history)
        model.executescript(change)
        model.execute("DELETE FROM versions WHERE height = 0")
        model.commit()
        model.close()
    assert told(asyncio.run(asked(folder))) == true


def test_a_node_that_keeps_no_history_says_so(folder: Folder) -> None:
    with pytest.raises(HanseError, match="history_not_kept"):
        asyncio.run(asked(folder, history=False))
