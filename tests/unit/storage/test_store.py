# SPDX-License-Identifier: Apache-2.0
"""The state store: one answer from memory, from a checkpoint under way, and from the disk."""

import itertools
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import lmdb
import pytest

from hanse.codec.limits import STATE_KEY_BYTES_MAX
from hanse.crypto import SHA256, SM3
from hanse.merkle.log import Frontier, frontier_at, inclusion_path, verify_inclusion
from hanse.merkle.trie import TriePageDamaged, verify_state
from hanse.storage import AppliedBlock, Snapshot, Store
from hanse.storage import snapshot as snapshot_module
from hanse.storage import store as store_module
from hanse.storage.errors import (
    SnapshotExpired,
    StateDamaged,
    StorageFailed,
    StorageInUse,
    StorageUnknown,
)

Writes = Mapping[str, Mapping[bytes, bytes | None]]
tagged = SHA256.tagged


def kh(key: bytes) -> bytes:
    return tagged("hanse/key/1", key)


def vh(value: bytes) -> bytes:
    return tagged("hanse/value/1", value)


def digest(*parts: object) -> bytes:
    return SHA256(repr(parts).encode())


def block(height: int, writes: Writes, txs: int = 2, life_ms: int = 5000) -> AppliedBlock:
    return AppliedBlock(
        height=height,
        block_id=digest("id", height),
        header=b'{"height":%d}' % height,
        time_ms=1000 * height,
        writes=writes,
        leaves=[digest("leaf", height, i) for i in range(txs + 1)],
        transactions=[
            (digest("tx", height, i), digest("nonce", height, i), 1000 * height + life_ms)
            for i in range(txs)
        ],
    )


def apply(store: Store, writes: Writes, txs: int = 2) -> None:
    hashed = {
        contract: {kh(k): None if v is None else vh(v) for k, v in changes.items()}
        for contract, changes in writes.items()
    }
    store.tries.update(hashed)
    store.apply(block(store.height + 1, writes, txs))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / "state", SHA256)
    yield store
    store.close()


def key(number: int) -> bytes:
    return b"m\x00" + b"%04d" % number


def test_an_empty_store_is_before_the_first_block(store: Store) -> None:
    assert store.height == store.checkpoint_height == -1
    assert store.block_id == bytes(32)
    assert store.header == b""
    assert store.tries.root == bytes(32)
    assert store.log_frontier == Frontier(SHA256)
    assert store.get("bank", b"x") is None
    assert store.scan("bank", b"", b"", 10) == []
    assert store.find_transaction(bytes(32)) is None
    assert store.find_nonce(bytes(32)) is None
    assert store.checkpoint() == -1


def test_a_block_is_visible_at_once_and_the_same_after_each_checkpoint(store: Store) -> None:
    apply(store, {"bank": {key(1): b"1", key(2): b"2"}})
    store.checkpoint()
    apply(store, {"bank": {key(1): None, key(3): b"3"}, "other": {key(1): b"o"}})
    for _ in range(2):
        assert store.get("bank", key(1)) is None
        assert store.get("other", key(1)) == b"o"
        assert store.scan("bank", b"m\x00", b"", 10) == [(key(2), b"2"), (key(3), b"3")]
        assert store.find_transaction(digest("tx", 1, 1)) == (1, 1)
        assert store.find_transaction(digest("tx", 0, 0)) == (0, 0)
        assert store.find_nonce(digest("nonce", 1, 0)) == digest("tx", 1, 0)
        assert store.checkpoint() == 1


def test_a_block_must_follow_the_last_one(store: Store) -> None:
    with pytest.raises(AssertionError):
        store.apply(block(1, {}))
    apply(store, {})
    with pytest.raises(AssertionError):
        store.apply(block(0, {}))


def test_a_reopened_store_is_at_its_last_checkpoint(tmp_path: Path, store: Store) -> None:
    for height in range(7):
        apply(store, {"bank": {key(height): b"%d" % height}}, txs=height)
        if height == 4:
            store.checkpoint()
            root, frontier = store.tries.root, store.log_frontier
    store.close()
    again = Store.open(tmp_path / "state", SHA256)
    assert again.height == again.checkpoint_height == 4
    assert again.tries.root == root
    assert again.log_frontier == frontier
    assert again.block_id == digest("id", 4)
    assert again.header == b'{"height":4}'
    assert again.time_ms == 4000
    for height in (5, 6):
        apply(again, {"bank": {key(height): b"%d" % height}}, txs=height)
    assert again.scan("bank", b"", b"", 99) == [(key(h), b"%d" % h) for h in range(7)]
    again.close()


