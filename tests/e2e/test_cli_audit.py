# SPDX-License-Identifier: Apache-2.0
"""``hanse audit`` finds whatever an operator could have changed, and names the height."""

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import lmdb
import msgspec
import pytest
from tests.e2e.cli_site import BANK, MEMBER, document, run, start

from hanse.apps import discover
from hanse.client import decode_genesis
from hanse.client.bulk import Drafter, encode_args
from hanse.codec.canonical import encode
from hanse.codec.documents import TAG_HEADER, decode_transaction
from hanse.codec.ordered import OrderedBlock, OrderedSubmission
from hanse.crypto import SHA256
from hanse.crypto.signers import generate
from hanse.node.folder import open_folder
from hanse.node.ledger import Ledger
from hanse.storage import BlockLog
from hanse.storage.blocklog import encode_entry
from hanse.testing.smallbank import APP

Entry = tuple[bytes, bytes]  # block id and payload
ACCOUNTS = 4
HEIGHT = 3  # of the block that is changed


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a node that has stopped, with a block for each of its transactions."""
    site = start(tmp_path_factory.mktemp("honest"))
    for number in range(ACCOUNTS):
        site.open_account(f"a{number}")
    site.submit("create_account", {"account": "a0", "checking": 1, "savings": 1}, code=1)
    site.cosign()
    assert site.stop() == 0
    return site.folder


@pytest.fixture
def folder(honest: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(honest, tmp_path / "node"))


def _audit(folder: Path, code: int) -> dict[str, object]:
    result = run("audit", folder, "--app", BANK, "--json")
    assert result.exit_code == code, result.output
    found: dict[str, object] = document(result)
    return found


def _rewrite(folder: Path, change: Callable[[int, Entry], Entry]) -> None:
    """Write the log again, its sums right, with ``change`` applied to every entry."""
    log = BlockLog.open(folder / "log", readonly=True)
    last = log.last_height
    assert last is not None
    entries = [(h, *change(h, (i, p))) for h, i, p in log.blocks(0, last)]
    log.close()
    for path in (folder / "log").glob("*.blk"):
        path.unlink()
    data = b"".join(encode_entry(*entry) for entry in entries)
    (folder / "log" / f"{0:012d}.blk").write_bytes(data)


def _at_height(change: Callable[[bytes], bytes]) -> Callable[[int, Entry], Entry]:
    def apply(height: int, entry: Entry) -> Entry:
        block_id, payload = entry
        if height != HEIGHT:
            return entry
        changed = change(payload)
        assert changed != payload
        return block_id, changed

    return apply


def _parts(payload: bytes) -> dict[str, msgspec.Raw]:
    return msgspec.json.decode(payload, type=dict[str, msgspec.Raw])


def test_an_honest_log_passes_with_all_its_figures(folder: Path) -> None:
    found = _audit(folder, 0)
    assert (found["transactions"], found["refused"]) == (ACCOUNTS + 1, 1)
    assert found["signatures"] == ACCOUNTS + 1
    assert found["height"] == found["blocks"] == ACCOUNTS + 1
    assert found["state"] == f"compared at height {ACCOUNTS + 1}"
    assert isinstance(found["rows_compared"], int)
    assert found["rows_compared"] > ACCOUNTS
    plain = run("audit", folder, "--app", BANK)
    assert "tx_per_s" in plain.stdout


def test_the_folder_stays_as_it_was(folder: Path) -> None:
    def look() -> dict[str, bytes]:
        files = [p for p in folder.rglob("*") if p.is_file() and p.name != "lock.mdb"]
        return {str(p): p.read_bytes() for p in files}

    before = look()
    _audit(folder, 0)
    assert look() == before


def test_a_flipped_bit_is_found(folder: Path) -> None:
    path = next((folder / "log").glob("*.blk"))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    found = _audit(folder, 3)
    assert found["code"] == "block_damaged"
    assert "height" in found


def test_a_changed_receipt_is_found(folder: Path) -> None:
    _rewrite(folder, _at_height(lambda p: p.replace(b'{"cost":', b'{"cost":1', 1)))
    found = _audit(folder, 3)
    assert (found["code"], found["height"]) == ("root_mismatch", HEIGHT)


def test_a_changed_transaction_is_found(folder: Path) -> None:
    _rewrite(folder, _at_height(lambda p: p.replace(b'"checking":100', b'"checking":900', 1)))
    found = _audit(folder, 3)
    assert (found["code"], found["height"]) == ("record_invalid", HEIGHT)


def test_a_removed_record_is_found(folder: Path) -> None:
    def remove(payload: bytes) -> bytes:
        return encode({**_parts(payload), "records": msgspec.Raw(b"[]")})

    _rewrite(folder, _at_height(remove))
    assert _audit(folder, 3)["height"] == HEIGHT


def test_a_changed_certificate_is_found(folder: Path) -> None:
    def change(payload: bytes) -> bytes:
        parts = _parts(payload)
        certificate = json.loads(bytes(parts["certificate"]))
        lines = certificate["note"].splitlines()
        lines[-1] = lines[-1][:-8] + "AAAA" + lines[-1][-4:]
        certificate["note"] = "\n".join(lines) + "\n"
        return encode({**parts, "certificate": certificate})

    _rewrite(folder, _at_height(change))
    found = _audit(folder, 3)
    assert (found["code"], found["height"]) == ("record_invalid", HEIGHT)
    assert "certificate" in str(found["reason"])


def test_block_time_that_runs_backwards_is_found(folder: Path) -> None:
    def change(height: int, entry: Entry) -> Entry:
        if height != HEIGHT:
            return entry
        parts = _parts(entry[1])
        header = encode({**json.loads(bytes(parts["header"])), "time_ms": 1})
        changed = encode({**parts, "header": msgspec.Raw(header)})
        return SHA256.tagged(TAG_HEADER, header), changed

    _rewrite(folder, change)
    found = _audit(folder, 3)
    assert (found["code"], found["height"]) == ("record_invalid", HEIGHT)
    assert "backwards" in str(found["reason"])


def test_what_is_no_block_at_all_is_found(folder: Path) -> None:
    _rewrite(folder, _at_height(lambda _: b"{}"))
    found = _audit(folder, 3)
    assert (found["code"], found["height"]) == ("record_invalid", HEIGHT)


def test_a_log_that_lacks_what_the_state_knows_is_found(folder: Path) -> None:
    log = BlockLog.open(folder / "log", readonly=True)
    entries = [encode_entry(h, i, p) for h, i, p in log.blocks(0, HEIGHT)]
    log.close()
    for path in (folder / "log").glob("*.blk"):
        path.unlink()
    (folder / "log" / "acknowledged").unlink()
    (folder / "log" / f"{0:012d}.blk").write_bytes(b"".join(entries))
    found = _audit(folder, 3)
    assert (found["code"], found["height"]) == ("block_damaged", HEIGHT + 1)


def test_a_transaction_that_the_operator_let_in_unsigned_is_found(folder: Path) -> None:
    """The log is consistent to the last byte: only the signature says who did not sign."""
    asyncio.run(_forge(folder))
    found = _audit(folder, 3)
    assert (found["code"], found["height"]) == ("record_invalid", ACCOUNTS + 2)
    assert found["reason"] == "a signature does not hold"


async def _forge(path: Path) -> None:
    folder = open_folder(path)
    contracts = [contract for app in (*discover(), APP) for contract in app.contracts]
    ledger = Ledger(folder, contracts, folder.signer())
    ledger.open()
    try:
        pen = Drafter(
            decode_genesis(folder.genesis_bytes), MEMBER, "k1", generate("ed25519-sha256")
        )
        time_ms = ledger.header.time_ms + 1
        args = encode_args({"account": "forged", "checking": 10, "savings": 0})
        draft = pen.draft(("smallbank", "create_account"), args, 1_000, time_ms + 1_000)
        tx = decode_transaction(draft.raw, ledger.hash.tagged)

        async def published(*_: object) -> None:
            return None

        height = ledger.header.engine_height + 1
        block = OrderedBlock(height, time_ms, (OrderedSubmission(b"", (tx,)),))
        await ledger.deliver(block, published)
        await ledger.finish()
    finally:
        ledger.close()


def test_a_row_changed_in_the_nodes_state_is_found(folder: Path) -> None:
    store = lmdb.open(str(folder / "state"), max_dbs=32)
    database = store.open_db(b"state", create=False)
    with store.begin(write=True) as txn, txn.cursor(db=database) as cursor:
        rows = [(k, v) for k, v in cursor if b'"checking":100' in v]
        txn.put(rows[0][0], rows[0][1].replace(b"100", b"999"), db=database)
    store.close()
    found = _audit(folder, 3)
    assert found["code"] == "state_damaged"
    assert f"height {ACCOUNTS + 1}" in str(found["what"])


def test_a_damaged_file_of_cosignatures_is_found(folder: Path) -> None:
    (folder / "cosigned.json").write_text("{}", "utf-8")
    assert _audit(folder, 3)["code"] == "state_damaged"


def test_an_app_that_is_not_installed_runs_from_the_text_that_the_folder_keeps(
    folder: Path,
) -> None:
    assert run("audit", folder, "--json").exit_code == 0
    (kept,) = [
        path for path in (folder / "packages").iterdir() if b"smallbank" in path.read_bytes()
    ]
    text = kept.read_bytes()
    kept.write_bytes(text.replace(b"smallbank", b"smallbanc"))
    result = run("audit", folder, "--json")
    assert (result.exit_code, document(result)["code"]) == (3, "package_damaged")
    kept.unlink()
    result = run("audit", folder, "--json")
    assert result.exit_code == 4
    assert document(result)["code"] == "contract_mismatch"
    assert run("audit", folder, "--app", "no.such.module").exit_code == 2


def test_a_folder_without_a_node_is_misconfigured(tmp_path: Path) -> None:
    result = run("audit", tmp_path, "--json")
    assert result.exit_code == 4
    assert document(result)["code"] == "not_a_node_directory"
    assert run("audit", tmp_path / "absent").exit_code == 2


def test_a_key_is_not_needed(folder: Path) -> None:
    shutil.rmtree(folder / "keys")
    assert _audit(folder, 0)["transactions"] == ACCOUNTS + 1
