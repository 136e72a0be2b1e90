# SPDX-License-Identifier: Apache-2.0
"""The hot path: drafts made from templates, and receipts checked by the block.

Budget: 80 µs of CPU for each transaction, signature included. So the body is never encoded as a
whole (only its arguments are), and one certificate and one root are checked for all receipts of
a block. ``bench/client.py`` measures it; the codec's ``encode_transaction`` judges it in the tests.
"""

import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, final

import msgspec

from hanse.client._certificate import CertifiedHeader
from hanse.client._documents import Receipt
from hanse.client._genesis import Genesis
from hanse.client.note import Checkpoint
from hanse.client.receipts import VerifiedReceipt
from hanse.codec.base64url import to_hash, to_text
from hanse.codec.canonical import decode, decode_as, encode
from hanse.codec.documents import TAG_BODY, TAG_RECEIPT, TAG_SIGNED
from hanse.codec.limits import BATCH_TXS_MAX, BLOCK_TXS_MAX, BODY_BYTES_MAX, TX_BYTES_MAX
from hanse.crypto import Hash
from hanse.crypto.signers import Signer
from hanse.errors import Malformed, ProofInvalid, TooLarge
from hanse.merkle.log import Frontier, leaf_hash

_NONCE_BYTES: Final = 16
_MESSAGE: Final = TAG_BODY.encode() + b"\x00"


@final
class Draft:
    """A signed transaction that is ready to be sent, any number of times."""

    __slots__ = ("action", "contract", "id", "raw", "signed_digest")

    def __init__(self, what: tuple[str, str], raw: bytes, id_: bytes, signed_digest: bytes) -> None:
        """Keep the exact bytes with the hashes that its receipt and leaf must show."""
        self.contract, self.action = what
        self.raw: Final = raw
        self.id: Final = id_
        self.signed_digest: Final = signed_digest

    @property
    def tx(self) -> str:
        """The transaction's id."""
        return to_text(self.id)


@lru_cache(maxsize=4096)
def _around_args(contract: str, action: str, cost_max: int) -> tuple[bytes, bytes]:
    head = b'{"action":%b,"args":' % encode(action)
    tail = b',"contract":%b,"cost_max":%d,"expires_ms":' % (encode(contract), cost_max)
    return head, tail


@final
class Drafter:
    """One member's pen: makes signed transactions of one ledger."""

    __slots__ = ("_after_expiry", "_after_nonce", "_after_signature", "_between", "_hash", "_sign")

    def __init__(self, genesis: Genesis, member: str, key_id: str, signer: Signer) -> None:
        """Prepare the parts of the bytes that stay the same."""
        key, name = encode(key_id), encode(member)
        ledger = encode(genesis.ledger)
        self._hash = genesis.hash
        self._sign = signer.sign
        self._after_expiry = b',"key":%b,"ledger":%b,"nonce":"' % (key, ledger)
        self._after_nonce = b'","signer":%b,"v":1}' % name
        self._between = b',"signatures":[{"key":%b,"signature":"' % key
        self._after_signature = b'","signer":%b}]}' % name

    def draft(self, what: tuple[str, str], args: bytes, cost_max: int, expires_ms: int) -> Draft:
        """Return a signed transaction with a fresh nonce.

        Args:
            what: contract and action.
            args: canonical bytes of an object; see :func:`encode_args`.
            cost_max: units of the meter that it may use.
            expires_ms: block time from which on it is refused.

        Raises:
            TooLarge: more than ``TX_BYTES_MAX`` bytes.
        """
        head, tail = _around_args(*what, cost_max)
        nonce = urlsafe_b64encode(secrets.token_bytes(_NONCE_BYTES))[:22]
        parts = (head, args, tail, b"%d" % expires_ms, self._after_expiry, nonce)
        body = b"".join((*parts, self._after_nonce))
        signature = urlsafe_b64encode(self._sign(_MESSAGE + body)).rstrip(b"=")
        end = (b'{"body":', body, self._between, signature, self._after_signature)
        raw = b"".join(end)
        if len(raw) > TX_BYTES_MAX:
            raise TooLarge(what="transaction bytes", limit=TX_BYTES_MAX, actual=len(raw))
        tagged = self._hash.tagged
        return Draft(what, raw, tagged(TAG_BODY, body), tagged(TAG_SIGNED, raw))


def encode_args(args: object) -> bytes:
    """Return the canonical bytes of an action's arguments.

    Raises:
        Rejected: not an object, a key that is no ASCII identifier, a float, or too deep.
    """
    data = encode(args)
    if not data.startswith(b"{"):
        raise Malformed(reason="args must be an object", at="$.body.args")
    decode(data)
    return data


