# SPDX-License-Identifier: Apache-2.0
"""Evidence documents and their parts, built from the store at one header (``spec/evidence.md``)."""

from typing import Any

import msgspec

from hanse.client.note import Note, NoteLine, encode_note
from hanse.codec.base64url import to_text
from hanse.codec.canonical import encode
from hanse.codec.documents import TAG_KEY, Transaction
from hanse.contracts.keys import encode_key
from hanse.crypto import Hash
from hanse.identity import organisation_of
from hanse.merkle.log import Frontier, inclusion_path, leaf_hash
from hanse.merkle.trie import StatePath
from hanse.storage import Store

Document = dict[str, Any]


def state_proof(store: Store, hashed: Hash, contract: str, key: bytes) -> Document:
    """Return the proof that ``key`` of ``contract`` is present with its value, or absent."""
    value = store.get(contract, key)
    inner, top = store.tries.prove(contract, hashed.tagged(TAG_KEY, key))
    return {
        "bucket": _bucket(inner),
        "contract": contract,
        "key": to_text(key),
        "present": value is not None,
        "siblings": [to_text(s) for s in inner.siblings],
        "top_bucket": _bucket(top),
        "top_siblings": [to_text(s) for s in top.siblings],
        "value": None if value is None else msgspec.Raw(value),
    }


def _bucket(path: StatePath) -> list[list[str]]:
    return [[to_text(k), to_text(v)] for k, v in path.bucket]


def registry_proof(store: Store, hashed: Hash, collection: str, key: object) -> Document:
    """Return the proof of an entry of the registry."""
    state_key = collection.encode("ascii") + b"\x00" + encode_key(key)
    return state_proof(store, hashed, "registry", state_key)


def header_path(frontier: Frontier) -> list[str]:
    """Return the inclusion path of the leaf that comes right after ``frontier``.

    It is the frontier's peaks, from the smallest: RFC 9162 section 2.1.3 for the last leaf.
    """
    return [to_text(peak) for peak in reversed(frontier.peaks)]


def root_with_header(hashed: Hash, frontier: Frontier, block_id: bytes) -> bytes:
    """Return the log root that covers the header's own leaf too: what a checkpoint states."""
    grown, _ = frontier.append([leaf_hash(hashed, block_id)])
    return grown.root()


def certificate_document(path: list[str], note: Note) -> Document:
    """Return the embedded engine's finality certificate."""
    return {
        "engine": "embedded",
        "header_path": path,
        "note": encode_note(note),
    }


def record_parts(  # noqa: PLR0913, PLR0917  # the parts of one record
    store: Store,
    hashed: Hash,
    tx: Transaction,
    receipt: bytes,
    leaf_index: int,
    log_size: int,
) -> Document:
    """Return what an evidence document of a record has beside the certified header."""
    path = inclusion_path(hashed, store.log_node, leaf_index, log_size)
    return {
        "contract": registry_proof(store, hashed, "contracts", tx.body.contract),
        "keys": [
            {
                "key": registry_proof(store, hashed, "keys", (s.signer, s.key)),
                "member": registry_proof(store, hashed, "members", s.signer),
            }
            for s in tx.signatures
        ],
        "record": {
            "index": leaf_index,
            "path": [to_text(h) for h in path],
            "receipt": msgspec.Raw(receipt),
            "transaction": msgspec.Raw(tx.raw),
        },
        "withdrawal": registry_proof(
            store, hashed, "withdrawals", (to_text(tx.id), organisation_of(tx.body.signer))
        ),
    }


def evidence(
    kind: str, genesis: bytes, header: bytes, certificate: Document, parts: Document
) -> bytes:
    """Return the evidence document."""
    return encode(
        {
            "certificate": certificate,
            "genesis": msgspec.Raw(genesis),
            "header": msgspec.Raw(header),
            "kind": kind,
            "v": 1,
            **parts,
        }
    )


def quorum_note(note: Note, quorum: int) -> Note:
    """Return ``note`` with exactly ``quorum`` witness lines, the first ones by name."""
    lines: tuple[NoteLine, ...] = note.lines[1 : 1 + quorum]
    return Note(note.checkpoint, (note.lines[0], *lines))
