# SPDX-License-Identifier: Apache-2.0
"""Contracts ready to be called, found by the hash of their package: of the software, or of state.

A package hash stands for one text for ever, so what is loaded once serves every height and reader.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar, Self

from hanse.contracts.contract import Contract
from hanse.contracts.dialect.program import Program
from hanse.contracts.package import lowered_hash, texts_hash
from hanse.contracts.runtime import LoadedContract
from hanse.contracts.sources import hash_lowered, load_files
from hanse.contracts.state import Reader
from hanse.crypto import SHA256, Hash
from hanse.errors import Misconfigured
from hanse.kernel.entries import PACKAGES, TEXTS
from hanse.kernel.governance import Governance
from hanse.kernel.network import Network
from hanse.kernel.proposals import Package
from hanse.kernel.registry import Registry
from hanse.kernel.roots import Roots

BUILT_IN: tuple[type[Contract], ...] = (Registry, Governance, Network)
BUILT_IN_NAMES = frozenset(cls.name for cls in BUILT_IN)
_KEPT_MAX = 256  # contracts of state that stay loaded


@dataclass(eq=False)
class LoweringDiffers(Misconfigured):
    """This software lowers a contract to another text than the one that organisations approved."""

    contract: str
    expected: str
    actual: str
    code: ClassVar[str] = "lowering_differs"
    hint: ClassVar[str] = "Run the version of Hanse, and of Python, that the network runs."


@dataclass(frozen=True, slots=True)
class Shelved:
    """A contract with the texts that it is known by."""

    loaded: LoadedContract
    files: dict[str, str]
    package: str
    lowered: str | None


def load_contract(cls: type[Contract] | Program, hasher: Hash = SHA256) -> LoadedContract:
    """Return a contract ready to be called: from its text, unless it is part of the kernel.

    ``hasher`` is the network's; a caller that runs no call need not name it.
    """
    if isinstance(cls, Program):
        return LoadedContract.of_program(cls, hasher)
    return LoadedContract(cls, hasher, built_in=cls in BUILT_IN)


def read_files(reader: Reader, package: Package) -> dict[str, str]:
    """Return the texts of a package, put together from their parts in the state."""
    files: dict[str, str] = {}
    for file in package.files:
        parts = [TEXTS.get(reader, digest) for digest in file.parts]
        files[file.name] = "".join([part for part in parts if part is not None])
    return files


class Library:
    """Contracts loaded for one user; none is for concurrent use."""

    def __init__(self, hasher: Hash, classes: Iterable[type[Contract] | Program]) -> None:
        """Load the contracts of the software.

        Raises:
            OutsideDialect: one of them is not written in the dialect.
        """
        self._hash = hasher
        self._classes = tuple(classes)
        self.installed = [load_contract(cls, hasher) for cls in self._classes]
        self._shelf: dict[tuple[str, str], Shelved] = {}
        self._approved: dict[tuple[str, str], LoadedContract] = {}
        self._tried: tuple[tuple[str, str], LoadedContract] | None = None
        self.roots: Roots | None = None  # of the migration under way: chunks go on with them

    def tried(self, package: str, lowered: str) -> LoadedContract | None:
        """Return the contract of a proposed package, if it is the last one that was loaded."""
        known = self._tried
        return known[1] if known is not None and known[0] == (package, lowered) else None

    def keep_tried(self, package: str, lowered: str, loaded: LoadedContract) -> None:
        """Remember a proposed contract that is what its ballots bind: chunks ask for it again."""
        self._tried = ((package, lowered), loaded)

    def approve(self, package: str, loaded: LoadedContract) -> None:
        """Let an installed contract stand for ``package``, as genesis says."""
        self._approved[loaded.name, package] = loaded

    @contextmanager
    def lent(self, package: str, loaded: LoadedContract) -> Iterator[None]:
        """Let other code stand for ``package`` until the block ends."""
        at = (loaded.name, package)
        usual = self._approved.get(at)
        self._approved[at] = loaded
        try:
            yield
        finally:
            del self._approved[at]
            if usual is not None:
                self._approved[at] = usual

    def another(self) -> Self:
        """Return a library of the same contracts, for another user."""
        made = type(self)(self._hash, self._classes)
        named = {loaded.name: loaded for loaded in made.installed}
        for name, package in self._approved:
            made.approve(package, named[name])
        return made

    def find(self, reader: Reader, name: str, package: str) -> LoadedContract | None:
        """Return the contract of a package, ready to be called; ``None`` where nobody has it.

        Raises:
            LoweringDiffers: its text is lowered otherwise here than what was approved.
        """
        approved = self._approved.get((name, package))
        if approved is not None:
            return approved
        shelved = self._from_state(reader, name, package)
        return None if shelved is None else shelved.loaded

    def look_up(self, reader: Reader, name: str, package: str) -> Shelved | None:
        """Return the contract of a package with its texts."""
        loaded = self._approved.get((name, package))
        if loaded is None:
            return self._from_state(reader, name, package)
        tagged, program = self._hash.tagged, loaded.program
        lowered = None if program is None else lowered_hash(program, loaded.cls, tagged)
        files = loaded.texts
        return Shelved(loaded, files, texts_hash(files, name, loaded.version, tagged), lowered)

    def _from_state(self, reader: Reader, name: str, package: str) -> Shelved | None:
        known = self._shelf.get((name, package))
        if known is not None:
            return known
        entry = PACKAGES.get(reader, package)
        if entry is None:
            return None
        files = read_files(reader, entry)
        loaded = load_files(files, self._hash)
        lowered = hash_lowered(loaded, self._hash.tagged)
        if lowered != entry.lowered:
            raise LoweringDiffers(name, entry.lowered, lowered)
        if len(self._shelf) >= _KEPT_MAX:
            self._shelf.clear()
        found = self._shelf[name, package] = Shelved(loaded, files, package, lowered)
        return found
