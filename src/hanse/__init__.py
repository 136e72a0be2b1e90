# SPDX-License-Identifier: Apache-2.0
"""Hanse: a consortium ledger for Python."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hanse.client import AsyncClient as AsyncClient
    from hanse.client import Client as Client

__version__ = "0.1.0"
__all__ = ["AsyncClient", "Client", "__version__"]


def __getattr__(name: str) -> object:
    """Load the client when it is asked for, so that the kernel's rooms import nothing of it."""
    if name in ("AsyncClient", "Client"):
        import hanse.client  # noqa: PLC0415  # the reason is in the docstring

        return getattr(hanse.client, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
