# SPDX-License-Identifier: Apache-2.0
"""Records and events of governance: proposals, ballots, packages, versions of contracts."""

from typing import Final, Literal

from hanse.contracts import event, record

Kind = Literal["install", "upgrade", "freeze", "unfreeze", "retire"]
ContractStatus = Literal["active", "frozen", "migrating", "retired"]
Status = Literal["proposed", "approved", "rejected", "withdrawn", "expired", "done", "failed"]


@record
class PackageFile:
    """One text of a package: its parts by their digests, in order."""

    name: str
    parts: list[str]


@record
class Package:
    """A contract's texts, and the hashes that a ballot binds."""

    files: list[PackageFile]
    hash: str
    lowered: str
    version: str


@record
class Rehearsal:
    """What an upgrade did to the state of a height: the roots are those of the contract alone.

    ``digest`` fixes every entry that the migration looks at, before and after it.
    """

    cost: int
    entries: int
    height: int
    root_after: str
    root_before: str
    digest: str = ""


@record
class Terms:
    """What a proposal asks for.

    ``mode`` is about upgrades: ``frozen`` binds the entries of the rehearsal, ``open`` its cost. A
    freeze may be for an upgrade, the number of whose proposal is then ``upgrade``.
    """

    contract: str
    kind: Kind
    reason: str
    mode: Literal["open", "frozen"] = "open"
    not_before: int = 0
    open_blocks: int = 10_000
    package: Package | None = None
    upgrade: int | None = None


@record
class Proposal:
    """A change of a contract's life that waits for ballots or its height, or is settled."""

    binds: str
    by: str
    expires_height: int
    height: int
    status: Status
    terms: Terms
    base: str = ""
    code: str | None = None
    due_height: int | None = None
    reason: str = ""
    rehearsal: Rehearsal | None = None
    settled_height: int | None = None


@record
class Vote:
    """One member's ballot; it counts while ``binds`` is what the proposal binds."""

    approves: bool
    binds: str
    height: int
    reason: str


@record
class Deployed:
    """A contract on this ledger: which version is current, and whether it may be called.

    ``frozen_for``: it was frozen for this upgrade, and no longer than until that is settled.
    """

    number: int
    package: str
    since_height: int
    status: ContractStatus
    frozen_for: int | None = None


@record
class Version:
    """One version of a contract; ``proposal`` is ``None`` for what genesis approved."""

    from_height: int
    package: str
    version: str
    lowered: str | None = None
    proposal: int | None = None


@record
class Migration:
    """An upgrade whose migration goes on over blocks, and how far it has come.

    In ``check`` every entry is migrated, and nothing of it written; in ``write`` each is written.
    ``after`` is the last entry that was looked at in this phase, ``digest`` fixes those before.
    """

    after: bytes
    changed: int
    contract: str
    cost: int
    digest: str
    entries: int
    height: int
    number: int
    phase: Literal["check", "write"]
    was: Deployed
    written: int


@record
class Counters:
    """How many proposals there were, and how many are neither settled nor decided."""

    open: int
    proposals: int


@record
class Numbered:
    """A proposal with its number."""

    number: int
    proposal: Proposal


@record
class BallotOf:
    """A ballot with its member."""

    member: str
    vote: Vote


@event
class Proposed:
    """{by} proposed to {kind} {contract}: proposal {number}."""

    number: int
    by: str
    kind: str
    contract: str


@event
class Rehearsed:
    """Proposal {number} was rehearsed at height {height}: {entries} entries, cost {cost}."""

    number: int
    height: int
    entries: int
    cost: int


@event
class Voted:
    """{by} voted {choice} on proposal {number}."""

    number: int
    by: str
    choice: str


@event
class Decided:
    """Proposal {number} is {status}; it takes effect at height {height}."""

    number: int
    status: str
    height: int


ALLOWED: Final[dict[str, tuple[str, ...]]] = {
    "install": ("absent",),
    "upgrade": ("active", "frozen"),
    "freeze": ("active",),
    "unfreeze": ("frozen",),
    "retire": ("active", "frozen"),
}
"""Which status of a contract allows which kind of proposal, when proposed and when carried out."""
