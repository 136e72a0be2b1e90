# SPDX-License-Identifier: Apache-2.0
"""A contract known by its texts alone is the one that its class is; migrations fit their maps."""

from typing import Any

import pytest
from tests.unit.kernel.life_ledger import ONE, TWO

from hanse.apps import discover
from hanse.codec.limits import PART_CHARS_MAX
from hanse.contracts.migrating import differing, migrate_state
from hanse.contracts.package import lowered_hash, package_files, package_hash, texts_hash
from hanse.contracts.runtime import LoadedContract, program_of
from hanse.contracts.sources import hash_lowered, load_files, main_file, split_text
from hanse.crypto import SHA256
from hanse.testing.memory import Rows
from hanse.testing.smallbank import SmallBank

CLASSES = [SmallBank, *(cls for app in discover() for cls in app.contracts)]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_texts_alone_are_the_contract_with_all_its_hashes(cls: Any) -> None:
    files, tagged = package_files(cls), SHA256.tagged
    made = load_files(dict(sorted(files.items())), SHA256)
    assert texts_hash(files, made.name, made.version, tagged) == package_hash(cls, tagged)
    assert hash_lowered(made, tagged) == lowered_hash(program_of(cls), cls, tagged)
    assert set(made.entries) == set(LoadedContract(cls).entries)


@pytest.mark.parametrize("size", [0, 1, PART_CHARS_MAX, PART_CHARS_MAX + 1, 3 * PART_CHARS_MAX])
def test_parts_joined_are_the_text(size: int) -> None:
    parts = split_text("x" * size)
    assert "".join(parts) == "x" * size
    assert len(parts) == max(1, -(-size // PART_CHARS_MAX))


def test_a_package_is_one_contract_with_its_model_and_patterns() -> None:
    assert main_file({"lots": "", "model": "", "pattern_lineage": ""}) == "lots"
    for files in ({}, {"model": ""}, {"a": "", "b": ""}, {"a-b": ""}):
        assert main_file(files) is None
        with pytest.raises(TypeError, match="a package is one contract"):
            load_files(files, SHA256)


BAD_MIGRATIONS = {
    'of="lots"': ('of="nothing"', "is no map or value"),
    "key: str, old: LotOne": ("old: LotOne", "takes the key"),
    "key: str, old": ("key: int, old", "takes the key"),
    "old: LotOne) -> Lot": ("old: LotOne) -> LotOne", "returns an entry of lots"),
}


@pytest.mark.parametrize("part", BAD_MIGRATIONS)
def test_a_migration_that_fits_no_map_is_refused(part: str) -> None:
    instead, why = BAD_MIGRATIONS[part]
    with pytest.raises(TypeError, match=why):
        load_files({"lots": TWO.replace(part, instead)}, SHA256)


def test_two_migrations_of_one_map_from_one_version_are_refused() -> None:
    second = TWO.replace(
        "    @action",
        '    @migrate(from_="1", of="lots")\n    def again(self, key: str, old: LotOne) -> Lot:\n'
        '        """Again."""\n        return Lot(grams=0)\n\n    @action',
        1,
    )
    with pytest.raises(TypeError, match="two migrations of lots"):
        load_files({"lots": second}, SHA256)


VALUE = TWO.replace("last: Value[str]", "last: Value[int]").replace(
    "    @action",
    '    @migrate(from_="1", of="last")\n    def last_from_1(self, old: str) -> int:\n'
    '        """Its length."""\n        return len(old)\n\n    @action',
    1,
)
GONE = TWO.replace("old: LotOne) -> Lot:", "old: LotOne) -> Lot | None:").replace(
    "return Lot(grams=old", 'return None if key == "b" else Lot(grams=old'
)
ROWS = {
    b"last\x00": b'"abc"',
    b"lots\x00\x30a\x00": b'{"kilos":1}',
    b"lots\x00\x30b\x00": b'{"kilos":2}',
}


def migrated(text: str, cost_max: int = 10_000) -> Any:
    rows = Rows()
    rows.held = dict(ROWS)
    old, new = (load_files({"lots": one}, SHA256) for one in (ONE, text))
    return migrate_state(old, new, rows, 0, cost_max)


def test_values_migrate_and_entries_may_go() -> None:
    done = migrated(VALUE)
    assert (done.code, done.entries) == (None, 3)
    assert done.writes[b"last\x00"] == b"3"
    gone = migrated(GONE)
    assert gone.writes == {
        b"lots\x00\x30a\x00": b'{"grams":1000,"place":"yard"}',
        b"lots\x00\x30b\x00": None,
    }


@pytest.mark.parametrize("line", ['self.last.set("x")', "self.last.get()"])
def test_a_migration_touches_no_state(line: str) -> None:
    done = migrated(TWO.replace("return Lot(grams=old", f"{line}\n        return Lot(grams=old"))
    assert (done.code, done.writes) == ("migration_fault", None)
    assert "lots['a']: " in done.reason


def test_each_migration_is_charged_and_the_bound_holds() -> None:
    cost = migrated(TWO).cost
    assert migrated(TWO, cost).code is None
    assert migrated(TWO, cost - 1).code == "cost_exceeded"


def test_only_what_may_read_otherwise_is_looked_at() -> None:
    old, new = (load_files({"lots": one}, SHA256) for one in (ONE, TWO))
    assert differing(old, new) == ("lots",)
    assert differing(old, load_files({"lots": ONE.replace('"1"', '"2"')}, SHA256)) == ()
    renamed = ONE.replace("Lot:", "Heap:").replace("Lot(", "Heap(").replace(" Lot ", " Heap ")
    renamed = renamed.replace("Lot]", "Heap]").replace("A lot.", "Another word.")
    assert differing(old, load_files({"lots": renamed.replace('"1"', '"2"')}, SHA256)) == ()
    wider = ONE.replace("    kilos: int\n", '    kilos: int\n    place: str = "yard"\n')
    done = migrated(wider)
    assert (done.code, done.entries, done.writes) == (None, 2, {})
