# SPDX-License-Identifier: Apache-2.0
"""Commits of CometBFT: figures of the real software, and the rule of more than two thirds.

The known answers were printed once by a program over the Go types of CometBFT 0.40.0
(``Header.Hash``, ``ValidatorSet.Hash``, ``VoteSignBytes``), with the inputs that stand below.
"""

import copy
from collections.abc import Callable

import pytest
from tests.verifier import engine
from tests.verifier.build import b64

from hanse_verify.canonical import EvidenceError, unb64
from hanse_verify.cometbft import check_commit, header_hash, sign_bytes

TIME = {"nanos": 123_456_789, "seconds": 1_790_000_000}
VALIDATORS = [
    {"organisation": o, "power": p, "public_key": k}
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


def fill(byte: int) -> str:
    return b64(bytes([byte]) * 32)


HEADER = {
    "app_hash": fill(7), "chain_id": "harbour-1", "consensus_hash": fill(6), "data_hash": fill(4),
    "evidence_hash": fill(9), "height": 1_234_567,
    "last_block_id": {"hash": fill(1), "parts": {"hash": fill(2), "total": 3}},
    "last_commit_hash": fill(3), "last_results_hash": fill(8), "next_validators_hash": fill(5),
    "proposer_address": b64(bytes.fromhex(VOTES[0][0])), "time": TIME,
    "validators_hash": b64(
        bytes.fromhex("132b0956966c872889e12fccd913257cf974d6e48ce75a42c605483d26235f35")
    ),
    "version": {"app": 1, "block": 11},
}  # fmt: skip
COMMIT = {
    "block_id": {"hash": b64(bytes.fromhex(HASH)), "parts": {"hash": fill(10), "total": 1}},
    "height": 1_234_567,
    "round": 0,
    "signatures": [
        {"block_id_flag": 2, "signature": signature, "timestamp": TIME,
         "validator_address": b64(bytes.fromhex(address))}
        for address, signature in VOTES
    ],
}  # fmt: skip
GENESIS = {"engine_validators": VALIDATORS}


def test_the_header_hash_is_that_of_the_engine() -> None:
    assert header_hash(HEADER).hex() == HASH


def test_the_hash_of_a_first_header_leaves_out_what_is_empty() -> None:
    nothing = {"hash": "", "parts": {"hash": "", "total": 0}}
    first = HEADER | {"height": 1, "last_block_id": nothing, "last_commit_hash": ""}
    first |= {"last_results_hash": "", "version": {"app": 0, "block": 11}}
    assert header_hash(first).hex() == HASH_OF_FIRST


@pytest.mark.parametrize(("round_", "flag"), SIGN_BYTES)
def test_the_bytes_that_validators_sign_are_those_of_the_engine(round_: int, flag: int) -> None:
    vote = {"block_id_flag": flag, "timestamp": TIME}
    found = sign_bytes("harbour-1", COMMIT | {"round": round_}, vote)
    assert found.hex() == SIGN_BYTES[round_, flag]


def test_a_commit_of_the_engine_is_accepted() -> None:
    certificate = {"commit": COMMIT, "engine_header": HEADER, "validators": VALIDATORS}
    assert check_commit(certificate, GENESIS, unb64(fill(7))) == "7000000050 of 7000000050"


Change = Callable[[dict, list], None]


def check(votes: str, change: Change | None = None) -> str:
    """Judge a certificate of the powers 30, 25, 10, 10, as a function changed it."""
    certificate = copy.deepcopy(engine.certificate("a", 8, bytes(32), votes))
    validators = engine.validators("a")
    if change:
        change(certificate, validators)
    return check_commit(certificate, {"engine_validators": validators}, bytes(32))


@pytest.mark.parametrize(
    ("votes", "power"), [("2222", 75), ("2221", 65), ("2223", 65), ("2211", 55), ("2233", 55)]
)
def test_more_than_two_thirds_of_the_power_make_a_header_final(votes: str, power: int) -> None:
    assert check(votes) == f"{power} of 75"


@pytest.mark.parametrize("votes", ["2122", "2322", "2112", "1222", "2111", "1111", "3333"])
def test_two_thirds_or_less_do_not(votes: str) -> None:
    with pytest.raises(EvidenceError, match="not more than two thirds"):
        check(votes)


def swap_votes(certificate: dict, _: list) -> None:
    certificate["commit"]["signatures"][2:] = certificate["commit"]["signatures"][:1:-1]


def drop_vote(certificate: dict, _: list) -> None:
    del certificate["commit"]["signatures"][3]


def repeat_vote(certificate: dict, _: list) -> None:
    certificate["commit"]["signatures"][3] = certificate["commit"]["signatures"][0]


def nil_as_commit(certificate: dict, _: list) -> None:
    certificate["commit"]["signatures"][3]["block_id_flag"] = 2


def commit_as_nil(certificate: dict, _: list) -> None:
    certificate["commit"]["signatures"][0]["block_id_flag"] = 3


def absent_with_address(certificate: dict, _: list) -> None:
    zero = {"nanos": 0, "seconds": 0}
    certificate["commit"]["signatures"][3] |= {
        "block_id_flag": 1, "signature": "", "timestamp": zero
    }  # fmt: skip


def absent_with_signature(certificate: dict, _: list) -> None:
    zero = {"nanos": 0, "seconds": 0}
    certificate["commit"]["signatures"][3] |= {
        "block_id_flag": 1, "timestamp": zero, "validator_address": ""
    }  # fmt: skip


def absent_with_time(certificate: dict, _: list) -> None:
    certificate["commit"]["signatures"][3] |= {
        "block_id_flag": 1, "signature": "", "validator_address": ""
    }  # fmt: skip


def no_power(certificate: dict, validators: list) -> None:
    for place in (certificate["validators"], validators):
        place[0]["power"] = 0


def another_set_in_the_header(certificate: dict, _: list) -> None:
    certificate["engine_header"]["validators_hash"] = b64(bytes(32))


def another_block_id(certificate: dict, _: list) -> None:
    certificate["engine_header"]["app_hash"] = b64(bytes([1]) * 32)


def another_engine_header(certificate: dict, _: list) -> None:
    certificate["engine_header"]["chain_id"] += "x"


def more_power(certificate: dict, validators: list) -> None:
    for place in (certificate["validators"], validators):
        place[0]["power"] = 1000


def a_validator_twice(certificate: dict, validators: list) -> None:
    for place in (certificate["validators"], validators):
        place[0]["public_key"] = place[1]["public_key"]


def no_validators(certificate: dict, validators: list) -> None:
    certificate["validators"].clear()
    validators.clear()


def other_set_than_genesis(certificate: dict, _: list) -> None:
    certificate["validators"].reverse()


def another_height(certificate: dict, _: list) -> None:
    certificate["commit"]["height"] += 1


def another_round(certificate: dict, _: list) -> None:
    certificate["commit"]["round"] += 1


def nanoseconds_of_the_next_second(certificate: dict, _: list) -> None:
    certificate["engine_header"]["time"] = {"nanos": 10**9 + 5, "seconds": 1_790_000_000}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (swap_votes, "another validator's place"),
        (drop_vote, "number of votes"),
        (repeat_vote, "another validator's place"),
        (nil_as_commit, "no valid"),
        (commit_as_nil, "no valid"),
        (absent_with_address, "not empty"),
        (absent_with_signature, "not empty"),
        (absent_with_time, "not empty"),
        (more_power, "another set"),
        (another_set_in_the_header, "another set"),
        (a_validator_twice, "named twice"),
        (no_power, "no power"),
        (no_validators, "there is none"),
        (other_set_than_genesis, "genesis"),
        (another_block_id, "another block id"),
        (another_engine_header, "another engine header"),
        (another_height, "another height"),
        (another_round, "no valid"),
        (nanoseconds_of_the_next_second, "nanoseconds"),
    ],
)
def test_a_changed_commit_is_refused_however_much_power_is_left(
    change: Change, reason: str
) -> None:
    assert check("2223") == "65 of 75"
    with pytest.raises(EvidenceError, match=reason):
        check("2223", change)
