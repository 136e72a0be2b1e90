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
        "unknown_contract",
        "authorise",
        True,
        404,
        "No such contract is active.",
        "Check the name; `hanse contract list` shows what is active.",
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
