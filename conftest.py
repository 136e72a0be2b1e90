# SPDX-License-Identifier: Apache-2.0
"""What every test of the repository shares, those inside the apps' folders included."""

import ipaddress
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).parent
VECTORS = Path(os.environ.get("HANSE_VECTORS") or ROOT.parent / "shared" / "vectors")

if str(ROOT) not in sys.path:  # tests share helpers as `tests.<folder>.<module>`
    sys.path.insert(0, str(ROOT))

# the same examples on every run and machine; `--hypothesis-seed` or a profile of one's own explores
settings.register_profile(
    "fixed",
    derandomize=True,
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "explore", max_examples=5_000, database=None, deadline=None, print_blob=True
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Judges need the public vectors: on CI their absence is a failure, elsewhere it is said."""
    if item.get_closest_marker("vectors") and not VECTORS.is_dir():
        if os.environ.get("CI"):
            pytest.fail(f"not run: vectors absent ({VECTORS})", pytrace=False)
        pytest.skip("not run: vectors absent")


@pytest.fixture(scope="session")
def vectors() -> Path:
    """The folder of public test data."""
    return VECTORS


def _is_local(address: Any) -> bool:
    if not isinstance(address, tuple):
        return True  # a Unix socket
    host = str(address[0])
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in {"localhost", ""}


@pytest.fixture(autouse=True, scope="session")
def no_outside_network() -> Iterator[None]:
    """A test that would reach beyond this machine fails at the attempt."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def guarded(real: Any) -> Any:
        def call(self: socket.socket, address: Any) -> Any:
            if not _is_local(address):
                raise AssertionError(f"a test tried to reach {address}")
            return real(self, address)

        return call

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded(connect))
        patch.setattr(socket.socket, "connect_ex", guarded(connect_ex))
        yield
