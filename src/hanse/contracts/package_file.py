# SPDX-License-Identifier: Apache-2.0
"""The package file: a contract in one document, the same bytes on every machine.

``spec/package.md`` says what is in it. Making and reading one executes the lowered text of its
declarations at most, never the module itself.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal

import msgspec

from hanse.codec.canonical import decode, decode_as, encode
from hanse.codec.limits import (
    CONTRACT_FILES_MAX,
    PACKAGE_BYTES_MAX,
    SCHEMA_PARTS_MAX,
    SOURCE_BYTES_MAX,
)
from hanse.contracts.dialect import names
from hanse.contracts.dialect.program import build_program
from hanse.contracts.meter import COST_VERSION
from hanse.contracts.package import collect_files, lowered_hash, module_of, texts_hash
from hanse.contracts.refusals import Fault
from hanse.contracts.runtime import LoadedContract
from hanse.contracts.schema import count_parts, describe
from hanse.crypto import SHA256, Hash, hash_named
from hanse.errors import Rejected, TooLarge

__all__ = [
    "Package",
    "PackageInvalid",
    "PackageMismatch",
    "PackageOutdated",
    "build_package",
    "read_package",
]

_DERIVED: Final = ("hash", "source")  # of a description; a package says them in its own fields


@dataclass(eq=False)
class PackageInvalid(Rejected):
    """The files of a package do not make one contract."""

    reason: str
    at: str
    code: ClassVar[str] = "package_invalid"
    hint: ClassVar[str] = "Make the package again with `hanse contract package PATH`."


@dataclass(eq=False)
class PackageMismatch(Rejected):
    """A package says something else of its texts than what follows from them."""

    what: str
    stated: str
    computed: str
    code: ClassVar[str] = "package_mismatch"
    hint: ClassVar[str] = "Do not use it; ask its author for the file, or make it from the source."


@dataclass(eq=False)
class PackageOutdated(Rejected):
    """A package was made for another version of the dialect or of the table of costs."""

    what: str
    stated: int
    here: int
    code: ClassVar[str] = "package_outdated"
    hint: ClassVar[str] = "Make it again from the source with the version of Hanse that runs here."


class Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The fields of ``spec/package.md``."""

    cost: int
    dialect: int
    files: dict[str, str]
    hash: Literal["sha256", "sm3"]
    lowered_hash: str
    main: str
    name: str
    package_hash: str
    schema: dict[str, Any]
    v: Literal[1]
    version: str


_decoder = msgspec.json.Decoder(Document)


@dataclass(frozen=True, slots=True)
class Package:
    """A package whose every statement was compared with its texts, and the contract it holds."""

    document: Document
    files: dict[str, str]
    contract: LoadedContract

    @property
    def data(self) -> bytes:
        """The bytes of the package file."""
        return encode(self.document)

    @property
    def description(self) -> dict[str, Any]:
        """What a node that runs this contract says of it."""
        source = "\n\n".join(self.files.values())
        made = describe(self.contract, self.document.package_hash, source)
        return {**made, "lowered": self.document.lowered_hash}


def build_package(main: str, files: dict[str, str], hasher: Hash = SHA256) -> Package:
    """Return the package of a contract's files.

    Args:
        main: the name of the file that holds the contract.
        files: texts by name: what ``main`` imports, and what that imports, and nothing else.
        hasher: the hash of the network that it is for.

    Raises:
        PackageInvalid: the files do not make one contract.
        OutsideDialect: a text is not written in the dialect.
        TooLarge: a text, all together, or the schema.
    """
    ordered = _files(main, files)
    program = build_program(module_of(main, ordered[main]), ordered)
    contract = _load(program, hasher)
    _check_size("types of the schema", count_parts(contract), SCHEMA_PARTS_MAX)
    document = Document(
        cost=COST_VERSION,
        dialect=names.DIALECT_VERSION,
        files=dict(sorted(ordered.items())),
        hash="sm3" if hasher.name == "sm3" else "sha256",
        lowered_hash=lowered_hash(program, contract.cls, hasher.tagged),
        main=main,
        name=contract.name,
        package_hash=texts_hash(ordered, contract.name, contract.version, hasher.tagged),
        schema=schema_part(contract),
        v=1,
        version=contract.version,
    )
    data = encode(document)
    _check_size("package", len(data), PACKAGE_BYTES_MAX)
    decode(data)  # types that nest too deep to be described are refused here, not at each reader
    return Package(document, ordered, contract)