def test_every_leaf_of_the_log_can_be_proved_from_memory_and_disk(store: Store) -> None:
    leaves: list[bytes] = []
    for height in range(40):
        apply(store, {}, txs=height % 7)
        leaves += block(height, {}, height % 7).leaves
        if height % 9 == 8:
            store.checkpoint()
    size, root = store.log_frontier.size, store.log_frontier.root()
    assert size == len(leaves)
    for index in range(0, size, 3):
        path = inclusion_path(SHA256, store.log_node, index, size)
        verify_inclusion(SHA256, leaves[index], index, size, path, root)
    for old in range(0, size, 5):
        assert frontier_at(SHA256, store.log_node, old) == Frontier(SHA256).append(leaves[:old])[0]
    with pytest.raises(StateDamaged):
        store.log_node(0, size)


def model_scan(
    model: dict[bytes, bytes], prefix: bytes, start: bytes, limit: int
) -> list[tuple[bytes, bytes]]:
    rows = sorted((k, v) for k, v in model.items() if k.startswith(prefix) and k >= start)
    return rows[:limit]


def test_a_scan_merges_memory_over_disk_in_key_order(store: Store) -> None:
    model: dict[bytes, bytes] = {}
    for height in range(60):
        changes: dict[bytes, bytes | None] = {}
        for i in range(1 if height % 3 else 90):
            number = (height * 37 + i * 11) % 150
            gone = (height + i) % 4 == 0
            changes[key(number)] = None if gone else b"%d/%d" % (height, i)
        apply(store, {"bank": changes, "z": {b"m\x00": b"other"}}, txs=0)
        for k, v in changes.items():
            if v is None:
                model.pop(k, None)
            else:
                model[k] = v
        if height % 13 == 12:
            store.checkpoint()
        for start, limit in itertools.product(
            (b"", key(0), key(75), key(149), b"n"), (0, 1, 5, 999)
        ):
            assert store.scan("bank", b"m\x00", start, limit) == model_scan(
                model, b"m\x00", start, limit
            )
        assert store.scan("bank", b"m\x0000", b"", 999) == model_scan(model, b"m\x0000", b"", 999)
        assert all(store.get("bank", k) == v for k, v in list(model.items())[::17])


def test_names_and_keys_of_the_greatest_length_fit(store: Store) -> None:
    long = b"\xff" * STATE_KEY_BYTES_MAX
    name = "c" * 64
    apply(store, {name: {long: b"v", long[:-1]: b"w"}})
    store.checkpoint()
    assert store.get(name, long) == b"v"
    assert store.scan(name, long[:-1], b"", 9) == [(long[:-1], b"w"), (long, b"v")]
    assert store.scan(name, b"", long + b"x" * 40, 9) == []
    assert store.get(name, b"x" * 600) is None


def test_one_contract_never_sees_the_keys_of_another(store: Store) -> None:
    apply(store, {"a": {b"1": b"a"}, "ab": {b"1": b"ab"}, "b": {b"": b"b"}})
    store.checkpoint()
    apply(store, {"a": {b"2": b"a"}})
    assert store.scan("a", b"", b"", 9) == [(b"1", b"a"), (b"2", b"a")]
    assert store.scan("ab", b"", b"", 9) == [(b"1", b"ab")]
    assert store.scan("b", b"", b"", 9) == [(b"", b"b")]


def test_a_nonce_is_forgotten_by_the_time_of_the_chain(store: Store) -> None:
    for _ in range(6):
        apply(store, {})
    assert store.find_nonce(digest("nonce", 0, 0)) == digest("tx", 0, 0)  # expires at 5000
    apply(store, {})
    for _ in range(2):  # whether or not a checkpoint has pruned it
        assert store.find_nonce(digest("nonce", 0, 0)) is None
        assert store.find_nonce(digest("nonce", 1, 0)) == digest("tx", 1, 0)
        assert store.find_transaction(digest("tx", 0, 0)) == (0, 0)
        store.checkpoint()


def test_a_nonce_used_again_after_its_expiry_is_not_pruned_with_the_old_one(store: Store) -> None:
    nonce = digest("n")
    for height in range(9):
        txs = {0: [(digest("a"), nonce, 2000)], 6: [(digest("b"), nonce, 9000)]}.get(height, [])
        store.apply(
            AppliedBlock(height, digest(height), b"h", 1000 * height, {}, [digest(height)], txs)
        )
        if height in (0, 6, 7):
            store.checkpoint()
    assert store.find_nonce(nonce) == digest("b")


def test_every_expired_nonce_is_pruned_and_no_other(store: Store) -> None:
    for _ in range(3):
        apply(store, {}, txs=250)  # several rows of expiries for each checkpoint
        store.checkpoint()
    for _ in range(4):
        apply(store, {}, txs=0)
    assert store.time_ms == 6000  # the first block's expired at 5000, the second's expire now
    store.checkpoint()
    with store._tables.begin() as txn:
        held = {k for k, _ in txn.cursor(db=store._tables.dbs["nonces"])}
    assert held == {digest("nonce", height, i) for height in (1, 2) for i in range(250)}


