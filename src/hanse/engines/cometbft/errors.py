# SPDX-License-Identifier: Apache-2.0
"""What can go wrong between a node and its CometBFT, each with what to do."""

from dataclasses import dataclass
from typing import ClassVar

from hanse.errors import Corrupt, Misconfigured


@dataclass(eq=False)
class EngineMissing(Misconfigured):
    """There is no CometBFT to start."""

    looked: str
    code: ClassVar[str] = "engine_missing"
    hint: ClassVar[str] = (
        "`make cometbft` builds it; without the sources `go install"
        " github.com/cometbft/cometbft/cmd/cometbft@v0.40.0`. HANSE_COMETBFT names another place."
    )


@dataclass(eq=False)
class EngineVersionRefused(Misconfigured):
    """The binary is not the CometBFT that Hanse was checked with."""

    path: str
    version: str
    reason: str
    code: ClassVar[str] = "engine_version_refused"
    hint: ClassVar[str] = "`make cometbft` builds 0.40.0; name it by HANSE_COMETBFT."


@dataclass(eq=False)
class SocketUnusable(Misconfigured):
    """The node cannot listen where the engine shall find it."""

    path: str
    reason: str
    code: ClassVar[str] = "socket_unusable"
    hint: ClassVar[str] = "Choose a shorter path, or mend the owner of the folder."


@dataclass(eq=False)
class EngineHomeInvalid(Corrupt):
    """A file of the engine's home is not what it must be."""

    path: str
    reason: str
    code: ClassVar[str] = "engine_home_invalid"
    hint: ClassVar[str] = "Nothing was changed. Restore the file, or found the node anew."


@dataclass(eq=False)
class SignStateMissing(Misconfigured):
    """A voting key is there, and what it signed last is not: it could sign twice."""

    path: str
    code: ClassVar[str] = "sign_state_missing"
    hint: ClassVar[str] = (
        "Put the newest sign state back; if it is lost, start once with a look back over the last"
        " blocks, or replace the voting key by a proposal. Never copy one from a backup."
    )


@dataclass(eq=False)
class EngineStopped(Misconfigured):
    """CometBFT ended, and nobody asked it to."""

    exit_code_seen: int
    last: str
    code: ClassVar[str] = "engine_stopped"
    hint: ClassVar[str] = "Read the end of its log (engine.log in the node's folder), start again."


@dataclass(eq=False)
class EngineRefused(Misconfigured):
    """CometBFT refuses to start or to go on, for a reason that it wrote down."""

    reason: str
    said: str
    remedy: str
    code: ClassVar[str] = "engine_refused"
    hint: ClassVar[str] = "The remedy is in the error; its own words stand in engine.log."


@dataclass(eq=False)
class StateDiverged(Corrupt):
    """This node computed another state than more than two thirds of the validators, or lost some.

    It must not go on: what it would answer is not what the network agreed on.
    """

    said: str
    code: ClassVar[str] = "state_diverged"
    hint: ClassVar[str] = (
        "Keep this folder as evidence. `hanse audit` finds the first differing block; then restore"
        " from a backup or join again. If all nodes stopped, compare their roots first."
    )


@dataclass(eq=False)
class EngineRpcFailed(Corrupt):
    """CometBFT's own interface answered with an error, or not as version 0.40 answers."""

    method: str
    reason: str
    code: ClassVar[str] = "engine_rpc_failed"
    status: ClassVar[int] = 502
    hint: ClassVar[str] = "Ask again in a moment; if it stays, read engine.log."
