# SPDX-License-Identifier: Apache-2.0
"""Questions to a node, sans I/O: state, records, evidence, documents; and cosigning."""

import hashlib
from dataclasses import dataclass
from typing import ClassVar, Final

import msgspec

from hanse.client._certificate import trusted_header
from hanse.client._documents import CertifiedNote, decode_evidence, decode_receipt
from hanse.client._feed import FeedEvent
from hanse.client._http import (
    BINARY,
    AnswerInvalid,
    Request,
    Steps,
    decode_answer,
    fetch,
    fetch_json,
    fetch_provable,
    segment,
)
from hanse.client._state import StateProof, state_key, value_of, verify_state_proof
from hanse.client.bulk import encode_args, verify_record
from hanse.client.evidence import Result, verify
from hanse.client.note import NoCheckpoints, Note, encode_note, parse_note, with_lines
from hanse.client.ranges import ROWS, Bound, bound_bytes, range_path
from hanse.client.receipts import VerifiedReceipt
from hanse.client.session import Session, node_at_fault
from hanse.client.witness import Witness
from hanse.codec.base64url import to_hash, to_text
from hanse.codec.canonical import JsonObject, decode, encode
from hanse.codec.documents import TAG_HEADER, TAG_SIGNED, Body, decode_transaction
from hanse.codec.limits import BLOCK_TXS_MAX
from hanse.contracts.types import BigInt
from hanse.errors import ProofInvalid, Refusal

_COSIGN_BLOCKS_BACK: Final = 64  # how far behind the newest block a wanted checkpoint may be

Key = str | int | bool | bytes | tuple["Key", ...]
"""A state key as its contract sees it; an empty tuple for a single value."""


@dataclass(frozen=True, slots=True)
class VerifiedState:
    """One state value, present or absent, proved under a certified header."""

    contract: str
    collection: str
    key: Key
    present: bool
    value: object
    height: int
    time_ms: int
    witnesses: tuple[str, ...]
    verified: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class VerifiedRecord:
    """A transaction with its receipt, proved to be in the log."""

    receipt: VerifiedReceipt
    transaction: bytes
    body: Body
    sentence: str | None


@dataclass(frozen=True, slots=True)
class QueryAnswer:
    """What a query returned: the node's word at a height; prove values by ``state``."""

    result: object
    height: int
    state_root: str


class _StateAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    certificate: msgspec.Raw
    header: msgspec.Raw
    proof: StateProof


class _RecordAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    receipt: msgspec.Raw
    transaction: msgspec.Raw
    sentence: str | None = None


class _BlockAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    block_id: str
    certificate: msgspec.Raw
    header: msgspec.Raw
    records: list[_RecordAnswer]


class _HeaderAnswer(msgspec.Struct, frozen=True):
    certificate: msgspec.Raw
    header: msgspec.Raw


_state_decoder = msgspec.json.Decoder(_StateAnswer)
_record_decoder = msgspec.json.Decoder(_RecordAnswer)
_block_decoder = msgspec.json.Decoder(_BlockAnswer)
_header_decoder = msgspec.json.Decoder(_HeaderAnswer)


def state(session: Session, contract: str, collection: str, key: Key) -> Steps[VerifiedState]:
    """Return the value at ``key`` of a contract's map, or its absence, proved either way.

    Raises:
        ProofInvalid: the answer does not prove it.
        AnswerStale: it is older than what this client has seen.
    """
    genesis = yield from session.genesis()
    size_before = session.size_seen
    path = _state_path(contract, collection, key)
    body = yield from fetch_provable(Request("GET", path))
    answer = decode_answer(body, _state_decoder, path)
    found = yield from session.certified(bytes(answer.header), bytes(answer.certificate), path)
    with node_at_fault(path):
        keys = (state_key(collection, key),)
        verify_state_proof(
            genesis.hash, found.state_root, contract, keys, answer.proof, at="$.proof"
        )
    value = value_of(answer.proof.entries[0])
    yield from session.see(found)
    session.require_fresh(found.size, size_before)
    return VerifiedState(
        contract=contract,
        collection=collection,
        key=key,
        present=value is not None,
        value=None if value is None else decode(value),
        height=found.header.height,
        time_ms=found.header.time_ms,
        witnesses=found.witnesses,
    )