def test_a_nonce_that_was_asked_for_is_found_once_it_is_used(store: Store) -> None:
    nonce = digest("nonce", 0, 1)
    for _ in range(2):  # the second time from memory
        assert store.find_nonce(nonce) is None
    apply(store, {})
    assert store.find_nonce(nonce) == digest("tx", 0, 1)
    store.checkpoint()
    assert store.find_nonce(nonce) == digest("tx", 0, 1)


def test_the_height_of_the_last_write_is_that_of_its_own_contract(store: Store) -> None:
    assert store.changed_height("bank") == -1
    apply(store, {"bank": {b"k": b"v"}})
    apply(store, {"bank": {}, "other": {b"k": None}})
    assert (store.changed_height("bank"), store.changed_height("other")) == (0, 1)


def test_blocks_may_be_applied_while_a_checkpoint_is_written(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply(store, {"bank": {key(i): b"old" for i in range(500)}})
    begun, go_on = threading.Event(), threading.Event()
    write = store._write

    def slow(*args: Any) -> None:
        begun.set()
        assert go_on.wait(20)
        write(*args)

    monkeypatch.setattr(store, "_write", slow)
    worker = threading.Thread(target=store.checkpoint)
    worker.start()
    assert begun.wait(20)
    apply(store, {"bank": {key(1): b"new", key(2): None}})
    assert store.get("bank", key(1)) == b"new"
    assert store.get("bank", key(2)) is None
    assert store.get("bank", key(3)) == b"old"
    assert store.scan("bank", b"", key(1), 2) == [(key(1), b"new"), (key(3), b"old")]
    assert not store.due
    go_on.set()
    worker.join(20)
    assert store.checkpoint_height == 0
    assert store.get("bank", key(1)) == b"new"
    assert store.scan("bank", b"", key(1), 2) == [(key(1), b"new"), (key(3), b"old")]
    store.close()
    again = Store.open(tmp_path / "state", SHA256)  # the first block, whole; the second not at all
    assert again.height == 0
    assert again.get("bank", key(1)) == b"old"
    path, _ = again.tries.prove("bank", kh(key(1)))
    assert verify_state(SHA256, again.tries.root_of("bank"), kh(key(1)), path) == vh(b"old")
    again.close()


def test_a_checkpoint_is_due_after_so_many_blocks_or_writes(store: Store) -> None:
    for _ in range(49):
        apply(store, {}, txs=0)
    assert not store.due
    apply(store, {}, txs=0)
    assert store.due
    store.checkpoint()
    assert not store.due
    apply(store, {"bank": {key(i): b"v" for i in range(20_000)}}, txs=0)
    assert store.due


def test_a_large_state_gathers_more_before_a_checkpoint_and_still_a_bounded_number(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "LARGE_ENTRIES", 10)
    apply(store, {"bank": {key(i): b"v" for i in range(10)}}, txs=0)
    store.checkpoint()
    for _ in range(199):
        apply(store, {}, txs=0)
    assert not store.due
    apply(store, {}, txs=0)
    assert store.due
    store.checkpoint()
    apply(store, {"bank": {key(i): b"w" for i in range(59_999)}}, txs=0)
    assert not store.due
    apply(store, {"bank": {key(1): b"x"}}, txs=0)
    assert store.due


def test_a_failed_checkpoint_is_fatal_and_leaves_the_one_before(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply(store, {"bank": {key(1): b"1"}})
    store.checkpoint()
    apply(store, {"bank": {key(1): b"2"}})

    def full(*_: object) -> None:
        raise lmdb.MapFullError("full")

    monkeypatch.setattr(store, "_write", full)
    with pytest.raises(StorageFailed) as caught:
        store.checkpoint()
    assert caught.value.exit_code == 70
    monkeypatch.undo()
    for again in (store.checkpoint, lambda: apply(store, {})):
        with pytest.raises(StorageFailed):
            again()
    store.close()
    reopened = Store.open(tmp_path / "state", SHA256)
    assert (reopened.height, reopened.get("bank", key(1))) == (0, b"1")
    reopened.close()


def test_two_processes_cannot_write_one_store(tmp_path: Path, store: Store) -> None:
    with pytest.raises(StorageInUse):
        Store.open(tmp_path / "state", SHA256)


def test_a_store_of_another_hash_is_refused(tmp_path: Path, store: Store) -> None:
    store.close()
    with pytest.raises(StorageUnknown, match="sha256"):
        Store.open(tmp_path / "state", SM3)
    Store.open(tmp_path / "state", SHA256).close()  # the refusal left no lock


def test_lmdb_is_opened_as_the_rules_say(store: Store) -> None:
    flags = store._tables.env.flags()
    assert flags["sync"]
    assert flags["metasync"]
    assert flags["meminit"]
    assert flags["lock"]
    assert not flags["writemap"]
    assert not flags["map_async"]
    assert store._tables.env.info()["map_size"] == 1 << 40


def test_a_damaged_page_is_found_when_the_trie_reads_it(tmp_path: Path, store: Store) -> None:
    apply(store, {"bank": {key(i): b"%d" % i for i in range(2000)}})
    store.checkpoint()
    with store._tables.begin(write=True) as txn:
        pages = store._tables.dbs["pages"]
        page_key = b"bank\x00" + bytes((kh(key(7))[0] >> 4, kh(key(7))[0] & 15))
        page = txn.get(page_key, db=pages)
        txn.put(page_key, page[:-1] + bytes((page[-1] ^ 1,)), db=pages)
    store.close()
    again = Store.open(tmp_path / "state", SHA256)
    with pytest.raises(TriePageDamaged):
        again.tries.update({"bank": {kh(key(i)): None for i in range(2000)}})
    again.close()


# snapshots --------------------------------------------------------------------------------------

READER = """
import sys
from pathlib import Path
from hanse.crypto import SHA256
from hanse.merkle.trie import verify_state
from hanse.storage import Snapshot

snapshot = Snapshot.open(Path(sys.argv[1]), SHA256)
for line in sys.stdin:
    key = bytes.fromhex(line)
    height = snapshot.refresh()
    value, path, top = snapshot.prove("bank", key)
    found = verify_state(
        SHA256, snapshot.state_root, SHA256.tagged("hanse/contract/1", b"bank"), top
    )
    verify_state(SHA256, found, SHA256.tagged("hanse/key/1", key), path)
    print(height, value.decode(), len(snapshot.scan("bank", b"", b"", 99)), flush=True)
"""


def test_another_process_reads_and_proves_the_last_checkpoint(tmp_path: Path, store: Store) -> None:
    apply(store, {"bank": {key(1): b"one"}})
    store.checkpoint()
    apply(store, {"bank": {key(1): b"two", key(2): b"x"}})
    with subprocess.Popen(
        [sys.executable, "-c", READER, str(tmp_path / "state")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as reader:
        assert reader.stdin
        assert reader.stdout

        def ask() -> str:
            reader.stdin.write(key(1).hex() + "\n")
            reader.stdin.flush()
            return reader.stdout.readline().strip()

        assert ask() == "0 one 1"
        store.checkpoint()
        assert ask() == "1 two 2"
        reader.stdin.close()
    assert reader.returncode == 0


def test_a_snapshot_stays_at_its_height_until_it_is_refreshed(store: Store) -> None:
    apply(store, {"bank": {key(i): b"one" for i in range(100)}})
    store.checkpoint()
    snapshot = store.snapshot()
    apply(store, {"bank": {key(i): b"two" for i in range(100)}})
    store.checkpoint()
    assert (snapshot.height, snapshot.header) == (0, b'{"height":0}')
    assert snapshot.block_id == digest("id", 0)
    assert snapshot.prove("bank", key(5))[0] == snapshot.get("bank", key(5)) == b"one"
    assert snapshot.find_transaction(digest("tx", 0, 1)) == (0, 1)
    assert snapshot.log_node(0, 2) == digest("leaf", 0, 2)
    assert snapshot.log_frontier.size == 3
    assert snapshot.refresh() == 1
    assert snapshot.prove("bank", key(5))[0] == b"two"
    assert snapshot.prove("bank", key(500))[0] is None
    assert snapshot.prove("none", key(5))[0] is None
    snapshot.close()


def test_a_snapshot_does_not_pin_old_pages_for_ever(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(snapshot_module.time, "monotonic", lambda: now)
    snapshot = store.snapshot()
    now += 60
    assert snapshot.get("bank", b"x") is None
    now += 0.1
    with pytest.raises(SnapshotExpired):
        snapshot.get("bank", b"x")
    with pytest.raises(SnapshotExpired):
        snapshot.prove("bank", b"x")
    snapshot.refresh()
    assert snapshot.scan("bank", b"", b"", 9) == []
    snapshot.close()


def test_a_damaged_value_is_never_proved(store: Store) -> None:
    apply(store, {"bank": {key(1): b"one"}})
    store.checkpoint()
    with store._tables.begin(write=True) as txn:
        txn.put(b"\x00\x00" + key(1), b"two", db=store._tables.dbs["state"])
    snapshot = store.snapshot()
    with pytest.raises(StateDamaged):
        snapshot.prove("bank", key(1))
    snapshot.close()


def test_there_is_no_snapshot_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(StorageUnknown):
        Snapshot.open(tmp_path, SHA256)
