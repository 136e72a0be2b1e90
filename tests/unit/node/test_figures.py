# SPDX-License-Identifier: Apache-2.0
"""The figures: text that a well-kept parser reads, reasons for not being ready, engine's merged."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from prometheus_client.parser import text_string_to_metric_families

from hanse.gateway.limits import Counters
from hanse.node.engine_figures import EngineFigures
from hanse.node.figures import BY_NAME, FIGURES, SECONDS, Histogram, exposition
from hanse.node.health import REASONS, USUAL, Bounds, EngineFacts, Facts, figures, reasons
from hanse.node.metrics import Metrics

WELL = Facts(
    height=9,
    checkpoint_height=5,
    block_time_ms=1_000,
    now_ms=3_500,
    stalled_s=0.0,
    store_used=0.1,
    containment="locked",
    worker_trips=0,
)


def parsed(text: str) -> dict[str, list[tuple[str, dict[str, str], float]]]:
    found = {}
    for family in text_string_to_metric_families(text):
        name = family.name + "_total" * (family.type == "counter")
        assert name not in found, "one block for each figure"
        assert name.startswith("cometbft_") or BY_NAME[name].help == family.documentation
        assert name.startswith("cometbft_") or BY_NAME[name].kind == family.type
        found[name] = [(s.name, s.labels, s.value) for s in family.samples]
    return found


def changed(**facts: object) -> Facts:
    return Facts(**({f: getattr(WELL, f) for f in WELL.__struct_fields__} | facts))


def a_folder(path: Path) -> Any:
    return SimpleNamespace(path=path, ledger="L" * 43, node="n", organisation='a"b\\c\nd')


def test_what_is_said_is_what_a_parser_reads(tmp_path: Path) -> None:
    counted = Metrics()
    with counted.submission(3):
        pass
    counted.synced(0.003)
    text = figures(WELL, USUAL, a_folder(tmp_path), counted.samples())
    found = parsed(text + Counters().text())
    assert found["hanse_height"] == [("hanse_height", {}, 9.0)]
    assert found["hanse_info"][0][1]["organisation"] == 'a"b\\c\nd'
    assert found["hanse_block_age_seconds"][0][2] == 2.5
    assert found["hanse_checkpoint_lag_blocks"][0][2] == 4.0
    rows = {labels.get("le"): v for _, labels, v in found["hanse_commit_fsync_seconds"]}
    assert (rows["0.0025"], rows["0.005"], rows["+Inf"]) == (0.0, 1.0, 1.0)
    answered = [v for n, _, v in found["hanse_tx_final_seconds"] if n.endswith("_count")]
    assert answered == [3.0]
    absent = {"hanse_backup_age_seconds", "hanse_tls_days_left", "hanse_peers"}
    later = {"hanse_tx_total", "hanse_dropped_total", "hanse_engine_up"}  # with the first of them
    assert set(found) == set(BY_NAME) - absent - later


def test_a_histogram_counts_at_and_beyond_each_bound() -> None:
    made = Histogram("hanse_block_seconds")
    for bound in SECONDS:
        made.observe(bound)
        made.observe(math.nextafter(bound, math.inf))
    rows = {labels["le"]: value for _, labels, value in made.samples() if labels}
    assert rows == {str(b): 2 * i + 1 for i, b in enumerate(SECONDS)} | {"+Inf": 2 * len(SECONDS)}


def test_transactions_are_stalled_only_while_they_wait_without_a_block() -> None:
    counted = Metrics()
    assert counted.stalled_s == 0.0
    with counted.submission(1):
        first = counted.stalled_s
        while counted.stalled_s <= first:
            pass
    assert counted.stalled_s == 0.0
    with pytest.raises(ValueError, match="gone"), counted.submission(1):
        raise ValueError("gone")
    assert counted.stalled_s == 0.0


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({}, None),
        ({"is_failed": True}, "node_fault"),
        ({"store_used": 0.96}, "store_full"),
        ({"stalled_s": 31.0}, "block_too_old"),
        ({"stalled_s": 30.0}, None),
        ({"engine": EngineFacts(peers=0, has_quorum=True, catching_up=False)}, None),
        ({"engine": EngineFacts(peers=2, has_quorum=False, catching_up=False)}, "engine_no_quorum"),
        ({"engine": EngineFacts(peers=2, has_quorum=True, catching_up=True)}, "engine_catching_up"),
        ({"engine": EngineFacts(peers=0, has_quorum=False, catching_up=False)}, "engine_no_peers"),
    ],
)
def test_a_node_is_not_ready_for_a_reason(
    tmp_path: Path, facts: dict[str, object], reason: str | None
) -> None:
    bounds = Bounds(disk_free_bytes=0)
    found = reasons(changed(**facts), bounds, tmp_path)
    assert found[:1] == ([reason] if reason else [])
    assert set(found) <= set(REASONS)


def test_a_full_disk_is_a_reason(tmp_path: Path) -> None:
    assert reasons(WELL, Bounds(disk_free_bytes=2**62), tmp_path) == ["disk_full"]


def test_the_age_of_a_backup_and_the_days_of_a_certificate(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    ends = datetime.now(UTC) + timedelta(days=10)  # noqa: TID251 - the certificate's own time
    key = Ed25519PrivateKey.generate()
    name = x509.Name([])
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(ends - timedelta(days=20)).not_valid_after(ends).sign(key, None)
    )  # fmt: skip
    (tmp_path / "c.pem").write_bytes(made.public_bytes(Encoding.PEM))
    bounds = Bounds(backups=tmp_path / "kept", certificate=tmp_path / "c.pem")
    now_ms = int(ends.timestamp() * 1_000) - 4 * 86_400_000

    def shown() -> dict[str, float]:
        facts = changed(now_ms=now_ms)
        text = figures(facts, bounds, a_folder(tmp_path), [])
        return {name: rows[0][2] for name, rows in parsed(text).items()}

    assert "hanse_backup_age_seconds" not in shown()
    assert shown()["hanse_tls_days_left"] == pytest.approx(4.0, abs=0.01)
    (tmp_path / "kept" / "monday.backup").touch()
    (tmp_path / "kept" / "x.part").touch()
    assert shown()["hanse_backup_age_seconds"] > 5 * 86_400
    (tmp_path / "c.pem").write_text("gone")
    assert shown()["hanse_tls_days_left"] == 0.0


def test_every_figure_is_described() -> None:
    assert len(BY_NAME) == len(FIGURES)
    for figure in FIGURES:
        assert figure.help.endswith("."), figure.name
        assert figure.name.endswith("_total") == (figure.kind == "counter"), figure.name
    with pytest.raises(AssertionError, match="hanse_hight"):
        exposition([("hanse_hight", {}, 1)])


ENGINE = b"""# HELP go_goroutines Number.
# TYPE go_goroutines gauge
go_goroutines 8
# HELP cometbft_consensus_height Height of the chain.
# TYPE cometbft_consensus_height gauge
cometbft_consensus_height{chain_id="x y"} 12
# TYPE cometbft_p2p_peers gauge
cometbft_p2p_peers 3
process_resident_memory_bytes 1e+07
cometbft_broken{a="
hanse_height 999
"""


async def scraped(answer: bytes, *, silent: bool = False) -> str:
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if silent:
            await over.wait()
        writer.write(answer)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    task: Callable[[], Awaitable[str]] = EngineFigures(f"127.0.0.1:{port}").text
    try:
        return await task()
    finally:
        over.set()
        server.close()
        await asyncio.sleep(0.01)  # both ends let go


def test_the_engines_figures_keep_their_names_and_nobody_elses_come_along() -> None:
    text = asyncio.run(scraped(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n" + ENGINE))
    found = parsed(text)
    assert set(found) == {"hanse_engine_up", "cometbft_consensus_height", "cometbft_p2p_peers"}
    assert found["hanse_engine_up"][0][2] == 1.0
    assert found["cometbft_consensus_height"][0][1:] == ({"chain_id": "x y"}, 12.0)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.0 500 No\r\n\r\n", b"\xff\xfe", b"HTTP/1.0\r\n"])
def test_an_engine_that_fails_does_not_break_ours(answer: bytes) -> None:
    assert parsed(asyncio.run(scraped(answer)))["hanse_engine_up"][0][2] == 0.0


def test_an_engine_that_is_not_there_or_says_nothing_is_down(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hanse.node.engine_figures.TIMEOUT_S", 0.05)
    assert parsed(asyncio.run(scraped(b"", silent=True)))["hanse_engine_up"][0][2] == 0.0
    assert "hanse_engine_up 0" in asyncio.run(EngineFigures("127.0.0.1:1").text())