def _state_path(contract: str, collection: str, key: Key) -> str:
    shown = segment(encode(_json_key(key)).decode())
    return f"/v1/state/{segment(contract)}/{segment(collection)}?key={shown}"


def _json_key(key: Key) -> object:
    if isinstance(key, tuple):
        return [_json_key(part) for part in key]
    if isinstance(key, bytes):
        return to_text(key)
    return int.__str__(key) if isinstance(key, BigInt) else key


def record(session: Session, tx: str) -> Steps[VerifiedRecord]:
    """Return transaction and receipt of ``tx``, proved to be in the log.

    Raises:
        Refusal: ``not_found``.
        ProofInvalid: the answer is not what the log holds.
    """
    genesis = yield from session.genesis()
    path = f"/v1/transactions/{segment(tx)}"
    body = yield from fetch(Request("GET", path))
    answer = decode_answer(body, _record_decoder, path)
    with node_at_fault(path):
        height = decode_receipt(bytes(answer.receipt)).height
    block = yield from session.leaves(height)
    with node_at_fault(path):
        found = decode_transaction(bytes(answer.transaction), genesis.hash.tagged)
        receipt = decode_receipt(bytes(answer.receipt))
    if to_text(found.id) != tx or receipt.tx != tx:
        raise ProofInvalid(reason="the answer is about another transaction")
    digest = genesis.hash.tagged(TAG_SIGNED, found.raw)
    verify_record(receipt, bytes(answer.receipt), digest, block, genesis.hash)
    proved = VerifiedReceipt(receipt, bytes(answer.receipt))
    return VerifiedRecord(proved, found.raw, found.body, answer.sentence)


def block(session: Session, height: int) -> Steps[list[VerifiedRecord]]:
    """Return all records of a block, in order, proved to be all of them."""
    genesis = yield from session.genesis()
    leaves = yield from session.leaves(height)
    path = f"/v1/blocks/{height}"
    answer = decode_answer((yield from fetch_provable(Request("GET", path))), _block_decoder, path)
    if answer.block_id != to_text(leaves.certified.block_id):
        raise ProofInvalid(reason="the answer is about another block")
    if to_hash(answer.block_id) != genesis.hash.tagged(TAG_HEADER, bytes(answer.header)):
        raise ProofInvalid(reason="the header is that of another block")
    if len(answer.records) != len(leaves.leaves) or len(answer.records) > BLOCK_TXS_MAX:
        raise ProofInvalid(reason="records of the block are missing or too many")
    records: list[VerifiedRecord] = []
    for place, row in enumerate(answer.records):
        raw, raw_receipt = bytes(row.transaction), bytes(row.receipt)
        with node_at_fault(path):
            found = decode_transaction(raw, genesis.hash.tagged)
            receipt = decode_receipt(raw_receipt)
        if receipt.index != place or receipt.tx != to_text(found.id):
            raise ProofInvalid(reason="a receipt is of another transaction or place")
        digest = genesis.hash.tagged(TAG_SIGNED, raw)
        verify_record(receipt, raw_receipt, digest, leaves, genesis.hash)
        proved = VerifiedReceipt(receipt, raw_receipt)
        records.append(VerifiedRecord(proved, raw, found.body, row.sentence))
    return records


def evidence(session: Session, tx: str) -> Steps[bytes]:
    """Return the evidence file of a record, verified as a stranger would."""
    path = f"/v1/transactions/{segment(tx)}/evidence"
    data = yield from fetch_provable(Request("GET", path))
    result = yield from _verify_evidence(session, data)
    if (result.claim or {}).get("tx") != tx:
        raise ProofInvalid(reason="the evidence is about another transaction")
    return data


