# SPDX-License-Identifier: Apache-2.0
"""How a contract says no: a stable code, a hint, typed facts. Nothing it wrote remains."""

from typing import TypeVar

T = TypeVar("T")


class Refused(Exception):  # it is an answer, not an error
    """A contract said no."""

    def __init__(self, code: str, hint: str = "", **facts: object) -> None:
        """Carry the code into the receipt, with the hint and the facts."""
        super().__init__(f"{code}: {hint}" if hint else code)
        self.code = code
        self.hint = hint
        self.facts = facts


class CostExceeded(BaseException):
    """The meter ran out; no contract code can catch it."""


class ReaderFailed(BaseException):
    """The state below a call could not be read: the node's fault, never a transaction's outcome.

    No contract code can catch it; the runtime raises its cause again.
    """


class Fault(Exception):  # it ends one transaction with a code, it is no crash
    """The contract did what the runtime forbids: the receipt says ``contract_fault``."""


def require(condition: bool, code: str, hint: str = "", **facts: object) -> None:
    """Refuse with ``code`` unless ``condition`` holds."""
    if not condition:
        raise Refused(code, hint, **facts)


def must(value: T | None, code: str, hint: str = "", **facts: object) -> T:
    """Return ``value``, refusing with ``code`` when it is ``None``."""
    if value is None:
        raise Refused(code, hint, **facts)
    return value
