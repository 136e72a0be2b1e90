# SPDX-License-Identifier: Apache-2.0
"""Certificates that a node makes from its engine's commits, judged by a client that verifies."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.unit.client.engine_fakes import VotingLedger
from tests.verifier import engine

from hanse.client._certificate import decode_commit, decode_header, verify_committed, voters_after
from hanse.codec.base64url import to_bytes
from hanse.codec.canonical import encode
from hanse.codec.commits import EngineCommit, EngineVote, EngineVoter
from hanse.codec.documents import Header, header_decoder
from hanse.errors import ProofInvalid
from hanse.identity import GenesisEngineValidator
from hanse.node import finality
from hanse.node.blocks import StoredBlock
from hanse.node.errors import NotProvable, NotProvableYet
from hanse.node.finality import CometbftFinality


class Source:
    """The engine of a small ledger: every vote is there, as far as it has come."""

    def __init__(self, ledger: VotingLedger) -> None:
        self.ledger, self.newest, self.asked = ledger, len(ledger.blocks), 0

    async def commit(self, height: int) -> EngineCommit | None:
        self.asked += 1
        if height > self.newest:
            return None
        made = self.ledger.engine
        powers, following = made.powers(height), made.powers(height + 1)
        block_id = self.ledger.block_id(min(height, len(self.ledger.blocks)) - 1)
        votes = engine.commit(
            made.seed, height, block_id, "2" * len(powers), chain=made.chain, powers=powers,
            following=following, tidy=False,
        )  # fmt: skip
        return EngineCommit(
            height=height,
            leaves=tuple(map(to_bytes, votes["header"])),
            parts=to_bytes(votes["parts"]),
            round=votes["round"],
            votes=tuple(
                EngineVote(to_bytes(v["time"]), to_bytes(v["signature"])) for v in votes["votes"]
            ),
            voters=tuple(
                EngineVoter(to_bytes(one["public_key"]), one["power"])
                for one in engine.weights(made.seed, powers)
            ),
        )


OPEN: list[CometbftFinality] = []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while OPEN:
        OPEN.pop().close()


class Site:
    """A node's finality beside the ledger that it serves."""

    def __init__(self, path: Path, changes: dict[int, engine.Powers] | None = None) -> None:
        self.ledger = VotingLedger(engine.CHANGES if changes is None else changes)
        for _ in range(8):
            self.ledger.close_block([(b"{}", b"{}")])
        self.source = Source(self.ledger)
        self.path = path / "commits.sqlite"
        self.open()

    def open(self) -> None:
        genesis = self.ledger.genesis
        self.finality = CometbftFinality(genesis, self.source, self.header, self.named, self.path)
        OPEN.append(self.finality)

    def header(self, height: int) -> Header:
        return header_decoder.decode(self.ledger.blocks[height].header)

    def named(self, header: Header) -> list[GenesisEngineValidator]:
        listed = self.ledger.engine.validators(header.engine_height + 1)
        return msgspec.convert(listed, list[GenesisEngineValidator])

    def block(self, height: int) -> StoredBlock:
        raw = self.ledger.blocks[height].header
        return StoredBlock(self.header(height), raw, b"null", ())

    def complete(self, height: int) -> bytes:
        return encode(asyncio.run(self.finality.complete(self.block(height))))

    def verify(self, height: int, certificate: bytes) -> str | None:
        raw, made = self.ledger.blocks[height].header, decode_commit(certificate)
        header, genesis = decode_header(raw), self.ledger.genesis
        voters = voters_after(made, genesis, header.engine_height)
        return verify_committed(raw, header, made, voters, genesis).power


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_certificates_lead_from_the_genesis_over_every_change(site: Site) -> None:
    for height in range(9):
        certificate = site.complete(height)
        assert site.verify(height, certificate) == ("55 of 75" if height < 2 else "75 of 90")
        expected = sum(start <= height + 1 for start in engine.CHANGES)
        assert len(decode_commit(certificate).steps) == expected


def test_an_answer_has_no_steps_and_they_are_asked_for_once(site: Site) -> None:
    block = site.block(7)
    certificate = asyncio.run(site.finality.certificate(block))
    assert "steps" not in certificate
    asked = site.source.asked
    assert asyncio.run(site.finality.certificate(block)) == certificate
    assert site.source.asked == asked


def test_steps_are_those_from_an_engine_height_on(site: Site) -> None:
    for since, count in ((0, 2), (2, 2), (3, 1), (5, 1), (6, 0), (99, 0)):
        assert len(asyncio.run(site.finality.steps(since))) == count


def test_many_steps_come_in_several_answers(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finality, "STEPS_SHOWN", 1)
    assert len(asyncio.run(site.finality.steps(0))) == 1


def test_what_the_engine_said_is_kept_for_when_it_has_forgotten(site: Site) -> None:
    before = site.complete(8)
    site.finality.close()
    site.source.newest = 0
    site.open()
    assert site.complete(8) == before


@pytest.mark.parametrize("damage", ["removed", "torn"])
def test_the_file_may_be_lost(site: Site, damage: str) -> None:
    before = site.complete(8)
    site.finality.close()
    if damage == "removed":
        site.path.unlink()
    else:
        site.path.write_bytes(b"SQLite format 3\0" + b"torn" * 100)
    site.open()
    assert site.complete(8) == before


def test_a_block_is_not_provable_before_the_next_commit(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finality, "WAIT_S", 0.05)
    site.source.newest = 8
    assert site.finality.provable(8) == 7
    with pytest.raises(NotProvableYet) as caught:
        site.complete(8)
    assert (caught.value.height, caught.value.engine_height) == (8, 9)
    site.source.newest = 9
    assert site.verify(8, site.complete(8)) == "75 of 90"
    assert site.finality.provable(8) == 8


def test_whoever_waits_gets_the_commit_when_it_comes(site: Site) -> None:
    async def scenario() -> object:
        site.source.newest = 8
        asking = asyncio.create_task(site.finality.certificate(site.block(8)))
        for _ in range(10):
            await asyncio.sleep(0)
        assert site.source.asked
        site.source.newest = 9
        return await asking

    certificate = encode(asyncio.run(scenario()))
    assert decode_commit(certificate).steps is msgspec.UNSET


def test_a_list_that_the_header_does_not_name_is_not_given(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site.finality, "_named", lambda _header: [])
    with pytest.raises(NotProvable):
        site.complete(8)
    assert site.verify(0, site.complete(0)) == "55 of 75"


def test_a_key_that_passes_to_another_node_makes_no_step(tmp_path: Path) -> None:
    site = Site(tmp_path, {})
    honest = site.header

    def moved(height: int) -> Header:
        header = honest(height)
        return msgspec.structs.replace(header, validators="A" * 43) if height > 4 else header

    site.finality._headers = moved
    assert asyncio.run(site.finality.steps(0)) == []
    assert site.finality._kept.changes == [5]


def test_a_certificate_of_another_height_is_refused(site: Site) -> None:
    with pytest.raises(ProofInvalid):
        site.verify(8, site.complete(7))
