# SPDX-License-Identifier: Apache-2.0
"""Canonical bytes of others' documents, compared with two other implementations."""

import json
import struct

import pytest
import rfc8785
from lxml import etree

from hanse.apps.trace.epcis.canonical import canonical_json, canonical_xml, json_number
from hanse.apps.trace.epcis.times import format_time_ms, parse_time_ms
from hanse.apps.trace.epcis.xmltree import parse_xml

NUMBERS = [
    (0.0, "0"), (-0.0, "0"), (1.0, "1"), (1e21, "1e+21"), (1e20, "100000000000000000000"),
    (1e-6, "0.000001"), (1e-7, "1e-7"), (123.456, "123.456"), (-5e-324, "-5e-324"),
    (9007199254740992.0, "9007199254740992"), (1.7976931348623157e308, "1.7976931348623157e+308"),
]  # fmt: skip


@pytest.mark.parametrize(("number", "text"), NUMBERS)
def test_numbers_are_written_as_ecmascript_writes_them(number: float, text: str) -> None:
    assert json_number(number) == text


def test_many_doubles_are_written_as_the_other_implementation_writes_them() -> None:
    state = 88172645463325252
    for _ in range(3_000):
        state ^= (state << 13) & (2**64 - 1)
        state ^= state >> 7
        state ^= (state << 17) & (2**64 - 1)
        number = struct.unpack("<d", struct.pack("<Q", state))[0]
        if number == number and abs(number) != float("inf"):
            assert canonical_json(number) == rfc8785.dumps(number)


def test_members_stand_in_the_order_of_utf_16() -> None:
    value = json.loads('{"\\u20ac": 1, "\\r": 2, "\\ufb33": 3, "1": 4, "\\ud83d\\ude00": 5}')
    assert canonical_json(value) == rfc8785.dumps(value)
    assert list(json.loads(canonical_json(value))) == ["\r", "1", "€", "😀", "\ufb33"]


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_is_not_finite_has_no_form(number: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        canonical_json([number])


DOCUMENTS = [
    "<a/>",
    '<?x y?><a b="2" a="&lt;&#9;&#10;&#13;&quot;">&gt;&amp;<![CDATA[<>]]><!-- c --></a><?z?>',
    '<n1:a xmlns:n1="http://one" xmlns:n2="http://two"><b n2:x="1" n1:x="2" x="0"/></n1:a>',
    '<a xmlns="http://one"><b xmlns=""><c xmlns="http://one"/></b></a>',
    '<a xmlns:p="http://one"><p:b><p:c xmlns:p="http://two"/></p:b></a>',
    '<a xml:lang="en" xmlns:unused="http://one"><?p q?>text<b/>tail</a>',
]  # fmt: skip


@pytest.mark.parametrize("document", DOCUMENTS)
def test_exclusive_xml_form_is_that_of_the_other_implementation(document: str) -> None:
    tree = etree.fromstring(document.encode()).getroottree()
    wanted = etree.tostring(tree, method="c14n", exclusive=True, with_comments=False)
    assert canonical_xml(parse_xml(document.encode())) == wanted


TIMES = [
    ("1970-01-01T00:00:00Z", 0),
    ("1970-01-01T01:00:00.5+01:00", 500),
    ("1969-12-31T23:59:59.9994Z", -1),
    ("0001-01-01T00:00:00Z", -62_135_596_800_000),
    ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
    ("9999-12-31T23:59:59.9995Z", None),
    ("0001-01-01T00:00:00+00:01", None),
    ("2026-01-01T00:00:00+14:01", None),
    ("2026-01-01T00:00:60Z", None),
    ("2026-1-01T00:00:00Z", None),
    ("2026-01-01 00:00:00Z", None),
]


@pytest.mark.parametrize(("text", "at"), TIMES)
def test_a_time_is_read_to_the_millisecond_or_not_at_all(text: str, at: int | None) -> None:
    assert parse_time_ms(text) == at
    if at is not None:
        assert parse_time_ms(format_time_ms(at)) == at
