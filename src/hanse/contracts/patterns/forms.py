# SPDX-License-Identifier: Apache-2.0
"""Forms of text that every pattern checks: names, digests, lists without repetition."""

from hanse.contracts import Context, OrganisationId, require

NAME_CHARS_MAX = 200
DIGEST_CHARS = 43
BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
LAST_OF_DIGEST = "AEIMQUYcgkosw048"  # the last character carries four bits, then two zero bits


def is_name(text: str) -> bool:
    """Whether ``text`` may name something: 1 to 200 visible ASCII characters, no space."""
    return 0 < len(text) <= NAME_CHARS_MAX and min(text) > " " and max(text) <= "~"


def is_digest(text: str) -> bool:
    """Whether ``text`` is 32 bytes in base64url, in its one spelling."""
    if len(text) != DIGEST_CHARS or text[-1] not in LAST_OF_DIGEST:
        return False
    return all(char in BASE64URL for char in text)


def is_within(inner: list[str], outer: list[str]) -> bool:
    """Whether every text of ``inner`` is one of ``outer``."""
    return all(text in outer for text in inner)


def are_names(texts: list[str], most: int) -> bool:
    """Whether these are 1 to ``most`` names, none of them twice."""
    if not 0 < len(texts) <= most or not all(is_name(text) for text in texts):
        return False
    ordered = sorted(texts)
    return all(ordered[at] < ordered[at + 1] for at in range(len(ordered) - 1))


def check_acts_for(ctx: Context, organisations: list[OrganisationId]) -> None:
    """Refuse wrong_organisation unless the signer is of one of these."""
    mine = ctx.organisation in organisations
    require(mine, "wrong_organisation", "only a named organisation may do this")
