# SPDX-License-Identifier: Apache-2.0
"""What ``hanse dev`` keeps beside a project: keys, and the ledger of the newest code.

.hanse/dev/ledger       the ledger id, for HANSE_TRUST
.hanse/dev/operator.key, members/NAME.key
.hanse/dev/nodes/7      a node's folder; the newest one stays
"""

import fcntl
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

from hanse.apps import discover
from hanse.cli.described import SUITE, found_described, read_description
from hanse.cli.project import Loaded, Project, find_project
from hanse.contracts.app import App
from hanse.contracts.contract import MARK, Contract, Mark
from hanse.crypto import keyfiles, signers
from hanse.crypto.signers import Signer
from hanse.errors import Misconfigured
from hanse.node.folder import Folder, make_folder, open_folder

DEV_FOLDER: Final = ".hanse/dev"
NODE: Final = "node1"
_ORGANISATIONS: Final = (("alpha", "ann"), ("beta", "ben"))  # where no network is described


@dataclass(frozen=True, slots=True)
class Founded:
    """A genesis for one state of the project, with all that a node needs for it."""

    genesis: bytes
    node: str
    apps: tuple[App, ...]
    roles: dict[str, list[str]]


@dataclass(eq=False)
class DevRunning(Misconfigured):
    """Another `hanse dev` runs in this folder."""

    path: str
    code: ClassVar[str] = "dev_running"
    hint: ClassVar[str] = "End it first, or give this one another folder by --dir."


class DevFolder:
    """Keys that stay, and node folders that follow one another."""

    def __init__(self, path: Path) -> None:
        """Use the folder; it is made when it is not there."""
        self.path = path
        self._nodes = path / "nodes"
        self._nodes.mkdir(parents=True, exist_ok=True)
        self.members = path / "members"
        self.members.mkdir(mode=0o700, exist_ok=True)
        self.wallet: dict[str, Signer] = {}

    def hold(self) -> None:
        """Keep the folder to this process until it ends.

        Raises:
            DevRunning: another process has it.
        """
        self._lock = (self.path / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DevRunning(str(self.path)) from None

    def clear(self) -> None:
        """Take away keys and ledgers; the folder is as if it were new."""
        shutil.rmtree(self._nodes)
        shutil.rmtree(self.members)
        for name in ("current", "ledger", "operator.key", "project"):
            (self.path / name).unlink(missing_ok=True)
        self._nodes.mkdir()
        self.members.mkdir(mode=0o700)

    def operator(self) -> Signer:
        """Return the key that signs for every node of this folder."""
        return self._key(self.path / "operator.key")

    def signer_of(self, name: str) -> Signer:
        """Return the key of a member, made when it is asked for first."""
        if name not in self.wallet:
            self.wallet[name] = self._key(self.members / f"{name}.key")
        return self.wallet[name]

    def found(self, project: Project, loaded: Loaded, time_ms: int | None) -> Founded:
        """Return the genesis that the project's network and code make.

        Raises:
            Malformed: the description of the network does not fit.
        """
        if project.network.is_file():
            described = read_description(project.network)
            at = str(project.network)
        else:
            described, at = describe(loaded.contracts), "the usual network"
        own = {app.name for app in loaded.apps}
        wanted = set(described.get("apps", own)) - own
        others = [app for app in discover() if app.name in wanted] if wanted else []
        apps = (*loaded.apps, *others)
        described = {"node": NODE, **described, "apps": sorted(own | wanted)}
        genesis = found_described(
            described, apps, self.operator(), self.signer_of, at=at, time_ms=time_ms
        )
        roles = {m["id"]: sorted(m.get("roles", [])) for m in described.get("members", [])}
        return Founded(genesis, described["node"], apps, roles)

    def current(self) -> Folder | None:
        """Return the node of the newest code; ``None`` before there is one."""
        try:
            name = (self.path / "current").read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return None
        return open_folder(self._nodes / name)

    def make(self, founded: Founded) -> Folder:
        """Return the folder of a new node; :meth:`keep` makes it the one that counts."""
        numbers = [int(place.name) for place in self._nodes.iterdir() if place.name.isdigit()]
        path = self._nodes / str(max(numbers, default=0) + 1)
        return make_folder(path, founded.genesis, founded.node, self.operator())

    def project(self) -> Project | None:
        """Return the project whose code the newest node runs; ``None`` when it has gone."""
        path = Path((self.path / "project").read_text(encoding="utf-8").strip())
        return find_project(path) if path.exists() else None

    def keep(self, folder: Folder, project: Project) -> None:
        """Let this node, with this project's code, be the one that counts; the others go."""
        place = project.root if project.is_folder else project.contracts[0]
        (self.path / "project").write_text(f"{place}\n", encoding="utf-8")
        new = self.path / "current.new"
        new.write_text(folder.path.name, encoding="utf-8")
        new.replace(self.path / "current")
        (self.path / "ledger").write_text(f"{folder.ledger}\n", encoding="utf-8")
        for place in self._nodes.iterdir():
            if place != folder.path:
                shutil.rmtree(place)

    @staticmethod
    def drop(folder: Folder) -> None:
        """Take a node's folder away that never counted."""
        shutil.rmtree(folder.path)

    @staticmethod
    def _key(path: Path) -> Signer:
        if not path.exists():
            keyfiles.save(path, signers.generate(SUITE), passphrase=None)
        return keyfiles.load(path, passphrase=None)


def describe(contracts: Sequence[type[Contract]]) -> dict[str, Any]:
    """Return a network for contracts without one: two members who have every role they name."""
    marks = [getattr(m, MARK, None) for c in contracts for m in vars(c).values()]
    roles = sorted({m.role for m in marks if isinstance(m, Mark) and m.role} | {"admin"})
    return {
        "members": [{"id": f"{name}@{org}", "roles": roles} for org, name in _ORGANISATIONS],
        "network": "dev",
        "node": NODE,
        "operator": _ORGANISATIONS[0][0],
        "organisations": [{"id": org, "name": org.capitalize()} for org, _ in _ORGANISATIONS],
    }