def evidence_of_state(session: Session, contract: str, collection: str, key: Key) -> Steps[bytes]:
    """Return the evidence file of a state value, verified as a stranger would."""
    path = _state_path(contract, collection, key) + "&evidence=1"
    data = yield from fetch_provable(Request("GET", path))
    yield from _verify_evidence(session, data)
    found = decode_evidence(data).state
    wanted = (contract, state_key(collection, key))
    if found is None or (found.contract, found.key) != wanted:
        raise ProofInvalid(reason="the evidence is about another key")
    return data


def evidence_of_range(  # noqa: PLR0913  # which rows of what
    session: Session,
    of: tuple[str, str],
    first: Bound = (),
    last: Bound = (),
    limit: int = ROWS,
    *,
    reverse: bool = False,
) -> Steps[bytes]:
    """Return the evidence file of rows of an ordered map, verified as a stranger would."""
    path = range_path(of, first, last, limit, reverse=reverse)
    data = yield from fetch_provable(Request("GET", path + "&evidence=1"))
    yield from _verify_evidence(session, data)
    found = decode_evidence(data).range
    shown = None if found is None else (found.contract, found.map, found.first, found.last)
    if shown != (*of, bound_bytes(first), bound_bytes(last)):
        raise ProofInvalid(reason="the evidence is about another range")
    assert found is not None, "it has been compared"
    other = None if found.proof.previous is msgspec.UNSET else found.proof.previous
    stop, other = (other, found.proof.next) if reverse else (found.proof.next, other)
    if other is not None or (stop is not None and len(found.proof.values) < limit):
        raise ProofInvalid(reason="the evidence stops before the end, and before the limit")
    return data


def _verify_evidence(session: Session, data: bytes) -> Steps[Result]:
    genesis = yield from session.genesis()
    result = verify(data, genesis.ledger)
    if result.verdict not in ("valid", "withdrawn"):
        last = result.steps[-1]
        raise ProofInvalid(reason=f"the evidence fails at {last.step}: {last.detail}")
    shown = decode_evidence(data)
    if isinstance(shown.finality, CertifiedNote):
        yield from session.see_note(shown.finality.note)
    else:
        yield from session.see(trusted_header(shown.raw_header, shown.finality, genesis))
    return result


def query(
    session: Session, contract: str, name: str, args: dict[str, object], signer: str | None
) -> Steps[QueryAnswer]:
    """Return a query's result; it is the node's word, and says of which height and state root."""
    yield from session.genesis()
    asked = signer or (session.member.name if session.member else None)
    document: dict[str, object] = {"args": msgspec.Raw(encode_args(args))}
    if asked is not None:
        document["signer"] = asked
    path = f"/v1/contracts/{segment(contract)}/queries/{segment(name)}"
    answer = yield from fetch_json(Request("POST", path, encode(document)))
    height, root = answer.get("height"), answer.get("state_root")
    if type(height) is not int or not isinstance(root, str) or "result" not in answer:
        raise AnswerInvalid(path=path, reason="height, result and state_root are needed")
    return QueryAnswer(answer["result"], height, root)


def put_document(session: Session, data: bytes) -> Steps[str]:
    """Return the digest under which the node keeps ``data``: that of these very bytes."""
    yield from session.genesis()
    answer = yield from fetch_json(Request("POST", "/v1/documents", data, BINARY))
    digest = to_text(hashlib.sha256(data).digest())
    if answer.get("digest") != digest:
        raise ProofInvalid(reason="the node kept other bytes than those sent")
    return digest


def get_document(session: Session, digest: str) -> Steps[bytes]:
    """Return the bytes whose SHA-256 is ``digest``."""
    yield from session.genesis()
    data = yield from fetch(Request("GET", f"/v1/documents/{segment(digest)}"))
    if to_text(hashlib.sha256(data).digest()) != digest:
        raise ProofInvalid(reason="the document has another digest")
    return data


def check_format(
    session: Session, name: str, data: bytes, media_type: str | None
) -> Steps[JsonObject]:
    """Return the node's report on a standard's document: findings, digests, drafts."""
    yield from session.genesis()
    path = f"/v1/formats/{segment(name)}/check"
    report = yield from fetch_json(Request("POST", path, data, media_type or BINARY))
    digest = report.get("document_digest")
    if digest is not None and digest != to_text(hashlib.sha256(data).digest()):
        raise ProofInvalid(reason="the report is on other bytes than those sent")
    return report


