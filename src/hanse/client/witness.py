# SPDX-License-Identifier: Apache-2.0
"""Witnesses: outside parties who cosign checkpoints, and by that make a fork impossible to hide.

A witness keeps one size and one root for each ledger. It signs only what extends them, and its new
state is durable before the signature leaves: after a crash it may have signed less than it
remembers, never more (``spec/checkpoint.md``).
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, Literal

import msgspec

from hanse.client._certificate import decode_header, verify_header_of, verify_in_note
from hanse.client._files import read_if_there, write_durably
from hanse.client._genesis import Genesis, PartyKey
from hanse.client.note import (
    Note,
    NoteLine,
    build_witness_line,
    key_id,
    parse_note,
    verify_operator,
)
from hanse.codec.base64url import to_hash, to_text
from hanse.codec.canonical import decode, decode_as, encode
from hanse.codec.documents import TAG_HEADER, Header
from hanse.codec.limits import CLOCK_SKEW_MS_MAX, LOG_CONSISTENCY_MAX
from hanse.crypto.signers import Signer
from hanse.errors import Corrupt, Misconfigured, ProofInvalid, Rejected
from hanse.merkle.log import verify_consistency


@dataclass(eq=False)
class NotCosigned(Rejected):
    """The witness does not sign this checkpoint now; a later one may pass."""

    reason: str
    code: ClassVar[str] = "not_cosigned"
    status: ClassVar[int] = 409
    hint: ClassVar[str] = "Ask again with the newest checkpoint; compare the clocks of both sides."


@dataclass(eq=False)
class ForkSeen(Corrupt):
    """The operator signed two histories: the checkpoint does not extend the one signed before."""

    reason: str
    size_seen: int
    size_shown: int
    code: ClassVar[str] = "fork_seen"
    status: ClassVar[int] = 502
    hint: ClassVar[str] = (
        "Keep both notes as evidence and tell the members; do not reset the witness."
    )


@dataclass(eq=False)
class WitnessStateUnusable(Misconfigured):
    """The witness does not know what it signed last, so it signs nothing."""

    path: str
    reason: str
    code: ClassVar[str] = "witness_state_unusable"
    hint: ClassVar[str] = "Restore the file, or retire this witness's key and admit a new one."


class WitnessState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a witness signed last: nothing before it may change any more."""

    ledger: str
    root: str
    size: int
    time_ms: int
    v: Literal[1] = 1


_state_decoder = msgspec.json.Decoder(WitnessState)
Save = Callable[[WitnessState], None]


class Witness:
    """One witness of one ledger; everything but ``save`` is pure.

    Args:
        genesis: of the ledger whose id the witness's owner knows.
        name: as the genesis has it, with the key of ``signer``.
        state: what was signed last; ``None`` only when this key never signed for the ledger.
        save: makes a state durable, or raises; called before each signature leaves.
    """

    def __init__(
        self, genesis: Genesis, name: str, signer: Signer, state: WitnessState | None, save: Save
    ) -> None:
        """Take up the duty where ``state`` left it."""
        self.genesis: Final = genesis
        self.name: Final = name
        self._signer = signer
        self._save = save
        self._state = state
        named = genesis.witnesses.get(name)
        if named is None or named.public_key != signer.public_key:
            raise WitnessStateUnusable(path="", reason=f"the genesis has no {name} with this key")
        if state is not None and state.ledger != genesis.ledger:
            raise WitnessStateUnusable(path="", reason="the state is of another ledger")
        self.key_id: Final = key_id(PartyKey(name, signer.suite, signer.public_key), "witness")

    @property
    def size(self) -> int:
        """Size of the log that was signed last; 0 before the first signature."""
        return 0 if self._state is None else self._state.size

    def cosign(
        self,
        note_text: str,
        raw_header: bytes,
        header_path: Sequence[bytes],
        consistency: Sequence[bytes],
        now_ms: int,
    ) -> NoteLine:
        """Return a cosignature that is true: the log extends all that was signed before.

        Args:
            note_text: the operator's checkpoint; other lines are ignored.
            raw_header: the header whose leaf is the last of that log.
            header_path: inclusion path of that leaf.
            consistency: path from :attr:`size` to the note's size; empty at first or when equal.
            now_ms: the witness's own clock.

        Raises:
            Rejected: a document is not of its form, or ``not_cosigned``: too old, too far ahead,
                or smaller than what was signed before.
            ProofInvalid: the note or the header is not this operator's.
            ForkSeen: the operator signed another history.
        """
        note = parse_note(note_text)
        header = decode_header(raw_header)
        verify_operator(note, self.genesis)
        verify_header_of(header, self.genesis)
        block_id = self.genesis.hash.tagged(TAG_HEADER, raw_header)
        verify_in_note(note, header, block_id, header_path, self.genesis)
        self._check_extends(note, header, consistency)
        self._check_time(header, now_ms)
        state = WitnessState(
            ledger=self.genesis.ledger,
            root=to_text(note.checkpoint.root),
            size=note.checkpoint.size,
            time_ms=header.time_ms,
        )
        if state != self._state:
            self._save(state)
            self._state = state
        return build_witness_line(note.checkpoint, self.name, self._signer, now_ms // 1000)

    def _check_extends(self, note: Note, header: Header, path: Sequence[bytes]) -> None:
        seen, shown = self._state, note.checkpoint
        if seen is None:
            return
        seen_root = to_hash(seen.root)
        if shown.size < seen.size:
            raise NotCosigned(reason=f"size {shown.size} after {seen.size} was signed")
        if shown.size == seen.size:
            if shown.root != seen_root:
                raise ForkSeen(reason="two roots", size_seen=seen.size, size_shown=shown.size)
            return
        if len(path) > LOG_CONSISTENCY_MAX:
            raise NotCosigned(reason="the consistency path is too long")
        network_hash = self.genesis.hash
        try:
            verify_consistency(network_hash, seen.size, seen_root, shown.size, shown.root, path)
        except ProofInvalid as error:
            raise ForkSeen(
                reason=error.reason, size_seen=seen.size, size_shown=shown.size
            ) from None
        if header.time_ms < seen.time_ms:
            raise NotCosigned(reason="block time runs backwards")

    def _check_time(self, header: Header, now_ms: int) -> None:
        skew_ms = abs(header.time_ms - now_ms)
        if skew_ms > CLOCK_SKEW_MS_MAX:
            raise NotCosigned(reason=f"block time is {skew_ms} ms off this witness's clock")


def open_witness(genesis: Genesis, name: str, signer: Signer, path: Path) -> Witness:
    """Return the witness whose state is the file ``path``; the file is made at the first signature.

    An empty or damaged file is not taken for a first start: it raises.

    Raises:
        WitnessStateUnusable: not the file that this witness wrote, or a folder without leave.
    """
    raw = read_if_there(path)
    state = None if raw is None else _decode_state(raw, path)
    if not os.access(path.parent, os.W_OK):
        raise WitnessStateUnusable(path=str(path), reason="the folder cannot be written")
    return Witness(genesis, name, signer, state, lambda new: write_durably(path, encode(new)))


def _decode_state(raw: bytes, path: Path) -> WitnessState:
    try:
        decode(raw)
        state = decode_as(raw, _state_decoder)
        to_hash(state.root)
    except Rejected as error:
        raise WitnessStateUnusable(path=str(path), reason=str(error)) from None
    if state.size < 1:
        raise WitnessStateUnusable(path=str(path), reason="a size below 1")
    return state
