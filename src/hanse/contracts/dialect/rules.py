# SPDX-License-Identifier: Apache-2.0
"""The rule table: all that the checker can refuse, with reason, remedy and two examples each.

The checker, ``hanse explain``, the reference page and the tests read this one table.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal

from hanse.contracts.dialect.rules_body import BODY_RULES
from hanse.contracts.dialect.rules_form import FORM_RULES
from hanse.contracts.dialect.rules_module import MODULE_RULES

_REPEATED = re.compile(r"\{\{(.+?)\*(\d+)\}\}", re.DOTALL)

_HEAD: Final = """\
from typing import Literal
from hanse.contracts import BigInt, Change, Context, Contract, Date, Map, Refused, Value
from hanse.contracts import action, event, invariant, must, query, record, replace, require
"""
_METHOD: Final = '''

@record
class Note:
    owner: str
    amount: int
    tags: list[str]


@event
class Told:
    """{text}."""

    text: str


class Example(Contract):
    uses = ("other",)

    notes: Map[str, Note]
    total: Value[Note]

    @action(role=None)
    def act(self, ctx: Context, n: int, text: str, xs: list[int]) -> None:
        """Do it."""
'''


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that the dialect refuses."""

    id: str
    title: str
    reason: str
    remedy: str
    accepted: str
    refused: str
    frame: Literal["file", "module", "body"]

    def text_of(self, example: str) -> str:
        """Return the module that an example is: the example itself, or what it is a part of."""
        text = _REPEATED.sub(lambda found: found[1] * int(found[2]), example)
        if self.frame == "body":
            lines = "".join(f"        {line}\n" if line else "\n" for line in text.splitlines())
            return _HEAD + _METHOD + lines
        return (_HEAD + text if self.frame == "module" else text) + "\n"


RULES: Final[dict[str, Rule]] = {
    row[0]: Rule(*row) for row in (*FORM_RULES, *MODULE_RULES, *BODY_RULES)
}
