# SPDX-License-Identifier: Apache-2.0
"""Checkpoints as text: C2SP signed notes over size and root of the log (``spec/checkpoint.md``).

Sources: C2SP signed-note, tlog-checkpoint and tlog-cosignature, version 1 each. The form is parsed
strictly: what :func:`parse_note` accepts, :func:`encode_note` writes again, byte for byte.
"""

import hashlib
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from hanse.client._genesis import Genesis, PartyKey, is_note_name
from hanse.codec.base64url import to_hash
from hanse.codec.limits import WITNESSES_MAX
from hanse.crypto.signers import Signer
from hanse.errors import Malformed, ProofInvalid, Rejected

ORIGIN: Final = "hanse/"
DASH: Final = "\u2014 "
NOTE_CHARS_MAX: Final = 1024 + (1 + WITNESSES_MAX) * 512  # far above any honest note
KEY_ID_BYTES: Final = 4
TIME_BYTES: Final = 8
_SIZE_MAX: Final = 2**53 - 1
_DECIMAL: Final = re.compile(r"[1-9][0-9]{0,15}", re.ASCII).fullmatch

Role = Literal["operator", "witness"]


@dataclass(eq=False)
class NoCheckpoints(Rejected):
    """On this ledger the engine's validators make headers final: nobody signs checkpoints."""

    ledger: str
    code: ClassVar[str] = "no_checkpoints"
    status: ClassVar[int] = 409
    hint: ClassVar[str] = (
        "Trust the ledger id; `--memory` keeps the newest header seen. Witnesses are not needed."
    )


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Size and root of a ledger's log: what a note states."""

    ledger: str
    size: int
    root: bytes

    @property
    def body(self) -> str:
        """The signed text: origin, size, root, one a line."""
        return f"{ORIGIN}{self.ledger}\n{self.size}\n{b64encode(self.root).decode()}\n"


@dataclass(frozen=True, slots=True)
class NoteLine:
    """One signature line: who, key id, and what follows it."""

    name: str
    key_id: bytes
    payload: bytes

    def __str__(self) -> str:
        """Return the line without its end."""
        return f"{DASH}{self.name} {b64encode(self.key_id + self.payload).decode()}"


@dataclass(frozen=True, slots=True)
class Note:
    """A checkpoint with its signature lines, none of them checked yet."""

    checkpoint: Checkpoint
    lines: tuple[NoteLine, ...]


def parse_note(text: str) -> Note:
    """Return the note that ``text`` is: the operator's line first, then witnesses by name.

    Raises:
        Malformed: any other spelling of it.
    """
    if len(text) > NOTE_CHARS_MAX:
        raise Malformed(reason="the note is too long", at="$.note")
    body, _, tail = text.partition("\n\n")
    rows = body.split("\n")
    if len(rows) != 3 or not rows[0].startswith(ORIGIN) or not _DECIMAL(rows[1]):
        raise Malformed(reason="a checkpoint has origin, size and root", at="$.note")
    ledger = rows[0].removeprefix(ORIGIN)
    to_hash(ledger, "$.note")
    root = _standard_base64(rows[2])
    if int(rows[1]) > _SIZE_MAX or len(root) != 32:
        raise Malformed(reason="size or root of the checkpoint is out of range", at="$.note")
    lines = tuple(parse_line(row) for row in tail.split("\n")[:-1])
    note = Note(Checkpoint(ledger, int(rows[1]), root), lines)
    if not 1 <= len(lines) <= 1 + WITNESSES_MAX or encode_note(note) != text:
        raise Malformed(reason="the note is not in its one form", at="$.note")
    names = [line.name for line in lines[1:]]
    if names != sorted(set(names)):
        raise Malformed(reason="witness lines are sorted by name, one each", at="$.note")
    return note


def parse_line(row: str) -> NoteLine:
    """Return the signature line that ``row`` is.

    Raises:
        Malformed: not a signature line of a note.
    """
    name, space, text = row.removeprefix(DASH).partition(" ")
    data = _standard_base64(text)
    if not row.startswith(DASH) or not space or not is_note_name(name) or len(data) <= KEY_ID_BYTES:
        raise Malformed(reason="not a signature line", at="$.note")
    return NoteLine(name, data[:KEY_ID_BYTES], data[KEY_ID_BYTES:])


