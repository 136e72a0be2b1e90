# SPDX-License-Identifier: Apache-2.0
"""HTTP as values: steps yield requests and are sent responses; others carry them."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import ClassVar, Final, Literal, TypeAlias, TypeVar
from urllib.parse import quote

import msgspec

from hanse.codec.canonical import JsonObject, decode, decode_as, parse
from hanse.codec.problems import RESERVED
from hanse.errors import Corrupt, HanseError, Misconfigured, Refusal, Relayed

T = TypeVar("T")

JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"
BINARY: Final = "application/octet-stream"
PROVABLE_TRIES: Final = 12  # a node waits some seconds before it says ``not_provable_yet``


@dataclass(frozen=True, slots=True)
class Request:
    """One request; each of them may be sent twice with no further effect."""

    method: Literal["GET", "POST"]
    path: str
    body: bytes = b""
    content_type: str = JSON


@dataclass(frozen=True, slots=True)
class Response:
    """One whole response."""

    status: int
    content_type: str
    body: bytes


Steps: TypeAlias = Generator[Request, Response, T]
"""A conversation with a node that ends in a verified ``T``."""


@dataclass(eq=False)
class NotReachable(Misconfigured):
    """No answer from the node, twice in a row."""

    url: str
    reason: str
    code: ClassVar[str] = "not_reachable"
    hint: ClassVar[str] = "Is the node running at this address? `hanse doctor` looks."


@dataclass(eq=False)
class NodeFailed(Misconfigured):
    """The node could not answer; nothing is known about the outcome of a submission."""

    answer: str
    http_status: int
    reason: str = ""
    remedy: str = ""
    detail: dict[str, object] | None = None
    code: ClassVar[str] = "node_failed"
    hint: ClassVar[str] = (
        "Send the same bytes again later, or to another node: the ledger counts once."
    )

    def facts(self) -> dict[str, object]:
        """Return what came back, without what only repeats it."""
        return {"answer": self.answer, "http_status": self.http_status, "reason": self.reason}

    def relayed(self) -> Relayed | None:
        """Return the node's own words, when it had any."""
        if self.detail is None:
            return None
        return Relayed(self.answer, self.reason, self.remedy or self.hint, self.detail)


@dataclass(eq=False)
class AnswerInvalid(Corrupt):
    """The node's answer does not have the form that the API promises."""

    path: str
    reason: str
    code: ClassVar[str] = "answer_invalid"
    status: ClassVar[int] = 502
    hint: ClassVar[str] = "Compare the versions of node and client; ask another node."


def fetch(request: Request) -> Steps[bytes]:
    """Return the body of a good answer.

    Raises:
        Refusal: the node refused the request (4xx); its code, hint and facts are kept.
        NodeFailed: the node could not answer (5xx, or something that is no Hanse node).
    """
    response = yield request
    if response.status == 200:
        return response.body
    raise problem_of(response)


def fetch_provable(request: Request) -> Steps[bytes]:
    """Return the body of a good answer once the node can prove it.

    Where an engine orders, a block is final when it is executed, and provable when the next one is
    committed. A node waits for that by itself; this asks again, ``PROVABLE_TRIES`` times at most.

    Raises:
        Refusal: see :func:`fetch`; ``not_provable_yet`` when the engine makes no further block.
    """
    for _ in range(PROVABLE_TRIES - 1):
        try:
            return (yield from fetch(request))
        except Refusal as error:
            if error.refusal != "not_provable_yet":
                raise
    return (yield from fetch(request))


def fetch_json(request: Request) -> Steps[JsonObject]:
    """Return the JSON object that a good answer carries; its content is the node's word."""
    body = yield from fetch(request)
    return decode_object(body, request.path)


def get_json(path: str) -> Steps[object]:
    """Return whatever JSON stands at ``path``; the node's word."""
    body = yield from fetch(Request("GET", path))
    try:
        return parse(body)
    except HanseError as error:
        raise AnswerInvalid(path=path, reason=str(error)) from None


def decode_object(body: bytes, path: str) -> JsonObject:
    """Return the JSON object in ``body``.

    Raises:
        AnswerInvalid: it is none.
    """
    try:
        value = parse(body)
    except HanseError as error:
        raise AnswerInvalid(path=path, reason=str(error)) from None
    if not isinstance(value, dict):
        raise AnswerInvalid(path=path, reason="not an object")
    return value


def decode_answer(body: bytes, decoder: msgspec.json.Decoder[T], path: str) -> T:
    """Return ``body`` as the decoder's type, canonical to the last byte.

    Raises:
        AnswerInvalid: it has another form.
    """
    try:
        decode(body)
        return decode_as(body, decoder)
    except HanseError as error:
        raise AnswerInvalid(path=path, reason=str(error)) from None


def problem_of(response: Response) -> HanseError:
    """Return the error that a problem document (RFC 9457) describes."""
    try:
        problem = decode_object(response.body, "")
    except AnswerInvalid:
        problem = {}
    return error_of(problem, response.status)


def error_of(problem: JsonObject, status: int) -> HanseError:
    """Return the error of a decoded problem: the caller's fault below 500, the node's above."""
    code, hint, tx = problem.get("code"), problem.get("hint"), problem.get("tx")
    # what is most exact comes first; the title says it of the whole kind of error
    saying = next((k for k in ("detail", "reason", "title") if isinstance(problem.get(k), str)), "")
    reason, remedy = str(problem.get(saying, "")), hint if isinstance(hint, str) else ""
    detail: dict[str, object] = {
        k: v for k, v in problem.items() if k not in {*RESERVED, "tx", saying}
    }
    if not isinstance(code, str):
        return NodeFailed(answer="no problem document", http_status=status, reason=reason)
    if not 400 <= status < 500:
        return NodeFailed(code, status, reason, remedy, detail)
    named = tx if isinstance(tx, str) else None
    return Refusal(refusal=code, reason=reason, detail=detail, tx=named, remedy=remedy)


def segment(text: str) -> str:
    """Return ``text`` as one segment of a path, whatever is in it."""
    return quote(text, safe="")
