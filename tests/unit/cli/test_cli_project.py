# SPDX-License-Identifier: Apache-2.0
"""A project is loaded as one state of its files, again and again, or said to be unusable."""

import inspect
import os
import sys
from pathlib import Path

import pytest
from click import BadParameter

from hanse.cli.init import build_project
from hanse.cli.project import NotLoaded, Project, find_project, load
from hanse.contracts.package import package_files
from hanse.contracts.runtime import program_of


@pytest.fixture
def project(tmp_path) -> Project:
    """A fresh project; its modules are forgotten afterwards."""
    for path, text in build_project("tinydairy", "lots").items():
        place = tmp_path / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, "utf-8")
    before = list(sys.path)
    yield find_project(tmp_path)
    sys.path[:] = before
    for name in [n for n in sys.modules if n.partition(".")[0] in {"tinydairy", "outer"}]:
        del sys.modules[name]


def contract_of(project: Project) -> Path:
    return project.contracts[0]


def findings(project: Project) -> list[tuple[str, int, str]]:
    with pytest.raises(NotLoaded) as failed:
        load(project)
    return [(Path(one.file).name, one.line, one.rule) for one in failed.value.findings]


def test_the_text_that_is_hashed_is_the_one_that_was_compiled(project) -> None:
    loaded = load(project)
    (cls,) = loaded.contracts
    before = contract_of(project).read_text("utf-8")
    contract_of(project).write_text("half a sa", "utf-8")
    assert package_files(cls) == {"contract": before}
    assert inspect.getsource(sys.modules[cls.__module__]) == before
    assert program_of(cls).module == "tinydairy.contract"


def test_a_saved_change_is_loaded_even_at_the_same_time_and_size(project) -> None:
    first = load(project)
    path, status = contract_of(project), contract_of(project).stat()
    changed = path.read_text("utf-8").replace("grams > 0", "grams > 7")
    path.write_text(changed, "utf-8")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    second = load(project)
    assert package_files(second.contracts[0]) == {"contract": changed}
    assert second.contracts[0] is not first.contracts[0]
    assert not list(project.root.rglob("*.pyc"))


def test_what_was_loaded_before_can_be_active_again(project) -> None:
    first = load(project)
    before = package_files(first.contracts[0])
    path = contract_of(project)
    path.write_text(path.read_text("utf-8").replace("grams > 0", "grams > 7"), "utf-8")
    load(project)
    first.activate()
    assert sys.modules["tinydairy.contract"].Tinydairy is first.contracts[0]
    assert package_files(first.contracts[0]) == before


@pytest.mark.parametrize(
    ("text", "rule", "line"),
    [
        ("def (", "D001", 1),
        ("", "import", 5),
        ("import os\n", "D", 1),
        ("x = 1.5\n", "D", 1),
        ("\x00", "D", 1),
        ("\udcff", "D", 1),
    ],
)
def test_a_contract_that_cannot_be_is_named_with_its_line(project, text, rule, line) -> None:
    contract_of(project).write_bytes(text.encode("utf-8", "surrogateescape"))
    (file, found_line, found_rule), *_ = findings(project)
    assert found_line == line
    assert found_rule.startswith(rule[:1])
    assert file in {"contract.py", "__init__.py"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("import nothing_of_this_name", "ModuleNotFoundError"),
        ("1 / 0", "ZeroDivisionError"),
        ("raise SystemExit(3)", "SystemExit"),
        ("def (", "SyntaxError"),
    ],
)
def test_a_module_that_fails_is_named_and_the_old_ones_stay(project, line, said) -> None:
    loaded = load(project)
    init = contract_of(project).parent / "__init__.py"
    text = init.read_text("utf-8")
    init.write_text(f"{text}\n{line}\n", "utf-8")
    with pytest.raises(NotLoaded) as failed:
        load(project)
    (found,) = failed.value.findings
    assert (Path(found.file), found.line) == (init, len(text.splitlines()) + 2)
    assert found.message.startswith(said)
    assert sys.modules["tinydairy.contract"].Tinydairy is loaded.contracts[0]


def test_a_file_that_is_gone_is_said_to_be(project) -> None:
    load(project)
    contract_of(project).unlink()
    assert findings(project) == [("contract.py", 1, "missing")]


def test_the_stamp_tells_a_save_a_deletion_and_a_new_file(project) -> None:
    stamps = [project.stamp()]
    (contract_of(project).parent / "helper.py").write_text("X = 1\n", "utf-8")
    stamps.append(project.stamp())
    contract_of(project).write_text("saved", "utf-8")
    stamps.append(project.stamp())
    contract_of(project).unlink()
    stamps.append(project.stamp())
    project.network.unlink()
    stamps.append(project.stamp())
    assert len(set(stamps)) == 5


def test_other_places_are_not_searched(project) -> None:
    for place in (".hidden", "venv", "build"):
        (project.root / place).mkdir()
        (project.root / place / "contract.py").write_text("", "utf-8")
    (project.root / "venv" / "pyvenv.cfg").write_text("", "utf-8")
    assert find_project(project.root).contracts == project.contracts


def test_a_folder_without_a_contract_is_refused(tmp_path) -> None:
    with pytest.raises(BadParameter, match=r"no contract\.py"):
        find_project(tmp_path)


def test_a_package_below_others_leaves_those_alone(project) -> None:
    outer = project.root / "src" / "outer"
    outer.mkdir(parents=True)
    (outer / "__init__.py").write_text("LOADED = object()\n", "utf-8")
    package = contract_of(project).parent.rename(outer / "tinydairy")
    for path in package.glob("*.py"):
        text = path.read_text("utf-8").replace("from tinydairy.", "from outer.tinydairy.")
        path.write_text(text, "utf-8")
    nested = find_project(project.root)
    first = load(nested)
    holder = sys.modules["outer"]
    second = load(nested)
    assert sys.modules["outer"] is holder
    assert second.contracts[0].__module__ == "outer.tinydairy.contract"
    assert holder.tinydairy is sys.modules["outer.tinydairy"]
    first.activate()
    assert holder.tinydairy.contract.Tinydairy is first.contracts[0]
