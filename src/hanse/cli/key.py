# SPDX-License-Identifier: Apache-2.0
"""``hanse key``: key files made and looked at."""

import os
from pathlib import Path
from typing import Any

import click

from hanse.cli.output import common, emit
from hanse.codec.base64url import to_text
from hanse.crypto import SUITES, keyfiles, signers
from hanse.crypto.signers import Signer


@click.group()
def key() -> None:
    """Make and look at key files."""


def _described(path: Path, signer: Signer, *, sealed: bool) -> dict[str, Any]:
    return {
        "file": str(path),
        "protection": "passphrase" if sealed else "none",
        "public_key": to_text(signer.public_key),
        "suite": signer.suite.name,
    }


def _passphrase(variable: str | None) -> str | None:
    """Return the passphrase in an environment variable: never in arguments, where others see it."""
    if variable is None:
        return None
    if variable not in os.environ:
        raise click.BadParameter(f"the environment has no {variable}")
    return os.environ[variable]


@key.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--suite", type=click.Choice(SUITES), default="ed25519-sha256", show_default=True)
@click.option(
    "--passphrase-env", metavar="NAME", help="Variable with the passphrase that seals it."
)
@common
def new(*, file: Path, suite: str, passphrase_env: str | None, as_json: bool) -> None:
    """Make a new private key in a new file; an existing file is never overwritten.

    Examples:
      hanse key new ada.key
      PASS=… hanse key new ada.key --suite p256-sha256 --passphrase-env PASS
    """
    passphrase = _passphrase(passphrase_env)
    if not file.parent.is_dir():
        raise click.BadParameter(f"there is no folder {file.parent}")
    signer = signers.generate(suite)
    keyfiles.save(file, signer, passphrase=passphrase)
    emit(_described(file, signer, sealed=passphrase is not None), as_json=as_json)


@key.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--passphrase-env", metavar="NAME", default=None, help="By default HANSE_PASSPHRASE.")
@common
def show(*, file: Path, passphrase_env: str | None, as_json: bool) -> None:
    """Show the suite and the public key of a key file; the private key stays where it is.

    Examples:
      hanse key show ada.key
    """
    given = _passphrase(passphrase_env) or os.environ.get("HANSE_PASSPHRASE")
    signer = keyfiles.load(file, passphrase=given)
    sealed = b'"protection":"none"' not in file.read_bytes()
    emit(_described(file, signer, sealed=sealed), as_json=as_json)
