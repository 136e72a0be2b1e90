# SPDX-License-Identifier: Apache-2.0
"""What a client remembers of each ledger between its runs: the newest checkpoints that it has seen.

Without this a node could show one history today and another tomorrow.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, Literal, Protocol

import msgspec

from hanse.client._certificate import decode_commit, decode_header
from hanse.client._commit import Weight, verify_keys
from hanse.client._files import read_if_there, write_durably
from hanse.client.note import parse_note
from hanse.codec.base64url import to_hash
from hanse.codec.canonical import decode, decode_as, encode
from hanse.errors import HanseError, Misconfigured


@dataclass(eq=False)
class MemoryUnusable(Misconfigured):
    """A file of the client's state folder is not what the client wrote."""

    path: str
    reason: str
    code: ClassVar[str] = "client_state_unusable"
    hint: ClassVar[str] = "Restore the file; removing it forgets what the ledger has shown so far."


class Seen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The newest checkpoint seen, and the newest with the witnesses' quorum, as notes."""

    newest: str
    witnessed: str | None
    v: Literal[1] = 1


class SeenHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The newest header seen of a ledger whose engine votes, and who votes from ``since`` on.

    ``log_size`` and ``log_root`` are the most of the log that was seen to be final.
    """

    certificate: msgspec.Raw
    header: msgspec.Raw
    log_root: str
    log_size: int
    since: int
    voters: list[Weight]
    engine: Literal["cometbft"] = "cometbft"
    v: Literal[1] = 1


class _Kind(msgspec.Struct, frozen=True):
    engine: str | None = None


class _Trusted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    ledgers: list[tuple[str, str]]
    v: Literal[1] = 1


_kind_decoder = msgspec.json.Decoder(_Kind)
_seen_decoder = msgspec.json.Decoder(Seen)
_header_decoder = msgspec.json.Decoder(SeenHeader)
_trusted_decoder = msgspec.json.Decoder(_Trusted)


class Memory(Protocol):
    """Where a client keeps what it has seen."""

    def load_seen(self, ledger: str) -> Seen | SeenHeader | None:
        """Return what was seen of ``ledger``; ``None`` the first time."""

    def save_seen(self, ledger: str, seen: Seen | SeenHeader) -> None:
        """Keep what was seen of ``ledger``."""

    def save_fork(self, ledger: str, evidence: bytes) -> None:
        """Keep two headers of ``ledger`` that cannot both be."""

    def load_trust(self, url: str) -> str | None:
        """Return the ledger id that was trusted on first use at ``url``."""

    def save_trust(self, url: str, ledger: str) -> None:
        """Keep the ledger id that is trusted on first use at ``url``."""


class MemoryOfProcess:
    """Remembers as long as the process lives."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._seen: dict[str, Seen | SeenHeader] = {}
        self._trust: dict[str, str] = {}
        self.forks: dict[str, bytes] = {}

    def load_seen(self, ledger: str) -> Seen | SeenHeader | None:
        """Return what was seen of ``ledger``; ``None`` the first time."""
        return self._seen.get(ledger)

    def save_seen(self, ledger: str, seen: Seen | SeenHeader) -> None:
        """Keep what was seen of ``ledger``."""
        self._seen[ledger] = seen

    def save_fork(self, ledger: str, evidence: bytes) -> None:
        """Keep two headers of ``ledger`` that cannot both be."""
        self.forks[ledger] = evidence

    def load_trust(self, url: str) -> str | None:
        """Return the ledger id that was trusted on first use at ``url``."""
        return self._trust.get(url)

    def save_trust(self, url: str, ledger: str) -> None:
        """Keep the ledger id that is trusted on first use at ``url``."""
        self._trust[url] = ledger


class MemoryOfFolder:
    """Remembers in a folder: ``<ledger id>.json`` each, ``trusted.json`` for first use.

    ``<ledger id>.fork.json`` holds two headers that cannot both be, once they were shown.
    """

    def __init__(self, folder: Path) -> None:
        """Use ``folder``, made if it is not there."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder: Final = folder

    def load_seen(self, ledger: str) -> Seen | SeenHeader | None:
        """Return what was seen of ``ledger``; ``None`` the first time.

        Raises:
            MemoryUnusable: the file is damaged; it is not taken for a first time.
        """
        path = self._path(ledger)
        raw = read_if_there(path)
        if raw is None:
            return None
        try:
            decode(raw)
            seen, ledgers = _read_seen(raw)
        except HanseError as error:
            raise MemoryUnusable(path=str(path), reason=str(error)) from None
        if ledgers != {ledger}:
            raise MemoryUnusable(path=str(path), reason="it is of another ledger")
        return seen

    def save_seen(self, ledger: str, seen: Seen | SeenHeader) -> None:
        """Keep what was seen of ``ledger``, durably."""
        write_durably(self._path(ledger), encode(seen))

    def save_fork(self, ledger: str, evidence: bytes) -> None:
        """Keep two headers of ``ledger`` that cannot both be, durably; the first two stay."""
        path = self._path(ledger).with_suffix(".fork.json")
        if read_if_there(path) is None:
            write_durably(path, evidence)

    def load_trust(self, url: str) -> str | None:
        """Return the ledger id that was trusted on first use at ``url``."""
        return dict(self._trusted().ledgers).get(url)

    def save_trust(self, url: str, ledger: str) -> None:
        """Keep the ledger id that is trusted on first use at ``url``, durably."""
        ledgers = dict(self._trusted().ledgers) | {url: ledger}
        document = _Trusted(ledgers=sorted(ledgers.items()))
        write_durably(self._folder / "trusted.json", encode(document))

    def _trusted(self) -> _Trusted:
        path = self._folder / "trusted.json"
        raw = read_if_there(path)
        if raw is None:
            return _Trusted(ledgers=[])
        try:
            return decode_as(raw, _trusted_decoder)
        except HanseError as error:
            raise MemoryUnusable(path=str(path), reason=str(error)) from None

    def _path(self, ledger: str) -> Path:
        to_hash(ledger)  # an id becomes part of a path only when it is one
        return self._folder / f"{ledger}.json"


def _read_seen(raw: bytes) -> tuple[Seen | SeenHeader, set[str]]:
    """Return what was seen, and the ledgers that it speaks of.

    Raises:
        Rejected: not what the client wrote.
    """
    if decode_as(raw, _kind_decoder).engine is None:
        seen = decode_as(raw, _seen_decoder)
        texts = [text for text in (seen.newest, seen.witnessed) if text is not None]
        return seen, {parse_note(text).checkpoint.ledger for text in texts}
    found = decode_as(raw, _header_decoder)
    decode_commit(bytes(found.certificate))
    verify_keys(found.voters, "$.voters")
    to_hash(found.log_root, "$.log_root")
    return found, {decode_header(bytes(found.header)).ledger}
