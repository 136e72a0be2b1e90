# SPDX-License-Identifier: Apache-2.0
"""Every code with which the kernel itself answers, in the order in which it looks.

Where ``recorded`` is false there is no record and no nonce is used: the client sees a problem. The
others are receipts.
"""

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class KernelCode:
    """One answer of the kernel: where it stands in the order, what it means, who can mend it."""

    code: str
    stage: Literal["form", "ledger", "duplicate", "signature", "key", "authorise", "run"]
    recorded: bool
    status: int
    cause: str
    remedy: str


KERNEL_CODES: Final[tuple[KernelCode, ...]] = (
    KernelCode(
        "wrong_ledger",
        "ledger",
        False,
        400,
        "The transaction names another ledger.",
        "Build it for this ledger's id (`hanse ledger`).",
    ),
    KernelCode(
        "nonce_reused",
        "duplicate",
        False,
        409,
        "The signer used this nonce for other content.",
        "Build the transaction again: the SDK draws a fresh nonce.",
    ),
    KernelCode(
        "unknown_member",
        "signature",
        False,
        403,
        "The registry has no such member.",
        "Ask an admin of the organisation to add the member.",
    ),
    KernelCode(
        "unknown_key",
        "signature",
        False,
        403,
        "The member has no key of this id.",
        "Name a key that the registry lists for the member.",
    ),
    KernelCode(
        "bad_signature",
        "signature",
        False,
        403,
        "The signature does not fit the bytes.",
        "Sign exactly the canonical body with the named key.",
    ),
    KernelCode(
        "key_not_valid",
        "key",
        False,
        403,
        "The key is not valid at this height.",
        "Sign with a key that is valid now; see the registry.",
    ),
    KernelCode(
        "member_not_valid",
        "key",
        False,
        403,
        "The membership is not valid at this height.",
        "Ask an admin of the organisation.",
    ),
    KernelCode(
        "expired",
        "key",
        False,
        410,
        "The block's time is past `expires_ms`.",
        "Build the transaction again with a later expiry.",
    ),
    KernelCode(
        "expires_too_late",
        "key",
        False,
        400,
        "`expires_ms` lies too far ahead.",
        "Choose an expiry within 24 hours of block time.",
    ),
    KernelCode(
        "cost_max_too_large",
        "key",
        False,
        400,
        "`cost_max` is above what the rules allow.",
        "Lower it; `hanse ledger` shows the rules.",
    ),
    KernelCode(
        "block_full",
        "key",
        False,
        429,
        "The block's budget for writes is used up.",
        "Send it again: the next block has room.",
    ),
    KernelCode(
        "organisation_suspended",
        "authorise",
        True,
        403,
        "The organisation of a signer is suspended: none of its transactions is carried out.",
        "See `hanse governance list`; the others can reinstate it.",
    ),
    KernelCode(
        "unknown_contract",
        "authorise",
        True,
        404,
        "No such contract is active.",
        "Check the name; `hanse contract list` shows what is active.",
    ),
    KernelCode(
        "contract_retired",
        "authorise",
        True,
        410,
        "The contract is retired: its records stay, no action of it runs any more.",
        "Read it with queries; a successor is a contract of another name.",
    ),
    KernelCode(
        "contract_frozen",
        "authorise",
        True,
        409,
        "The contract is frozen: no action of it runs until it is unfrozen or upgraded.",
        "See `hanse contract proposals` for what is under way; queries go on.",
    ),
    KernelCode(
        "contract_migrating",
        "authorise",
        True,
        409,
        "The contract's entries are being rewritten for its next version.",
        "Send it again when that is done; `hanse contract migrate NUMBER` shows how far it is.",
    ),
    KernelCode(
        "unknown_action",
        "authorise",
        True,
        404,
        "The contract has no such action.",
        "Check the name; `hanse contract show NAME` lists the actions.",
    ),
    KernelCode(
        "not_authorised",
        "authorise",
        True,
        403,
        "The signer lacks the role that is needed.",
        "An admin of the organisation can grant the role.",
    ),
    KernelCode(
        "bad_argument",
        "run",
        True,
        400,
        "An argument is not of its declared type.",
        "The path names the argument; `hanse contract show NAME` shows its type.",
    ),
    KernelCode(
        "not_also_signed",
        "run",
        True,
        403,
        "Others must sign this transaction, too, and have not.",
        "The facts name them; `hanse tx draft` and `hanse tx sign` gather their signatures.",
    ),
    KernelCode(
        "cost_exceeded",
        "run",
        True,
        400,
        "The action needs more than `cost_max`.",
        "Set a higher `cost_max`; the dry run shows the cost.",
    ),
    KernelCode(
        "contract_fault",
        "run",
        True,
        500,
        "The contract failed in a way it did not foresee.",
        "Tell the contract's author; `hanse tx replay ID` shows where.",
    ),
    KernelCode(
        "call_not_declared",
        "run",
        True,
        500,
        "A contract called another that it does not declare in `uses`.",
        "Tell the contract's author: what a contract may call is part of what was approved.",
    ),
    KernelCode(
        "call_reentered",
        "run",
        True,
        500,
        "A contract was called while it was running already.",
        "Tell the contracts' authors: a contract that is called cannot call back.",
    ),
    KernelCode(
        "call_too_deep",
        "run",
        True,
        500,
        "More contracts called one another than the limit allows.",
        "Tell the contracts' authors: call fewer contracts through one another.",
    ),
    KernelCode(
        "not_found",
        "run",
        True,
        404,
        "An entry that the action needs is absent.",
        "Check the identifier.",
    ),
    KernelCode(
        "already_exists",
        "run",
        True,
        409,
        "An entry of this key is there already.",
        "Choose another key, or change the entry that is there.",
    ),
    KernelCode(
        "wrong_organisation",
        "run",
        True,
        403,
        "Only the organisation named may do this.",
        "Ask that organisation.",
    ),
    KernelCode(
        "invariant_broken",
        "run",
        True,
        409,
        "A rule that must always hold would break.",
        "The reason names the rule; change what is asked for.",
    ),
)


