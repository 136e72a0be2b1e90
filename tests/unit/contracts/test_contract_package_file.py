# SPDX-License-Identifier: Apache-2.0
"""A package says of its texts what follows from them; one that says anything else is refused."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hanse.apps import discover
from hanse.codec.base64url import to_text
from hanse.codec.limits import CONTRACT_FILES_MAX, PACKAGE_BYTES_MAX, SOURCE_BYTES_MAX
from hanse.contracts.dialect.finding import OutsideDialect
from hanse.contracts.package import package_files, package_hash
from hanse.contracts.package_file import (
    Package,
    PackageInvalid,
    PackageMismatch,
    PackageOutdated,
    build_package,
    read_package,
)
from hanse.crypto import SHA256, SM3, Hash
from hanse.errors import Malformed, NotCanonical, Rejected, TooLarge

MODEL = '''\
"""Model."""

from hanse.contracts import record


@record
class Lot:
    kg: int
    note: str = "ä\\n"
'''
MAIN = '''\
"""Shelf."""

from hanse.contracts import Context, Contract, Map, action
from hanse.contracts.patterns.gs1 import gtin_check

from .model import Lot


class Shelf(Contract):
    lots: Map[str, Lot]

    @action(role=None)
    def put(self, ctx: Context, lot: str, kg: int = 1) -> Lot:
        """Put a lot. Rejects: already_exists."""
        return self.lots.add(lot, Lot(kg=kg))
'''
TRACE = next(c for app in discover() if app.name == "trace" for c in app.contracts)
FILES = package_files(TRACE)


encode = msgspec.json.Encoder(order="sorted").encode  # it also writes what is not canonical


@pytest.fixture(scope="module")
def package() -> Package:
    return build_package("contract", FILES)


@pytest.fixture(scope="module")
def small() -> dict[str, Any]:
    """Return the document of a package of two texts."""
    files = {"shelf": MAIN.replace("from hanse.contracts.patterns.gs1 import gtin_check\n", "")}
    made = build_package("shelf", {**files, "model": MODEL})
    found: dict[str, Any] = msgspec.json.decode(made.data)
    return found


def test_a_package_is_read_as_it_was_made_and_has_the_hashes_that_a_node_computes(
    package: Package,
) -> None:
    read = read_package(package.data)
    assert read.data == package.data
    assert read.description == package.description
    assert read.document.package_hash == package_hash(TRACE, SHA256.tagged)
    assert list(read.files) == list(FILES)
    assert read.contract.name == "trace"


def test_the_bytes_do_not_depend_on_how_the_files_are_listed(package: Package) -> None:
    assert build_package("contract", dict(reversed(FILES.items()))).data == package.data


@pytest.mark.parametrize("hasher", [SHA256, SM3], ids=lambda hasher: hasher.name)
def test_a_package_is_for_the_hash_of_its_network(hasher: Hash, small: dict[str, Any]) -> None:
    made = build_package("shelf", small["files"], hasher)
    assert made.document.hash == hasher.name
    assert read_package(made.data).document == made.document
    wrong = {**small, "hash": "sm3" if hasher is SHA256 else "sha256"}
    if hasher is SHA256:
        with pytest.raises(PackageMismatch):
            read_package(encode(wrong))


def test_the_bytes_do_not_depend_on_the_hash_seed_or_the_locale(package: Package) -> None:
    code = (
        "import sys, msgspec\n"
        "from hanse.contracts.package_file import build_package\n"
        "files = msgspec.json.decode(sys.stdin.buffer.read())\n"
        "sys.stdout.buffer.write(build_package('contract', files).data)\n"
    )
    for seed, locale in (("1", "C"), ("2", "tr_TR.UTF-8")):
        made = subprocess.run(
            [sys.executable, "-c", code],
            input=msgspec.json.encode(FILES),
            env={**os.environ, "PYTHONHASHSEED": seed, "LC_ALL": locale},
            capture_output=True,
            check=True,
        )
        assert made.stdout == package.data


def test_a_model_that_is_imported_by_its_full_name_is_found(package: Package) -> None:
    assert "from hanse.apps.trace.model import" in FILES["contract"]
    elsewhere = {**FILES, "contract": FILES["contract"].replace("hanse.apps.trace.", "my.place.")}
    moved = build_package("contract", elsewhere)
    assert moved.document.schema == package.document.schema
    assert moved.document.package_hash != package.document.package_hash


def changed(small: dict[str, Any], **fields: Any) -> bytes:
    """Return a package with other fields, whose package hash follows from its texts."""
    made = {**small, **fields}
    names = ("files", "name", "v", "version")
    hashed = SHA256.tagged("hanse/package/1", encode({name: made[name] for name in names}))
    return encode({**made, "package_hash": to_text(hashed)})


def with_file(name: str, text: str) -> Callable[[dict[str, Any]], bytes]:
    """Return what makes a package with one more file, or another text of one."""
    return lambda small: changed(small, files={**small["files"], name: text})


def without(name: str) -> Callable[[dict[str, Any]], bytes]:
    """Return what makes a package that lacks a field."""
    return lambda small: encode({k: v for k, v in small.items() if k != name})


def relabelled(**fields: Any) -> Callable[[dict[str, Any]], bytes]:
    """Return what makes a package that says something else, its package hash left alone."""
    return lambda small: encode({**small, **fields})


def altered_schema(small: dict[str, Any]) -> bytes:
    """Return a package whose schema shows a role that the text does not ask for."""
    (action,) = small["schema"]["actions"]
    schema = {**small["schema"], "actions": [{**action, "role": "admin"}]}
    return encode({**small, "schema": schema})


OTHER = "x = 1\n"
HOSTILE: dict[str, tuple[Callable[[dict[str, Any]], bytes], type[Rejected], str]] = {
    "no JSON": (lambda _: b"\x89PNG", Malformed, ""),
    "nothing": (lambda _: b"", Malformed, ""),
    "spaces": (lambda small: encode(small) + b"\n", NotCanonical, ""),
    "a key twice": (
        lambda small: encode(small).replace(b'{"cost":', b'{"cost":1,"cost":', 1),
        NotCanonical,
        "",
    ),
    "a number with a point": (
        lambda small: encode(small).replace(b'"v":1,', b'"v":1.0,'),
        NotCanonical,
        "",
    ),
    "a field more": (relabelled(extra=1), Malformed, "extra"),
    "a field less": (without("lowered_hash"), Malformed, "lowered_hash"),
    "another version of the format": (relabelled(v=2), Malformed, ""),
    "an unknown hash": (relabelled(hash="md5"), Malformed, ""),
    "another dialect": (relabelled(dialect=2), PackageOutdated, "dialect"),
    "other costs": (relabelled(cost=1), PackageOutdated, "cost"),
    "a path": (with_file("../evil", OTHER), NotCanonical, "not an ASCII identifier"),
    "an absolute path": (with_file("/etc/passwd", OTHER), NotCanonical, "not an ASCII identifier"),
    "a hidden file": (with_file(".model", OTHER), NotCanonical, "not an ASCII identifier"),
    "a letter that looks like another": (
        with_file("mоdel", OTHER),  # noqa: RUF001  # the Cyrillic o is the attack
        NotCanonical,
        "not an ASCII identifier",
    ),
    "no name": (with_file("", OTHER), NotCanonical, "not an ASCII identifier"),
    "a private name": (with_file("_model", OTHER), PackageInvalid, "name of a module"),
    "a file that nobody imports": (with_file("more", OTHER), PackageInvalid, "no other imports"),
    "a pattern that nobody imports": (
        with_file("pattern_gs1", OTHER),
        PackageInvalid,
        "no other imports",
    ),
    "too many files": (
        lambda small: changed(
            small,
            files={**small["files"], **{f"f{n}": "" for n in range(CONTRACT_FILES_MAX)}},
        ),
        TooLarge,
        "files",
    ),
    "no files": (lambda small: changed(small, files={}), PackageInvalid, "contract is missing"),
    "no contract's file": (relabelled(main="other"), PackageInvalid, "contract is missing"),
    "a model that is missing": (
        lambda small: changed(small, files={"shelf": small["files"]["shelf"]}),
        PackageInvalid,
        "imports is missing",
    ),
    "a pattern that is missing": (with_file("shelf", MAIN), PackageInvalid, "imports is missing"),
    "a text that is too long": (
        with_file("model", f"{MODEL}#{'x' * SOURCE_BYTES_MAX}\n"),
        TooLarge,
        "model",
    ),
    "a file that is too long": (lambda _: b" " * (PACKAGE_BYTES_MAX + 1), TooLarge, "package"),
    "another package hash": (relabelled(package_hash="A" * 43), PackageMismatch, "package_hash"),
    "another version": (relabelled(version="9"), PackageMismatch, "package_hash"),
    "another version, hashed": (
        lambda small: changed(small, version="9"),
        PackageMismatch,
        "version",
    ),
    "another name, hashed": (lambda small: changed(small, name="rack"), PackageMismatch, "name"),
    "another lowered hash": (relabelled(lowered_hash="A" * 43), PackageMismatch, "lowered_hash"),
    "a schema that hides a role": (altered_schema, PackageMismatch, "schema"),
    "no schema": (relabelled(schema={}), PackageMismatch, "schema"),
    "a changed text": (
        lambda small: encode(
            {**small, "files": {**small["files"], "model": MODEL.replace("kg: int", "kg: str")}}
        ),
        PackageMismatch,
        "package_hash",
    ),
    "a text that reaches for the machine": (
        with_file("model", "import os\nos.abort()\n" + MODEL),
        OutsideDialect,
        "D203",
    ),
    "a text that is no Python": (with_file("model", MODEL + "def ("), OutsideDialect, "D1"),
    "two contracts": (
        lambda small: changed(
            small,
            files={
                **small["files"],
                "shelf": small["files"]["shelf"] + "\n\nclass Rack(Contract):\n    pass\n",
            },
        ),
        PackageInvalid,
        "2 contracts",
    ),
    "no contract": (
        lambda small: changed(small, files={"shelf": "x = 1\n"}),
        PackageInvalid,
        "0 contracts",
    ),
}


@pytest.mark.parametrize("attack", HOSTILE)
def test_a_hostile_package_is_refused_by_code(attack: str, small: dict[str, Any]) -> None:
    make, error, said = HOSTILE[attack]
    with pytest.raises(error) as caught:
        read_package(make(small))
    assert type(caught.value) is error
    assert said in str(caught.value)


def test_no_text_of_a_package_is_imported_or_executed(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    text = MAIN.replace('"""Shelf."""', f"open({str(mark)!r}, 'w')")
    with pytest.raises(OutsideDialect):
        build_package("shelf", {"shelf": text, "model": MODEL, "pattern_gs1": "x = 1\n"})
    assert not mark.exists()


def test_a_schema_of_too_many_types_is_refused_before_it_is_written() -> None:
    wide = "\n".join(f"    f{n}: tuple[int, int, int]" for n in range(200))
    argument = ", ".join(f"a{n}: Wide" for n in range(100))
    text = MAIN.replace("class Shelf", f"@record\nclass Wide:\n{wide}\n\n\nclass Shelf")
    text = text.replace("lot: str, kg: int = 1", f"lot: str, kg: int, {argument}")
    text = text.replace("Map, action", "Map, action, record").replace("import gtin_check", "import")
    text = text.replace("from hanse.contracts.patterns.gs1 import\n", "")
    with pytest.raises(TooLarge, match="types of the schema"):
        build_package("shelf", {"shelf": text, "model": MODEL})


def test_a_description_holds_nothing_of_classes_of_the_same_name_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = "from hanse.contracts import Context, Contract, query\n\n\nclass Shelf(Contract):\n"
    text += "    @query\n    def one(self, ctx: Context) -> int:\n        return 1\n"
    before = build_package("shelf", {"shelf": text}).data
    other = type(sys)("shelf")
    exec(text.replace("return 1", '"""Another one."""\n        return 1'), other.__dict__)
    monkeypatch.setitem(sys.modules, "shelf", other)
    assert build_package("shelf", {"shelf": text}).data == before
