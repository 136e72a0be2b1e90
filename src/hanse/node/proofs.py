# SPDX-License-Identifier: Apache-2.0
"""Evidence documents and their parts, built from the store at one header (``spec/evidence.md``)."""

from collections.abc import Sequence
from typing import Any

import msgspec

from hanse.client.note import Note, NoteLine, encode_note
from hanse.codec.base64url import to_text
from hanse.codec.canonical import encode
from hanse.codec.documents import TAG_EVIDENCE, TAG_KEY, Transaction
from hanse.contracts.keys import encode_key
from hanse.crypto import Hash
from hanse.identity import organisation_of
from hanse.merkle.log import Frontier, inclusion_path, leaf_hash
from hanse.merkle.trie import StatePath
from hanse.storage import Store

Document = dict[str, Any]


def state_proof(store: Store, hashed: Hash, contract: str, keys: Sequence[bytes]) -> Document:
    """Return the proof that each of the keys is present with its value, or absent."""
    paths = [store.tries.prove(contract, hashed.tagged(TAG_KEY, key)) for key in keys]
    entries = []
    for key, (inner, _) in zip(keys, paths, strict=True):
        value = store.get(contract, key)
        entries.append(
            path_document(inner) | ({} if value is None else {"value": msgspec.Raw(value)})
        )
    _, top = paths[0]
    return path_document(top) | {"entries": entries}


def path_document(path: StatePath) -> Document:
    """Return a state path as documents spell it."""
    return {
        "bucket": [to_text(key + value) for key, value in path.bucket],
        "siblings": [to_text(s) for s in path.siblings],
    }


def registry_key(collection: str, key: object) -> bytes:
    """Return the state key of an entry of the registry."""
    return collection.encode("ascii") + b"\x00" + encode_key(key)


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
    withdrawal = (to_text(tx.id), organisation_of(tx.body.signer))
    keys = [registry_key("contracts", tx.body.contract), registry_key("withdrawals", withdrawal)]
    for signed in tx.signatures:
        keys.append(registry_key("keys", (signed.signer, signed.key)))
        keys.append(registry_key("members", signed.signer))
    return {
        "record": {
            "index": leaf_index,
            "path": [to_text(h) for h in path],
            "receipt": msgspec.Raw(receipt),
            "transaction": msgspec.Raw(tx.raw),
        },
        "state": state_proof(store, hashed, "registry", keys),
    }


def evidence(kind: str, hashed: Hash, documents: Document, parts: Document) -> bytes:
    """Return the evidence file of its documents (genesis, header, certificate) and parts."""
    file = {**documents, **parts, "kind": kind, "v": 1}
    return encode(file | {"digest": to_text(hashed.tagged(TAG_EVIDENCE, encode(file)))})


def quorum_note(note: Note, quorum: int) -> Note:
    """Return ``note`` with exactly ``quorum`` witness lines, the first ones by name."""
    lines: tuple[NoteLine, ...] = note.lines[1 : 1 + quorum]
    return Note(note.checkpoint, (note.lines[0], *lines))
