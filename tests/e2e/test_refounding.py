# SPDX-License-Identifier: Apache-2.0
"""A ledger founded anew with other code holds true transactions, and shows what is altered."""

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from hanse.cli.dev_folder import DevFolder, Founded
from hanse.cli.project import Project, find_project, load
from hanse.client._genesis import decode_genesis
from hanse.client.bulk import Drafter, encode_args
from hanse.codec.base64url import to_text
from hanse.node.audit import audit
from hanse.node.clock import wall_clock_ms
from hanse.node.folder import Folder
from hanse.node.refounding import Refounded, refound
from hanse.node.service import NodeService

CONTRACT = '''
"""Marks that remember where and when they were made."""

from hanse.contracts import Context, Contract, Map, action, record, replace, require


@record
class Mark:
    tx: str
    at: int
    height: int
    refers: str


class Marks(Contract):
    """Marks."""

    marks: Map[str, Mark]

    @action(role=None)
    def make(self, ctx: Context, name: str, refers: str) -> str:
        """Make a mark. Rejects: already_exists, bad_name."""
        require(name != "forbidden", "bad_name")
        self.marks.add(name, Mark(tx=ctx.tx, at=ctx.now, height=ctx.height, refers=refers))
        return ctx.tx

    @action(role=None)
    def spend(self, ctx: Context, name: str, steps: int) -> int:
        """Use units. Rejects: not_found."""
        found = self.marks[name]
        self.marks[name] = replace(found, refers=found.refers)
        n = 0
        for i in range(steps):
            n += i
        return n
'''