@dataclass(frozen=True, slots=True)
class ProposalCode:
    """Why a proposal that was approved could not be carried out, and what to do."""

    code: str
    cause: str
    remedy: str


_MEND: Final = "Mend the package, see `hanse contract rehearse`, and propose it again."

PROPOSAL_CODES: Final = (
    ProposalCode(
        "wrong_status",
        "The contract's status does not allow it any more.",
        "See `hanse contract list`.",
    ),
    ProposalCode(
        "base_changed",
        "Another version became current after the upgrade was proposed.",
        "Write a migration from that version, and propose it again.",
    ),
    ProposalCode(
        "outside_dialect",
        "The text is not written in the dialect.",
        "`hanse contract check` says where.",
    ),
    ProposalCode("not_a_contract", "The text holds no contract, or one of bad types.", _MEND),
    ProposalCode("other_contract", "The text declares another name or version.", _MEND),
    ProposalCode(
        "lowering_differs",
        "The text is lowered otherwise here than what was voted on.",
        "All nodes run one version of Hanse and Python: propose it with that one.",
    ),
    ProposalCode(
        "too_many_contracts",
        "The ledger has had as many contracts as it may.",
        "Upgrade one of them instead.",
    ),
    ProposalCode(
        "too_many_versions",
        "The contract has had as many versions as it may.",
        "Install it under another name.",
    ),
    ProposalCode("entry_lost", "A map with entries is not declared as it was.", _MEND),
    ProposalCode("order_lost", "An ordered map is declared no more, or as a plain one.", _MEND),
    ProposalCode("entry_unreadable", "An entry neither reads now nor has a migration.", _MEND),
    ProposalCode("migration_fault", "A migration failed in a way it did not foresee.", _MEND),
    ProposalCode("migration_refused", "A migration refused an entry.", _MEND),
    ProposalCode("invariant_broken", "A rule of the new version does not hold of an entry.", _MEND),
    ProposalCode("contract_fault", "An invariant failed in a way it did not foresee.", _MEND),
    ProposalCode(
        "cost_exceeded",
        "The migration needs more than its bound: half above the rehearsal's cost.",
        "Rehearse again; a single entry may cost what a transaction may.",
    ),
    ProposalCode(
        "not_frozen",
        "The contract was not frozen from the rehearsal on.",
        "Freeze it, rehearse, and vote again; or propose it with mode `open`.",
    ),
    ProposalCode(
        "root_differs",
        "The contract's root before or after is not the one voted on.",
        "Rehearse it yourself: whoever recorded the rehearsal recorded another root.",
    ),
    ProposalCode(
        "too_many_entries",
        "The contract has more entries than its roots can be compared of: about a million.",
        "Propose it with mode `open`: invariants and the cost bound hold there, too.",
    ),
    ProposalCode(
        "entries_differ",
        "The entries, or what the migration makes of them, are not those voted on.",
        "Rehearse it yourself: whoever recorded the rehearsal recorded another digest.",
    ),
    ProposalCode(
        "upgrade_settled",
        "The upgrade for which the contract was to be frozen is settled already.",
        "Nothing is left to do; propose the freeze without it if it is wanted all the same.",
    ),
)

