# SPDX-License-Identifier: Apache-2.0
"""Submissions, sans I/O: drafts go out, proved receipts come back."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from hanse.client._documents import Receipt, decode_receipt
from hanse.client._http import (
    NDJSON,
    AnswerInvalid,
    Request,
    Steps,
    decode_object,
    error_of,
    fetch,
    fetch_json,
    segment,
)
from hanse.client.bulk import Draft, batches, encode_args, verify_receipt
from hanse.client.receipts import Outcome, VerifiedReceipt
from hanse.client.session import Session, SignerMissing, node_at_fault
from hanse.codec.canonical import encode
from hanse.codec.limits import COST_MAX
from hanse.errors import ProofInvalid, Refusal

EXPIRES_IN_MS: Final = 600_000  # ten minutes: longer than any retry, far below the limit of a day
COST_UNKNOWN: Final = 20_000  # reserved when a dry run says nothing
_COST_MARGIN: Final = 2_000  # units; another path through the action costs more than the last one

_RECEIPT_END: Final = b',"v":1}'  # of every receipt, as keys are sorted; a problem has no version

Call = tuple[str, str, Mapping[str, object]]
"""Contract, action, arguments."""
Line = tuple[Draft, bytes]
"""A draft and the line that answers it."""


def draft(
    session: Session,
    call: Call,
    cost_max: int | None,
    expires_in_ms: int = EXPIRES_IN_MS,
    also_signed_by: Sequence[str] = (),
) -> Steps[Draft]:
    """Return a signed transaction of the client's member, with a fitting cost limit.

    ``also_signed_by`` names the members who will add their signatures, for the dry run.
    """
    drafter = yield from session.drafter()
    contract, action, args = call
    raw_args = encode_args(args)
    if cost_max is None:
        cost_max = yield from _cost_max(session, contract, action, raw_args, also_signed_by)
    return drafter.draft((contract, action), raw_args, cost_max, session.now_ms() + expires_in_ms)


def _cost_max(
    session: Session, contract: str, action: str, args: bytes, others: Sequence[str]
) -> Steps[int]:
    """Return twice the recorded cost of the action, or that of a dry run the first time."""
    cost = session.costs.get((contract, action))
    if cost is None:
        cost = yield from _cost_of_dry_run(session, contract, action, args, others)
        session.costs[contract, action] = cost
    return min(COST_MAX, 2 * cost + _COST_MARGIN)


def _cost_of_dry_run(
    session: Session, contract: str, action: str, args: bytes, others: Sequence[str]
) -> Steps[int]:
    try:
        report = yield from _check(session, contract, action, args, others)
    except Refusal:
        return COST_UNKNOWN  # the submission will say better why
    cost = report.get("cost")
    usable = report.get("status") == "ok" and type(cost) is int and 0 <= cost <= COST_MAX
    return cost if usable and isinstance(cost, int) else COST_UNKNOWN


def _check(
    session: Session, contract: str, action: str, args: bytes, others: Sequence[str]
) -> Steps[dict[str, object]]:
    if session.member is None:
        raise SignerMissing
    also = b'"also_signed_by":%b,' % encode(list(others)) if others else b""
    body = b'{%b"args":%b,"signer":%b}' % (also, args, encode(session.member.name))
    path = f"/v1/contracts/{segment(contract)}/actions/{segment(action)}/check"
    report = yield from fetch_json(Request("POST", path, body))
    return dict(report)


def dry_run(
    session: Session, call: Call, also_signed_by: Sequence[str] = ()
) -> Steps[dict[str, object]]:
    """Return what the action would do now; the node's word, and nothing is recorded.

    ``also_signed_by`` names the members who would sign, too.
    """
    contract, action, args = call
    return (yield from _check(session, contract, action, encode_args(args), also_signed_by))


def submit(session: Session, made: Draft) -> Steps[VerifiedReceipt]:
    """Return the proved receipt of one draft; sent again after a lost connection, it counts once.

    Raises:
        Refusal: not admitted; nothing is on the ledger.
        ProofInvalid: the node's answer is not what the log holds.
    """
    raw = yield from fetch(Request("POST", "/v1/transactions", made.raw))
    outcome = yield from verify_lines(session, [(made, raw)])
    receipt = outcome[0]
    if isinstance(receipt, Refusal):
        raise receipt
    return receipt


def submit_drafts(session: Session, drafts: Sequence[Draft]) -> Steps[list[Outcome]]:
    """Return one outcome for each draft, in order; receipts are proved, refusals are values."""
    outcomes: list[Outcome] = []
    for batch in batches(drafts):
        outcomes += yield from submit_batch(session, batch)
    return outcomes


def submit_batch(session: Session, batch: Sequence[Draft]) -> Steps[list[Outcome]]:
    """Return one outcome for each draft of a batch that fits into one request."""
    path = "/v1/transactions/batch"
    body = b"\n".join([made.raw for made in batch]) + b"\n"
    answer = yield from fetch(Request("POST", path, body, NDJSON))
    lines = answer.removesuffix(b"\n").split(b"\n")
    if len(lines) != len(batch):
        raise AnswerInvalid(path=path, reason=f"{len(lines)} lines answer {len(batch)}")
    return (yield from verify_lines(session, list(zip(batch, lines, strict=True))))


def verify_lines(session: Session, lines: Iterable[Line]) -> Steps[list[Outcome]]:
    """Return the outcome that each line states, every receipt proved by the leaves of its block.

    Raises:
        ProofInvalid: one line is not what the log holds; the whole answer is then worth nothing.
    """
    lines = list(lines)
    outcomes: list[Outcome | None] = [None] * len(lines)
    heights: dict[int, list[tuple[int, Receipt]]] = {}
    for place, (made, raw) in enumerate(lines):
        found = _decode_line(made, raw)
        if isinstance(found, Receipt):
            heights.setdefault(found.height, []).append((place, found))
        else:
            outcomes[place] = found
    genesis = yield from session.genesis()
    for height in sorted(heights):
        block = yield from session.leaves(height)
        for place, receipt in heights[height]:
            made, raw = lines[place]
            outcomes[place] = verify_receipt(made, receipt, raw, block, genesis.hash)
            key = (made.contract, made.action)
            if receipt.cost > session.costs.get(key, 0):
                session.costs[key] = receipt.cost
    return [outcome for outcome in outcomes if outcome is not None]


def _decode_line(made: Draft, raw: bytes) -> Receipt | Refusal:
    if raw.endswith(_RECEIPT_END):
        with node_at_fault("/v1/transactions"):
            return decode_receipt(raw)
    problem = decode_object(raw, "/v1/transactions")
    if "type" not in problem:
        raise AnswerInvalid(path="/v1/transactions", reason="neither receipt nor problem")
    status = problem.get("status")
    error = error_of(problem, status if isinstance(status, int) else 0)
    if not isinstance(error, Refusal):
        raise error
    if error.tx is not None and error.tx != made.tx:
        raise ProofInvalid(reason="the refusal is of another transaction")
    return error
