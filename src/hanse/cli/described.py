# SPDX-License-Identifier: Apache-2.0
"""A network described in TOML: who is on the ledger, with which roles, under which policies."""

import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from hanse.contracts.app import App
from hanse.crypto.signers import Signer
from hanse.errors import Malformed
from hanse.identity import GenesisPolicy
from hanse.node.clock import wall_clock_ms
from hanse.node.founding import Founder, Operator, found

SUITE: Final = "ed25519-sha256"  # where the description names none


def read_description(path: Path) -> dict[str, Any]:
    """Return what the file says.

    Raises:
        Malformed: it is no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Malformed(reason=str(error), at=str(path)) from None


def found_described(
    described: dict[str, Any],
    apps: Sequence[App],
    operator: Signer,
    signer_of: Callable[[str], Signer],
    *,
    at: str,
    time_ms: int | None = None,
) -> bytes:
    """Return the genesis of a ledger as it is described.

    Args:
        described: see :func:`read_description`.
        apps: those that the description may name; all of them where it names none.
        operator: signs for the node.
        signer_of: returns the key of a member, or of a witness as ``witness-NAME``.
        at: the description's path, for errors.
        time_ms: when the ledger begins; now, by default.

    Raises:
        Malformed: with the place that does not fit.
    """
    try:
        return _found(described, apps, operator, signer_of, time_ms)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Malformed(reason=f"not of the form of the example: {error}", at=at) from None


def _found(
    described: dict[str, Any],
    apps: Sequence[App],
    operator: Signer,
    signer_of: Callable[[str], Signer],
    time_ms: int | None,
) -> bytes:
    wanted = described.get("apps", [app.name for app in apps])
    members = {m["id"]: m.get("roles", []) for m in described.get("members", [])}
    return found(
        network=_text(described, "network"),
        time_ms=wall_clock_ms() if time_ms is None else time_ms,
        organisations={o["id"]: o["name"] for o in described.get("organisations", [])},
        members={name: Founder(roles, signer_of(name)) for name, roles in members.items()},
        operator=Operator(_text(described, "node"), _text(described, "operator"), operator),
        contracts=[c for app in apps if app.name in wanted for c in app.contracts],
        witnesses={
            w["name"]: signer_of(f"witness-{w['name']}") for w in described.get("witnesses", [])
        },
        witness_quorum=int(described.get("witness_quorum", 0)),
        policies=[
            GenesisPolicy(
                organisations=p.get("organisations", []),
                resource=p["resource"],
                roles=p.get("roles", []),
                rule=p["rule"],
            )
            for p in described.get("policies", [])
        ],
    )


def _text(described: dict[str, Any], name: str) -> str:
    value = described.get(name)
    if not isinstance(value, str):
        raise Malformed(reason=f"{name} is missing or no text", at=f"$.{name}")
    return value
