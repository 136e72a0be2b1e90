# SPDX-License-Identifier: Apache-2.0
"""What the tests of all patterns share: state read outside the contract, refusals as a table."""

from collections.abc import Callable, Iterable
from typing import Any, get_args, get_type_hints

from hanse.contracts.digests import digest_of
from hanse.contracts.records import Codec
from hanse.crypto import SHA256
from hanse.testing.bench import Actor, Bench, encode_arguments

Case = tuple[str, str, str, Callable[..., Any], dict[str, Any]]
"""Expected code, a later fault of the same call (or nothing), who, action, arguments."""


def rows(bench: Bench[Any], name: str) -> dict[Any, Any]:
    """Return a map of the state in the author's own types, without asking the contract."""
    made = bench.loaded.collections[name]
    codec: Codec[Any] = Codec(get_args(get_type_hints(bench.loaded.cls)[name])[1])
    prefix = name.encode() + b"\x00"
    return {
        made._decode_key(key): codec.decode_stored(data)  # type: ignore[union-attr]  # a map
        for key, data in sorted(bench.snapshot().values.items())
        if key.startswith(prefix)
    }


def attempt(who: Actor, method: Callable[..., Any], **args: Any) -> str:
    """Return the code of a call, ``ok`` included; one that is no answer fails the test.

    What is refused leaves no trace.
    """
    bench = who.bench
    before = bench.snapshot().values
    outcome = bench.run(who, bench.entry_of(method), encode_arguments(method, (), args))
    assert outcome.code not in {"contract_fault", "invariant_broken", "cost_exceeded"}, (
        f"{outcome.code}: {outcome.reason}"
    )
    assert outcome.code is None or bench.snapshot().values == before
    documented = (*bench.entry_of(method).rejects, "not_authorised")
    assert outcome.code is None or outcome.code in documented
    return outcome.code or "ok"


def check_case(bench: Bench[Any], actors: dict[str, Actor], case: Case) -> None:
    """Run one line of a table of refusals; the earlier of two faults must win."""
    code, later, who, method, args = case
    rejects = bench.entry_of(method).rejects
    assert attempt(actors[who], method, **args) == code
    assert code in rejects
    assert not later or rejects.index(code) < rejects.index(later)


def unlisted(bench: Bench[Any], cases: Iterable[Case]) -> list[str]:
    """Return the codes that an action documents and no line of the table expects."""
    seen = {(method.__name__, code) for code, _, _, method, _ in cases}
    return [
        f"{entry.name}: {code}"
        for entry in bench.loaded.entries.values()
        for code in entry.rejects
        if (entry.name, code) not in seen
    ]


def digest(*parts: str | int) -> str:
    """Return some digest that a test can name."""
    return digest_of(SHA256.tagged, "test", *parts)
