# SPDX-License-Identifier: Apache-2.0
"""What a node answers when it cannot serve a request, and what stops it."""

from dataclasses import dataclass
from typing import ClassVar

from hanse.errors import Corrupt, Misconfigured, Rejected


@dataclass(eq=False)
class NotFound(Rejected):
    """There is no such thing on this node."""

    what: str
    name: str
    code: ClassVar[str] = "not_found"
    status: ClassVar[int] = 404
    hint: ClassVar[str] = (
        "Check the identifier; `hanse ledger` shows which ledger this node serves."
    )


@dataclass(eq=False)
class NodeStopped(Misconfigured):
    """The node has met a fault and takes no more transactions; what it acknowledged is safe."""

    reason: str
    code: ClassVar[str] = "node_stopped"
    hint: ClassVar[str] = "Look at the node's log and start it again; then send the same bytes."


@dataclass(eq=False)
class NotOrdered(Misconfigured):
    """The engine has not ordered the transaction yet; nothing is known about what comes of it."""

    waited_s: int
    code: ClassVar[str] = "not_ordered_yet"
    hint: ClassVar[str] = (
        "Too few validators may be up (`/readyz` says). Send the same bytes again: they count once."
    )


@dataclass(eq=False)
class SubmissionRefused(Rejected):
    """A submission of another node is not one that an honest node makes."""

    node: str
    reason: str
    code: ClassVar[str] = "submission_refused"
    hint: ClassVar[str] = "Whoever runs that node should look at its log; nothing of it counts."


@dataclass(eq=False)
class WorkerTripped(Misconfigured):
    """The locked process that executes contracts was killed, hung, or said what cannot be.

    It is a fault of this node and never the result of a transaction: on another node the same may
    happen at another point, or not at all.
    """

    what: str
    code: ClassVar[str] = "worker_tripped"
    hint: ClassVar[str] = "Keep the node's log: a contract got past the checks. Freeze it."


@dataclass(eq=False)
class HistoryNotKept(Misconfigured):
    """This node does not keep what state entries were, or cannot write it any more."""

    reason: str
    code: ClassVar[str] = "history_not_kept"
    hint: ClassVar[str] = (
        "Ask a node that is run with --history, or its operator with `hanse history --dir`."
    )


@dataclass(eq=False)
class NotCosigned(Misconfigured):
    """The witnesses have not cosigned this height yet."""

    height: int
    have: int
    need: int
    code: ClassVar[str] = "not_cosigned_yet"
    hint: ClassVar[str] = "Start the witnesses (`hanse witness`), then ask again."


@dataclass(eq=False)
class NotProvableYet(Rejected):
    """The block is final; what proves it to others is the engine's next header, not there yet."""

    height: int
    engine_height: int
    code: ClassVar[str] = "not_provable_yet"
    status: ClassVar[int] = 409
    hint: ClassVar[str] = (
        "Ask again in a moment. If it stays so, too few validators are up: `/readyz` says."
    )


@dataclass(eq=False)
class NotProvable(Misconfigured):
    """This node cannot make the proof any more, or not yet; others may."""

    height: int
    reason: str
    code: ClassVar[str] = "not_provable_here"
    hint: ClassVar[str] = "Ask for evidence of the newest height, or ask another node."


@dataclass(eq=False)
class CosignatureRefused(Rejected):
    """The line is no valid cosignature of a witness of this ledger."""

    reason: str
    code: ClassVar[str] = "cosignature_refused"
    hint: ClassVar[str] = "Only witnesses that the genesis names may cosign, each with its own key."


@dataclass(eq=False)
class NotTheDirectory(Misconfigured):
    """The folder does not hold a node, or already holds one."""

    path: str
    reason: str
    code: ClassVar[str] = "not_a_node_directory"
    hint: ClassVar[str] = "`hanse node init --genesis FILE --dir DIR` makes one."


@dataclass(eq=False)
class ContractMismatch(Misconfigured):
    """Neither the node's folder nor the software has the contract that the genesis approved."""

    contract: str
    installed: str
    approved: str
    code: ClassVar[str] = "contract_mismatch"
    hint: ClassVar[str] = "Copy packages/APPROVED.json from another node, or start the old version."


@dataclass(eq=False)
class PackageDamaged(Corrupt):
    """The kept text of a genesis contract does not have the hash that the genesis approved."""

    path: str
    approved: str
    actual: str
    code: ClassVar[str] = "package_damaged"
    hint: ClassVar[str] = "Copy the file from a backup or from another node of the ledger."


@dataclass(eq=False)
class RootMismatch(Corrupt):
    """Executing a block again gave another header than the log holds."""

    height: int
    expected: str
    computed: str
    code: ClassVar[str] = "root_mismatch"
    hint: ClassVar[str] = "Stop this node and keep its files; restore from a backup and compare."


@dataclass(eq=False)
class RecordInvalid(Corrupt):
    """A record of the log could not have been accepted."""

    height: int
    tx: str
    reason: str
    code: ClassVar[str] = "record_invalid"
    hint: ClassVar[str] = "Whoever wrote this log broke the rules; keep it as evidence."