def encode_note(note: Note) -> str:
    """Return the one text of ``note``."""
    return note.checkpoint.body + "\n" + "".join(f"{line}\n" for line in note.lines)


def with_lines(note: Note, lines: Iterable[NoteLine]) -> Note:
    """Return ``note`` with further witness lines, one for each name, in order."""
    named = {line.name: line for line in (*note.lines[1:], *lines)}
    return Note(note.checkpoint, (note.lines[0], *(named[name] for name in sorted(named))))


def key_id(party: PartyKey, role: Role) -> bytes:
    """Return the four bytes by which a note names the key; by SHA-256 on every network."""
    if party.suite.name == "ed25519-sha256":
        kind = b"\x01" if role == "operator" else b"\x04"
    else:
        prefix = "hanse/" if role == "operator" else "hanse-cosignature/"
        kind = b"\xff" + (prefix + party.suite.name).encode()
    data = party.name.encode() + b"\n" + kind + party.public_key
    return hashlib.sha256(data).digest()[:KEY_ID_BYTES]


def build_operator_line(checkpoint: Checkpoint, name: str, signer: Signer) -> NoteLine:
    """Return the operator's signature of ``checkpoint``; ``name`` is ``node@organisation``."""
    party = PartyKey(name, signer.suite, signer.public_key)
    signature = signer.sign(checkpoint.body.encode())
    return NoteLine(name, key_id(party, "operator"), signature)


def build_witness_line(checkpoint: Checkpoint, name: str, signer: Signer, time_s: int) -> NoteLine:
    """Return a witness's cosignature of ``checkpoint`` at ``time_s``, seconds since 1970."""
    party = PartyKey(name, signer.suite, signer.public_key)
    signature = signer.sign(_cosigned_text(checkpoint, time_s))
    payload = time_s.to_bytes(TIME_BYTES) + signature
    return NoteLine(name, key_id(party, "witness"), payload)


def verify_operator(note: Note, genesis: Genesis) -> None:
    """Establish that the genesis's operator signed the note's checkpoint of this ledger.

    Raises:
        ProofInvalid: another ledger's origin, another signer, or a signature that does not hold.
    """
    operator, line = genesis.operator, note.lines[0]
    if note.checkpoint.ledger != genesis.ledger:
        raise ProofInvalid(reason="the note belongs to another ledger")
    if line.name != operator.name or line.key_id != key_id(operator, "operator"):
        raise ProofInvalid(reason="the first signature of the note is not the operator's")
    message = note.checkpoint.body.encode()
    if not operator.suite.is_signature_valid(operator.public_key, message, line.payload):
        raise ProofInvalid(reason="the operator's signature of the note does not hold")


def verify_witnesses(note: Note, genesis: Genesis) -> tuple[str, ...]:
    """Return the names of the witnesses whose cosignatures the note carries, all of them checked.

    Raises:
        ProofInvalid: a cosignature of nobody the genesis names, or one that does not hold.
    """
    for line in note.lines[1:]:
        witness = genesis.witnesses.get(line.name)
        if witness is None or line.key_id != key_id(witness, "witness"):
            raise ProofInvalid(reason=f"{line.name} is not a witness of this ledger")
        time_s = int.from_bytes(line.payload[:TIME_BYTES])
        message = _cosigned_text(note.checkpoint, time_s)
        signature = line.payload[TIME_BYTES:]
        if not witness.suite.is_signature_valid(witness.public_key, message, signature):
            raise ProofInvalid(reason=f"the cosignature of {line.name} does not hold")
    return tuple(line.name for line in note.lines[1:])


def _cosigned_text(checkpoint: Checkpoint, time_s: int) -> bytes:
    return f"cosignature/v1\ntime {time_s}\n{checkpoint.body}".encode()


def _standard_base64(text: str) -> bytes:
    try:
        data = b64decode(text, validate=True)
    except ValueError:
        raise Malformed(reason="not base64", at="$.note") from None
    if b64encode(data).decode() != text:
        raise Malformed(reason="not the one base64 spelling of its bytes", at="$.note")
    return data