_SEE: Final = "See `hanse governance show`, and propose it again."

CHANGE_CODES: Final = (
    ProposalCode(
        "no_quorum",
        "The validators whose votes were seen in the last 100 commits would have no quorum.",
        "Wait until more of them run; or force it: `--force`, with the policy `network.force`.",
    ),
    ProposalCode("no_validators", "The engine would have no validator left.", _SEE),
    ProposalCode(
        "too_many_validators",
        "The engine would have more validators than it may.",
        "Remove one; nodes can follow without a vote.",
    ),
    ProposalCode(
        "no_engine",
        "The ledger's engine has no validators that could change: one node orders everything.",
        "Found a ledger of several validators.",
    ),
    ProposalCode("unknown_validator", "The node has no vote in the engine.", _SEE),
    ProposalCode("validator_exists", "The node is a validator already.", _SEE),
    ProposalCode(
        "voting_key_taken",
        "The voting key is, or was, another validator's.",
        "Make a fresh key for each validator.",
    ),
    ProposalCode("bad_power", "The power is outside its bounds.", _SEE),
    ProposalCode("unknown_node", "The organisation has no such node.", _SEE),
    ProposalCode("node_exists", "The organisation has a node of this name.", _SEE),
    ProposalCode(
        "node_votes",
        "The node is a validator of the engine.",
        "Propose `validator.remove` first.",
    ),
    ProposalCode("unknown_organisation", "No such organisation takes part.", _SEE),
    ProposalCode(
        "organisation_exists",
        "An organisation of this id is, or was, here.",
        "Choose another id: one never stands for two parties.",
    ),
    ProposalCode(
        "too_many_organisations", "The ledger has had as many organisations as it may.", _SEE
    ),
    ProposalCode("last_organisation", "No organisation would be left.", _SEE),
    ProposalCode("not_suspended", "The organisation is not suspended.", _SEE),
    ProposalCode(
        "policy_unreachable",
        "A policy asks for more approvals than there are organisations to give them.",
        "Set another policy first (`policy.set`).",
    ),
    ProposalCode("bad_policy", "The policy is not well formed, or names nobody.", _SEE),
    ProposalCode("unknown_resource", "Nothing is decided under this name.", _SEE),
    ProposalCode("bad_parameters", "A rule is outside its bounds.", _SEE),
    ProposalCode("bad_weight", "The weight is outside its bounds.", _SEE),
    ProposalCode("no_change", "It is so already.", _SEE),
    ProposalCode("too_late", "The height has come.", _SEE),
    ProposalCode("bad_name", "A name is not well formed, or of another organisation.", _SEE),
    ProposalCode("bad_key", "It is no public key of a known suite.", _SEE),
    ProposalCode("wrong_arguments", "The change lacks a part of its argument.", _SEE),
)
"""Why a change of the network cannot be made: when it is proposed, and when it is carried out."""
