# SPDX-License-Identifier: Apache-2.0
"""The ordered tree of one map: rows in key order, and proofs that a range has no other.

A radix tree over the half bytes of the keys themselves, chains without a fork left out, buckets of
at most 16 entries (``spec/ordered-tree.md``). Its shape follows from the set of keys alone, so the
root is the same whatever the order in which they came; and nobody can choose keys that make it
deeper than a key is long, as with trees whose shape comes from hashes (ADR 0014). Each page hashes
as it is stored.
"""

from bisect import bisect_left
from collections.abc import Iterable
from typing import Final

from hanse.codec.limits import BUCKET_ENTRIES_MAX
from hanse.crypto import Hash
from hanse.errors import ProofInvalid
from hanse.merkle._packed import Changes, PageBuffer, Pages, TriePageDamaged
from hanse.merkle.paths import EMPTY_ROOT
from hanse.merkle.ranges import (
    TAG_ORDERED,
    Child,
    Entry,
    InnerPage,
    decode_page,
    encode_bucket,
    encode_inner,
    touches,
)

_DECODED_MAX: Final = 20_000  # inner pages that are remembered decoded, about 2 KB each
_END_PATH: Final = "."  # written for ``END`` in the path of a page


class _Bucket:
    """A leaf that is being changed."""

    __slots__ = ("entries", "path")

    def __init__(self, path: str, entries: list[Entry]) -> None:
        self.path = path
        self.entries = entries

    @property
    def count(self) -> int:
        return len(self.entries)


class _Inner:
    """An inner node that is being changed; its children are loaded as they are needed."""

    __slots__ = ("children", "path", "prefix")

    def __init__(self, path: str, prefix: str, children: "dict[str, Child | _Node]") -> None:
        self.path = path
        self.prefix = prefix
        self.children = children

    count = 0  # as an inner page says of a child that is none of the buckets

    def path_of(self, digit: str) -> str:
        """Return where the child under ``digit`` is stored."""
        return self.prefix + (digit or _END_PATH)


_Node = _Bucket | _Inner


