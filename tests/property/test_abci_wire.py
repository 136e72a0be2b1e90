# SPDX-License-Identifier: Apache-2.0
"""Protocol buffers come back as they went; cut and hostile ones are refused, foreign skipped."""

from contextlib import suppress
from dataclasses import fields, is_dataclass
from enum import IntEnum
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanse.codec.limits import ENGINE_DEPTH_MAX, ENGINE_FRAME_BYTES_MAX
from hanse.engines.cometbft import messages as abci
from hanse.engines.cometbft.abci import frame_request, next_frame, parse_request, parse_response
from hanse.engines.cometbft.wire import (
    RANGES,
    At,
    EngineWireInvalid,
    decode,
    decode_varint,
    encode,
    encode_varint,
)

KINDS = [kind for _, kind, _, _, _ in abci.CALLS] + [kind for _, _, _, kind, _ in abci.CALLS]


def values_of(hint: Any, place: At) -> st.SearchStrategy[Any]:
    """Return a strategy for the values of a field."""
    if get_origin(hint) is tuple:
        return st.lists(values_of(get_args(hint)[0], place), max_size=3).map(tuple)
    if isinstance(hint, UnionType):
        return st.none() | values_of(get_args(hint)[0], place)
    if is_dataclass(hint):
        return messages(hint)
    if issubclass(hint, IntEnum):
        return st.sampled_from(list(hint))
    if hint is int:
        low, high = RANGES[place.kind]
        return st.sampled_from([low, high, 0, 127, 128]) | st.integers(low, high)
    return {bool: st.booleans(), bytes: st.binary(max_size=200), str: st.text(max_size=20)}[hint]


def messages(kind: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for messages of this kind."""
    hints = get_type_hints(kind, include_extras=True)
    parts = {f.name: values_of(*get_args(hints[f.name])) for f in fields(kind)}
    return st.builds(kind, **parts)


ANY = st.sampled_from(KINDS).flatmap(messages)


@given(ANY)
def test_what_is_written_is_read_again(message: Any) -> None:
    assert decode(type(message), encode(message)) == message


@given(ANY, st.data())
def test_a_message_cut_anywhere_is_refused_or_another(message: Any, data: st.DataObject) -> None:
    whole = encode(message)
    cut = whole[: data.draw(st.integers(0, max(len(whole) - 1, 0)))]
    try:
        found = decode(type(message), cut)
    except EngineWireInvalid:
        return
    assert encode(found) != whole or not whole


@given(ANY, st.integers(100, 2**29 - 1), st.binary(max_size=20), st.integers(0, 2**64 - 1))
def test_fields_that_nobody_knows_are_skipped(
    message: Any, number: int, text: bytes, value: int
) -> None:
    foreign = [
        encode_varint(number << 3 | 2) + encode_varint(len(text)) + text,
        encode_varint(number << 3) + encode_varint(value),
        encode_varint(number << 3 | 1) + bytes(8),
        encode_varint(number << 3 | 5) + bytes(4),
    ]
    for extra in foreign:
        assert decode(type(message), extra + encode(message) + extra) == message


@given(st.binary(max_size=300), st.sampled_from(KINDS))
def test_any_bytes_are_a_message_or_refused(data: bytes, kind: type) -> None:
    for read in (lambda: decode(kind, data), lambda: parse_request(data)):
        with suppress(EngineWireInvalid):  # and nothing else
            read()


@given(st.integers(0, 2**64 - 1))
def test_numbers_have_one_short_form(number: int) -> None:
    data = encode_varint(number)
    assert decode_varint(data, 0) == (number, len(data))
    assert len(data) == max(1, -(-number.bit_length() // 7))


@given(ANY.filter(lambda m: type(m).__name__.startswith("Request")), st.data())
def test_a_frame_is_found_once_it_is_whole(message: Any, data: st.DataObject) -> None:
    frame = frame_request(message)
    before = data.draw(st.binary(max_size=5))
    for size in {data.draw(st.integers(0, len(frame) - 1)), len(frame) - 1}:
        assert next_frame(bytearray(before + frame[:size]), len(before)) is None
    found = next_frame(bytearray(before + frame + b"\x01"), len(before))
    assert found is not None
    begin, end = found
    assert end == len(before) + len(frame)
    assert parse_request((before + frame)[begin:end]) == message


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (abci.RequestInsertTx, "0a05616263"),  # five bytes announced, three there
        (abci.RequestInsertTx, "0affffffffffffffffff01"),  # nearly 2^64 announced
        (abci.RequestInsertTx, "0affffffffffffffffff7f"),  # more than 64 bits
        (abci.RequestInsertTx, "0a80808080808080808080808000"),  # a number without end
        (abci.RequestInsertTx, "0a"),  # a tag alone
        (abci.RequestInsertTx, "0801"),  # a number where bytes belong
        (abci.RequestInsertTx, "0201"),  # field 0
        (abci.RequestInsertTx, "0b"),  # a group, which nobody uses
        (abci.RequestEcho, "0a02c328"),  # no UTF-8
        (abci.RequestCheckTx, "1007"),  # no such choice
        (abci.RequestCheckTx, "10ffffffffffffffffff01"),  # the same, -1
        (abci.RequestFinalizeBlock, "3206108094ebdc"),  # cut inside a message
        (abci.RequestFinalizeBlock, "3206108080808010"),  # nanoseconds above 32 bits
        (abci.RequestLoadSnapshotChunk, "108080808010"),  # a format above 32 bits
        (abci.ResponseApplySnapshotChunk, "1203808080"),  # a packed number cut short
        (abci.ResponseApplySnapshotChunk, "1500000000"),  # packed as fixed bytes
    ],
)
def test_hostile_bytes_are_refused(kind: type, data: str) -> None:
    with pytest.raises(EngineWireInvalid):
        decode(kind, bytes.fromhex(data))


def test_of_a_field_given_twice_the_last_counts() -> None:
    assert decode(abci.RequestInsertTx, bytes.fromhex("0a01610a0162")) == abci.RequestInsertTx(b"b")


def test_repeated_numbers_come_packed_or_singly() -> None:
    wanted = abci.ResponseApplySnapshotChunk(refetch_chunks=(1, 300, 2))
    assert decode(abci.ResponseApplySnapshotChunk, bytes.fromhex("120401ac0202")) == wanted
    single = decode(abci.ResponseApplySnapshotChunk, bytes.fromhex("100110ac021002"))
    assert single == wanted


@pytest.mark.parametrize("data", ["", "08", "0800", "0a01", "0a000a00", "0a0001", "2200", "ba0100"])
def test_an_envelope_holds_exactly_one_known_message(data: str) -> None:
    with pytest.raises(EngineWireInvalid):
        parse_request(bytes.fromhex(data))
    if data not in {"2200", "ba0100"}:
        with pytest.raises(EngineWireInvalid):
            parse_response(bytes.fromhex(data))


def test_a_frame_may_have_the_most_bytes_and_not_one_more() -> None:
    assert next_frame(bytearray(encode_varint(ENGINE_FRAME_BYTES_MAX)), 0) is None
    with pytest.raises(EngineWireInvalid, match="at most"):
        next_frame(bytearray(encode_varint(ENGINE_FRAME_BYTES_MAX + 1)), 0)


def test_messages_stand_so_deep_in_one_another_and_not_deeper() -> None:
    decode(abci.RequestEcho, b"", ENGINE_DEPTH_MAX)
    with pytest.raises(EngineWireInvalid, match="within one another"):
        decode(abci.RequestEcho, b"", ENGINE_DEPTH_MAX + 1)