@dataclass
class World:
    """A development ledger without its loop."""

    project: Project
    kept: DevFolder
    folder: Folder
    founded: Founded

    def drafter(self, member: str = "ann@alpha", key_id: str = "k1") -> Drafter:
        genesis = decode_genesis(self.folder.genesis_bytes)
        return Drafter(genesis, member, key_id, self.kept.signer_of(member))

    def submit(self, *calls: tuple[str, dict], cost_max: int = 5_000) -> list[str]:
        """Send calls in one go and return the ids of their transactions."""
        pen = self.drafter()
        drafts = [
            pen.draft(("marks", name), encode_args(args), cost_max, wall_clock_ms() + 600_000)
            for name, args in calls
        ]
        answers = asyncio.run(self._send([made.raw for made in drafts]))
        assert all(answer.ok for answer in answers), answers
        return [made.tx for made in drafts]

    async def _send(self, raws: list[bytes]) -> list:
        service = NodeService(self.folder, self.founded.apps)
        await service.start()
        try:
            return await service.submit(raws)
        finally:
            await service.stop()

    def save(self, old: str = "", new: str = "") -> tuple[Folder, Refounded]:
        """Change the text, found anew, and go on from there."""
        path = self.project.contracts[0]
        path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
        founded = self.kept.found(self.project, load(self.project), self.folder.genesis.time_ms)
        folder = self.kept.make(founded)
        contracts = [c for app in founded.apps for c in app.contracts]
        done = refound(self.folder, folder, contracts, self.kept.wallet)
        self.folder, self.founded = folder, founded
        return folder, done


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A new ledger of the contract; its module is forgotten afterwards."""
    (tmp_path / "marks.py").write_text(CONTRACT, "utf-8")
    project, kept = find_project(tmp_path / "marks.py"), DevFolder(tmp_path / "dev")
    founded = kept.found(project, load(project), None)
    yield World(project, kept, kept.make(founded), founded)
    sys.modules.pop("marks", None)


def test_a_change_of_nothing_that_counts_alters_nothing(world: World) -> None:
    (first,) = world.submit(("make", {"name": "a", "refers": ""}))
    world.submit(("make", {"name": "b", "refers": first}), ("make", {"name": "b", "refers": ""}))
    folder, done = world.save("# ", "# ")
    assert (done.transactions, done.receipts, done.entries) == (3, (), ())
    folder, done = world.save('"""Marks."""', '"""Marks, all of them."""')
    # ids of transactions are others, in state, arguments and results: that is no difference
    assert (done.transactions, done.receipts, done.entries) == (3, (), ())
    assert done.cost_before == done.cost_after > 0
    assert audit(folder, world.founded.apps).transactions == 3  # signatures and all


def test_what_the_code_changes_is_shown(world: World) -> None:
    world.submit(
        ("make", {"name": "a", "refers": ""}), ("make", {"name": "forbidden", "refers": ""})
    )
    world.submit(("make", {"name": "b", "refers": ""}))
    _, done = world.save('name != "forbidden"', 'name != "a"')
    assert [(r.args["name"], r.before.get("code"), r.after.get("code")) for r in done.receipts] == [
        ("a", None, "bad_name"),
        ("forbidden", "bad_name", None),
    ]
    assert [(e.entry, e.before is None, e.after is None) for e in done.entries] == [
        ('marks["a"]', False, True),
        ('marks["forbidden"]', True, False),
    ]
    _, back = world.save('name != "a"', 'name != "forbidden"')
    assert [(r.after or {}).get("code") for r in back.receipts] == [None, "bad_name"]


def test_an_altered_value_is_shown_with_both(world: World) -> None:
    world.submit(("make", {"name": "a", "refers": "x"}))
    _, done = world.save("refers=refers)", 'refers=refers + "!")')
    (entry,) = done.entries
    assert (entry.before["refers"], entry.after["refers"]) == ("x", "x!")
    assert entry.before["at"] == entry.after["at"]  # blocks keep their times
    assert entry.before["height"] == entry.after["height"]


def test_dearer_code_is_no_refusal_but_what_ran_out_runs_out_again(world: World) -> None:
    world.submit(("make", {"name": "a", "refers": ""}))
    world.submit(("spend", {"name": "a", "steps": 10}), cost_max=500)
    world.submit(("spend", {"name": "a", "steps": 10_000}), cost_max=500)
    _, done = world.save("n += i", "n += i + (i * i) // 7 - (i * i) // 7")
    assert done.receipts == ()
    assert done.cost_after > done.cost_before


def test_what_cannot_be_signed_again_is_said_to_be_gone(world: World) -> None:
    world.submit(("make", {"name": "a", "refers": ""}))
    del world.kept.wallet["ann@alpha"]
    (world.kept.members / "ann@alpha.key").unlink()
    founded = world.kept.found(world.project, load(world.project), world.folder.genesis.time_ms)
    folder = world.kept.make(founded)
    wallet = {"ben@beta": world.kept.signer_of("ben@beta")}
    contracts = [c for app in founded.apps for c in app.contracts]
    done = refound(world.folder, folder, contracts, wallet)
    (gone,) = done.receipts
    assert (gone.after, gone.reason) == (None, "signed with a key that is not at hand")
    assert [e.after for e in done.entries] == [None]


def test_what_the_new_ledger_drops_is_said_to_be_gone(world: World) -> None:
    world.submit(("make", {"name": "a", "refers": ""}))
    (world.project.root / "network.toml").write_text(
        'network = "dev"\noperator = "beta"\norganisations = [{ id = "beta", name = "Beta" }]\n'
        'members = [{ id = "ben@beta" }]\n',
        "utf-8",
    )
    _, done = world.save()
    (gone,) = done.receipts
    assert (gone.after, gone.reason) == (None, "unknown_member")


def test_the_new_ledger_goes_on_and_its_transactions_are_signed(world: World) -> None:
    (old,) = world.submit(("make", {"name": "a", "refers": ""}))
    before = world.folder.ledger
    folder, _ = world.save('"""Marks."""', '"""More marks."""')
    assert folder.ledger != before
    (new,) = world.submit(("make", {"name": "c", "refers": ""}))
    assert audit(folder, world.founded.apps).transactions == 2
    assert len({old, new, to_text(bytes(32))}) == 3
