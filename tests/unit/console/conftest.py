# SPDX-License-Identifier: Apache-2.0
"""One running site for the tests of the console's pages."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from console_site import Site, open_site


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    path: Path = tmp_path_factory.mktemp("console")
    with asyncio.Runner() as runner:
        opened = open_site(runner.run, path)
        yield opened
        runner.run(opened.service.stop())
