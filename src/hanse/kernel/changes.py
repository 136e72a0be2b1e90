# SPDX-License-Identifier: Apache-2.0
"""What organisations decide about the network itself: one record for each kind of change.

:data:`KINDS` is the whole list: which argument a kind has, who decides unless the constitution says
otherwise, whether it may be forced against the liveness guard.
"""

from dataclasses import dataclass
from typing import Final, Literal

from hanse.contracts import event, record
from hanse.kernel.proposals import Status

Resource = Literal[
    "node.add",
    "node.remove",
    "node.rotate",
    "organisation.admit",
    "organisation.reinstate",
    "organisation.remove",
    "organisation.suspend",
    "parameters.set",
    "policy.set",
    "software.activate",
    "validator.add",
    "validator.power",
    "validator.remove",
    "validator.rotate",
    "weight.set",
]


@record
class AdmissionTerms:
    """An organisation that joins: its first admin with a key; a node and its vote, if it has one.

    A node has ``node``, ``node_key`` and ``node_suite``; one that votes, ``voting_key`` (Ed25519)
    and ``power`` as well.
    """

    key_id: str
    member: str
    name: str
    organisation: str
    public_key: bytes
    suite: str
    node: str | None = None
    node_key: bytes | None = None
    node_suite: str | None = None
    power: int | None = None
    voting_key: bytes | None = None


@record
class PartyTerms:
    """An organisation of the network."""

    organisation: str


@record
class NodeTerms:
    """A node, and the key that it signs submissions with where it gets one."""

    node: str
    organisation: str
    public_key: bytes | None = None
    suite: str | None = None


@record
class ValidatorTerms:
    """A node's vote in the engine: its Ed25519 key and its power, where they change."""

    node: str
    organisation: str
    power: int | None = None
    public_key: bytes | None = None


@record
class PolicyTerms:
    """Who decides about ``resource`` from now on."""

    organisations: list[str]
    resource: str
    roles: list[str]
    rule: str


@record
class ParameterTerms:
    """Rules of the ledger that change; the others stay as they are."""

    block_bytes_max: int | None = None
    block_cost_max: int | None = None
    block_txs_max: int | None = None
    block_write_bytes_max: int | None = None
    cost_max: int | None = None
    expiry_ms_max: int | None = None
    recovery_delay_blocks: int | None = None


@record
class WeightTerms:
    """What an organisation's vote weighs under a rule ``WEIGHT:a/b``."""

    organisation: str
    weight: int


@record
class SoftwareTerms:
    """A feature that every node's software must have from ``height`` on."""

    feature: str
    height: int


@record
class Change:
    """What a proposal asks for: a kind of change with the one argument that it has.

    ``forced``: although the validators that run would be left without a quorum.
    """

    reason: str
    resource: Resource
    admission: AdmissionTerms | None = None
    forced: bool = False
    node: NodeTerms | None = None
    not_before: int = 0
    open_blocks: int = 10_000
    parameters: ParameterTerms | None = None
    party: PartyTerms | None = None
    policy: PolicyTerms | None = None
    software: SoftwareTerms | None = None
    validator: ValidatorTerms | None = None
    weight: WeightTerms | None = None


@record
class ProposedChange:
    """A change that waits for ballots or its height, or is settled."""

    binds: str
    by: str
    change: Change
    expires_height: int
    height: int
    status: Status
    code: str | None = None
    due_height: int | None = None
    reason: str = ""
    settled_height: int | None = None


@record
class NumberedChange:
    """A proposed change with its number."""

    number: int
    proposal: ProposedChange


@record
class PolicyInForce:
    """Who decides about a resource; ``source`` is ``ledger`` or ``default``."""

    organisations: list[str]
    resource: str
    roles: list[str]
    rule: str
    source: str


@record
class Attending:
    """A validator of the engine, and the newest noted height at which its vote was seen."""

    node: str
    organisation: str
    power: int
    public_key: bytes
    seen_height: int | None


@event
class ChangeProposed:
    """{by} proposed {resource}: proposal {number} on the network."""

    number: int
    by: str
    resource: str


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of change: its argument's field, what that must have, who decides by default."""

    argument: str
    rule: str
    wants: tuple[str, ...] = ()
    forceable: bool = False


KINDS: Final[dict[str, Kind]] = {
    "node.add": Kind("node", "SELF", ("public_key", "suite")),
    "node.remove": Kind("node", "SELF"),
    "node.rotate": Kind("node", "SELF", ("public_key", "suite")),
    "organisation.admit": Kind("admission", "MAJORITY", forceable=True),
    "organisation.reinstate": Kind("party", "MAJORITY"),
    "organisation.remove": Kind("party", "2/3", forceable=True),
    "organisation.suspend": Kind("party", "MAJORITY", forceable=True),
    "parameters.set": Kind("parameters", "MAJORITY"),
    "policy.set": Kind("policy", "ALL"),
    "software.activate": Kind("software", "MAJORITY"),
    "validator.add": Kind("validator", "MAJORITY", ("power", "public_key"), forceable=True),
    "validator.power": Kind("validator", "MAJORITY", ("power",), forceable=True),
    "validator.remove": Kind("validator", "MAJORITY", forceable=True),
    "validator.rotate": Kind("validator", "SELF", ("public_key",), forceable=True),
    "weight.set": Kind("weight", "ALL"),
}
ARGUMENTS: Final = tuple(sorted({kind.argument for kind in KINDS.values()}))
DEFAULT_ROLES: Final = ("admin",)
FORCE: Final = "network.force"
FORCE_RULE: Final = "ALL"
BESIDE: Final = (
    "contract.approve",
    "contract.freeze",
    "contract.install",
    "contract.retire",
    "contract.unfreeze",
    "contract.upgrade",
    "member.recover",
)
"""Resources beside :data:`KINDS` that a policy may be set for; ``network.force`` is another."""


def concerned_by(change: Change) -> str:
    """Return the organisation that a change is about; empty where it is about all."""
    argument = getattr(change, KINDS[change.resource].argument)
    return getattr(argument, "organisation", "")
