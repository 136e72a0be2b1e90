# SPDX-License-Identifier: Apache-2.0
"""Records of who makes up the network: nodes, the engine's validators, suspensions.

Each is valid from one height to another. None is rewritten but to set its end, so that today's
state proves what was so at any earlier height; a change ends one entry and begins the next.
"""

from hanse.contracts import record


@record
class Node:
    """A node of an organisation, by the key that signs its submissions."""

    from_height: int
    public_key: bytes
    suite: str
    to_height: int | None = None


@record
class EngineValidator:
    """A node's vote in the engine: its Ed25519 key and its power.

    It is in the list that the header of each height from ``from_height`` on commits to. The key
    itself is in force since ``key_height``: votes seen before were another key's.
    """

    from_height: int
    key_height: int
    power: int
    public_key: bytes
    to_height: int | None = None


@record
class Suspension:
    """An organisation was shut out for a while: by which proposal, and why."""

    from_height: int
    proposal: int
    reason: str
    to_height: int | None = None