def batches(drafts: Sequence[Draft]) -> Iterator[Sequence[Draft]]:
    """Yield ``drafts`` in order, in batches that a node takes in one request."""
    start = size = 0
    for i, draft in enumerate(drafts):
        size += len(draft.raw) + 1
        if i - start == BATCH_TXS_MAX or size > BODY_BYTES_MAX:
            yield drafts[start:i]
            start, size = i, len(draft.raw) + 1
    if start < len(drafts):
        yield drafts[start:]


class _Leaves(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    certificate: msgspec.Raw
    frontier: list[str]
    header: msgspec.Raw
    leaves: list[str]


_leaves_decoder = msgspec.json.Decoder(_Leaves)


@dataclass(frozen=True, slots=True)
class BlockLeaves:
    """All leaf hashes of a certified block: what any receipt of that block is checked against."""

    certified: CertifiedHeader
    size_before: int
    root_before: bytes
    leaves: tuple[bytes, ...]

    @property
    def height(self) -> int:
        """The block's height."""
        return self.certified.header.height


@dataclass(frozen=True, slots=True)
class LeavesAnswer:
    """What a node says of a block's leaves; nothing in it is believed yet."""

    header: bytes
    certificate: bytes
    frontier: tuple[bytes, ...]
    leaves: tuple[bytes, ...]


def decode_leaves(answer: bytes) -> LeavesAnswer:
    """Return the answer that ``answer`` is, every hash of the right form.

    Raises:
        Rejected: the form is wrong.
    """
    found = decode_as(answer, _leaves_decoder)
    peaks = tuple([to_hash(text) for text in found.frontier])
    leaves = tuple([to_hash(text) for text in found.leaves])
    return LeavesAnswer(bytes(found.header), bytes(found.certificate), peaks, leaves)


def verify_leaves(
    answer: LeavesAnswer, certified: CertifiedHeader, height: int, hasher: Hash
) -> BlockLeaves:
    """Return the leaves of the block at ``height``, proved to be all of them.

    Appending them to the log before the block gives the root in the certified header. On CometBFT
    the header's own leaf is appended, too, and what comes of it is the block's checkpoint: with
    that, the next block needs no proof of consistency.

    Args:
        answer: of the node.
        certified: its header, proved to be final.
        height: that was asked for.
        hasher: of the network.

    Raises:
        ProofInvalid: the leaves lead to another root, or the header is another one.
    """
    header = certified.header
    if header.height != height:
        raise ProofInvalid(reason=f"the answer is about height {header.height}, not {height}")
    if len(answer.leaves) > BLOCK_TXS_MAX or len(answer.leaves) > header.log_size:
        raise ProofInvalid(reason="more leaves than a block can have")
    before = Frontier(hasher, header.log_size - len(answer.leaves), answer.frontier)
    after, _ = before.append(answer.leaves)
    if after.root() != certified.log_root:
        raise ProofInvalid(reason="the block's leaves do not lead to the header's log root")
    if certified.note is None:
        grown, _ = after.append([leaf_hash(hasher, certified.block_id)])
        reached = Checkpoint(header.ledger, grown.size, grown.root())
        certified = replace(certified, checkpoint=reached)
    return BlockLeaves(certified, before.size, before.root(), answer.leaves)


def verify_receipt(
    draft: Draft, receipt: Receipt, raw: bytes, block: BlockLeaves, hasher: Hash
) -> VerifiedReceipt:
    """Return ``receipt``, decoded from ``raw``, proved to be that of ``draft`` in ``block``.

    Raises:
        ProofInvalid: it is of another transaction or place, or not the one in the log.
    """
    if receipt.tx != draft.tx:
        raise ProofInvalid(reason="the receipt is of another transaction")
    verify_record(receipt, raw, draft.signed_digest, block, hasher)
    return VerifiedReceipt(receipt, raw)


def verify_record(
    receipt: Receipt, raw: bytes, signed_digest: bytes, block: BlockLeaves, hasher: Hash
) -> None:
    """Establish that transaction and receipt are the record at the receipt's place in ``block``.

    Raises:
        ProofInvalid: there is no such place, or the log holds another record there.
    """
    if receipt.height != block.height or receipt.index >= len(block.leaves):
        raise ProofInvalid(reason="the receipt names a place that the block does not have")
    leaf = hasher(b"\x00" + signed_digest + hasher.tagged(TAG_RECEIPT, raw))
    if block.leaves[receipt.index] != leaf:
        raise ProofInvalid(reason="the log holds another record at the receipt's place")
