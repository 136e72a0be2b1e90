# SPDX-License-Identifier: Apache-2.0
"""Places where a test kills this process, to see that nothing is lost there.

``HANSE_FAIL_AT`` names one; reaching it is the end, at once and without cleaning up.
"""

import os
import signal
from typing import Final

POINTS: Final = (
    "decide.begin",  # the engine has decided a block
    "decide.executed",  # by the locked process; nothing is sealed
    "decide.sealed",  # roots are moved, the engine does not know them
    "commit.begin",  # the engine has saved what was decided
    "append.begin",  # before the log
    "append.synced",  # the log has the block, the store does not
    "append.kept",  # the store has it, nobody was told
    "commit.published",  # callers were told, the engine was not
    "idle.begin",  # an empty engine block is to be noted
    "idle.noted",
    "checkpoint.begin",  # before LMDB is written
    "checkpoint.written",
    "submission.made",  # by this gateway, no peer has it
    "submission.taken",  # from a peer
)
_AT: Final = os.environ.get("HANSE_FAIL_AT", "")


def reach(point: str) -> None:
    """Go on, unless this is the place where the process is to be killed."""
    if point == _AT:
        os.kill(os.getpid(), signal.SIGKILL)
