# SPDX-License-Identifier: Apache-2.0
"""Commits of CometBFT: figures of the real software, and the rule of more than two thirds.

The known answers were printed once by a program over the Go types of CometBFT 0.40.0
(``Header.Hash``, ``ValidatorSet.Hash``, ``VoteSignBytes``), with the inputs that stand below.
"""

import copy
from collections.abc import Callable

import msgspec
import pytest
from tests.verifier import engine
from tests.verifier.build import b64

from hanse.client._commit import (
    CommitCertificate,
    EngineValidator,
    verify_block_commit,
    verify_certificate_form,
    vote_bytes,
    vote_start,
    voters_of,
)
from hanse.errors import HanseError
from hanse_verify import cometbft, documents
from hanse_verify.cometbft import APP_HASH, HEIGHT, check_commit, merkle_root, read_powers
from hanse_verify.documents import unb64
from hanse_verify.suites import check_signature, sha256

TIME = {"nanos": 123_456_789, "seconds": 1_790_000_000}
VALIDATORS = [
    {"node": "node1", "organisation": o, "power": p, "public_key": k}
    for o, p, k in (
        ("acme", 10, "Tuqq3xMBIO3jk5apWkikY3fhqBUDsRYad3EW5WycgXQ"),
        ("beta", 30, "VxBQffEiYxOfzUo4bm-kQe5yQvdy--pSJ96PPAB0KyE"),
        ("city", 10, "k_vOcxZFCnTop_Et-zITEJbMBvTwi2PL9kkxeyGGnbg"),
        ("port", 7_000_000_000, "uEsYgk_NH4nVT3z2VrUTOQB7k1_d_hcJM-l8g7ui0KU"),
    )
]
VOTES = [  # strongest first, and of equals the lower address first
    ("17b9a204cedfef7f4c1c22ebf15aeea2bd2e28f9",
     "xxmzWcVsh8ajMwk3C69AQCmvPY1xXFlpcNQEq1wRxn4Xx8IX4mbR3lkB0z_CtbbTpSzHVX50RMaD4dmJzfssAw"),
    ("5ef3b5f25c54946d4a89fc0d09d2f126614540f2",
     "EBFv0i96tImxVr35iVAgETrmsJAryWe56M6nh9uIYJ13qZVTEMbYg3ena2TTHTI6y8XVlOovIKvQKDMinSziCA"),
    ("3ab62f0d93849be495e21e3e9013a517038f45bd",
     "OdxLrGZoWMQN6RQl-IOY986H2_37hzTbzKF7cSlEtwojeQ8IUvS6LWsQ-SLxT_zxt1vB8a02u6t1aRdbe5saAA"),
    ("63d771218209d8bd03c482f69dfba57310f08609",
     "glCJSLHDjlxpaF1iABdkhBOvNfaIm_Yhq42M_ZhxRsC1Za8Y2e5fH97jN2LvENbWvtHQZBfbYwr4a8QNj06yAA"),
]  # fmt: skip
HASH = "950ea21f6042b9343c00052de14555603e88e0dc8e73f67f57cf0c7e679a014f"
HASH_OF_FIRST = "6b2cd5a3611a81d319ab7a028698772a9f349aa523af70c5baf90732be225a7f"
BLOCK = "22480a20" + HASH + "122408011220" + "0a" * 32
TAIL = "2a0b0880f7c4d50610959aef3a3209686172626f75722d31"
SIGN_BYTES = {  # by round and flag: a vote for the block, or for none
    (0, 2): "6d08021187d6120000000000" + BLOCK + TAIL,
    (0, 3): "2308021187d6120000000000" + TAIL,
    (2, 2): "7608021187d6120000000000190200000000000000" + BLOCK + TAIL,
    (2, 3): "2c08021187d6120000000000190200000000000000" + TAIL,
}


def fill(byte: int) -> bytes:
    return bytes([byte]) * 32


def leaves(
    height: int, last_block: bytes, last_commit: bytes, last_results: bytes, app: int
) -> list[bytes]:
    """Encode the header that the program hashed, by the tests' own encoder of protocol buffers."""
    proto, validators = engine.proto, bytes.fromhex(VALIDATORS_HASH)
    hashes = [last_commit, fill(4), validators, fill(5), fill(6), fill(7), last_results, fill(9)]
    return [
        proto((1, "i", 11), (2, "i", app)), proto((1, "b", b"harbour-1")), proto((1, "i", height)),
        engine.wire_time(TIME), last_block, *(proto((1, "b", one)) for one in hashes),
        proto((1, "b", bytes.fromhex(VOTES[0][0]))),
    ]  # fmt: skip


AT = 1_234_567
VALIDATORS_HASH = "132b0956966c872889e12fccd913257cf974d6e48ce75a42c605483d26235f35"
LEAVES = leaves(AT, engine.wire_block_id(fill(1), 3, fill(2)), fill(3), fill(8), 1)
PARTS = engine.proto((1, "i", 1), (2, "b", fill(10)))
CERTIFICATE = {
    "engine": "cometbft", "header": [b64(leaf) for leaf in LEAVES], "parts": b64(PARTS), "round": 0,
    "steps": [], "votes": [
        {"signature": VOTES[0][1], "time": b64(engine.wire_time(TIME))}, None, None, None,
    ],
}  # fmt: skip
POWERS = read_powers(VALIDATORS)
WANTED = {HEIGHT: AT, APP_HASH: fill(7)}