class OrderedTree:
    """The authenticated order of one map, from keys to hashes of values."""

    def __init__(self, hasher: Hash, buffer: PageBuffer, prefix: bytes, root: bytes) -> None:
        """Open what the pages under ``prefix`` hold; ``root`` must be the root of the tree."""
        self._tagged = hasher.tagged
        self._buffer = buffer
        self._prefix = prefix
        self._gone: dict[str, None] = {}
        self._decoded: dict[bytes, InnerPage] = {}  # by hash, so that none is ever stale
        self.is_committed = False  # whether its root stands in the contract's trie
        self.is_finished = True  # whether it has all rows; else it stands there by another key
        self.root = root

    @classmethod
    def in_memory(cls, hasher: Hash, pages: Pages | None = None) -> "OrderedTree":
        """Return an empty tree over pages of its own."""
        return cls(hasher, PageBuffer({} if pages is None else pages), b"", EMPTY_ROOT)

    # changing -----------------------------------------------------------------------------------

    def update(self, changes: Changes) -> bytes:
        """Put or (``None``) delete the entries of ``changes``, by key; returns the new root."""
        if not changes:
            return self.root
        top = self._load("", self.root)
        for key, value in sorted(changes.items()):
            top = self._change(top, key, value)
        self.root = self._seal(top)
        return self.root

    def _change(self, top: _Node, key: bytes, value: bytes | None) -> _Node:
        """Return the topmost node after one change."""
        digits = key.hex()
        above: list[tuple[_Inner, str]] = []
        node = top
        while isinstance(node, _Inner):
            prefix = node.prefix
            if not digits.startswith(prefix):
                return top if value is None else self._fork(above, node, top, (key, value))
            digit = digits[len(prefix) : len(prefix) + 1]
            above.append((node, digit))
            child = node.children.get(digit)
            if child is None:
                if value is not None:
                    node.children[digit] = _Bucket(node.path_of(digit), [(key, value)])
                return top
            if isinstance(child, Child):
                child = node.children[digit] = self._load(node.path_of(digit), child.digest)
            node = child
        self._put(node, key, value)
        if node.count > BUCKET_ENTRIES_MAX:
            return _replace(above, self._build(node.path, node.entries), top)
        return top if value is not None else self._shrink(above, top)

    @staticmethod
    def _put(bucket: _Bucket, key: bytes, value: bytes | None) -> None:
        at = bisect_left(bucket.entries, (key,))
        there = at < bucket.count and bucket.entries[at][0] == key
        bucket.entries[at : at + there] = [] if value is None else [(key, value)]

    def _fork(
        self, above: list[tuple[_Inner, str]], node: _Inner, top: _Node, entry: Entry
    ) -> _Node:
        """Put an inner node where the digits of a new key leave those that ``node`` begins with."""
        digits, old = entry[0].hex(), node.prefix
        same = _common(digits, old)
        made = _Inner(node.path, old[:same], {})
        self._move(node, made.path_of(old[same]))
        made.children[old[same]] = node
        digit = digits[same : same + 1]
        made.children[digit] = _Bucket(made.path_of(digit), [entry])
        return _replace(above, made, top)

    def _build(self, path: str, entries: list[Entry]) -> _Node:
        """Return the nodes of sorted entries; at most as deep as there are entries."""
        if len(entries) <= BUCKET_ENTRIES_MAX:
            return _Bucket(path, entries)
        first, last = entries[0][0].hex(), entries[-1][0].hex()
        same = _common(first, last)
        made = _Inner(path, first[:same], {})
        parts: dict[str, list[Entry]] = {}
        for entry in entries:
            parts.setdefault(entry[0].hex()[same : same + 1], []).append(entry)
        for digit, part in parts.items():
            made.children[digit] = self._build(made.path_of(digit), part)
        return made

    def _shrink(self, above: list[tuple[_Inner, str]], top: _Node) -> _Node:
        """Return the topmost node after what has become too small is joined, from below."""
        while above:
            node, digit = above.pop()
            child = node.children[digit]
            if isinstance(child, _Bucket) and child.count == 0:
                self._gone[child.path] = None
                del node.children[digit]
            counts = [one.count for one in node.children.values()]
            if all(counts) and sum(counts) <= BUCKET_ENTRIES_MAX:
                top = _replace(above, _Bucket(node.path, self._gather(node)), top)
            elif len(node.children) == 1:  # an inner one, else it would have been joined
                ((only, last),) = node.children.items()
                if isinstance(last, Child):
                    last = self._load(node.path_of(only), last.digest)
                self._move(last, node.path)
                top = _replace(above, last, top)
            else:
                break
        return top

    def _gather(self, node: _Inner) -> list[Entry]:
        entries: list[Entry] = []
        for digit in sorted(node.children):
            child = node.children[digit]
            if isinstance(child, Child):
                child = self._load(node.path_of(digit), child.digest)
            assert isinstance(child, _Bucket)
            entries += child.entries
            self._gone[child.path] = None
        return entries

    def _move(self, node: _Node, path: str) -> None:
        self._gone[node.path] = None
        node.path = path

    def _seal(self, top: _Node) -> bytes:
        """Store all nodes that were loaded; returns the hash of the topmost."""
        order: list[tuple[_Node, _Inner | None, str]] = [(top, None, "")]
        for node, _, _ in order:
            if isinstance(node, _Inner):
                loaded = [(d, c) for d, c in node.children.items() if not isinstance(c, Child)]
                order += [(child, node, digit) for digit, child in loaded]
        fresh = self._buffer.fresh
        for path in self._gone:
            fresh[self._key(path)] = None
        self._gone = {}
        root = EMPTY_ROOT
        for node, parent, digit in reversed(order):  # children before their parents
            page = self._page(node)
            fresh[self._key(node.path)] = page
            root = EMPTY_ROOT if page is None else self._tagged(TAG_ORDERED, page)
            if isinstance(node, _Inner):
                sealed = {d: c for d, c in node.children.items() if isinstance(c, Child)}
                self._remember(root, InnerPage(node.prefix, sealed))
            if parent is not None:
                parent.children[digit] = Child(node.count, root)
        return root

    @staticmethod
    def _page(node: _Node) -> bytes | None:
        """Return the page of a node whose children are sealed; none of an empty tree."""
        if isinstance(node, _Bucket):
            return encode_bucket(node.entries) if node.entries else None
        rows = [(d, c) for d, c in sorted(node.children.items()) if isinstance(c, Child)]
        assert len(rows) == len(node.children), "a child is sealed before its parent"
        return encode_inner(node.prefix, rows)

    # reading ------------------------------------------------------------------------------------

    def prove(self, low: bytes, high: bytes) -> list[bytes]:
        """Return what proves the entries from ``low`` on and below ``high``."""
        first, last = low.hex(), high.hex()
        pages: list[bytes] = []
        waiting = [] if self.root == EMPTY_ROOT else [("", self.root)]
        while waiting:
            path, digest = waiting.pop()
            page = self._read(path, digest)
            pages.append(page)
            found = decode_page(page)
            if isinstance(found, InnerPage):
                waiting += [
                    (found.prefix + (digit or _END_PATH), child.digest)
                    for digit, child in reversed(found.children.items())
                    if touches(found.prefix, digit, first, last)
                ]
        return pages

    def last_keys(self, low: bytes, high: bytes, limit: int) -> list[bytes]:
        """Return the last keys from ``low`` on and below ``high``, at most ``limit``, in order."""
        first, last = low.hex(), high.hex()
        keys: list[bytes] = []
        waiting = [] if self.root == EMPTY_ROOT else [("", self.root)]
        while waiting and len(keys) < limit:
            path, digest = waiting.pop()
            found = decode_page(self._read(path, digest))
            if isinstance(found, InnerPage):
                waiting += [
                    (found.prefix + (digit or _END_PATH), child.digest)
                    for digit, child in found.children.items()
                    if touches(found.prefix, digit, first, last)
                ]
            else:
                keys += [key for key, _ in reversed(found) if low <= key < high]
        return keys[:limit][::-1]

    def _load(self, path: str, digest: bytes) -> _Node:
        if digest == EMPTY_ROOT:
            return _Bucket(path, [])
        known = self._decoded.get(digest)
        if known is not None:
            return _Inner(path, known.prefix, dict(known.children))
        try:
            found = decode_page(self._read(path, digest))
        except ProofInvalid:
            raise TriePageDamaged(page=self._key(path).hex()) from None
        if not isinstance(found, InnerPage):
            return _Bucket(path, list(found))
        self._remember(digest, found)
        return _Inner(path, found.prefix, dict(found.children))

    def _remember(self, digest: bytes, page: InnerPage) -> None:
        if len(self._decoded) >= _DECODED_MAX:
            self._decoded.clear()
        self._decoded[digest] = page

    def _read(self, path: str, digest: bytes) -> bytes:
        """Return a page, checked against the hash that its parent holds."""
        key = self._key(path)
        page = self._buffer.get(key) or b""
        if self._tagged(TAG_ORDERED, page) != digest:
            raise TriePageDamaged(page=key.hex())
        return page

    def _key(self, path: str) -> bytes:
        return self._prefix + path.encode()


def _replace(above: Iterable[tuple[_Inner, str]], node: _Node, top: _Node) -> _Node:
    """Put ``node`` under the last of those above it; returns the topmost node."""
    path = list(above)
    if not path:
        return node
    parent, digit = path[-1]
    parent.children[digit] = node
    return top


def _common(left: str, right: str) -> int:
    """Return how many digits two texts have in common at their beginning."""
    for at, (a, b) in enumerate(zip(left, right, strict=False)):
        if a != b:
            return at
    return min(len(left), len(right))
