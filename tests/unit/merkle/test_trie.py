# SPDX-License-Identifier: Apache-2.0
"""The state tries: what a stored page may and may not do, and what a path proves."""

import dataclasses

import pytest

from hanse.crypto import SHA256
from hanse.errors import ProofInvalid
from hanse.merkle import _packed
from hanse.merkle._packed import ENTRIES_SPLIT
from hanse.merkle.trie import (
    EMPTY_ROOT,
    StatePath,
    StateTries,
    Trie,
    TriePageDamaged,
    verify_state,
)


def digest(i: int) -> bytes:
    return SHA256(b"%d" % i)


def entries(count: int, start: int = 0) -> dict[bytes, bytes | None]:
    return {digest(i): SHA256(digest(i)) for i in range(start, start + count)}


def store(pages: dict[bytes, bytes], changed: dict[bytes, bytes | None]) -> None:
    for key, page in changed.items():
        if page is None:
            pages.pop(key, None)
        else:
            pages[key] = page


def stored(changes: dict[bytes, bytes | None]) -> tuple[dict[bytes, bytes], bytes]:
    pages: dict[bytes, bytes] = {}
    trie = Trie(SHA256, pages)
    root = trie.update(changes)
    store(pages, trie.take_pending())
    return pages, root


class CountingPages:
    """Stored pages that count how often they are asked for."""

    def __init__(self) -> None:
        self.stored: dict[bytes, bytes] = {}
        self.asked = 0

    def get(self, page_key: bytes, /) -> bytes | None:
        self.asked += 1
        return self.stored.get(page_key)


@pytest.mark.parametrize(("room", "reads"), [(1 << 20, False), (0, True)])
def test_stored_pages_stay_in_memory_while_there_is_room(
    monkeypatch: pytest.MonkeyPatch, room: int, reads: bool
) -> None:
    monkeypatch.setattr(_packed, "KEPT_BYTES", room)
    pages = CountingPages()
    trie = Trie(SHA256, pages)
    for start in range(0, 2000, 400):
        trie.update(entries(400, start))
        store(pages.stored, trie.take_pending())
        trie.flushed()
    before = pages.asked
    trie.update(entries(300, 100) | dict.fromkeys(entries(300, 500)))
    assert (pages.asked > before) is reads
    kept = {k: v for k, v in entries(2000).items() if k not in entries(300, 500)}
    assert trie.root == Trie(SHA256, {}).update(kept)


def test_the_empty_trie_proves_that_everything_is_absent() -> None:
    trie = Trie(SHA256, {})
    assert trie.root == EMPTY_ROOT
    assert trie.prove(digest(1)) == StatePath((), ())
    assert verify_state(SHA256, EMPTY_ROOT, digest(1), trie.prove(digest(1))) is None


def test_a_bucket_of_three_is_one_page_and_its_hash_is_as_specified() -> None:
    changes = entries(3)
    pages, root = stored(changes)
    joined = b"".join(k + v for k, v in sorted(changes.items()) if v)
    assert root == SHA256(b"hanse/bucket/1\x00" + joined)
    assert list(pages) == [b""]
    assert len(pages[b""]) == 1 + 3 * 64


def test_seventeen_entries_make_an_inner_node_as_specified() -> None:
    changes = entries(17)
    _, root = stored(changes)
    children = []
    for x in range(16):
        own = sorted((k, v) for k, v in changes.items() if k[0] >> 4 == x and v)
        joined = b"".join(k + v for k, v in own)
        children.append(SHA256(b"hanse/bucket/1\x00" + joined) if own else bytes(32))
    assert root == SHA256(b"hanse/node/1\x00" + b"".join(children))


def test_the_root_after_deletion_is_as_if_the_entry_had_never_been() -> None:
    trie = Trie(SHA256, {})
    before = trie.update(entries(ENTRIES_SPLIT))
    trie.update(entries(3000, 1000))
    trie.update(dict.fromkeys(entries(3000, 1000)))
    assert trie.root == before
    assert trie.count == ENTRIES_SPLIT
    trie.update(dict.fromkeys(entries(ENTRIES_SPLIT)))
    assert trie.root == EMPTY_ROOT
    assert trie.count == 0


def test_no_page_is_left_behind_when_all_entries_go() -> None:
    pages: dict[bytes, bytes] = {}
    trie = Trie(SHA256, pages)
    trie.update(entries(3000))
    store(pages, trie.take_pending())
    trie.flushed()
    assert len(pages) > 16
    trie.update(dict.fromkeys(entries(3000)))
    store(pages, trie.take_pending())
    assert pages == {}


