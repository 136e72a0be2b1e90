# SPDX-License-Identifier: Apache-2.0
"""``hanse contract package``, ``diff`` and ``test``: what they write, say and end with."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hanse.apps import discover
from hanse.cli import main
from hanse.contracts.compatibility import CHANGES
from hanse.contracts.package import package_hash
from hanse.contracts.package_file import read_package
from hanse.crypto import SHA256

SHELF = '''\
"""Lots on a shelf."""

from hanse.contracts import BigInt, Context, Contract, Map, action, record, require


@record
class Lot:
    owner: str
    kg: int


class Shelf(Contract):
    """Lots by name."""

    lots: Map[str, Lot]

    @action(role="packer")
    def put(self, ctx: Context, lot: str, kg: int) -> Lot:
        """Put a lot. Rejects: bad_weight, already_exists."""
        require(kg > 0, "bad_weight", "a lot weighs something")
        return self.lots.add(lot, Lot(owner=ctx.organisation, kg=kg))
'''
TEST = """\
import pytest

from hanse.contracts import Refused
from hanse.testing.bench import Bench
from shelf import Shelf


def test_a_lot_weighs_something(bench: Bench[Shelf]) -> None:
    packer = bench.actor("acme", "packer")
    assert packer(Shelf.put, "L1", 5).kg == 5
    with pytest.raises(Refused, match="bad_weight"):
        packer(Shelf.put, "L2", 0)
