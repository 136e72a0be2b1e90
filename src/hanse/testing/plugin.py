# SPDX-License-Identifier: Apache-2.0
"""The pytest plugin: the fixture ``bench``, for the contract that the annotation names."""

from typing import Any, get_args, get_origin, get_type_hints

import pytest

from hanse.contracts.contract import Contract
from hanse.testing.bench import Bench


@pytest.fixture
def bench(request: pytest.FixtureRequest) -> Bench[Any]:
    """An empty bench for ``C`` in a test that takes ``bench: Bench[C]``."""
    hint = get_type_hints(request.function).get("bench")
    args = get_args(hint)
    if get_origin(hint) is not Bench or not issubclass(args[0], Contract):
        pytest.fail("annotate the argument: bench: Bench[YourContract]", pytrace=False)
    return Bench(args[0])
