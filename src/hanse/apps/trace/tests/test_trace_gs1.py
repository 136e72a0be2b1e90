# SPDX-License-Identifier: Apache-2.0
"""GS1 identifiers: one object, one name."""

import pytest

from hanse.apps.trace.standards import (
    BadIdentifier,
    check_digit,
    find_gs1_id,
    has_check_digit,
    normalise_id,
)

# EPC URI, its Digital Link; keys under GS1's demonstration prefix 952
PAIRS = [
    ("urn:epc:id:sgtin:9520123.045678.7", "/01/09520123456788/21/7"),
    ("urn:epc:id:sgtin:952012345678.9.A%2FB", "/01/99520123456781/21/A%2FB"),
    ("urn:epc:id:sscc:9520123.1000000001", "/00/195201230000000018"),
    ("urn:epc:id:sgln:9520123.00001.0", "/414/9520123000011"),
    ("urn:epc:id:sgln:9520123.00001.D4", "/414/9520123000011/254/D4"),
    ("urn:epc:id:grai:9520123.55555.9", "/8003/095201235555599"),
    ("urn:epc:id:giai:9520123.A-1", "/8004/9520123A-1"),
    ("urn:epc:id:gsrn:9520123.0000000001", "/8018/952012300000000015"),
    ("urn:epc:id:gsrnp:9520123.0000000001", "/8017/952012300000000015"),
    ("urn:epc:id:gdti:9520123.00001.PO-1", "/253/9520123000011PO-1"),
    ("urn:epc:id:cpi:9520123.AB%231.5", "/8010/9520123AB%231/8011/5"),
    ("urn:epc:id:sgcn:9520123.00001.5", "/255/95201230000115"),
    ("urn:epc:id:ginc:9520123.xyz", "/401/9520123xyz"),
    ("urn:epc:id:gsin:9520123.000000001", "/402/95201230000000011"),
    ("urn:epc:id:itip:9520123.045678.01.02.7", "/8006/095201234567880102/21/7"),
    ("urn:epc:id:upui:9520123.045678.(7)", "/01/09520123456788/235/%287%29"),
    ("urn:epc:id:pgln:9520123.00001", "/417/9520123000011"),
    ("urn:epc:id:pgln:952012300001.", "/417/9520123000011"),
    ("urn:epc:class:lgtin:9520123.045678.L1", "/01/09520123456788/10/L1"),
    ("urn:epc:idpat:sgtin:9520123.045678.*", "/01/09520123456788"),
    ("urn:epc:idpat:grai:9520123.55555.*", "/8003/09520123555559"),
]


@pytest.mark.parametrize(("urn", "path"), PAIRS)
def test_an_epc_uri_and_its_digital_link_are_one_object(urn: str, path: str) -> None:
    link = f"https://id.gs1.org{path}"
    assert normalise_id(urn) == link
    assert normalise_id(f"http://shop.example/some/way{path}?3103=000195#top") == link
    found = find_gs1_id(link)
    assert found is not None
    assert found.check_digit_ok


def test_the_finest_level_names_the_object() -> None:
    base = "https://example.com/01/09520123456788"
    assert normalise_id(f"{base}/22/2A/10/L1/21/7").endswith("/01/09520123456788/21/7")
    assert normalise_id(f"{base}/22/2A/10/L1").endswith("/01/09520123456788/10/L1")
    assert normalise_id(f"{base}/22/2A").endswith("/01/09520123456788")
    assert normalise_id("https://example.com/gtin/9520123456788/ser/7").endswith("788/21/7")


def test_the_level_is_told() -> None:
    levels = {
        "urn:epc:id:sgtin:9520123.045678.7": "instance",
        "urn:epc:class:lgtin:9520123.045678.L1": "lot",
        "urn:epc:idpat:sgtin:9520123.045678.*": "class",
        "https://example.com/8003/09520123555559": "class",
        "https://example.com/00/195201230000000018": "instance",
    }
    for uri, level in levels.items():
        found = find_gs1_id(uri)
        assert found is not None
        assert found.level == level


MALFORMED = [
    "urn:epc:",
    "urn:epc:id:sgtin:9520123.45678.7",
    "urn:epc:id:sgtin:9520123.0456789.7",
    "urn:epc:id:sgtin:95201.04567890.7",
    "urn:epc:id:sgtin:9520123.045678.",
    "urn:epc:id:sgtin:9520123.045678",
    "urn:epc:id:sgtin:9520123.045678.a b",
    "urn:epc:id:sgtin:9520123.045678.a/b",
    "urn:epc:id:sgtin:9520123.045678.123456789012345678901",
    "urn:epc:id:sgtin:٩520123.045678.7",
    "urn:epc:id:sscc:9520123.00000001",
    "urn:epc:id:sgln:9520123.00001",
    "urn:epc:id:giai:9520123.",
    "urn:epc:id:cpi:9520123.ab.1",
    "urn:epc:id:sgcn:9520123.00001.x",
    "urn:epc:class:lgtin:9520123.045678.*x*y*" + "z" * 20,
    "urn:epc:idpat:sgtin:9520123.045678.7",
    "urn:epc:id:gid:1.2",
    "urn:epc:id:frob:1.2",
]


@pytest.mark.parametrize("uri", MALFORMED)
def test_a_malformed_epc_uri_is_refused_with_a_reason(uri: str) -> None:
    with pytest.raises(BadIdentifier) as caught:
        normalise_id(uri)
    assert caught.value.code == "bad_identifier"
    assert caught.value.reason


NOT_GS1 = [
    "https://example.com/",
    "https://example.com/01/123",
    "https://example.com/01/09520123456788/99/7",
    "https://example.com/01/09520123456788/21",
    "https://example.com/order/09520123456788",
    "urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8",
    "urn:epc:id:gid:1.2.3",
    "urn:epc:raw:96.x30",
    "geo:50.9,6.9",
]


@pytest.mark.parametrize("uri", NOT_GS1)
def test_other_uris_stay_as_they_are(uri: str) -> None:
    assert normalise_id(uri) == uri
    assert find_gs1_id(uri) is None


def test_a_wrong_check_digit_is_told_and_does_not_hide_the_key() -> None:
    found = find_gs1_id("https://id.gs1.org/01/09520123456789")
    assert found is not None
    assert not found.check_digit_ok


def test_check_digits_are_those_of_the_general_specifications() -> None:
    assert check_digit("629104150021") == "3"  # the worked example of section 7.9.1
    assert has_check_digit("6291041500213")
    assert not has_check_digit("6291041500214")
    assert not has_check_digit("629104150021x")
    for place in range(12):
        digits = "629104150021"
        other = digits[:place] + str((int(digits[place]) + 1) % 10) + digits[place + 1 :]
        assert check_digit(other) != "3"