def read_package(data: bytes) -> Package:
    """Return the package in the bytes of a file, every statement in it compared with its texts.

    Raises:
        TooLarge: the file, or a text in it.
        NotCanonical: the bytes are not the one encoding of the document.
        Malformed: it is no document of this form.
        PackageInvalid: a file is missing, too many, or badly named.
        PackageOutdated: it is for another version of the dialect or of the costs.
        PackageMismatch: a hash, the name, the version or the schema does not follow from the texts.
        OutsideDialect: a text is not written in the dialect.
    """
    _check_size("package", len(data), PACKAGE_BYTES_MAX)
    decode(data)
    stated = decode_as(data, _decoder)
    for what, one, here in (
        ("dialect", stated.dialect, names.DIALECT_VERSION),
        ("cost", stated.cost, COST_VERSION),
    ):
        if one != here:
            raise PackageOutdated(what, one, here)
    hasher = hash_named(stated.hash)
    ordered = _files(stated.main, stated.files)
    found = texts_hash(ordered, stated.name, stated.version, hasher.tagged)
    _compare("package_hash", stated.package_hash, found)  # before anything costly is done with it
    made = build_package(stated.main, stated.files, hasher)
    for what in ("name", "version", "lowered_hash"):
        _compare(what, getattr(stated, what), getattr(made.document, what))
    if encode(stated.schema) != encode(made.document.schema):
        raise PackageMismatch("schema", "another one", "that of the texts")
    return made


def schema_part(contract: LoadedContract) -> dict[str, Any]:
    """Return what a package says of a contract's types: its description without hash and source."""
    made = describe(contract, "", "")
    return {name: made[name] for name in made if name not in _DERIVED}


def _files(main: str, files: dict[str, str]) -> dict[str, str]:
    """Return the files in the order in which they import one another, the contract first."""
    if len(files) > CONTRACT_FILES_MAX:
        raise TooLarge("files of a package", CONTRACT_FILES_MAX, len(files))
    for name, text in files.items():
        if not names.PUBLIC_NAME(name):
            raise PackageInvalid("a file has the name of a module, a-z, 0-9, _", name[:80])
        _check_size(f"text of {name}", _size(text, name), SOURCE_BYTES_MAX)
    if main not in files:
        raise PackageInvalid("the file of the contract is missing", main[:80])

    def read(module: str) -> str:
        name = module.rpartition(".")[2]
        file = f"pattern_{name}" if module.startswith(names.PATTERN_MODULE) else name
        if file not in files:
            raise PackageInvalid("a file that another imports is missing", file)
        return files[file]

    ordered = collect_files(module_of(main, files[main]), read)
    for name in files:
        if name not in ordered:
            raise PackageInvalid("a file that no other imports", name)
    return ordered


def _size(text: str, name: str) -> int:
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        raise PackageInvalid("a text is not made of Unicode scalar values", name) from None


def _load(program: Any, hasher: Hash) -> LoadedContract:
    try:
        return LoadedContract.of_program(program, hasher)
    except (TypeError, Fault) as error:
        raise PackageInvalid(str(error), program.main) from None


def _compare(what: str, stated: str, computed: str) -> None:
    if stated != computed:
        raise PackageMismatch(what, stated[:80], computed)


def _check_size(what: str, actual: int, limit: int) -> None:
    if actual > limit:
        raise TooLarge(what, limit, actual)
