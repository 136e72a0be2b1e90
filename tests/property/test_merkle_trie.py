# SPDX-License-Identifier: Apache-2.0
"""The packed trie equals the plainest trie that follows the specification, whatever the history."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanse.crypto import SHA256
from hanse.errors import ProofInvalid
from hanse.merkle.trie import Trie, verify_state


def plain_root(entries: list[tuple[bytes, bytes]], depth: int = 0) -> bytes:
    """The specification as a function of the entries: no history, no pages."""
    if not entries:
        return bytes(32)
    if len(entries) <= 16:
        return SHA256(b"hanse/bucket/1\x00" + b"".join(k + v for k, v in sorted(entries)))
    children = []
    for x in range(16):
        own = [e for e in entries if e[0].hex()[depth] == f"{x:x}"]
        children.append(plain_root(own, depth + 1))
    return SHA256(b"hanse/node/1\x00" + b"".join(children))


KEYS = [SHA256(b"%d" % i) for i in range(700)]
KEYS += [b"\x12\x34\x50" + key[3:] for key in KEYS[:100]]  # a crowd under one long prefix

key = st.integers(0, len(KEYS) - 1)
change = st.tuples(key, st.one_of(st.none(), st.integers(0, 3)))
one_of_many = st.tuples(key, st.integers(1, 500), st.booleans())
batch = st.one_of(st.lists(change, max_size=30), one_of_many)


def changes_of(step: object) -> dict[bytes, bytes | None]:
    if isinstance(step, tuple):
        start, count, delete = step
        chosen = (KEYS + KEYS)[start : start + count]
        return {k: None if delete else SHA256(k) for k in chosen}
    return {KEYS[i]: None if v is None else SHA256(b"%d" % v) for i, v in step}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(batch, st.sampled_from(["", "flush", "reopen"])), max_size=12))
def test_the_root_is_a_function_of_the_entries(steps: list[tuple[object, str]]) -> None:
    pages: dict[bytes, bytes] = {}
    trie = Trie(SHA256, pages)
    model: dict[bytes, bytes] = {}
    for step, then in steps:
        changes = changes_of(step)
        root = trie.update(changes)
        for k, v in changes.items():
            if v is None:
                model.pop(k, None)
            else:
                model[k] = v
        assert root == plain_root(list(model.items()))
        assert trie.count == len(model)
        for k in KEYS[::97]:
            assert verify_state(SHA256, root, k, trie.prove(k)) == model.get(k)
        if not then:
            continue
        for page_key, page in trie.take_pending().items():
            if page is None:
                pages.pop(page_key, None)
            else:
                pages[page_key] = page
        trie.flushed()
        if then == "reopen":
            trie = Trie(SHA256, pages, root=root)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 5000), st.integers(1, 255), st.sampled_from([5, 40, 300]))
def test_no_changed_byte_of_a_path_is_accepted(at: int, flip: int, count: int) -> None:
    trie = Trie(SHA256, {})
    root = trie.update({k: SHA256(k) for k in KEYS[:count]})
    path = trie.prove(KEYS[2])
    flat = b"".join(k + v for k, v in path.bucket) + b"".join(path.siblings)
    at %= len(flat)
    bad = flat[:at] + bytes((flat[at] ^ flip,)) + flat[at + 1 :]
    cut = len(path.bucket) * 64
    forged = type(path)(
        tuple((bad[i : i + 32], bad[i + 32 : i + 64]) for i in range(0, cut, 64)),
        tuple(bad[i : i + 480] for i in range(cut, len(bad), 480)),
    )
    with pytest.raises(ProofInvalid):
        verify_state(SHA256, root, KEYS[2], forged)
