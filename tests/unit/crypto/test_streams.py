# SPDX-License-Identifier: Apache-2.0
"""A sealed file opens with its passphrase to exactly what was written, or not at all."""

import io

import pytest

from hanse.crypto import SUITES, streams, suite_named
from hanse.crypto.keyfiles import SCRYPT_LOG_N_MIN, PassphraseEmpty, PassphraseWrong
from hanse.crypto.sealing import SealBroken
from hanse.crypto.streams import MAGIC, SealedReader, SealedWriter

SUITE = "ed25519-sha256"


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "PIECE", 16)


def sealed(data: bytes, suite: str = SUITE) -> bytes:
    target = io.BytesIO()
    writer = SealedWriter(target, "word", suite_named(suite), log_n=SCRYPT_LOG_N_MIN)
    for at in range(0, len(data), 5):
        assert writer.write(data[at : at + 5]) == len(data[at : at + 5])
    writer.close()
    return target.getvalue()


def opened(data: bytes, word: str | None = "word") -> bytes:
    reader = SealedReader(io.BytesIO(data), "file", word)
    parts = []
    while part := reader.read(7):
        parts.append(part)
    return b"".join(parts)


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 32, 33, 100])
def test_what_was_sealed_is_read_again_and_shows_nothing(suite: str, size: int) -> None:
    data = bytes(range(size))
    file = sealed(data, suite)
    assert file.startswith(MAGIC)
    assert size < 4 or data not in file
    assert opened(file) == data


def test_without_the_passphrase_it_stays_closed() -> None:
    file = sealed(b"secret")
    for word in (None, "", "other"):
        with pytest.raises(PassphraseWrong):
            opened(file, word)
    with pytest.raises(PassphraseEmpty):
        SealedWriter(io.BytesIO(), "", suite_named(SUITE))


def pieces(file: bytes) -> tuple[bytes, list[bytes]]:
    line, _, rest = file.partition(b"\n")
    found = []
    while rest:
        size = 4 + int.from_bytes(rest[:4])
        found.append(rest[:size])
        rest = rest[size:]
    return line + b"\n", found


def test_pieces_cannot_be_moved_left_out_repeated_or_added() -> None:
    line, parts = pieces(sealed(bytes(50)))
    assert len(parts) == 4
    other = pieces(sealed(bytes(50)))[1]
    bad = {
        "moved": [parts[0], parts[2], parts[1], parts[3]],
        "left out": [parts[0], *parts[2:]],
        "repeated": [parts[0], parts[0], *parts[1:]],
        "cut": parts[:-1],
        "added": [*parts, parts[-1]],
        "another's": [*parts[:-1], other[-1]],
        "last as any": [parts[0], parts[3]],
    }
    for changed in bad.values():
        with pytest.raises(SealBroken):
            opened(line + b"".join(changed))


@pytest.mark.slow
def test_any_changed_byte_and_any_cut_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    keys: dict[object, bytes] = {}
    real = streams.stretch

    def once(word: str, cost: object, suite: object) -> bytes:  # or each try takes 20 ms
        return keys.setdefault((word, cost.salt, cost.log_n), real(word, cost, suite))

    monkeypatch.setattr(streams, "stretch", once)
    file = sealed(bytes(range(40)))
    for at in range(len(file)):
        flipped = bytearray(file)
        flipped[at] ^= 1 << at % 8
        for bad in (bytes(flipped), file[:at]):
            with pytest.raises((SealBroken, PassphraseWrong)):
                opened(bad)
