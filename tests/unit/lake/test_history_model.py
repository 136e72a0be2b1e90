# SPDX-License-Identifier: Apache-2.0
"""The history model counts each block once, keeps order, and begins anew when it must."""

from pathlib import Path

import pytest

from hanse.lake.history import BEGUN, HistoryModel, WrittenBlock

KEY = b"lots\x000L1\x00"
NEWEST = (1_000, BEGUN)


def block(height: int, *values: bytes | None, begun: dict | None = None) -> WrittenBlock:
    records = [(bytes([height, at]) * 16, "move", "al@acme") for at in range(len(values))]
    changes = [{"book": {KEY: value}} for value in values]
    return WrittenBlock(height, f"root{height}", 10 * height, begun or {}, records, changes)


@pytest.fixture
def model(tmp_path: Path) -> HistoryModel:
    made = HistoryModel(tmp_path / "history.sqlite", "ours")
    made.add([block(0, begun={"book": {KEY: b"0"}}), block(1, b"1", b"2"), block(2, None)])
    return made


def values(model: HistoryModel, before: tuple[int, int] = NEWEST, limit: int = 9) -> list:
    return [(v.height, v.place, v.value) for v in model.versions("book", KEY, before, limit)]


def test_versions_come_newest_first_and_page_by_place(model: HistoryModel) -> None:
    whole = [(2, 0, None), (1, 1, b"2"), (1, 0, b"1"), (0, BEGUN, b"0")]
    assert values(model) == whole
    assert values(model, limit=2) == whole[:2]
    assert values(model, before=(1, 1)) == whole[2:]
    assert values(model, before=(1, BEGUN)) == whole[3:]
    assert values(model, before=(0, BEGUN)) == []
    (newest, *_, first) = model.versions("book", KEY, NEWEST, 9)
    assert (newest.tx, newest.action, newest.signer) == (b"\2\0" * 16, "move", "al@acme")
    assert (first.tx, first.action, first.time_ms) == (None, None, 0)
    assert model.versions("other", KEY, NEWEST, 9) == []
    model.close()


def test_a_block_counts_once_and_none_is_left_out(model: HistoryModel) -> None:
    before = values(model)
    model.add([block(1, b"x"), block(2, b"y")])
    assert values(model) == before
    with pytest.raises(ValueError, match="do not follow"):
        model.add([block(4, b"z")])
    with pytest.raises(ValueError, match="do not follow"):
        model.add([block(3, b"z"), block(5, b"z")])
    assert (values(model), model.height, model.state_root) == (before, 2, "root2")
    model.close()


def test_a_batch_that_fails_in_its_middle_leaves_nothing_behind(model: HistoryModel) -> None:
    # what breaks it
    broken = WrittenBlock(4, "root4", 40, {}, [(b"", None, "")], ())  # type: ignore[list-item]
    with pytest.raises(Exception, match="NOT NULL"):
        model.add([block(3, b"3"), broken])
    assert (model.height, values(model)[0]) == (2, (2, 0, None))
    model.add([block(3, b"3"), block(4, b"4")])
    assert (model.height, values(model)[0]) == (4, (4, 0, b"4"))
    model.close()


def test_what_a_block_began_with_counts_only_where_it_changes_something(
    model: HistoryModel,
) -> None:
    model.add([block(3, b"3"), block(4, begun={"book": {KEY: b"3"}})])
    assert values(model)[0] == (3, 0, b"3")
    model.add([block(5, b"5", begun={"book": {KEY: b"4"}})])
    assert values(model)[:2] == [(5, 0, b"5"), (5, BEGUN, b"4")]
    model.close()


def test_it_goes_on_where_it_was_and_another_ledger_begins_anew(
    model: HistoryModel, tmp_path: Path
) -> None:
    before = values(model)
    model.close()
    again = HistoryModel(tmp_path / "history.sqlite", "ours")
    assert (again.height, again.state_root, values(again)) == (2, "root2", before)
    again.close()
    other = HistoryModel(tmp_path / "history.sqlite", "theirs")
    assert (other.height, values(other)) == (-1, [])
    other.close()
