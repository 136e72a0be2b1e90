# SPDX-License-Identifier: Apache-2.0
"""The stand-alone verifier's answer, with names for what tests look at most."""

from dataclasses import dataclass

import hanse_verify


@dataclass(frozen=True)
class Step:
    """One of the six steps."""

    step: str
    passed: bool
    detail: str


@dataclass(frozen=True)
class Result:
    """The document of ``--json``, as it is and in parts."""

    document: dict

    @property
    def verdict(self) -> str:
        return self.document["verdict"]

    @property
    def steps(self) -> list[Step]:
        return [Step(**step) for step in self.document["steps"]]

    @property
    def claim(self) -> dict:
        return self.document["claim"]

    def to_document(self) -> dict:
        return self.document


def verify(data: bytes, trust: str | None) -> Result:
    return Result(hanse_verify.verify(data, trust))
