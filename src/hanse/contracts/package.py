# SPDX-License-Identifier: Apache-2.0
"""The package of a contract: the text of its modules, and the hash that organisations vote on."""

import inspect
import sys

from hanse.codec.base64url import to_text
from hanse.codec.canonical import encode
from hanse.codec.documents import TAG_PACKAGE, Tagged
from hanse.contracts.contract import Contract


def package_files(cls: type[Contract]) -> dict[str, str]:
    """Return the source texts of a contract: its module, and ``model`` beside it if there is."""
    module = sys.modules[cls.__module__]
    files = {_file_name(cls.__module__): inspect.getsource(module)}
    model = sys.modules.get(cls.__module__.rpartition(".")[0] + ".model")
    if model is not None:
        files["model"] = inspect.getsource(model)
    return files


def package_hash(cls: type[Contract], tagged: Tagged) -> str:
    """Return the tagged hash of a contract's name, version and texts, as text."""
    name = cls.name or cls.__name__.lower()
    document = {"files": package_files(cls), "name": name, "v": 1, "version": cls.version}
    return to_text(tagged(TAG_PACKAGE, encode(document)))


def _file_name(module: str) -> str:
    return module.rpartition(".")[2]
