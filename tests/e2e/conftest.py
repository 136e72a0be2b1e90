# SPDX-License-Identifier: Apache-2.0
"""One running node for all tests of the command line."""

from collections.abc import Iterator

import pytest
from tests.e2e.cli_site import Site, start


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A node that the commands are tried on; its stop must be an orderly one."""
    running = start(tmp_path_factory.mktemp("site"))
    yield running
    assert running.stop() == 0