def test_the_header_hash_is_that_of_the_engine() -> None:
    assert merkle_root(LEAVES).hex() == engine.merkle(LEAVES).hex() == HASH


def test_the_hash_of_a_first_header_leaves_out_what_is_empty() -> None:
    first = leaves(1, engine.wire_block_id(b"", 0, b""), b"", b"", 0)
    assert merkle_root(first).hex() == HASH_OF_FIRST


@pytest.mark.parametrize(("round_", "flag"), SIGN_BYTES)
def test_the_bytes_that_validators_sign_are_those_of_the_engine(round_: int, flag: int) -> None:
    block = (bytes.fromhex(HASH), PARTS) if flag == 2 else None
    assert engine.precommit(AT, round_, block, TIME).hex() == SIGN_BYTES[round_, flag]


def test_the_signatures_of_the_engine_hold_in_the_order_of_the_set() -> None:
    keys = {sha256(unb64(v["public_key"]))[:20].hex(): v["public_key"] for v in VALIDATORS}
    for address, signature in VOTES:
        message = bytes.fromhex(SIGN_BYTES[0, 2])
        check_signature("ed25519-sha256", unb64(keys[address]), message, unb64(signature))


@pytest.mark.parametrize("round_", [0, 2])
def test_both_verifiers_check_signatures_over_those_bytes(
    round_: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bytes] = []
    monkeypatch.setattr(
        cometbft, "check_signature", lambda _suite, _key, message, _signed: seen.append(message)
    )
    certificate = CERTIFICATE | {"round": round_}
    check_commit(certificate, POWERS, engine.CHAIN, WANTED)
    ours = msgspec.convert(certificate, CommitCertificate)
    start = vote_start(bytes.fromhex(HASH), ours, AT)
    assert vote_bytes(start, ours.votes[0], engine.CHAIN.encode()) == seen[0]
    assert {message.hex() for message in seen} == {SIGN_BYTES[round_, 2]}


def test_a_commit_of_the_engine_is_accepted_by_both_verifiers() -> None:
    found = check_commit(CERTIFICATE, POWERS, engine.CHAIN, WANTED)
    assert found == "voting power 7000000000 of 7000000050"
    ours = msgspec.convert(CERTIFICATE, CommitCertificate)
    known = voters_of(msgspec.convert(VALIDATORS, list[EngineValidator]))
    assert known.root.hex() == VALIDATORS_HASH
    found = verify_block_commit(ours, known, engine.CHAIN, fill(7), AT - 1)
    assert found == "7000000000 of 7000000050"


Change = Callable[[dict, list], None]


def check(votes: str, change: Change | None = None, *, tidy: bool = True) -> str:
    """Judge a certificate of the powers 30, 25, 10, 10, as a function changed it, twice."""
    made = engine.commit("a", 8, bytes(32), votes, tidy=tidy)
    certificate = copy.deepcopy({"engine": "cometbft", "steps": [], **made})
    validators = engine.validators("a")
    if change:
        change(certificate, validators)
    by_ledger: str | None = None
    try:
        ours = msgspec.convert(certificate, CommitCertificate)
        known = voters_of(msgspec.convert(validators, list[EngineValidator]))
        verify_certificate_form(ours)
        by_ledger = verify_block_commit(ours, known, engine.CHAIN, bytes(32), 7)
    except (HanseError, msgspec.ValidationError):
        pass
    try:
        documents.check(certificate, "cometbft")
        documents.check(validators, "voter*1-")
        wanted = {HEIGHT: 8, APP_HASH: bytes(32)}
        found = check_commit(certificate, read_powers(validators), engine.CHAIN, wanted)
    except ValueError:
        assert by_ledger is None, "the two verifiers do not agree"
        raise
    assert found == f"voting power {by_ledger}"
    return by_ledger or ""


