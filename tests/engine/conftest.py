# SPDX-License-Identifier: Apache-2.0
"""The tests of this folder need CometBFT: it is found, or built, or they fail."""

import pytest
from tools import cometbft

from hanse.engines.cometbft.binary import find_binary
from hanse.engines.cometbft.errors import EngineMissing


@pytest.fixture(autouse=True, scope="session")
def _binary() -> None:
    try:
        find_binary()
    except EngineMissing:
        assert cometbft.main() == 0, "make cometbft failed; its words stand above"
        find_binary()