def drafts_of(report: JsonObject) -> list[tuple[str, str, dict[str, object]]]:
    """Return the calls that would put a checked document on the ledger.

    Raises:
        Refusal: ``document_refused``, with the report: a finding is fatal, or no draft.
    """
    findings, drafts = report.get("findings"), report.get("drafts")
    fatal = isinstance(findings, list) and any(
        isinstance(finding, dict) and finding.get("fatal") is True for finding in findings
    )
    calls: list[tuple[str, str, dict[str, object]]] = []
    for row in drafts if isinstance(drafts, list) else []:
        match row:
            case {"contract": str(contract), "action": str(action), "args": dict(args)}:
                calls.append((contract, action, dict(args)))
            case _:
                raise AnswerInvalid(path="/v1/formats", reason="a draft of another form")
    if fatal or not calls:
        detail: dict[str, object] = dict(report)
        raise Refusal(refusal="document_refused", reason="the check failed", detail=detail)
    return calls


def cosign(session: Session, witness: Witness) -> Steps[int]:
    """Return the log's size that the witness signed, once the node has its line.

    The node names the checkpoint: one that somebody waits for, else its newest.

    Raises:
        ForkSeen: the node shows another history than the witness signed before; nothing is signed.
        Rejected: ``not_cosigned``: the header is too old or too new for the witness's clock;
            ``no_checkpoints``: an engine votes on this ledger, and nobody signs checkpoints.
    """
    genesis = yield from session.genesis()
    if genesis.engine_validators is not None:
        raise NoCheckpoints(ledger=genesis.ledger)
    wanted = yield from _wanted_note()
    height = (yield from session.ledger()).get("height")
    for back in range(_COSIGN_BLOCKS_BACK):
        path = f"/v1/headers/{int(str(height)) - back}"
        answer = decode_answer((yield from fetch(Request("GET", path))), _header_decoder, path)
        found = yield from session.certified(bytes(answer.header), bytes(answer.certificate), path)
        if found.checkpoint.size <= wanted.checkpoint.size:
            break
    if found.checkpoint != wanted.checkpoint:
        raise ProofInvalid(reason="the checkpoint to cosign is of no recent header")
    size = wanted.checkpoint.size
    consistency: list[bytes] = []
    if 0 < witness.size < size:
        where = f"/v1/consistency?old={witness.size}&new={size}"
        rows = (yield from fetch_json(Request("GET", where))).get("path")
        with node_at_fault(where):
            consistency = [to_hash(str(t)) for t in rows] if isinstance(rows, list) else []
    line = witness.cosign(
        encode_note(wanted), bytes(answer.header), found.path, consistency, session.now_ms()
    )
    signed = encode_note(with_lines(wanted, [line]))
    yield from fetch(Request("POST", "/v1/cosignatures", encode({"note": signed})))
    return size


def _wanted_note() -> Steps[Note]:
    body = yield from fetch(Request("GET", "/v1/checkpoint"))
    with node_at_fault("/v1/checkpoint"):
        return parse_note(body.decode("utf-8", "replace"))


def verify_event(session: Session, event: FeedEvent) -> Steps[None]:
    """Establish that a block event names the block that the log holds, and as many transactions.

    Raises:
        ProofInvalid: it names another one.
    """
    if event.kind != "block":
        return
    height, shown = event.data.get("height"), event.data.get("transactions")
    if type(height) is not int or not isinstance(shown, list):
        raise AnswerInvalid(path="/v1/feed", reason="a block has height and transactions")
    leaves = yield from session.leaves(height)
    if event.data.get("block_id") != to_text(leaves.certified.block_id):
        raise ProofInvalid(reason="the feed names another block")
    if len(shown) != len(leaves.leaves):
        raise ProofInvalid(reason="the feed leaves out transactions of the block, or adds some")
