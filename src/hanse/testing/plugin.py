# SPDX-License-Identifier: Apache-2.0
"""The pytest plugin: ``bench``, ``ledger``, ``as_member``, ``clock``, and ``--engine``.

It is loaded in every test run of an environment with Hanse, so it imports nothing of ours before a
fixture is used.
"""

import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args, get_origin, get_type_hints

import pytest

if TYPE_CHECKING:
    from hanse.testing.bench import Bench
    from hanse.testing.clock import Clock
    from hanse.testing.ledger import Ledger

ENGINES: Final = ("embedded",)
PLANNED: Final = ("cometbft",)
NETWORK: Final = "network.toml"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer ``--engine``."""
    group = parser.getgroup("hanse")
    said = f"What orders the transactions of the fixture `ledger`: {', '.join(ENGINES)}."
    group.addoption("--engine", default=ENGINES[0], metavar="ENGINE", help=said)


def pytest_configure(config: pytest.Config) -> None:
    """Refuse an engine that is not there before any test runs."""
    engine = config.getoption("--engine")
    if engine in PLANNED:
        raise pytest.UsageError(f"--engine {engine} is planned; there is: {', '.join(ENGINES)}")
    if engine not in ENGINES:
        raise pytest.UsageError(f"--engine {engine} is unknown; there is: {', '.join(ENGINES)}")


@pytest.fixture
def clock() -> "Clock":
    """Block time in hand, of the ``bench`` or ``ledger`` of the same test."""
    from hanse.testing.clock import Clock  # noqa: PLC0415  # see the module's docstring

    return Clock()


@pytest.fixture
def bench(request: pytest.FixtureRequest, clock: "Clock") -> "Bench[Any]":
    """An empty bench for ``C`` in a test that takes ``bench: Bench[C]``."""
    from hanse.testing.bench import Bench  # noqa: PLC0415  # see the module's docstring

    return Bench(_contract_of(request, "bench", Bench), clock=clock)


@pytest.fixture
def ledger(
    request: pytest.FixtureRequest, clock: "Clock", tmp_path_factory: pytest.TempPathFactory
) -> "Iterator[Ledger[Any]]":
    """A node that runs ``C`` in a test that takes ``ledger: Ledger[C]``; gone with the test."""
    from hanse.testing.ledger import Ledger  # noqa: PLC0415  # see the module's docstring

    contract = _contract_of(request, "ledger", Ledger)
    made: Ledger[Any] = Ledger(contract, tmp_path_factory.mktemp("ledger"), clock=clock)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def as_member(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """``as_member("alice@acme")``: that member of the test's ``bench`` or ``ledger``.

    Roles may follow; without any, they are those of ``network.toml`` beside the project's tests.
    """
    used = [name for name in ("bench", "ledger") if name in request.fixturenames]
    if len(used) != 1:
        pytest.fail("as_member is of a test with `bench` or with `ledger`", pytrace=False)
    site = request.getfixturevalue(used[0])
    known = _roles_of(request.config.rootpath / NETWORK)

    def member(name: str, *roles: str) -> Any:
        return site.member(name, *(roles or known.get(name, ())))

    return member


def _contract_of(request: pytest.FixtureRequest, name: str, kind: type) -> Any:
    from hanse.contracts.contract import Contract  # noqa: PLC0415  # see the module's docstring

    hint = get_type_hints(request.function).get(name)
    args = get_args(hint)
    if get_origin(hint) is not kind or not issubclass(args[0], Contract):
        said = f"annotate the argument: {name}: {kind.__name__}[YourContract]"
        pytest.fail(said, pytrace=False)
    return args[0]


def _roles_of(network: Path) -> dict[str, tuple[str, ...]]:
    """Return the roles of the members that a description of a network names."""
    if not network.is_file():
        return {}
    described = tomllib.loads(network.read_text(encoding="utf-8"))
    return {m["id"]: tuple(m.get("roles", ())) for m in described.get("members", ())}
