# SPDX-License-Identifier: Apache-2.0
"""Domain applications, discovered by being there."""

import importlib
import pkgutil
from importlib.metadata import entry_points

from hanse.contracts.app import App


def discover() -> tuple[App, ...]:
    """Return every installed app: the folders here, then the entry points ``hanse.apps``."""
    found: dict[str, App] = {}
    for module in pkgutil.iter_modules(__path__):
        if not module.name.startswith("_"):
            app = importlib.import_module(f"{__name__}.{module.name}").APP
            found[app.name] = app
    for point in sorted(entry_points(group="hanse.apps"), key=lambda p: p.name):
        app = point.load()
        found.setdefault(app.name, app)
    return tuple(found[name] for name in sorted(found))
