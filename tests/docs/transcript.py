# SPDX-License-Identifier: Apache-2.0
"""``http`` blocks: exchanges with a node, as they stand in a page.

An exchange is a request line, the request's body if there is one, and an answer that begins with
its status; ``...`` in the answer stands for anything. A line that is empty ends the exchange.
"""

import doctest
import http.client
import re

REQUEST = re.compile(r"(GET|POST|PUT) (/\S*)$")
ANSWER = re.compile(r"([1-5]\d\d)(?: (.*))?$")
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
TIMEOUT_S = 20


def run_exchanges(text: str, port: str, where: str) -> None:
    """Establish that the node at ``port`` answers every request as the text says."""
    for exchange in re.split(r"\n\s*\n", text.strip()):
        lines = exchange.splitlines()
        request = REQUEST.match(lines[0])
        assert request, f"{where}: an exchange begins with a request line, not {lines[0]!r}"
        start = next(i for i, line in enumerate(lines) if ANSWER.match(line))
        wanted = "".join(line.strip() for line in lines[start:]) + "\n"  # folded for reading
        body = "\n".join(lines[1:start])
        got = _ask(port, request[1], request[2], body)
        checker, example = doctest.OutputChecker(), doctest.Example(lines[0], wanted)
        assert checker.check_output(wanted, got, FLAGS), (
            f"{where}: {lines[0]}\n" + checker.output_difference(example, got, FLAGS)
        )


def _ask(port: str, method: str, path: str, body: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=TIMEOUT_S)
    try:
        connection.request(method, path, body.encode() if method != "GET" else None)
        with connection.getresponse() as answer:
            endless = answer.headers.get_content_type() == "text/event-stream"
            data = answer.read1() if endless else answer.read()
            return f"{answer.status} {data.decode()}\n"
    finally:
        connection.close()