def test_deleting_what_is_absent_changes_nothing() -> None:
    trie = Trie(SHA256, {})
    root = trie.update(entries(100))
    assert trie.update({digest(5000): None}) == root
    assert trie.update({}) == root
    assert trie.count == 100


@pytest.mark.parametrize("count", [0, 1, 16, 17, 64, 65, 300, 5000])
def test_bulk_loading_gives_the_root_of_single_updates(count: int) -> None:
    trie, other = Trie(SHA256, {}), Trie(SHA256, {})
    items = [(k, v) for k, v in entries(count).items() if v]
    trie.bulk(items[: count // 2])
    trie.bulk(items[count // 2 :])
    for kh, vh in reversed(items):
        other.update({kh: vh})
    assert trie.root == other.root
    assert trie.count == other.count == count


def test_pages_taken_stay_readable_until_the_store_has_them() -> None:
    trie = Trie(SHA256, {})  # a store that never gets anything
    trie.update(entries(500))
    taken = trie.take_pending()
    root = trie.update(entries(500, 250))
    assert verify_state(SHA256, root, digest(1), trie.prove(digest(1))) == SHA256(digest(1))
    with pytest.raises(AssertionError, match="not been flushed"):
        trie.take_pending()
    trie.flushed()
    assert taken


def test_a_reopened_trie_goes_on_where_it_was() -> None:
    pages, root = stored(entries(2000))
    trie = Trie(SHA256, pages, root=root)
    assert trie.count == 2000
    other = Trie(SHA256, {})
    other.bulk([(k, v) for k, v in entries(2500).items() if v])
    assert trie.update(entries(500, 2000)) == other.root


def test_a_trie_with_another_root_than_expected_is_not_opened() -> None:
    pages, _ = stored(entries(10))
    with pytest.raises(TriePageDamaged):
        Trie(SHA256, pages, root=bytes(32))
    with pytest.raises(TriePageDamaged):
        Trie(SHA256, {}, root=digest(1))


@pytest.mark.parametrize("count", [3, 40, 700])
def test_a_flipped_bit_is_noticed_before_it_reaches_a_root(count: int) -> None:
    pages, root = stored(entries(count))
    wanted = Trie(SHA256, pages, root=root).update(dict.fromkeys(entries(count)))
    assert wanted == EMPTY_ROOT
    for key in sorted(pages)[:: max(1, len(pages) // 6)]:
        for bit in range(0, len(pages[key]) * 8, 211):
            damaged = bytearray(pages[key])
            damaged[bit >> 3] ^= 1 << (bit & 7)
            with pytest.raises(TriePageDamaged):
                # every key is touched: nothing of the page can hide
                Trie(SHA256, pages | {key: bytes(damaged)}, root=root).update(
                    dict.fromkeys(entries(count))
                )


def test_a_missing_page_is_damage_not_absence() -> None:
    pages, root = stored(entries(700))
    leaf = next(key for key in sorted(pages) if len(key) == 1)
    del pages[leaf]
    kh = next(k for k in entries(700) if k[0] >> 4 == leaf[0])
    with pytest.raises(TriePageDamaged):
        Trie(SHA256, pages, root=root).prove(kh)


def test_every_key_and_every_absence_is_proved() -> None:
    for count in (1, 16, 17, 64, 65, 400):
        trie = Trie(SHA256, {})
        root = trie.update(entries(count))
        for i in range(count + 50):
            wanted = SHA256(digest(i)) if i < count else None
            assert verify_state(SHA256, root, digest(i), trie.prove(digest(i))) == wanted
            assert trie.find(digest(i)) == wanted


def test_keys_that_share_a_long_beginning_are_stored_and_proved() -> None:
    near = {bytes(30) + i.to_bytes(2, "big"): digest(i) for i in range(300)}
    far = {k: v for k, v in entries(100).items() if v}
    trie = Trie(SHA256, {})
    root = trie.update(near | far)
    other = Trie(SHA256, {})
    for kh, vh in (far | near).items():
        other.update({kh: vh})
    assert other.root == root
    for kh, vh in near.items():
        path = trie.prove(kh)
        assert len(path.siblings) > 60
        assert verify_state(SHA256, root, kh, path) == vh
    assert trie.update(dict.fromkeys(near)) == Trie(SHA256, {}).update(far)


def proof(count: int = 400) -> tuple[bytes, bytes, StatePath]:
    trie = Trie(SHA256, {})
    root = trie.update(entries(count))
    return root, digest(7), trie.prove(digest(7))


def test_a_path_for_another_root_or_key_is_refused() -> None:
    root, kh, path = proof()
    with pytest.raises(ProofInvalid):
        verify_state(SHA256, digest(1), kh, path)
    other = bytes((kh[0] ^ 0x10,)) + kh[1:]
    with pytest.raises(ProofInvalid):
        verify_state(SHA256, root, other, path)


def test_malformed_paths_are_refused_with_their_reason() -> None:
    root, kh, path = proof()
    first = path.bucket[0]
    wrong = {
        "strictly sorted": dataclasses.replace(path, bucket=path.bucket[::-1]),
        "strictly": dataclasses.replace(path, bucket=(first, *path.bucket)),
        "too many": dataclasses.replace(path, bucket=(first,) * 17),
        "64 bytes": dataclasses.replace(path, bucket=((first[0], b""), *path.bucket[1:])),
        "15 other": dataclasses.replace(path, siblings=(b"", *path.siblings[1:])),
        "deeper": dataclasses.replace(path, siblings=(bytes(480),) * 65),
        "another root": dataclasses.replace(path, bucket=path.bucket[1:]),
        "belong": dataclasses.replace(path, bucket=((bytes(32), bytes(32)),)),
    }
    for reason, bad in wrong.items():
        with pytest.raises(ProofInvalid, match=reason):
            verify_state(SHA256, root, kh, bad)
    with pytest.raises(ProofInvalid, match="32 bytes"):
        verify_state(SHA256, root[:31], kh, path)
    with pytest.raises(ProofInvalid, match="32 bytes"):
        verify_state(SHA256, root, kh + b"x", path)


def test_an_entry_cannot_be_proved_in_place_of_its_neighbours_child() -> None:
    # depth odd: the high half byte must fit as well as the whole bytes before it
    kh = b"\xab\xc0" + bytes(30)
    path = StatePath(((b"\xab\x10" + bytes(30), bytes(32)),), (bytes(480),) * 3)
    with pytest.raises(ProofInvalid, match="belong"):
        verify_state(SHA256, bytes(32), kh, path)


# the tries of a ledger --------------------------------------------------------------------------


def test_a_contract_without_state_is_absent_from_the_top() -> None:
    tries = StateTries(SHA256, {})
    assert tries.root == EMPTY_ROOT
    tries.update({"bank": entries(2), "empty": {}})
    assert tries.root_of("empty") == EMPTY_ROOT
    assert tries.root_of("bank") != EMPTY_ROOT
    path, top = tries.prove("empty", digest(1))
    assert path == StatePath((), ())
    kh = SHA256.tagged("hanse/contract/1", b"empty")
    assert verify_state(SHA256, tries.root, kh, top) is None
    assert tries.update({"bank": dict.fromkeys(entries(2))}) == EMPTY_ROOT


def test_the_top_trie_holds_the_roots_themselves() -> None:
    tries = StateTries(SHA256, {})
    root = tries.update({"bank": entries(50), "trace": entries(3)})
    alone = Trie(SHA256, {}).update(entries(50))
    assert tries.root_of("bank") == alone
    path, top = tries.prove("bank", digest(9))
    kh = SHA256.tagged("hanse/contract/1", b"bank")
    assert verify_state(SHA256, root, kh, top) == alone
    assert verify_state(SHA256, alone, digest(9), path) == SHA256(digest(9))
    assert tries.count_of("bank") == 50


def test_a_root_may_stand_for_what_keeps_no_trie() -> None:
    tries = StateTries(SHA256, {})
    tries.update({"bank": entries(2)})
    before = tries.root
    assert tries.set_root("$replay", digest(1)) != before
    assert tries.root_of("$replay") == digest(1)
    assert tries.set_root("$replay", EMPTY_ROOT) == before


def test_twenty_small_contracts_reopen_from_their_few_pages() -> None:
    pages: dict[bytes, bytes] = {}
    tries = StateTries(SHA256, pages)
    tries.update({f"c{i}": entries(3, i) for i in range(20)})
    tries.commit()
    store(pages, tries.take_pending())
    assert len(pages) == 21
    again = StateTries(SHA256, pages, root=tries.root)
    assert again.root_of("c7") == tries.root_of("c7")
    more = {"c7": entries(400, 50)}
    assert again.update(more) == tries.update(more)
    with pytest.raises(TriePageDamaged):
        StateTries(SHA256, pages, root=digest(0))


def test_a_checkpoint_taken_between_blocks_holds_whole_blocks_only() -> None:
    pages: dict[bytes, bytes] = {}
    tries = StateTries(SHA256, pages)
    root = tries.update({"bank": entries(1000)})
    tries.commit()
    tries.update({"bank": entries(1000, 500)})  # the next block is under way
    store(pages, tries.take_pending())
    assert StateTries(SHA256, pages, root=root).count_of("bank") == 1000
    tries.flushed()
    tries.commit()
    store(pages, tries.take_pending())
    assert StateTries(SHA256, pages, root=tries.root).count_of("bank") == 1500
