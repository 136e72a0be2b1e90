# SPDX-License-Identifier: Apache-2.0
"""Canonical JSON: what is refused, with which code, and what stands at the limits."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hanse.codec import canonical
from hanse.codec.limits import INTEGER_MAX, JSON_DEPTH_MAX
from hanse.errors import Malformed, NotCanonical, NumberTooLarge, Rejected, TooLarge

CORPUS = Path(__file__).parents[2] / "corpus" / "canonical.json"


def load_corpus() -> list[tuple[str, bytes, str]]:
    """Return name, bytes and expected code of each case."""
    cases = []
    for case in json.loads(CORPUS.read_text(encoding="utf-8")):
        data = bytes.fromhex(case["hex"]) if "hex" in case else case["text"].encode()
        times = case.get("repeat", 0)
        data = (
            case.get("before", "").encode() * times + data + case.get("after", "").encode() * times
        )
        cases.append((case["name"], data, case["code"]))
    return cases


REFUSED = load_corpus()


def test_the_corpus_has_not_shrunk() -> None:
    assert len(REFUSED) >= 203
    assert len({data for _, data, _ in REFUSED}) == len(REFUSED)


@pytest.mark.parametrize(
    ("data", "code"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_what_is_not_canonical_is_refused_with_its_code(data: bytes, code: str) -> None:
    with pytest.raises(Rejected) as refused:
        canonical.decode(data)
    assert refused.value.code == code
    assert refused.value.hint


@pytest.mark.parametrize(
    "text",
    [
        *("null", "true", "false", "0", "-1", '""', "[]", "{}"),
        *('"\\"\\\\\\b\\f\\n\\r\\t"', '"\\u0000\\u001f"', '"\x7f/"', '"\u2028\u2029\ufeff"'),
        *('"é€😀"', '"e\u0301"', '"\u202eabc"', '{"A":1,"B":2,"_":3,"a":4,"aa":5,"b":6}'),
        f"[{INTEGER_MAX},{-INTEGER_MAX}]",
    ],
)
def test_what_is_canonical_comes_back_byte_for_byte(text: str) -> None:
    data = text.encode()
    value = canonical.decode(data)
    assert canonical.encode(value) == data
    assert value == json.loads(text)


def test_text_is_not_normalised() -> None:
    assert canonical.decode('"é"'.encode()) != canonical.decode('"e\u0301"'.encode())


def nested(depth: int, inner: str = "") -> bytes:
    """Return arrays within arrays."""
    return ("[" * depth + inner + "]" * depth).encode()


@pytest.mark.parametrize("inner", ["", "1", '"x"'])
def test_depth_is_allowed_up_to_its_limit(inner: str) -> None:
    canonical.decode(nested(JSON_DEPTH_MAX, inner))
    with pytest.raises(TooLarge) as refused:
        canonical.decode(nested(JSON_DEPTH_MAX + 1, inner))
    assert refused.value.limit == JSON_DEPTH_MAX


@pytest.mark.parametrize("sign", [1, -1])
def test_an_integer_is_allowed_up_to_its_limit(sign: int) -> None:
    edge = sign * INTEGER_MAX
    assert canonical.decode(str(edge).encode()) == edge
    assert canonical.encode(edge) == str(edge).encode()
    with pytest.raises(NumberTooLarge):
        canonical.decode(str(edge + sign).encode())
    with pytest.raises(NumberTooLarge):
        canonical.encode(edge + sign)


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 2**64, 10**40, {"a": [2**53]}])
def test_no_integer_beyond_the_limit_is_written(value: object) -> None:
    with pytest.raises(Rejected):
        canonical.encode(value)


def test_long_digits_inside_text_are_text() -> None:
    data = b'{"a":"99999999999999999999"}'
    assert canonical.encode(canonical.decode(data)) == data


def test_the_byte_limit_of_the_caller_comes_first() -> None:
    assert canonical.decode(b"[1]", bytes_max=3) == [1]
    with pytest.raises(TooLarge) as refused:
        canonical.decode(b"[1}x", bytes_max=3)
    assert (refused.value.limit, refused.value.actual) == (3, 4)


@pytest.mark.parametrize("value", ["\ud800", "a\udfffb", {"a": "\ud83d"}])
def test_a_lone_surrogate_cannot_be_written(value: object) -> None:
    with pytest.raises(Malformed):
        canonical.encode(value)


def test_parse_allows_layout_and_keeps_every_other_rule() -> None:
    assert canonical.parse(b' { "b" : 1 , "a" : [ ] } ') == {"a": [], "b": 1}
    for data, error in [
        (b"[1.0]", NotCanonical),
        (b'{"a-b":1}', NotCanonical),
        (b"9007199254740992", NumberTooLarge),
        (nested(JSON_DEPTH_MAX + 1), TooLarge),
        (b"[1", Malformed),
    ]:
        with pytest.raises(error):
            canonical.parse(data)


class Pair(msgspec.Struct, forbid_unknown_fields=True):
    """Two fields, for the tests of typed decoding."""

    a: int
    b: list[str]


@pytest.mark.parametrize(
    ("data", "at"),
    [
        (b'{"a":"1","b":[]}', "$.a"),
        (b'{"a":1,"b":["x",2]}', "$.b[1]"),
        (b'{"a":1}', "$"),
        (b'{"a":1,"b":[],"c":0}', "$"),
        (b'{"a":true,"b":[]}', "$.a"),
    ],
)
def test_a_value_of_the_wrong_type_is_named_by_its_path(data: bytes, at: str) -> None:
    decoder: Any = msgspec.json.Decoder(Pair)
    with pytest.raises(Malformed) as refused:
        canonical.decode_as(data, decoder)
    assert refused.value.at == at
