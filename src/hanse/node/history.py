# SPDX-License-Identifier: Apache-2.0
"""All that one state entry ever was: the log executed again, each version with its transaction.

Nothing is kept for it: the log holds what was asked, and executing it again gives what came of it,
each block compared with its header. So a version costs no byte on disk, and a question the time of
an audit up to the height that is asked about.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from hanse.codec.base64url import to_text
from hanse.contracts.app import App
from hanse.errors import Malformed
from hanse.kernel import BlockView
from hanse.kernel.genesis import Writes
from hanse.node.errors import NotFound
from hanse.node.folder import Folder
from hanse.node.replay import run_again
from hanse.node.rerun import ReadBlock, Rerun, rerunning

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Version:
    """What an entry became; ``present`` is false where it was deleted.

    ``tx`` is ``None`` for what the genesis block began with.
    """

    height: int
    index: int | None
    tx: str | None
    action: str | None
    signer: str | None
    time_ms: int
    present: bool
    value: Any


@dataclass(frozen=True, slots=True)
class History:
    """The versions of one entry up to a height, the oldest first."""

    contract: str
    map: str
    key: Any
    height: int
    time_ms: int
    versions: tuple[Version, ...]

    def to_document(self) -> dict[str, Any]:
        """Return the JSON form."""
        rows = [{name: getattr(v, name) for name in v.__slots__} for v in self.versions]
        plain = {name: getattr(self, name) for name in self.__slots__}
        return plain | {"versions": rows}


def history(
    folder: Folder,
    apps: tuple[App, ...],
    entry: tuple[str, str, Any],
    until: int | None = None,
    progress: Progress | None = None,
) -> History:
    """Return every version of an entry up to the height ``until``, by default the newest.

    Args:
        folder: the node's; it is only read, and the node may run.
        apps: whose contracts the ledger runs.
        entry: contract, map and key in its JSON form, ``None`` for a single value.
        until: the last height that counts.
        progress: told the heights that are done, and how many there are.

    Raises:
        NotFound: no such contract, or the log does not reach so far.
        Malformed: no such map, or a key of another type.
        Corrupt: the log does not replay.
    """
    contract, name, key = entry
    with rerunning(folder, [cls for app in apps for cls in app.contracts]) as rerun:
        wanted = _Wanted(contract, name, key)
        last = rerun.last_height if until is None else until
        if not 0 <= last <= rerun.last_height:
            raise NotFound("block", str(last))
        versions: list[Version] = []
        time_ms = 0
        for height in range(last + 1):
            found = rerun.read(height)
            time_ms = found.block.header.time_ms
            versions += _block(rerun, found, wanted)
            if progress is not None:
                progress(height, last)
        if wanted.state_key is None:
            raise NotFound("contract", contract)
        return History(contract, name, key, last, time_ms, tuple(versions))


@dataclass(slots=True)
class _Wanted:
    """The entry asked for; its state key is known once the contract is there, and never changes."""

    contract: str
    name: str
    key: Any
    state_key: bytes | None = None

    def find(self, rerun: Rerun, view: BlockView, height: int) -> bytes | None:
        """Return the state key, where the contract is current in the block of that height."""
        if self.state_key is None:
            loaded = rerun.kernel.find(view, self.contract, height)
            if loaded is not None:
                try:
                    self.state_key = loaded.state_key(self.name, self.key)
                except ValueError as error:
                    raise Malformed(reason=str(error), at="$.key") from None
        return self.state_key


def _block(rerun: Rerun, found: ReadBlock, wanted: _Wanted) -> Iterator[Version]:
    """Execute a block; yield what became of the entry in it, one version for each write."""
    made: list[Version] = []
    header, contract = found.block.header, wanted.contract

    def look(written: Writes) -> None:
        view = BlockView(rerun.store)
        if not found.transactions:  # genesis
            begun = written
            for name, changes in written.items():
                view.add(name, changes)
        else:
            begun = rerun.kernel.begin_block(view, header.height, header.time_ms)
        key = wanted.find(rerun, view, header.height)
        if key is None or key not in written.get(contract, {}):
            return
        value = begun.get(contract, {}).get(key)
        if key in begun.get(contract, {}) and value != rerun.store.get(contract, key):
            made.append(_version(found, None, value))  # of a migration, or of genesis
        for index, (_, outcome, _) in enumerate(run_again(rerun, found)):
            changes = outcome.writes.get(contract, {})
            if key in changes:
                made.append(_version(found, index, changes[key]))

    rerun.execute(found, lambda result: look(result.writes))
    yield from made


def _version(found: ReadBlock, index: int | None, value: bytes | None) -> Version:
    header = found.block.header
    tx = None if index is None else found.transactions[index]
    return Version(
        height=header.height,
        index=index,
        tx=None if tx is None else to_text(tx.id),
        action=None if tx is None else tx.body.action,
        signer=None if tx is None else tx.body.signer,
        time_ms=header.time_ms,
        present=value is not None,
        value=None if value is None else msgspec.json.decode(value),
    )
