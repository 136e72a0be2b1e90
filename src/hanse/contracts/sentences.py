# SPDX-License-Identifier: Apache-2.0
"""Human sentences: an event's docstring with its fields filled in, or one from the names."""

import re
from collections.abc import Mapping

_PLACE = re.compile(r"\{([a-z_][a-z0-9_]*)(?::([a-z]+))?\}")
_SHOWN_CHARS_MAX = 60


def sentence(template: str, fields: Mapping[str, object]) -> str:
    """Return ``template``'s first line, each ``{name}`` or ``{name:money}`` filled in."""

    def fill(match: re.Match[str]) -> str:
        name, style = match.group(1), match.group(2)
        value = fields.get(name)
        if style == "money" and isinstance(value, int):
            sign, whole, rest = "-" if value < 0 else "", abs(value) // 100, abs(value) % 100
            return f"{sign}{whole:,}.{rest:02d} {fields.get('asset', '')}".strip()
        return shown(value)

    return _PLACE.sub(fill, template.partition("\n")[0].strip())


def plain_sentence(signer: str, action: str, contract: str) -> str:
    """Return the sentence of a transaction without events."""
    return f"{signer} ran {action.replace('_', ' ')} on {contract}."


def refusal_sentence(signer: str, action: str, code: str, reason: str) -> str:
    """Return the sentence of a refused transaction."""
    why = reason.rstrip(".") or code.replace("_", " ")
    return f"{signer} was refused {action.replace('_', ' ')}: {why} ({code})."


def shown(value: object) -> str:
    """Return a value as a person reads it, at most 60 characters."""
    if isinstance(value, list):
        text = ", ".join(shown(v) for v in value[:3]) + (" …" if len(value) > 3 else "")
    elif isinstance(value, bool):
        text = "yes" if value else "no"
    elif value is None:
        text = "\N{EN DASH}"
    else:
        text = str(value)
    return text if len(text) <= _SHOWN_CHARS_MAX else text[: _SHOWN_CHARS_MAX - 1] + "…"
