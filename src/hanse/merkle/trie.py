# SPDX-License-Identifier: Apache-2.0
"""The state: a trie for each contract, and the top trie of their roots (``spec/state-trie.md``)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from hanse.crypto import Hash
from hanse.merkle._packed import Changes, PageBuffer, Pages, Trie, TriePageDamaged
from hanse.merkle.ordered import OrderedTree
from hanse.merkle.paths import EMPTY_ROOT, TAG_CONTRACT, StatePath, verify_state
from hanse.merkle.ranges import TAG_ORDERED_MAP

__all__ = [
    "EMPTY_ROOT",
    "Changes",
    "Pages",
    "RangePath",
    "StatePath",
    "StateTries",
    "Trie",
    "TriePageDamaged",
    "verify_state",
]

_ORDERED = b"\x00\x10"  # after a contract's name; the paths of its trie have half bytes there
_TAG_UNFINISHED = "hanse/ordered-map-unfinished/1"  # of a tree that does not have all rows yet
_TOP = b"\x00"  # page keys of the top trie; no contract has an empty name


@dataclass(frozen=True, slots=True)
class RangePath:
    """What proves rows of a map: pages of its tree, its root in the contract's trie, that above."""

    pages: tuple[bytes, ...]
    inner: StatePath
    top: StatePath


class StateTries:
    """All tries of a ledger over one store of pages.

    A contract without entries is absent from the top trie. ``update`` changes memory at once and
    cannot be undone: if the block does not count after all, the process must stop. ``commit``,
    called when it counts, makes its pages part of the next checkpoint; ``commit`` and
    ``take_pending`` must not run at the same time.
    """

    def __init__(self, hasher: Hash, pages: Pages, *, root: bytes | None = None) -> None:
        """Open what ``pages`` hold; ``root``, if given, must be the state root.

        Raises:
            TriePageDamaged: the stored root page is damaged, or leads to another root.
        """
        self._hasher = hasher
        self._buffer = PageBuffer(pages)
        self._top = Trie(hasher, self._buffer, prefix=_TOP, root=root)
        self._tries: dict[str, Trie] = {}
        self._ordered: dict[tuple[str, str], OrderedTree] = {}

    @property
    def root(self) -> bytes:
        """The state root; 32 zero bytes while there is no state."""
        return self._top.root

    def root_of(self, contract: str) -> bytes:
        """Return the root of one contract; 32 zero bytes while it has no state."""
        return self._top.find(self._kh(contract)) or EMPTY_ROOT

    def count_of(self, contract: str) -> int:
        """Return the number of entries of one contract."""
        return self._trie(contract).count

    def update(
        self,
        changes: Mapping[str, Changes],
        ordered: Mapping[str, Mapping[str, Changes]] | None = None,
        unfinished: Mapping[str, Collection[str]] | None = None,
    ) -> bytes:
        """Apply the changes of each contract; returns the new state root.

        Args:
            changes: by contract, from hashes of keys to hashes of values.
            ordered: by contract and map, from keys to hashes of values: all maps that keep an
                ordered tree. Its root is an entry of the contract's trie.
            unfinished: by contract, those of them whose trees do not have all rows yet. Their root
                stands under another key, so that no proof of a range can be made of them.
        """
        tops: dict[bytes, bytes | None] = {}
        for contract in sorted(changes):
            parts = (unfinished or {}).get(contract, ())
            roots = self._update_ordered(contract, (ordered or {}).get(contract, {}), parts)
            if changes[contract] or roots:
                root = self._trie(contract).update({**changes[contract], **roots})
                tops[self._kh(contract)] = None if root == EMPTY_ROOT else root
        return self._top.update(tops)

    def _update_ordered(
        self, contract: str, maps: Mapping[str, Changes], unfinished: Collection[str]
    ) -> dict[bytes, bytes | None]:
        """Return the new roots of a contract's ordered maps, by the keys where they stand."""
        roots: dict[bytes, bytes | None] = {}
        for name in sorted(maps):
            tree = self.ordered(contract, name)
            stays = tree.is_committed and tree.is_finished == (name not in unfinished)
            if maps[name] or not stays:
                # an empty tree has a root, too: without it nothing would say that no row is there
                if tree.is_committed and not stays:
                    roots[self._ordered_kh(name, is_finished=tree.is_finished)] = None
                tree.is_finished = name not in unfinished
                root = tree.update(maps[name])
                roots[self._ordered_kh(name, is_finished=tree.is_finished)] = root
                tree.is_committed = True
        return roots

    def ordered(self, contract: str, name: str) -> OrderedTree:
        """Return the ordered tree of a map of a contract."""
        tree = self._ordered.get((contract, name))
        if tree is None:
            root, is_finished = None, True
            if self.root_of(contract) != EMPTY_ROOT:
                trie = self._trie(contract)
                root = trie.find(self._ordered_kh(name))
                if root is None:
                    root = trie.find(self._ordered_kh(name, is_finished=False))
                    is_finished = root is None
            prefix = contract.encode() + _ORDERED + name.encode() + b"\x00"
            tree = OrderedTree(self._hasher, self._buffer, prefix, root or EMPTY_ROOT)
            tree.is_committed, tree.is_finished = root is not None, is_finished
            self._ordered[contract, name] = tree
        return tree

    def prove_range(self, contract: str, name: str, low: bytes, high: bytes) -> RangePath:
        """Return what proves the rows of a map from ``low`` on and below ``high``."""
        inner, top = self.prove(contract, self._ordered_kh(name))
        return RangePath(tuple(self.ordered(contract, name).prove(low, high)), inner, top)

    def _ordered_kh(self, name: str, *, is_finished: bool = True) -> bytes:
        tag = TAG_ORDERED_MAP if is_finished else _TAG_UNFINISHED
        return self._hasher.tagged(tag, name.encode())

    def set_root(self, contract: str, root: bytes) -> bytes:
        """Let ``root`` stand in the top trie for what keeps no trie; returns the state root."""
        assert len(root) == 32
        return self._top.update({self._kh(contract): None if root == EMPTY_ROOT else root})

    def prove(self, contract: str, kh: bytes) -> tuple[StatePath, StatePath]:
        """Return the path of ``kh`` in the contract's trie, and of the contract in the top trie."""
        top = self._top.prove(self._kh(contract))
        if self.root_of(contract) == EMPTY_ROOT:
            return StatePath((), ()), top
        return self._trie(contract).prove(kh), top

    def commit(self) -> None:
        """Make the changes since the last call part of the next checkpoint."""
        self._buffer.commit()

    def take_pending(self) -> dict[bytes, bytes | None]:
        """Return the committed pages since the last call, by page key; ``None``: delete it.

        They stay readable here until :meth:`flushed`. At most one generation can be out.
        """
        return self._buffer.take()

    def flushed(self) -> None:
        """Forget the pages taken last: the store answers for them now."""
        self._buffer.flushed()

    def _kh(self, contract: str) -> bytes:
        return self._hasher.tagged(TAG_CONTRACT, contract.encode())

    def _trie(self, contract: str) -> Trie:
        trie = self._tries.get(contract)
        if trie is None:
            assert contract
            prefix = contract.encode() + b"\x00"
            trie = Trie(self._hasher, self._buffer, prefix=prefix, root=self.root_of(contract))
            self._tries[contract] = trie
        return trie
