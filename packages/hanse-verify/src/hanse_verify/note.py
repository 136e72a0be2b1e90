# SPDX-License-Identifier: Apache-2.0
"""Checkpoints: signed notes with the size and the root of a log (``spec/checkpoint.md``)."""

import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Any

from hanse_verify.canonical import EvidenceError, unb64
from hanse_verify.suites import check_signature, sha256

_split = re.compile(
    r"(hanse/([\w-]{43})\n(0|[1-9][0-9]{0,15})\n([A-Za-z0-9+/]{43}=)\n)\n"
    r"((?:\u2014 [^\s+]+ [A-Za-z0-9+/]+={0,2}\n)+)",
    re.ASCII,
).fullmatch


@dataclass(frozen=True, slots=True)
class Note:
    """A checkpoint in its parts; the signatures are not checked yet."""

    body: bytes
    ledger: str
    size: int
    root: bytes
    signatures: tuple[tuple[str, bytes], ...]


def parse_note(text: str) -> Note:
    """Return the parts of the one text form that a checkpoint has."""
    parts = _split(text)
    if parts is None:
        raise EvidenceError("the checkpoint is not of the one form that it may have")
    lines = [line.split(" ") for line in parts[5].split("\n")[:-1]]
    signatures = tuple((name, _bytes(payload)) for _, name, payload in lines)
    return Note(parts[1].encode(), parts[2], int(parts[3]), _bytes(parts[4]), signatures)


def _bytes(text: str) -> bytes:
    try:
        data = b64decode(text, validate=True)
    except ValueError:
        raise EvidenceError("the checkpoint holds bad base64") from None
    if b64encode(data).decode() != text:
        raise EvidenceError("the checkpoint holds base64 with spare bits")
    return data


def check_note(note: Note, genesis: dict[str, Any]) -> list[str]:
    """Establish that the operator and exactly a quorum of witnesses signed; return their names."""
    operator, quorum = genesis["validators"][0], genesis["witness_quorum"]
    witnesses = {witness["name"]: witness for witness in genesis["witnesses"]}
    names = [name for name, _ in note.signatures]
    if names[0] != f"{operator['node']}@{operator['organisation']}":
        raise EvidenceError("the first signature of the checkpoint is not its operator's")
    if len(names) - 1 != quorum or names[1:] != sorted(set(names[1:])):
        raise EvidenceError(f"not exactly {quorum} different witnesses, in the order of names")
    _check_line(note.signatures[0], operator, b"\1", "hanse/", note.body)
    for name, payload in note.signatures[1:]:
        if name not in witnesses:
            raise EvidenceError(f"{name} is no witness of this ledger")
        seconds = int.from_bytes(payload[4:12], "big")
        message = f"cosignature/v1\ntime {seconds}\n".encode() + note.body
        line = (name, payload[:4] + payload[12:])
        _check_line(line, witnesses[name], b"\4", "hanse-cosignature/", message)
    return names


def _check_line(
    line: tuple[str, bytes], key: dict[str, Any], kind: bytes, prefix: str, message: bytes
) -> None:
    name, payload, public_key = line[0], line[1], unb64(key["public_key"])
    if key["suite"] != "ed25519-sha256":
        kind = b"\xff" + prefix.encode() + key["suite"].encode()
    if payload[:4] != sha256(name.encode() + b"\n" + kind + public_key)[:4]:
        raise EvidenceError(f"the key id of {name} is of another key")
    check_signature(key["suite"], public_key, message, payload[4:])
