# SPDX-License-Identifier: Apache-2.0
"""The parts of the stand-alone verifier, each against a simple model or the ledger's own code."""

import hashlib
from base64 import b64decode, b64encode
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.verifier.build import Ledger, b64

from hanse.client._claim import claim_of
from hanse.client._documents import StatePart
from hanse.codec.canonical import decode as decode_by_ledger
from hanse.contracts.keys import encode_key as encode_key_by_ledger
from hanse.errors import HanseError
from hanse_verify.display import read_key
from hanse_verify.documents import check, decode, encode, unb64
from hanse_verify.proofs import check_note, check_state, log_root, state_key
from hanse_verify.suites import check_signature, sha256

OURS = Ledger()
REFUSED = ValueError  # how the parts refuse; the six steps turn it into a verdict
P256_ORDER = int("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551", 16)


# the log


def test_every_leaf_of_every_log_up_to_33_leads_to_its_root_and_to_no_other_place() -> None:
    for size in range(1, 34):
        leaves = [bytes([n]) for n in range(size)]
        root = OURS.log_root(leaves)
        for index in range(size):
            path = [b64(p) for p in OURS.log_path(index, leaves)]
            assert log_root(sha256, leaves[index], index, size, path) == root
            for other in range(size):
                if other != index:
                    assert _root_or_none(leaves[index], other, size, path) != root
            for wrong in (path[:-1], [*path, b64(bytes(32))], path[1:]):
                if wrong != path:
                    assert _root_or_none(leaves[index], index, size, wrong) != root


def _root_or_none(leaf: bytes, index: int, size: int, path: list[str]) -> bytes | None:
    try:
        return log_root(sha256, leaf, index, size, path)
    except REFUSED:
        return None


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (7, 3), (2**53, 2**53)])
def test_a_leaf_outside_of_the_log_has_no_root(index: int, size: int) -> None:
    with pytest.raises(REFUSED, match="outside"):
        log_root(sha256, b"", index, size, [])


def test_a_path_that_goes_on_beyond_the_root_is_refused() -> None:
    with pytest.raises(REFUSED, match="too long"):
        log_root(sha256, b"leaf", 0, 1, [b64(bytes(32))])


# the state: a trie of another form is refused even if its root were certified


def trie_proof(bucket: list[tuple[bytes, bytes]], depth: int) -> tuple[bytes, dict]:
    """Return root and proof of contract ``c`` whose key ``k`` lies in this bucket, so deep."""
    key, name = OURS.raw_tag("key", b"k"), OURS.raw_tag("contract", b"c")
    node, siblings = OURS.raw_tag("bucket", b"".join(k + v for k, v in bucket)), []
    for digit in key.hex()[:depth][::-1]:
        children = [bytes(32)] * 16
        children[int(digit, 16)] = node
        node = OURS.raw_tag("node", b"".join(children))
        siblings.append(b64(bytes(480)))
    entry = {"bucket": [b64(k + v) for k, v in bucket], "siblings": siblings, "value": 7}
    proof = {"bucket": [b64(name + node)], "entries": [entry], "siblings": []}
    return OURS.raw_tag("bucket", name + node), proof


def check_trie(root: bytes, proof: dict) -> None:
    check(proof, "state")
    check_state(sha256, root, "c", [b"k"], proof)


def test_a_trie_of_the_one_form_is_accepted_at_every_depth() -> None:
    entry = (OURS.raw_tag("key", b"k"), OURS.tag("value", 7))
    for depth in (0, 1, 2, 64):
        root, proof = trie_proof([entry], depth)
        check_trie(root, proof)


@pytest.mark.parametrize("form", ["17 entries", "unsorted", "repeated", "elsewhere", "too deep"])
def test_a_trie_of_another_form_is_refused(form: str) -> None:
    key = OURS.raw_tag("key", b"k")
    entry = (key, OURS.tag("value", 7))
    others = [(bytes([n]) * 32, bytes(32)) for n in range(16)]
    bucket, depth = {
        "17 entries": (sorted([entry, *others]), 0),
        "unsorted": (sorted([entry, others[0]])[::-1], 0),
        "repeated": ([entry, entry], 0),
        "elsewhere": (sorted([entry, (bytes([key[0] ^ 255]) + key[1:], bytes(32))]), 1),
        "too deep": ([entry], 64),
    }[form]
    root, proof = trie_proof(bucket, depth)
    if form == "too deep":
        proof["entries"][0]["siblings"].append(b64(bytes(480)))
    with pytest.raises(REFUSED):
        check_trie(root, proof)


# canonical JSON: the ledger's codec and this one agree


@given(st.text(alphabet='{}[]":,01-.e \\u\u00e9\ntrufalsn', max_size=12))
@settings(max_examples=1500, deadline=None, derandomize=True)
def test_the_two_codecs_accept_the_same_bytes(text: str) -> None:
    data = text.encode()
    try:
        expected: object = decode_by_ledger(data)
    except HanseError:
        with pytest.raises(REFUSED):
            decode(data)
        return
    assert decode(data) == expected
    assert encode(expected) == data