@pytest.mark.parametrize(
    ("powers", "votes", "power"),
    [
        *[((30, 25, 10, 10), votes, 55) for votes in ("2222", "2221", "2223", "2211", "2233")],
        *[((12, 11, 10, 10), votes, 33) for votes in ("2222", "2221", "2212", "2232")],
        ((12, 11, 10, 10), "2122", 32), ((12, 11, 10, 10), "1222", 31),
        ((1, 1, 1, 1), "2222", 3), ((1, 1, 1, 1), "2212", 3), ((7, 0, 0, 0), "2", 7),
    ],
)  # fmt: skip
def test_more_than_two_thirds_of_the_power_make_a_header_final(
    powers: tuple[int, ...], votes: str, power: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [name for name, number in zip(engine.POWERS, powers, strict=True) if number]
    monkeypatch.setattr(engine, "POWERS", dict(zip(names, powers, strict=False)))
    assert check(votes) == f"{power} of {sum(powers)}"


@pytest.mark.parametrize("votes", ["2222", "2221", "2212"])
def test_a_vote_beyond_two_thirds_is_one_that_could_be_left_out(votes: str) -> None:
    with pytest.raises(ValueError, match="too many"):
        check(votes, tidy=False)


@pytest.mark.parametrize("votes", ["2122", "2322", "2112", "1222", "2111", "1111", "3333"])
def test_two_thirds_or_less_do_not(votes: str) -> None:
    with pytest.raises(ValueError, match="not more than two thirds"):
        check(votes)


@pytest.mark.parametrize("votes", ["2223", "2232", "3222", "3333", "2322"])
def test_a_vote_for_no_block_does_not_pass_for_one(votes: str) -> None:
    with pytest.raises(ValueError, match="no valid signature"):
        check(votes, tidy=False)


def swap_votes(certificate: dict, _: list) -> None:
    certificate["votes"][:2] = certificate["votes"][1::-1]


def drop_vote(certificate: dict, _: list) -> None:
    del certificate["votes"][3]


def vote_left_out(certificate: dict, _: list) -> None:
    certificate["votes"][1] = None


def add_vote(certificate: dict, _: list) -> None:
    certificate["votes"].append(None)


def repeat_vote(certificate: dict, _: list) -> None:
    certificate["votes"][3] = certificate["votes"][0]


def empty_signature(certificate: dict, _: list) -> None:
    certificate["votes"][3] = {"signature": "", "time": ""}


def signature_of_an_absent_vote(certificate: dict, _: list) -> None:
    certificate["votes"][3] = certificate["votes"][0] | {"signature": b64(bytes(64))}


def another_time(certificate: dict, _: list) -> None:
    certificate["votes"][0]["time"] = b64(engine.wire_time(TIME | {"nanos": 6}))


def no_power(certificate: dict, validators: list) -> None:
    validators[0]["power"] = 0


def another_set_in_the_header(certificate: dict, _: list) -> None:
    certificate["header"][7] = b64(engine.proto((1, "b", bytes(32))))


def another_block_id(certificate: dict, _: list) -> None:
    certificate["header"][10] = b64(engine.proto((1, "b", bytes([1]) * 32)))


def another_chain(certificate: dict, _: list) -> None:
    certificate["header"][1] = b64(engine.proto((1, "b", b"harbour-2")))


def another_last_commit(certificate: dict, _: list) -> None:
    certificate["header"][5] = b64(engine.proto((1, "b", bytes(32))))


def leaves_swapped(certificate: dict, _: list) -> None:
    header = certificate["header"]
    header[11], header[12] = header[12], header[11]


def a_leaf_dropped(certificate: dict, _: list) -> None:
    del certificate["header"][13]


def a_leaf_more(certificate: dict, _: list) -> None:
    certificate["header"].append("")


def more_power(certificate: dict, validators: list) -> None:
    validators[0]["power"] = 1000


def a_validator_twice(certificate: dict, validators: list) -> None:
    validators[0]["public_key"] = validators[1]["public_key"]


def a_validator_twice_and_a_vote_less(certificate: dict, validators: list) -> None:
    validators[0]["public_key"] = validators[1]["public_key"]
    del certificate["votes"][3]


def no_validators(certificate: dict, validators: list) -> None:
    certificate["votes"].clear()
    validators.clear()


def another_height(certificate: dict, _: list) -> None:
    certificate["header"][2] = b64(engine.proto((1, "i", 9)))


def another_round(certificate: dict, _: list) -> None:
    certificate["round"] += 1


def another_part_set(certificate: dict, _: list) -> None:
    certificate["parts"] = b64(engine.proto((1, "i", 2), (2, "b", bytes(32))))


def parts_with_a_field_more(certificate: dict, _: list) -> None:
    certificate["parts"] = b64(unb64(certificate["parts"]) + engine.proto((3, "i", 1)))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (swap_votes, "no valid"),
        (drop_vote, "not one vote"),
        (add_vote, "not one vote"),
        (vote_left_out, "two thirds"),
        (repeat_vote, "no valid"),
        (empty_signature, "no valid"),
        (signature_of_an_absent_vote, "no valid"),
        (another_time, "no valid"),
        (more_power, "set of validators"),
        (another_set_in_the_header, "set of validators"),
        (a_validator_twice, "named twice"),
        (a_validator_twice_and_a_vote_less, "named twice"),
        (no_power, "no power"),
        (no_validators, "has not the form"),
        (another_block_id, "or block"),
        (another_chain, "another chain"),
        (another_last_commit, "no valid"),
        (leaves_swapped, "no valid"),
        (a_leaf_dropped, "has not the form"),
        (a_leaf_more, "has not the form"),
        (another_height, "chain, height"),
        (another_round, "no valid"),
        (another_part_set, "no valid"),
        (parts_with_a_field_more, "no valid"),
    ],
)
def test_a_changed_commit_is_refused_however_much_power_is_left(
    change: Change, reason: str
) -> None:
    assert check("2223") == "55 of 75"
    with pytest.raises(ValueError, match=reason):
        check("2223", change)
