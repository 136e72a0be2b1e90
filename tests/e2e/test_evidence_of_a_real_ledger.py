# SPDX-License-Identifier: Apache-2.0
"""Evidence files of a real node, changed, spliced and forged: neither verifier accepts one."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from faults.network import Network, make_network
from verifier.mutate import accepted, mutants, sealed, splices

import hanse_verify
from hanse.client.bulk import encode_args
from hanse.client.evidence import verify
from hanse.node.clock import wall_clock_ms
from hanse.node.service import NodeService
from hanse.testing.smallbank import APP

EVERY = 5  # of all mutants, each fifth; all of them in the nightly run


async def _files(network: Network) -> dict[str, bytes]:
    """Return genuine files: a success, a refusal, a value, an absence, all of one ledger."""
    service = NodeService(network.folder, (APP,))
    await service.start()
    try:
        made = network.drafts(40)
        bad = network.drafters[0].draft(
            ("smallbank", "deposit_checking"),
            encode_args({"account": "nobody", "amount_minor": 5}),
            1_000,
            wall_clock_ms() + 600_000,
        )
        await service.submit([d.raw for d in [*made[:20], bad]])
        await service.submit([d.raw for d in made[20:]])
        return {
            "record": await service.evidence_record(made[3].tx),
            "later": await service.evidence_record(made[30].tx),
            "refusal": await service.evidence_record(bad.tx),
            "value": await service.evidence_state("smallbank", "accounts", '"k000001"'),
            "absence": await service.evidence_state("smallbank", "accounts", '"k999999"'),
        }
    finally:
        await service.stop()


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, bytes]]:
    network = make_network(tmp_path_factory.mktemp("real") / "node")
    return network.folder.ledger, asyncio.run(_files(network))


def _ours(data: bytes, trust: str | None) -> str:
    return verify(data, trust).verdict


def _alone(data: bytes, trust: str | None) -> str:
    return str(hanse_verify.verify(data, trust)["verdict"])


VERIFIERS: list[Callable[[bytes, str | None], str]] = [_ours, _alone]


@pytest.mark.parametrize("judge", VERIFIERS)
def test_genuine_files_are_valid(
    ledger: tuple[str, dict[str, bytes]], judge: Callable[[bytes, str | None], str]
) -> None:
    trust, files = ledger
    assert {name: judge(data, trust) for name, data in files.items()} == dict.fromkeys(
        files, "valid"
    )
    assert judge(files["record"], None) == "unknown_issuer"


@pytest.mark.parametrize("judge", VERIFIERS)
@pytest.mark.parametrize("name", ["record", "refusal", "value", "absence"])
def test_no_changed_file_is_accepted(
    ledger: tuple[str, dict[str, bytes]], name: str, judge: Callable[[bytes, str | None], str]
) -> None:
    trust, files = ledger
    count, wrong = accepted(
        mutants(files[name], step=EVERY), lambda data: judge(data, trust), files.values()
    )
    assert wrong == []
    assert count > 100


@pytest.mark.parametrize("judge", VERIFIERS)
def test_no_splice_of_two_genuine_files_is_accepted(
    ledger: tuple[str, dict[str, bytes]], judge: Callable[[bytes, str | None], str]
) -> None:
    trust, files = ledger
    for one, other in (("record", "later"), ("record", "refusal"), ("value", "absence")):
        made = splices(files[one], files[other])
        assert accepted(made, lambda data: judge(data, trust), files.values())[1] == []


@pytest.mark.parametrize("judge", VERIFIERS)
def test_a_forged_ledger_with_the_same_names_is_not_valid(
    ledger: tuple[str, dict[str, bytes]],
    tmp_path: Path,
    judge: Callable[[bytes, str | None], str],
) -> None:
    trust, files = ledger
    forged = asyncio.run(_files(make_network(tmp_path / "node")))
    for name, data in forged.items():
        assert judge(data, trust) == "not_valid", name
        made = splices(files[name], data)
        assert accepted(made, lambda data: judge(data, trust), files.values())[1] == []
        graft = json.loads(data) | {"genesis": json.loads(files[name])["genesis"]}
        raw = json.dumps(graft, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        assert judge(raw, trust) == judge(sealed(raw) or b"", trust) == "not_valid", name
