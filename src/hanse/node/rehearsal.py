# SPDX-License-Identifier: Apache-2.0
"""A proposal tried on a fork of the state of a height: what it would do, and nothing is written."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from hanse.codec.canonical import decode_as
from hanse.codec.documents import header_decoder
from hanse.codec.limits import MIGRATION_COST_MAX
from hanse.contracts.contract import Contract
from hanse.contracts.migrating import differing
from hanse.kernel import Kernel
from hanse.kernel.entries import PROPOSALS
from hanse.kernel.lifecycle import Place, Refusal, check_base, load_package, try_upgrade
from hanse.kernel.proposals import Proposal
from hanse.node.errors import NotFound
from hanse.node.folder import Folder
from hanse.node.ledger import load_kernel
from hanse.storage import Snapshot


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What a proposal would do at a height; ``code`` is ``None`` where it can be carried out."""

    proposal: int
    contract: str
    kind: str
    mode: str
    binds: str
    height: int
    code: str | None
    reason: str = ""
    cost: int = 0
    entries: int = 0
    changed: int = 0
    maps: tuple[str, ...] = ()
    root_before: str = ""
    root_after: str = ""

    def to_document(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {name: getattr(self, name) for name in self.__slots__}


def rehearse(kernel: Kernel, snapshot: Snapshot, number: int) -> Rehearsed:
    """Return what a proposal would do to the state of a snapshot.

    Raises:
        NotFound: the snapshot has no such proposal.
    """
    held = PROPOSALS.get(snapshot, number)
    if held is None:
        raise NotFound("proposal", str(number))
    header = decode_as(snapshot.header, header_decoder)
    fork = kernel.place(snapshot, snapshot.tries, header.time_ms)
    place = replace(fork, library=kernel.library.another())  # the kernel's may be at work
    terms = held.terms
    facts: dict[str, Any] = {
        "proposal": number,
        "contract": terms.contract,
        "kind": terms.kind,
        "mode": terms.mode,
        "binds": held.binds,
        "height": header.height,
    }
    try:
        return Rehearsed(**facts, code=None, **_tried(place, held))
    except Refusal as error:
        return Rehearsed(**facts, code=error.code, reason=error.reason)


def _tried(place: Place, held: Proposal) -> dict[str, Any]:
    check_base(place.reader, held)
    if held.terms.kind == "install":
        load_package(place.reader, held, place.hasher)
    if held.terms.kind != "upgrade":
        return {}
    tried = try_upgrade(place, held, MIGRATION_COST_MAX)
    old = place.library.find(place.reader, held.terms.contract, held.base)
    assert old is not None
    return {
        "changed": len(tried.migrated.writes or {}),
        "cost": tried.migrated.cost,
        "entries": tried.migrated.entries,
        "maps": differing(old, load_package(place.reader, held, place.hasher)),
        "root_after": tried.root_after,
        "root_before": tried.root_before,
    }


def rehearse_folder(folder: Folder, contracts: Iterable[type[Contract]], number: int) -> Rehearsed:
    """Return what a proposal would do to the last checkpoint of a node, which is only read.

    Raises:
        NotFound: the checkpoint has no such proposal.
        ContractMismatch: an installed contract is not the approved one.
        StorageUnknown: the node has no store.
    """
    kernel = load_kernel(folder, contracts)
    snapshot = Snapshot.open(folder.state, kernel.hash)
    try:
        return rehearse(kernel, snapshot, number)
    finally:
        snapshot.close()
