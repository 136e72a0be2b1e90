# SPDX-License-Identifier: Apache-2.0
"""What the engine's last words mean. Only words that no peer can put into its mouth are believed.

CometBFT logs a JSON object a line, in which a peer's text stands quoted; its panics and its last
error are bare lines. A failed consensus is an object, and the program then runs on without it.

Source: CometBFT 0.40.0, ``consensus/state.go``, ``consensus/replay.go``, ``state/errors.go``.
"""

import json
from typing import Final

from hanse.engines.cometbft.errors import EngineRefused, StateDiverged
from hanse.errors import HanseError

CONSENSUS_FAILED: Final = "CONSENSUS FAILURE!!!"
OWN_CONFLICT: Final = "found conflicting vote from ourselves; did you unsafe_reset a validator?"
BARE: Final = ("panic: ", "ERROR: ")

APPLICATION_GONE: Final = (
    "read message: EOF",
    "read message: read unix",
    "flush buffer: write unix",
)

DIVERGED: Final = (
    "+2/3 committed an invalid block",
    "wrong Block.Header.AppHash",
    "AppHash does not match AppHash after replay",
)
REFUSALS: Final[tuple[tuple[str, str, str], ...]] = (
    # words, reason, remedy
    (
        "no space left on device",
        "disk_full",
        "Make room on the disk of the node's folder, then start again.",
    ),
    (
        "found signature from the same key",
        "signed_recently",
        "This key signed lately. Make sure that nothing else has it, wait ten blocks, start again.",
    ),
    (
        "is higher than core",
        "engine_behind",
        "The node has blocks that its engine lost: restore the engine's data, or join again.",
    ),
    (
        "is too far below block store base",
        "engine_pruned",
        "The engine no longer has the blocks that this node lacks: restore a newer backup.",
    ),
    (
        "address already in use",
        "address_taken",
        "Another program listens there; choose another address for peers or metrics.",
    ),
    (
        "resource temporarily unavailable",
        "home_in_use",
        "Another CometBFT runs in this home; stop it first.",
    ),
    (
        "error in config file",
        "configuration_refused",
        "A setting is not one that CometBFT takes; its words name it.",
    ),
    (
        "validator set is nil in genesis",
        "no_validators",
        "The genesis names no voting key; found the network with `engine_validators`.",
    ),
)


def judge_line(line: str) -> HanseError | None:
    """Return why the engine must not go on, when this line of its log says so."""
    if line.startswith(BARE):
        return _judge(line, bare=True)
    if not line.startswith("{") or ('"level":"error"' not in line):
        return None
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    if not isinstance(entry, dict) or entry.get("level") != "error":
        return None
    if entry.get("_msg") == OWN_CONFLICT:
        remedy = "Two processes sign with this key. Stop this one for good, and replace the key."
        return EngineRefused("signed_twice", OWN_CONFLICT, remedy)
    if entry.get("_msg") == CONSENSUS_FAILED:
        return _judge(str(entry.get("err", "")), bare=False)
    return None


def _judge(said: str, *, bare: bool) -> HanseError | None:
    """Return what the words mean; a bare line without known ones is left to the restart.

    So is a consensus that failed because the application hung up; its own error says more.
    """
    short = said[:1_000]
    if any(words in said for words in DIVERGED):
        return StateDiverged(short)
    for words, reason, remedy in REFUSALS:
        if words in said:
            return EngineRefused(reason, short, remedy)
    if bare or any(words in said for words in APPLICATION_GONE):
        return None
    return EngineRefused("consensus_failed", short, "Start again; if it comes back, report it.")
