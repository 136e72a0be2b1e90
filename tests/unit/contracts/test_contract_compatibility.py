# SPDX-License-Identifier: Apache-2.0
"""The check of an upgrade: verdict and codes of every labelled pair, and what they rest on."""

import re
from typing import Any

import msgspec
import pytest
from tests.unit.contracts.upgrade_pairs import Pair, both, described, load, read_pairs, text_of

from hanse.codec.canonical import encode
from hanse.contracts.compatibility import CHANGES, Finding, compare, verdict_of
from hanse.contracts.schema import describe
from hanse.kernel import Registry
from hanse.kernel import load_contract as load_class

PAIRS = read_pairs()


def versions(*parts: str) -> list[dict[str, Any]]:
    """Return the descriptions of versions that differ in the fields of one record."""
    return [described(load(text_of("record", part))) for part in parts]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_a_labelled_pair_has_its_verdict_and_its_codes(pair: Pair) -> None:
    old, new = both(pair)
    found = compare(described(old), described(new))
    assert sorted({one.code for one in found}) == pair.codes, [str(one) for one in found]
    assert verdict_of(found) == pair.verdict


def test_the_corpus_is_large_has_each_verdict_and_every_code() -> None:
    assert len(PAIRS) >= 90
    assert len({pair.name for pair in PAIRS}) == len(PAIRS)
    seen = {code for pair in PAIRS for code in pair.codes}
    # the one takes three versions, the other a map of another kind: see below
    assert set(CHANGES) - seen == {
        *("map_order_gained", "map_order_lost", "stored_default_changed")
    }
    for verdict in ("compatible", "needs_migration", "breaking"):
        assert sum(pair.verdict == verdict for pair in PAIRS) >= 15


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_a_description_that_was_stored_as_canonical_json_gives_the_same(pair: Pair) -> None:
    old, new = (described(side) for side in both(pair))
    stored_old, stored_new = (msgspec.json.decode(encode(side)) for side in (old, new))
    assert stored_old == old
    for before, after in ((stored_old, new), (old, stored_new), (stored_old, stored_new)):
        assert set(compare(before, after)) == set(compare(old, new))


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_a_contract_is_compatible_with_itself(pair: Pair) -> None:
    for side in both(pair):
        assert compare(described(side), described(side)) == []


def test_a_finding_names_the_place_and_says_what_to_do() -> None:
    old, new = versions("kg: int\ndue: Date | None = None", "kg: BigInt\ndue: Date")
    found = compare(old, new)
    assert [str(one) for one in found] == [
        "rows.value.kg: integer became big-integer [number_form_changed]",
        "rows.value.due: null is not in date [type_narrowed]",
        f"rows.value.due: {CHANGES['default_removed'].title} [default_removed]",
    ]
    assert all(one.remedy == CHANGES[one.code].remedy for one in found)
    assert not any(one.is_api for one in found)


def test_values_that_no_upgrade_has_touched_count_in_later_upgrades_too() -> None:
    first, second = versions("kg: int", "kg: int\nunit: str = 'kg'")
    for last, code in (
        ("kg: int\nunit: str = 'g'", "stored_default_changed"),
        ("kg: int\nunit: str", "field_added_without_default"),
    ):
        (third,) = versions(last)
        assert verdict_of(compare(second, third)) == "compatible"
        found = compare(second, third, earlier=[first])
        assert verdict_of(found) == "needs_migration"
        assert Finding(code, "rows.value.unit") in [Finding(f.code, f.path) for f in found]
    # a map that the version before no longer had holds nothing that could be read
    gone = described(load(text_of("body", "rows: Map[str, int]\nold: Map[str, int]")))
    now = described(load(text_of("body", "rows: Map[str, int]")))
    assert compare(now, now, earlier=[gone]) == []


def test_a_map_that_becomes_ordered_is_stored_again() -> None:
    (plain,) = versions("kg: int")
    ordered = {**plain, "maps": [{**row, "ordered": True} for row in plain["maps"]]}
    assert compare(plain, ordered) == [Finding("map_order_gained", "rows")]
    assert compare(ordered, plain) == [Finding("map_order_lost", "rows")]
    assert compare(ordered, ordered) == []


def test_who_else_must_sign_is_a_matter_of_authority() -> None:
    text = '@action(role=None)\ndef put(self, ctx: Context, n: int) -> None:\n    """Put."""'
    old = described(load(text_of("body", text)))
    (action,) = old["actions"]
    new = {**old, "actions": [{**action, "also_signed_by": "debtor", "role": "clerk"}]}
    (one,) = compare(old, new)
    assert (one.code, one.is_api) == ("api_authority_changed", True)
    assert one.message == "any member became also_signed_by debtor, role clerk"


def test_every_change_of_the_table_is_explained() -> None:
    for code, change in CHANGES.items():
        assert re.fullmatch(r"[a-z]+(_[a-z]+)+", code)
        assert change.title.endswith(".")
        assert change.remedy.endswith(".")
        assert not code.startswith("api_") or change.verdict == "compatible"


def test_verdicts_are_ordered_by_what_they_ask_for() -> None:
    codes = ["field_added", "field_removed", "map_removed"]
    for count, verdict in enumerate(("compatible", "compatible", "needs_migration", "breaking")):
        assert verdict_of([Finding(code, "x") for code in codes[:count]]) == verdict


def test_a_large_real_contract_is_compared_with_itself() -> None:
    registry = describe(load_class(Registry), "", "")
    assert compare(registry, registry) == []