"""


def run(*args: object) -> Result:
    result = CliRunner().invoke(main, ["contract", *map(str, args)])
    crashed = result.exception is not None and not isinstance(result.exception, SystemExit)
    assert not crashed, result.exception
    return result


def document(*args: object, code: int = 0) -> Any:
    result = run(*args, "--json")
    assert result.exit_code == code, result.output
    assert result.stdout.count("\n") == 1
    return json.loads(result.stdout)


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    path = tmp_path / "shelf.py"
    path.write_text(SHELF, "utf-8")
    return path


def test_a_package_is_the_same_wherever_and_whenever_it_is_made(
    shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = run("package", "shelf.py")
    assert shown.exit_code == 0
    data = (tmp_path / "shelf-1.package.json").read_bytes()
    read = read_package(data)
    assert shown.stdout.splitlines() == [
        f"shelf-1.package.json: shelf 1, shelf, {len(data)} bytes",
        f"package  {read.document.package_hash}",
        f"lowered  {read.document.lowered_hash}",
    ]
    other = tmp_path / "deep" / "ünï code"
    other.mkdir(parents=True)
    (tmp_path / "deep" / "__init__.py").touch()
    (other / "__init__.py").touch()  # the folder is a package now: the contract is the same
    moved = other / "shelf.py"
    moved.write_bytes(SHELF.removesuffix("\n").replace("\n", "\r\n").encode())
    os.utime(moved, (1, 1))
    moved.chmod(0o400)
    made = document("package", moved, "-o", tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == data
    assert made == {
        "bytes": len(data),
        "file": str(tmp_path / "again.json"),
        "files": ["shelf"],
        "lowered_hash": read.document.lowered_hash,
        "name": "shelf",
        "package_hash": read.document.package_hash,
        "version": "1",
    }


def test_an_installed_contract_is_packed_by_its_name_or_its_folder(tmp_path: Path) -> None:
    (trace,) = (c for app in discover() if app.name == "trace" for c in app.contracts)
    made = document("package", "trace", "-o", tmp_path / "trace.json")
    assert made["package_hash"] == package_hash(trace, SHA256.tagged)
    assert made["files"] == ["contract", "model", "pattern_gs1", "pattern_lineage"]
    folder = Path(__file__).parents[3] / "src/hanse/apps/trace"
    document("package", folder, "-o", tmp_path / "folder.json")
    document("package", tmp_path / "trace.json", "-o", tmp_path / "repacked.json")
    for other in ("folder.json", "repacked.json"):
        assert (tmp_path / other).read_bytes() == (tmp_path / "trace.json").read_bytes()


def test_what_is_outside_the_dialect_is_not_packed(shelf: Path, tmp_path: Path) -> None:
    shelf.write_text(SHELF.replace("kg > 0", "kg / 2 > 0"), "utf-8")
    refused = document("package", shelf, "-o", tmp_path / "out.json", code=1)
    assert refused["code"] == "outside_dialect"
    assert "D501" in refused["findings"][0]
    assert not (tmp_path / "out.json").exists()


def test_a_package_that_lies_is_refused_by_every_command(shelf: Path, tmp_path: Path) -> None:
    made = tmp_path / "shelf.json"
    document("package", shelf, "-o", made)
    made.write_bytes(made.read_bytes().replace(b'"packer"', b'"anyone"'))
    assert (
        document("package", made, "-o", tmp_path / "x.json", code=1)["code"] == "package_mismatch"
    )
    assert document("diff", made, shelf, code=1)["code"] == "package_mismatch"


def test_a_version_that_is_no_file_name_leaves_the_folder_alone(
    shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = SHELF.replace("    lots: Map", '    version = "../../evil"\n    lots: Map')
    shelf.write_text(text, "utf-8")
    assert document("package", shelf)["file"] == "shelf.package.json"


def test_what_names_no_contract_is_a_wrong_call(tmp_path: Path) -> None:
    for what in ("absent", tmp_path):
        result = run("package", what)
        assert result.exit_code == 2
        assert "the name of an installed contract" in result.output


def test_a_diff_says_what_is_stored_who_calls_and_which_lines(shelf: Path, tmp_path: Path) -> None:
    old = tmp_path / "old.json"
    document("package", shelf, "-o", old)
    assert document("diff", old, shelf)["verdict"] == "compatible"
    shelf.write_text(
        SHELF.replace("kg: int\n\n", "kg: BigInt\n\n")
        .replace('"packer"', '"clerk"')
        .replace("bad_weight", "too_light"),
        "utf-8",
    )
    found = document("diff", old, shelf, code=1)
    assert found["verdict"] == "needs_migration"
    assert [(one["code"], one["path"]) for one in found["findings"]] == [
        ("number_form_changed", "lots.value.kg"),
        ("api_authority_changed", "put"),
        ("api_result_changed", "put.result.kg"),
        ("api_refusal_removed", "put"),
        ("api_refusal_added", "put"),
    ]
    assert all(one["remedy"] == CHANGES[one["code"]].remedy for one in found["findings"])
    (code,) = found["code"]
    assert (code["file"], code["added"], code["removed"]) == ("contract", 4, 4)
    assert '-    @action(role="packer")' in code["lines"]
    shown = run("diff", old, shelf).stdout
    assert "needs a migration" in shown
    assert "both say version 1: a new text has a new one" in shown
    assert "put: role packer became role clerk [api_authority_changed]" in shown
    assert '+    @action(role="clerk")' in shown


def test_earlier_versions_count_in_a_diff(shelf: Path, tmp_path: Path) -> None:
    paths = [tmp_path / f"v{n}.py" for n in range(3)]
    for path, field in zip(paths, ("", "\n    unit: str = 'kg'", "\n    unit: str"), strict=True):
        text = SHELF.replace("kg: int\n\n", f"kg: int{field}\n\n", 1)
        given = 'kg=kg, unit="kg"' if field else "kg=kg"
        path.write_text(text.replace("kg=kg", given), "utf-8")
    assert document("diff", paths[1], paths[2])["verdict"] == "compatible"
    found = document("diff", paths[1], paths[2], "--earlier", paths[0], code=1)
    assert found["verdict"] == "needs_migration"


def test_the_tests_beside_a_contract_are_run_after_the_check(shelf: Path, tmp_path: Path) -> None:
    none = document("test", shelf, code=1)
    assert none["tests"] == {"failures": [], "passed": 0, "skipped": 0}
    (tmp_path / "test_shelf.py").write_text(TEST, "utf-8")
    passed = document("test", shelf)
    assert passed["ok"]
    assert passed["checked"] == [str(shelf)]
    assert passed["tests"] == {"failures": [], "passed": 1, "skipped": 0}
    shelf.write_text(SHELF.replace("kg > 0", "kg >= 0"), "utf-8")
    failed = document("test", shelf, code=1)
    (failure,) = failed["tests"]["failures"]
    assert failure["test"] == "test_shelf.test_a_lot_weighs_something"
    assert "DID NOT RAISE" in failure["message"]
    (tmp_path / "test_shelf.py").write_text("import nothing_of_this_name\n", "utf-8")
    assert not document("test", shelf, code=1)["ok"]


def test_no_test_runs_while_something_is_outside_the_dialect(shelf: Path, tmp_path: Path) -> None:
    (tmp_path / "test_shelf.py").write_text("open('ran', 'w')\n" + TEST, "utf-8")
    shelf.write_text(SHELF.replace("kg > 0", "kg / 2 > 0"), "utf-8")
    found = document("test", shelf, code=1)
    assert found["tests"] is None
    assert [one["rule"] for one in found["findings"]] == ["D501"]
    assert not (tmp_path / "ran").exists()


def test_a_folder_without_a_contract_has_nothing_to_test(shelf: Path, tmp_path: Path) -> None:
    assert run("test", tmp_path).exit_code == 2
    shutil.move(shelf, tmp_path / "contract.py")
    (tmp_path / "test_it.py").write_text(TEST.replace("from shelf", "from contract"), "utf-8")
    shown = run("test", tmp_path)
    assert shown.exit_code == 0
    assert "in the dialect ✓" in shown.stdout
    assert "1 passed, 0 failed, 0 skipped" in shown.stdout
