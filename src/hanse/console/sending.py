# SPDX-License-Identifier: Apache-2.0
"""Signing and sending for a member whose key the console holds (demo and desk use)."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import msgspec

from hanse.codec.base64url import to_text
from hanse.codec.canonical import encode
from hanse.codec.documents import Body, encode_transaction
from hanse.codec.limits import COST_MAX
from hanse.console.ledger import Directory, LedgerClient, Signers, action_path
from hanse.errors import Misconfigured

EXPIRY_MS: Final = 60 * 60 * 1000  # how long after the newest block a sent form may still be ordered
COST_MARGIN: Final = 2  # how much dearer than its rehearsal an action may become before it is stopped
COST_SLACK: Final = 1_000


@dataclass(eq=False)
class KeyMissing(Misconfigured):
    """The console holds no key that the registry knows for this member."""

    member: str
    code: ClassVar[str] = "key_missing"
    hint: ClassVar[str] = "Start the console with the member's key file, or sign with the client."


def key_id_of(directory: Directory, member: str, public_key: bytes) -> str | None:
    """Return the name under which the registry has a member's public key."""
    text = to_text(public_key)
    for organisation in directory.organisations:
        for entry in organisation.get("members", ()):
            if entry.get("id") == member:
                for key in entry.get("keys", ()):
                    if key.get("public_key") == text and key.get("to_height") is None:
                        return str(key["id"])
    return None


async def check(
    client: LedgerClient, contract: str, action: str, args: Mapping[str, Any], member: str
) -> dict[str, Any]:
    """Return what an action would do on the current state."""
    question = {"args": dict(args), "signer": member}
    answer = await client.post(action_path(contract, action), question)
    return dict(answer)


async def send(
    client: LedgerClient,
    signers: Signers,
    directory: Directory,
    member: str,
    call: tuple[str, str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Return the receipt of ``call`` (contract, action, arguments), signed by ``member`` and sent.

    Raises:
        KeyMissing: the console holds no registered key of this member.
        HanseError: the ledger did not admit the transaction.
    """
    contract, action, args = call
    signer = signers.get(member)
    key = key_id_of(directory, member, signer.public_key) if signer else None
    if signer is None or key is None:
        raise KeyMissing(member=member)
    status = await client.get("/v1/ledger")
    rehearsed = await check(client, contract, action, args, member)
    body = Body(
        action=action,
        args=msgspec.Raw(encode(dict(args))),
        contract=contract,
        cost_max=min(COST_MAX, int(rehearsed.get("cost", 0)) * COST_MARGIN + COST_SLACK),
        expires_ms=int(status["time_ms"]) + EXPIRY_MS,
        key=key,
        ledger=str(status["ledger"]),
        nonce=to_text(secrets.token_bytes(16)),
        signer=member,
        v=1,
    )
    signed = encode_transaction(body, signer.sign)
    return dict(await client.post_bytes("/v1/transactions", signed, "application/json"))
