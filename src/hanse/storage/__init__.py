# SPDX-License-Identifier: Apache-2.0
"""Block log, LMDB state, snapshots, backup."""

from hanse.storage._overlay import Generation
from hanse.storage.blocklog import BlockLog
from hanse.storage.follower import Follower
from hanse.storage.snapshot import Snapshot
from hanse.storage.store import AppliedBlock, Store

__all__ = ["AppliedBlock", "BlockLog", "Follower", "Generation", "Snapshot", "Store"]
