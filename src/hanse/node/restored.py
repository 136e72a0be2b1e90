# SPDX-License-Identifier: Apache-2.0
"""A node put back from a backup: whose backup it is, and the mark that it leaves in the folder.

A backup never holds a validator's voting key nor its sign state. So the first start of an engine
after a restore must make sure that nobody signed for this key lately: while
:func:`is_fresh_restore` says so, it starts with ``double_sign_check_height = 10``, and calls
:func:`clear` once it has.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from hanse.codec.canonical import encode
from hanse.identity import decode_genesis, ledger_id
from hanse.storage.backup import Unpacked
from hanse.storage.errors import BackupNotSigned

MARK: Final = "restored.json"
MARKS: Final = {MARK: encode({"v": 1})}
"""The file that marks a folder as put back."""

NOBODY: Final = "nobody"


def is_fresh_restore(folder: Path) -> bool:
    """Return whether the node in ``folder`` was put back and has not started since."""
    return (folder / MARK).exists()


def clear(folder: Path) -> None:
    """Forget that the node was put back; durable when this returns, and nothing when it was not."""
    if not is_fresh_restore(folder):
        return
    (folder / MARK).unlink(missing_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def judge(trust: str | None, signed_by: str | None) -> Callable[[Unpacked], None]:
    """Return what accepts a backup of ledger ``trust``, signed by its node or by ``signed_by``.

    A backup shows by its digests only that it is whole; whoever made it could have altered any
    part first. The signature says who vouches for it: the node's key in the genesis, or the key
    that the operator names (base64url), or openly nobody.
    """

    def look(unpacked: Unpacked) -> None:
        genesis_bytes = (unpacked.folder / "genesis.json").read_bytes()
        genesis = decode_genesis(genesis_bytes)
        ledger = ledger_id(genesis_bytes, genesis.hash)
        if trust is not None and trust != ledger:
            raise BackupNotSigned(f"it is one of ledger {ledger}, not of {trust}")
        if signed_by == NOBODY:
            return
        if unpacked.signature is None:
            raise BackupNotSigned("it bears no signature")
        if unpacked.manifest.ledger != ledger:
            raise BackupNotSigned("the manifest names another ledger than the genesis in it")
        keys = {f"{v.node}@{v.organisation}": v.public_key for v in genesis.validators}
        wanted = signed_by or keys.get(unpacked.manifest.node)
        if wanted is None:
            raise BackupNotSigned(f"the genesis does not know {unpacked.manifest.node}")
        if unpacked.signature.public_key != wanted:
            raise BackupNotSigned(f"it is signed by {unpacked.signature.public_key}")

    return look
