# SPDX-License-Identifier: Apache-2.0
"""A node that describes a contract in names that are programs makes nobody run them."""

import ast
import copy
from pathlib import Path
from typing import Any

import pytest

from hanse.apps import discover
from hanse.client.descriptions import DescriptionInvalid, check_description
from hanse.client.generating import python_client
from hanse.contracts.package_file import build_package
from hanse.contracts.schema import describe
from hanse.kernel import Registry, load_contract

STORE = (Path(__file__).parents[2] / "corpus" / "store_contract.txt").read_text("utf-8")
GOOD = build_package("store", {"store": STORE}).description
EVIL = 'x: int = __import__("os").system("touch /tmp/evil")\n#'


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every text in a description that becomes part of a generated client."""
    if isinstance(value, dict):
        keys = [(*path, key, None) for key in value if path[-1:] == ("properties",)]
        return keys + [p for key, part in value.items() for p in places(part, (*path, key))]
    if isinstance(value, list):
        return [p for n, part in enumerate(value) for p in places(part, (*path, n))]
    return [path] if isinstance(value, str) else []


def with_text(path: tuple[Any, ...], text: Any) -> dict[str, Any]:
    """Return the description with another text at a place; a last ``None`` means the key."""
    made = copy.deepcopy(GOOD)
    part: Any = made
    renames = path[-1] is None
    for key in path[: -2 if renames else -1]:
        part = part[key]
    if renames:
        part[text] = part.pop(path[-2])
    else:
        part[path[-1]] = text
    return made


def test_descriptions_of_real_contracts_pass() -> None:
    assert check_description(GOOD, "store") == GOOD
    for cls in [Registry, *(c for app in discover() for c in app.contracts)]:
        found = describe(load_contract(cls), "A" * 43, "")
        assert check_description(found, found["name"]) == found


def what_runs(text: str) -> set[str]:
    """Return the kinds of statement in a module, and all that it calls."""
    nodes = list(ast.walk(ast.parse(text)))
    kinds = {type(node).__name__ for node in nodes if isinstance(node, ast.stmt)}
    return kinds | {ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call)}


ALLOWED = what_runs(python_client(GOOD)) | {"Date", "MemberId", "OrganisationId", "TimeMs", "Pass"}


@pytest.mark.parametrize("path", places(GOOD), ids=lambda path: ".".join(map(str, path)))
def test_no_text_of_a_description_becomes_code(path: tuple[Any, ...]) -> None:
    for evil in (EVIL, f'"""\n{EVIL}', f"'\n{EVIL}", f'"]\n{EVIL}', "\\", 'a"', "class", "a b"):
        try:
            text = python_client(check_description(with_text(path, evil), "store"))
        except DescriptionInvalid:
            continue
        assert what_runs(text) <= ALLOWED


def test_the_test_itself_sees_what_would_run() -> None:
    made = with_text(("title",), f"A:\n    pass\n{EVIL}")
    with pytest.raises(SyntaxError):
        what_runs(python_client(made))  # nothing has looked at the description
    assert not what_runs("import os\nos.abort()\n") <= ALLOWED


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("name",), None),
        (("title",), 3),
        (("hash",), "short"),
        (("actions",), {}),
        (("actions", 0), []),
        (("actions", 0, "args", "required"), ["absent"]),
        (("actions", 0, "args", "properties"), []),
        (("actions", 0, "result"), {}),
        (("actions", 0, "result"), {"anyOf": []}),
        (("actions", 0, "result"), {"enum": [{"a": 1}]}),
        (("actions", 0, "result"), {"enum": []}),
        (("actions", 0, "result"), {"type": "array"}),
        (("actions", 0, "result"), {"type": "object", "properties": {}, "required": []}),
        (("maps", 0, "key"), {"type": "float"}),
        (("events", 0, "fields"), {"type": "null"}),
        (("actions", 0, "role"), ["keeper"]),
        (("actions", 0, "doc"), "a\0b"),
        (("actions", 0, "args", "properties", "limit", "default"), "ten"),
        (("actions", 0, "args", "properties", "limit", "default"), {}),
        (("actions", 0, "args", "properties", "spare", "default"), "?"),
    ],
)
def test_what_is_no_description_is_refused_with_its_place(
    path: tuple[Any, ...], value: object
) -> None:
    with pytest.raises(DescriptionInvalid) as caught:
        python_client(check_description(with_text(path, value), "store"))
    assert caught.value.contract == "store"
    assert caught.value.at.startswith("$")
    for root in (None, [], "text", 3):
        with pytest.raises(DescriptionInvalid):
            check_description(root, "store")
