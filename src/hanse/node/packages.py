# SPDX-License-Identifier: Apache-2.0
"""The texts of a ledger's genesis contracts: kept in the node's folder, each under its hash.

What the genesis approved runs from there for as long as the ledger lives, whatever the software
that came later says: a newer release has newer apps, and the ledger changes its contracts by vote.
The contracts of the kernel itself are part of the software.
"""

import os
from collections.abc import Iterable

import msgspec

from hanse.codec.base64url import to_text
from hanse.codec.canonical import decode_as
from hanse.codec.documents import TAG_PACKAGE
from hanse.contracts.contract import Contract
from hanse.contracts.dialect.program import Program
from hanse.contracts.package import package_files, package_hash, texts_document, texts_hash
from hanse.contracts.sources import program_in
from hanse.crypto import Hash, hash_named
from hanse.identity import GenesisContract
from hanse.kernel import BUILT_IN, Kernel
from hanse.node.errors import ContractMismatch, PackageDamaged
from hanse.node.folder import Folder


class _Texts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    files: dict[str, str]
    name: str
    v: int
    version: str


_decoder = msgspec.json.Decoder(_Texts)


def load_kernel(folder: Folder, contracts: Iterable[type[Contract]]) -> Kernel:
    """Return the rules of a ledger, established to be those that its genesis approved.

    A contract comes from the software where that has the very text, else from the node's folder.

    Raises:
        ContractMismatch: neither has it.
        PackageDamaged: what the folder has is not what its name says.
    """
    hasher = hash_named(folder.genesis.hash)
    installed: dict[str, list[type[Contract]]] = {}
    for cls in (*BUILT_IN, *contracts):
        installed.setdefault(cls.name or cls.__name__.lower(), []).append(cls)
    chosen: list[type[Contract] | Program] = []
    for approved in folder.genesis.contracts:
        ours = installed.get(approved.name, [])
        hashes = {package_hash(cls, hasher.tagged): cls for cls in ours}
        known = hashes.get(approved.hash)
        found = known or (None if ours and ours[0] in BUILT_IN else _kept(folder, approved, hasher))
        if found is None:
            raise ContractMismatch(approved.name, next(iter(hashes), "none"), approved.hash)
        if found not in BUILT_IN:
            chosen.append(found)
    return Kernel(folder.genesis, folder.ledger, chosen)


def _kept(folder: Folder, approved: GenesisContract, hasher: Hash) -> Program | None:
    """Return the program of a text that the folder keeps; ``None`` where it keeps none."""
    path = folder.packages / f"{approved.hash}.json"
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    actual = to_text(hasher.tagged(TAG_PACKAGE, data))
    if actual != approved.hash:
        raise PackageDamaged(str(path), approved.hash, actual)
    return program_in(decode_as(data, _decoder).files)


def keep_packages(folder: Folder, contracts: Iterable[type[Contract]]) -> None:
    """Let the folder hold the text of each of ``contracts`` that the genesis approved."""
    tagged = hash_named(folder.genesis.hash).tagged
    ours = [cls.name for cls in BUILT_IN]
    wanted = {contract.hash for contract in folder.genesis.contracts if contract.name not in ours}
    wanted -= {path.stem for path in folder.packages.glob("*.json")}
    for cls in contracts if wanted else ():
        files, name = package_files(cls), cls.name or cls.__name__.lower()
        found = texts_hash(files, name, cls.version, tagged)
        if found in wanted:
            folder.packages.mkdir(exist_ok=True)
            beside = folder.packages / f"{found}.part"
            with beside.open("wb") as file:
                file.write(texts_document(files, name, cls.version))
                file.flush()
                os.fsync(file.fileno())
            beside.rename(folder.packages / f"{found}.json")