@pytest.mark.parametrize(
    ("data", "good"),
    [
        (b'{"a":1,"b":[]}', True), (b'{"b":1,"a":1}', False), (b'{"a":1,"a":1}', False),
        (b'{"a-b":1}', False), (b'{"1a":1}', False), (b'{"":1}', False), (b'{"_":1}', True),
        (b"9007199254740991", True), (b"9007199254740992", False), (b"-9007199254740991", True),
        (b"-9007199254740992", False), (b"-0", False), (b"1.0", False), (b"1e2", False),
        (b"NaN", False), (b"Infinity", False), (b'"\\u0001"', True), (b'"\\u000A"', False),
        (b'"\\n"', True), (b'"\\/"', False), (b'"\\u00e9"', False),
        ('"\u00e9\U0001f600"'.encode(), True),
        (b'"\\ud83d\\ude00"', False), (b'"\x7f"', True), (b'"\x01"', False), (b"\xff", False),
        (b"[" * 32 + b"]" * 32, True), (b"[" * 33 + b"]" * 33, False), (b"", False), (b" 1", False),
    ],
)  # fmt: skip
def test_exactly_one_spelling_is_canonical(data: bytes, good: bool) -> None:
    for codec in (decode, decode_by_ledger):
        if good:
            codec(data)
        else:
            with pytest.raises((REFUSED, HanseError)):
                codec(data)


@pytest.mark.parametrize("text", ["A", "AB", "AA=", "AA==", "A+", "A/", "AA\n", " AA", "\u00c5A"])
def test_bytes_have_one_spelling(text: str) -> None:
    with pytest.raises(REFUSED):
        unb64(text)


# signatures


def test_of_the_two_p256_signatures_only_the_lower_counts() -> None:
    signer = Ledger("p256-sha256").signer("x")
    signature = signer.sign(b"m")
    check_signature("p256-sha256", signer.public_key, b"m", signature)
    r, s = signature[:32], int.from_bytes(signature[32:], "big")
    for other in (P256_ORDER - s, s + P256_ORDER, 0, P256_ORDER):
        if other < 2**256:
            with pytest.raises(REFUSED):
                check_signature(
                    "p256-sha256", signer.public_key, b"m", r + other.to_bytes(32, "big")
                )
    longer = signature[:32] + b"\0" + signature[32:]
    for wrong in (signature[:-1], signature + b"\0", longer, bytes(32) + signature[32:], b""):
        with pytest.raises(REFUSED):
            check_signature("p256-sha256", signer.public_key, b"m", wrong)


@pytest.mark.parametrize("prefix", [b"\x00", b"\x04", b"\x05", b""])
def test_a_p256_key_has_one_spelling(prefix: bytes) -> None:
    signer = Ledger("p256-sha256").signer("x")
    with pytest.raises(REFUSED):
        check_signature("p256-sha256", prefix + signer.public_key[1:], b"m", signer.sign(b"m"))


def test_a_p256_key_written_in_full_is_refused() -> None:
    signer = Ledger("p256-sha256").signer("x")
    point = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), signer.public_key)
    full = point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    with pytest.raises(REFUSED):
        check_signature("p256-sha256", full, b"m", signer.sign(b"m"))


@pytest.mark.parametrize("sign", [0, 1])
@pytest.mark.parametrize("beyond", [0, 1])
def test_no_key_of_small_order_verifies_whatever_its_spelling(sign: int, beyond: int) -> None:
    field = 2**255 - 19
    y8 = int("7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD83D3D706A17C7", 16)
    found = 0
    for y in (0, 1, field - 1, y8, field - y8):
        if (number := y + beyond * field) < 2**255:
            found += 1
            key = (number | sign << 255).to_bytes(32, "little")
            with pytest.raises(REFUSED):
                check_signature("ed25519-sha256", key, b"any", b"\1" + bytes(63))
    assert found == (2 if beyond else 5)


# state keys

PARTS = st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8)


@given(st.lists(PARTS, max_size=4))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_a_state_key_is_shown_as_what_it_was_made_of(parts: list[object]) -> None:
    key = b"lots\0" + encode_key_by_ledger(tuple(parts))
    assert read_key(key) == ("lots", parts)
    nested = b"lots\0" + encode_key_by_ledger((*parts, tuple(parts)))
    assert read_key(nested) == ("lots", [*parts, parts])


def test_bytes_and_great_numbers_are_shown_as_text() -> None:
    assert read_key(b"m\0" + encode_key_by_ledger((b"\0\xff", -(2**200)))) == (
        "m", ["AP8", str(-(2**200))]
    )  # fmt: skip


