# SPDX-License-Identifier: Apache-2.0
"""Contracts known by their texts alone, as a ledger keeps them: what runs, and its hash."""

from collections.abc import Mapping

from hanse.codec.documents import Tagged
from hanse.codec.limits import CONTRACT_FILES_MAX, PART_CHARS_MAX
from hanse.contracts.dialect.names import PUBLIC_NAME
from hanse.contracts.dialect.program import Program, build_program
from hanse.contracts.migrating import check_migrations
from hanse.contracts.package import lowered_hash, module_of
from hanse.contracts.runtime import LoadedContract
from hanse.crypto import Hash

_PATTERN = "pattern_"


def main_file(files: Mapping[str, str]) -> str | None:
    """Return which file holds the contract: the one that is neither model nor pattern."""
    found = [name for name in files if name != "model" and not name.startswith(_PATTERN)]
    named = all(PUBLIC_NAME(name) for name in files)
    return found[0] if named and len(found) == 1 and len(files) <= CONTRACT_FILES_MAX else None


def program_in(files: Mapping[str, str]) -> Program:
    """Return the program that the texts of a package are.

    Raises:
        OutsideDialect: a text is not written in the dialect.
        TypeError: they are not those of one contract.
    """
    main = main_file(files)
    if main is None:
        raise TypeError("a package is one contract, the model beside it, and patterns")
    ordered = {main: files[main], **{name: files[name] for name in sorted(files)}}
    return build_program(module_of(main, files[main]), ordered)


def load_files(files: Mapping[str, str], hasher: Hash) -> LoadedContract:
    """Return the contract that texts hold, ready to be called; nothing but the texts decides.

    Raises:
        OutsideDialect: a text is not written in the dialect.
        TypeError: they hold no contract, or several, or a type is not of the language.
    """
    program = program_in(files)
    loaded = LoadedContract.of_program(program, hasher)
    check_migrations(loaded)
    return loaded


def hash_lowered(loaded: LoadedContract, tagged: Tagged) -> str:
    """Return the hash of what is executed, with the versions of dialect and cost table, as text."""
    assert loaded.program is not None, "a built-in contract is not lowered"
    return lowered_hash(loaded.program, loaded.cls, tagged)


def split_text(text: str) -> list[str]:
    """Return a text in parts that fit a value of the state; joined they are the text."""
    return [text[at : at + PART_CHARS_MAX] for at in range(0, len(text), PART_CHARS_MAX)] or [""]
