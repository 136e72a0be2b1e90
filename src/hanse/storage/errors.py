# SPDX-License-Identifier: Apache-2.0
"""What can go wrong below a node: damage, a failing disk, two processes on one folder."""

from dataclasses import dataclass
from typing import ClassVar

from hanse.errors import Corrupt, Misconfigured, Rejected


@dataclass(eq=False)
class StorageFailed(Misconfigured):
    """A write or a sync failed; what the disk holds is unknown, so this process must end."""

    what: str
    reason: str
    code: ClassVar[str] = "storage_failed"
    exit_code: ClassVar[int] = 70
    hint: ClassVar[str] = "Mend the disk or its space, then start again: the log is re-read."


@dataclass(eq=False)
class StorageInUse(Misconfigured):
    """Another process has this folder open for writing."""

    path: str
    code: ClassVar[str] = "storage_in_use"
    hint: ClassVar[str] = "One node per folder: stop the other process first."


@dataclass(eq=False)
class StorageUnknown(Misconfigured):
    """The folder holds no store, or one of another version or another hash."""

    path: str
    reason: str
    code: ClassVar[str] = "storage_unknown"
    hint: ClassVar[str] = "Check the path; `hanse doctor` says what lies there."


@dataclass(eq=False)
class FolderInUse(Misconfigured):
    """A restore would overwrite a node."""

    path: str
    code: ClassVar[str] = "folder_in_use"
    hint: ClassVar[str] = "Restore into an empty folder."


@dataclass(eq=False)
class BlockDamaged(Corrupt):
    """An entry of the block log is damaged, or an acknowledged one is missing."""

    height: int
    segment: str
    reason: str
    code: ClassVar[str] = "block_damaged"
    hint: ClassVar[str] = "Fetch the block from another node or a backup; never delete the log."


@dataclass(eq=False)
class StateDamaged(Corrupt):
    """The state store contradicts itself."""

    what: str
    code: ClassVar[str] = "state_damaged"
    hint: ClassVar[str] = "Move the state folder away and start: it is rebuilt from the block log."


@dataclass(eq=False)
class BackupDamaged(Corrupt):
    """A part of a backup is missing, unknown, or does not have the digest of its manifest."""

    part: str
    reason: str
    code: ClassVar[str] = "backup_damaged"
    hint: ClassVar[str] = "Use another backup; nothing was put in place."


@dataclass(eq=False)
class BlockNotHeld(Rejected):
    """This log does not hold that height."""

    height: int
    code: ClassVar[str] = "block_not_held"
    status: ClassVar[int] = 404
    hint: ClassVar[str] = "Ask a node that keeps older history, or wait for the block."


@dataclass(eq=False)
class SnapshotExpired(Misconfigured):
    """A snapshot was kept for longer than a reader may pin old pages."""

    seconds_max: int
    code: ClassVar[str] = "snapshot_expired"
    hint: ClassVar[str] = "Call refresh() before each piece of work."


@dataclass(eq=False)
class BackupNotSigned(Misconfigured):
    """Nobody whom the ledger knows vouches for a backup."""

    reason: str
    code: ClassVar[str] = "backup_not_signed"
    hint: ClassVar[str] = "Find out whose it is; --signed-by KEY accepts another key, or `nobody`."