@given(st.lists(st.text(max_size=8), min_size=1, max_size=3))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_the_keys_of_the_registry_are_spelt_as_the_ledger_spells_them(parts: list[str]) -> None:
    assert state_key("keys", *parts) == b"keys\0" + encode_key_by_ledger(tuple(parts))


SPELLINGS = st.one_of(
    st.binary(max_size=40),
    st.lists(PARTS, max_size=3).map(lambda parts: encode_key_by_ledger(tuple(parts))),
    st.builds(  # near to a number, a text, a tuple: too long, cut, not in its fewest bytes
        lambda start, rest: start + rest,
        st.sampled_from([b"\x20\x81", b"\x20\x82\x00", b"\x20\x7e", b"\x20\x7d\xff", b"\x20\x7f",
                         b"\x20\xa0", b"\x20\xa1", b"\x20\x5e", b"\x50", b"\x30", b"\x40"]),
        st.binary(max_size=34),
    ),
)  # fmt: skip


@given(SPELLINGS)
@settings(max_examples=2000, deadline=None, derandomize=True)
def test_both_verifiers_show_a_key_alike_and_no_other_spelling_as_that_key(data: bytes) -> None:
    key = b"lots\0" + data
    name, shown = read_key(key)
    evidence = StatePart(contract="c", key=key, value=None)
    claim = claim_of(SimpleNamespace(record=None, state=evidence, range=None))
    assert (claim["map"], claim["key"]) == (name, shown)
    assert isinstance(shown, list) or shown == b64(key)


@pytest.mark.parametrize(
    "spelling", ["2082 0005", "207d fffa", "207f", "2082 05", "50 3000", "20a1"]
)
def test_another_spelling_of_a_key_is_not_shown_as_that_key(spelling: str) -> None:
    key = b"lots\0" + bytes.fromhex(spelling)
    assert read_key(key) == ("lots", b64(key))


# checkpoints: checked as one text, which is rebuilt from what was verified

SIZE = len(OURS.leaves)
BODY = f"hanse/{OURS.id}\n{SIZE}\n{b64encode(OURS.log_root(OURS.leaves)).decode()}\n"


def check_ours(note: str) -> str:
    return check_note(note, BODY, OURS.genesis)


def test_a_genuine_checkpoint_names_who_signed_it() -> None:
    assert check_ours(OURS.note(3)) == "signed by node1@acme, w-east, w-south"


def test_the_key_ids_are_those_of_signed_notes() -> None:
    line = OURS.note(3).split("\n")[4]
    key = OURS.signer("node1").public_key
    payload = b64decode(line.split(" ")[2])
    assert payload[:4] == hashlib.sha256(b"node1@acme\n\x01" + key).digest()[:4]
    other = b64encode(bytes(4) + payload[4:]).decode()
    with pytest.raises(REFUSED, match="key id"):
        check_ours(OURS.note(3).replace(line.split(" ")[2], other))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\n", "\r\n"), ("hanse/", "Hanse/"), ("hanse/", "hanse/x"), ("\u2014 ", "- "),
        ("\u2014 ", "\u2014"), ("\u2014 ", "\u2014  "), ("\n\n", "\n\n\n"), ("\n\n", "\nmore\n\n"),
        (f"\n{SIZE}\n", f"\n0{SIZE}\n"), (f"\n{SIZE}\n", f"\n+{SIZE}\n"),
        (f"\n{SIZE}\n", f"\n{SIZE} \n"), (f"\n{SIZE}\n", "\n\u0661\n"), (f"\n{SIZE}\n", "\n-1\n"),
        (f"\n{SIZE}\n", f"\n{10**16}\n"), ("=\n", "\n"), ("=\n", "==\n"),
        ("node1@acme", "node1 acme"), ("node1@acme", "node1+acme"), ("node1@acme", "a\u2028b c"),
    ],
)  # fmt: skip
def test_no_other_text_is_a_checkpoint(old: str, new: str) -> None:
    text = OURS.note(3)
    assert text.count(old) > 0
    with pytest.raises(REFUSED):
        check_ours(text.replace(old, new, 1))
    for tail in ("\n", " ", "x", "\0"):
        with pytest.raises(REFUSED):
            check_ours(text + tail)


@pytest.mark.parametrize("line", [2, 4, 5, 6])
def test_spare_bits_of_a_root_or_a_signature_are_refused(line: int) -> None:
    text = OURS.note(3)
    found = text.split("\n")[line].split(" ")[-1]
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    bare = found.rstrip("=")
    last = alphabet[alphabet.index(bare[-1].encode()) ^ 1 :][:1].decode()
    other = bare[:-1] + last + "=" * (len(found) - len(bare))
    assert b64decode(other) == b64decode(found)
    assert b64encode(b64decode(other)).decode() != other
    with pytest.raises(REFUSED):
        check_ours(text.replace(found, other))
