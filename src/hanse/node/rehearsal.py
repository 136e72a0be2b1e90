# SPDX-License-Identifier: Apache-2.0
"""A proposal tried on a fork of the state of a height: what it would do, and nothing is written.

The proposed contract's own code runs, so it runs where contracts do: in a process that locks
itself, beside the one that executes blocks. A migration is tried in the chunks in which it would be
carried out; the tries of the fork take each in, and give the roots.
"""

from collections.abc import Iterable
from functools import partial
from typing import Any, Final

import msgspec

from hanse.codec.canonical import decode_as
from hanse.codec.documents import header_decoder
from hanse.contracts.contract import Contract
from hanse.kernel import Kernel
from hanse.kernel.entries import PROPOSALS
from hanse.kernel.lifecycle import rehearse_upgrade
from hanse.node.errors import NotFound
from hanse.node.execution import Worker
from hanse.node.folder import Folder
from hanse.node.packages import load_kernel
from hanse.storage import Snapshot

SECONDS_MAX: Final = 3_600.0  # for which a rehearsal keeps the state of its height


def rehearse(kernel: Kernel, snapshot: Snapshot, number: int) -> dict[str, Any]:
    """Return what a proposal would do to the state of a snapshot, which nobody else uses.

    Raises:
        NotFound: the snapshot has no such proposal.
        WorkerTripped: the process that tried it did not survive.
    """
    held = PROPOSALS.get(snapshot, number)
    if held is None:
        raise NotFound("proposal", str(number))
    header = decode_as(snapshot.header, header_decoder)
    worker = Worker(kernel, snapshot)
    try:
        worker.start()
        tried = worker.rehearse_now(number)
        if held.terms.kind == "upgrade" and tried.code is None:
            tries, ask = snapshot.fork(SECONDS_MAX), partial(worker.try_chunk_now, number)
            tried = rehearse_upgrade(tried, held.terms.contract, tries, kernel.hash, ask)
    finally:
        worker.stop()
    terms = held.terms
    return {
        "proposal": number,
        "contract": terms.contract,
        "kind": terms.kind,
        "mode": terms.mode,
        "binds": held.binds,
        "height": header.height,
        **msgspec.structs.asdict(tried),
    }


def rehearse_folder(
    folder: Folder, contracts: Iterable[type[Contract]], number: int
) -> dict[str, Any]:
    """Return what a proposal would do to the last checkpoint of a node, which is only read.

    Raises:
        NotFound: the checkpoint has no such proposal.
        ContractMismatch: an installed contract is not the approved one.
        StorageUnknown: the node has no store.
        WorkerTripped: the process that tried it did not survive.
    """
    kernel = load_kernel(folder, contracts)
    snapshot = Snapshot.open(folder.state, kernel.hash)
    try:
        return rehearse(kernel, snapshot, number)
    finally:
        snapshot.close()
