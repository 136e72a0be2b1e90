# SPDX-License-Identifier: Apache-2.0
"""The developer's loop as a user has it: init, test, dev, save, replay, step; real processes."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import pytest

from hanse import Client
from hanse.crypto import keyfiles

HANSE = str(Path(sys.executable).parent / "hanse")
EVENT_TIMEOUT_S = 60
RELOAD_S_MAX = 10  # 2 are promised; machines that do much else at once are slower
LOOP_S_MAX = 30  # 5 are promised for init and pytest together


def run(folder: Path, *arguments: str, said: str = "") -> subprocess.CompletedProcess[str]:
    """Run one command of Hanse in ``folder``."""
    return subprocess.run(
        [HANSE, *arguments], cwd=folder, input=said, capture_output=True, text=True, check=False
    )


@dataclass
class Dev:
    """A running ``hanse dev`` and what it has said."""

    folder: Path
    process: subprocess.Popen[str]
    events: Queue[dict[str, Any]] = field(default_factory=Queue)
    url: str = ""
    ledger: str = ""
    reader: threading.Thread = field(default_factory=threading.Thread)

    @classmethod
    def start(cls, folder: Path, *options: str) -> "Dev":
        command = [HANSE, "dev", "--port", "0", "--json", *options]
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
        dev = cls(folder, process)
        dev.reader = threading.Thread(target=dev._read, daemon=True)
        dev.reader.start()
        return dev

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.events.put(json.loads(line))

    def wait(self, event: str) -> dict[str, Any]:
        """Return the next event, which is to be of this kind."""
        try:
            found = self.events.get(timeout=EVENT_TIMEOUT_S)
        except Empty:
            raise AssertionError(f"no {event} in time") from None
        assert found["event"] == event, found
        self.ledger = found.get("ledger", self.ledger)
        self.url = found.get("url", self.url)
        return found

    @property
    def contract(self) -> Path:
        return self.folder / "dairy" / "contract.py"

    def save(self, old: str, new: str) -> None:
        text = self.contract.read_text("utf-8")
        assert old in text
        self.contract.write_text(text.replace(old, new), "utf-8")

    def call(self, action: str, args: dict[str, object], member: str = "ada@farm") -> Any:
        key = keyfiles.load(self.folder / f".hanse/dev/members/{member}.key", passphrase=None)
        with Client(self.url, trust=self.ledger, member=member, signer=key) as client:
            return client.submit("dairy", action, args)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(60)
        self.reader.join(60)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A new project."""
    assert run(tmp_path, "init", "dairy").returncode == 0
    return tmp_path / "dairy"


@pytest.fixture
def dev(project: Path) -> Iterator[Dev]:
    """A new project with its node running."""
    running = Dev.start(project)
    running.wait("started")
    yield running
    assert running.stop() == 0
    running.wait("stopped")


@pytest.fixture(scope="module")
def mypy_cache(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where mypy keeps what it knows of Hanse from one project to the next."""
    return str(tmp_path_factory.mktemp("mypy"))


@pytest.mark.slow
@pytest.mark.parametrize("template", ["lots", "notes"])
def test_a_new_project_is_green_and_typed(template: str, tmp_path: Path, mypy_cache: str) -> None:
    began = time.perf_counter()
    assert run(tmp_path, "init", "dairy", "--template", template).returncode == 0
    folder = tmp_path / "dairy"
    module = [sys.executable, "-m"]
    tested = subprocess.run(
        [*module, "pytest"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert tested.returncode == 0, tested.stdout
    assert time.perf_counter() - began < LOOP_S_MAX
    typed = ["mypy", "--cache-dir", mypy_cache]
    for tool in (typed, ["ruff", "check", "."], ["ruff", "format", "--check", "."]):
        done = subprocess.run(
            [*module, *tool], cwd=folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("ctx.acts_for(found.holder)\n        require(to", "require(to"),
        ("grams=found.grams - grams", "grams=found.grams"),
    ],
)
def test_the_tests_of_a_new_project_notice_a_fault(project: Path, old: str, new: str) -> None:
    contract = project / "dairy" / "contract.py"
    text = contract.read_text("utf-8")
    assert old in text
    contract.write_text(text.replace(old, new), "utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    assert subprocess.run(command, cwd=project, capture_output=True, check=False).returncode == 1


def test_a_save_shows_what_it_changes_and_undoing_it_brings_all_back(dev: Dev) -> None:
    ledger = dev.ledger
    for name, grams in (("L1", 100), ("L2", 200)):
        assert dev.call("register", {"grams": grams, "lot": name}).ok
    assert dev.call("hand_over", {"lot": "L1", "to": "shop"}).ok
    dev.save("grams > 0", "grams > 150")
    found = dev.wait("reloaded")
    assert found["seconds"] < RELOAD_S_MAX
    assert found["transactions"] == 3
    assert (found["receipts"]["altered"], found["entries"]["removed"]) == (2, 1)
    register, hand_over = found["receipts"]["listed"]
    assert (register["args"]["lot"], register["after"]["code"]) == ("L1", "bad_quantity")
    assert (hand_over["before"]["status"], hand_over["after"]["code"]) == ("ok", "not_found")
    (entry,) = found["entries"]["listed"]
    assert (entry["entry"], entry["before"]["holder"], entry["after"]) == (
        'lots["L1"]',
        "shop",
        None,
    )
    assert dev.call("register", {"grams": 100, "lot": "L3"}).code == "bad_quantity"
    dev.save("grams > 150", "grams > 0")
    back = dev.wait("reloaded")
    assert (back["transactions"], back["entries"]["added"]) == (4, 2)
    assert dev.ledger == ledger  # the same code, the same members, the same time: the same ledger


def test_what_cannot_be_loaded_leaves_the_old_code_running(dev: Dev) -> None:
    assert dev.call("register", {"grams": 5, "lot": "L1"}).ok
    dev.save("grams > 0", "grams > 0.5")
    (finding,) = dev.wait("refused")["findings"]
    line = dev.contract.read_text("utf-8").split("0.5")[0].count("\n") + 1
    assert (finding["file"], finding["line"], finding["rule"]) == (str(dev.contract), line, "D108")
    assert finding["remedy"]
    assert dev.call("register", {"grams": 5, "lot": "L2"}).ok
    dev.save("grams > 0.5", "grams >")
    assert dev.wait("refused")["findings"][0]["line"] == line
    text = dev.contract.read_text("utf-8")
    dev.contract.unlink()
    assert dev.wait("refused")["findings"][0]["rule"] == "missing"
    assert dev.call("register", {"grams": 5, "lot": "L3"}).ok
    dev.contract.write_text(text.replace("grams >,", "grams > 0,"), "utf-8")
    dev.wait("unchanged")
    assert dev.call("hand_over", {"lot": "L3", "to": "shop"}).ok
    (dev.folder / "network.toml").write_text("= half a", "utf-8")
    assert dev.wait("failed")["problem"]["code"] == "malformed"
    assert dev.call("register", {"grams": 5, "lot": "L4"}).ok


def test_a_browser_stays_who_it_is_and_an_open_feed_delays_nothing(dev: Dev) -> None:
    address = dev.url.removeprefix("http://")
    page = http.client.HTTPConnection(address, timeout=60)
    page.request("GET", "/")
    answer = page.getresponse()
    cookie = str(answer.getheader("set-cookie")).partition(";")[0]
    answer.read()
    feed = http.client.HTTPConnection(address, timeout=60)
    feed.request("GET", "/v1/feed")
    assert feed.getresponse().status == 200
    dev.save("grams > 0", "grams > 1")
    assert dev.wait("reloaded")["seconds"] < RELOAD_S_MAX
    page.request("GET", "/contracts/dairy", headers={"Cookie": cookie})
    answer = page.getresponse()
    assert (answer.status, answer.getheader("set-cookie")) == (200, None)  # it is known still
    assert b"hand_over" in answer.read()
    page.close()
    feed.close()


def test_many_saves_at_once_end_with_the_last(dev: Dev) -> None:
    text = dev.contract.read_text("utf-8")
    for number in range(12):
        half = text[: len(text) // 2] if number % 3 == 1 else text
        dev.contract.write_text(half.replace("grams > 0", f"grams > {number}"), "utf-8")
        time.sleep(0.02)
    last = dev.wait("reloaded")
    while last["event"] != "reloaded" or not dev.events.empty():
        last = dev.events.get(timeout=EVENT_TIMEOUT_S)
    dev.ledger = last["ledger"]
    assert dev.call("register", {"grams": 11, "lot": "L1"}).code == "bad_quantity"
    assert dev.call("register", {"grams": 12, "lot": "L1"}).ok


@pytest.mark.slow
def test_it_goes_on_where_it_was_and_begins_anew_when_told(project: Path) -> None:
    first = Dev.start(project)
    first.wait("started")
    assert first.call("register", {"grams": 5, "lot": "L1"}).ok
    assert first.stop() == 0
    contract = project / "dairy" / "contract.py"
    contract.write_text(contract.read_text("utf-8").replace("grams > 0", "grams > 7"), "utf-8")
    second = Dev.start(project)
    assert second.wait("started")["members"][0]["roles"] == ["admin", "handler", "producer"]
    assert second.wait("reloaded")["receipts"]["altered"] == 1
    assert (project / ".hanse/dev/ledger").read_text("utf-8").strip() == second.ledger
    assert len(list((project / ".hanse/dev/nodes").iterdir())) == 1
    assert second.stop() == 0
    third = Dev.start(project, "--fresh")
    third.wait("started")
    assert third.call("register", {"grams": 8, "lot": "L1"}).height == 1
    assert third.stop() == 0


def test_a_folder_is_of_one_process_and_not_cleared_under_it(dev: Dev) -> None:
    assert dev.call("register", {"grams": 5, "lot": "L1"}).ok
    second = run(dev.folder, "dev", "--port", "0", "--fresh")
    assert second.returncode == 4
    assert second.stderr.startswith("dev_running: ")
    assert dev.call("hand_over", {"lot": "L1", "to": "shop"}).ok


def test_it_waits_for_files_that_can_be_loaded(project: Path) -> None:
    contract = project / "dairy" / "contract.py"
    text = contract.read_text("utf-8")
    contract.write_text("half a sent", "utf-8")
    waiting = Dev.start(project)
    assert waiting.wait("refused")["running"] is False
    contract.write_text(text, "utf-8")
    waiting.wait("started")
    assert waiting.call("register", {"grams": 5, "lot": "L1"}).ok
    assert waiting.stop() == 0


def test_a_module_alone_has_two_members_with_every_role(tmp_path: Path) -> None:
    run(tmp_path, "init", "dairy")
    shelf = tmp_path / "shelf.py"
    shelf.write_text((tmp_path / "dairy/dairy/contract.py").read_text("utf-8"), "utf-8")
    alone = Dev.start(tmp_path, "shelf.py")
    members = alone.wait("started")["members"]
    assert [m["id"] for m in members] == ["ann@alpha", "ben@beta"]
    assert members[0]["roles"] == ["admin", "handler", "producer"]
    assert alone.stop() == 0


def test_a_transaction_is_stepped_in_the_authors_lines(dev: Dev) -> None:
    dev.call("register", {"grams": 100, "lot": "L1"})
    divided = dev.call("divide", {"grams": 30, "lot": "L1", "part": "L2"})
    lines = dev.contract.read_text("utf-8").splitlines()
    at = next(n for n, line in enumerate(lines, 1) if "grams=found.grams - grams" in line)
    replay = ("tx", "replay", divided.tx, "--dir", ".hanse/dev")
    said = f"b {at}\nc\np found\np len(list(self.lots.items()))\nn\np self.lots['L1'].grams\nc\n"
    done = run(dev.folder, *replay, "--pdb", said=said)
    assert done.returncode == 0, done.stderr
    assert f"Breakpoint 1 at {dev.contract}:{at}" in done.stdout
    assert f"> {dev.contract}({at})divide()" in done.stdout
    assert f"-> {lines[at - 1].strip()}" in done.stdout
    assert "Lot(lot='L1', holder='farm', grams=100, parent=None)" in done.stdout
    assert f"> {dev.contract}({at + 1})divide()" in done.stdout
    assert "(contract) 70\n" in done.stdout
    # what was looked up at the prompt costs the transaction nothing
    assert "the log's receipt is the same, byte for byte" in done.stdout
    left = run(dev.folder, *replay, "--pdb", said="n\nn\nq\n")
    assert left.returncode == 0
    assert "left; the transaction was not executed to its end" in left.stderr
    assert run(dev.folder, *replay, "--pdb", "--json").returncode == 2


def test_a_refusal_is_seen_where_it_is_made(dev: Dev) -> None:
    refused = dev.call("register", {"grams": 0, "lot": "L1"})
    replay = ("tx", "replay", refused.tx, "--dir", ".hanse/dev", "--pdb")
    done = run(dev.folder, *replay, said="n\nn\nn\np grams\nw\nc\n")
    assert "Refused: bad_quantity" in done.stdout
    assert "runtime.py" not in done.stdout  # the machine below is not the author's


def test_a_transaction_is_replayed_on_other_code(dev: Dev, tmp_path: Path) -> None:
    dev.call("register", {"grams": 100, "lot": "L1"})
    divided = dev.call("divide", {"grams": 30, "lot": "L1", "part": "L2"})
    other = tmp_path / "contract.py"
    text = dev.contract.read_text("utf-8")
    replay = ("tx", "replay", divided.tx, "--dir", ".hanse/dev", "--on", str(other))
    other.write_text(text, "utf-8")
    assert "on the other code: the same outcome" in run(dev.folder, *replay).stdout
    other.write_text(text.replace("found.grams - grams", "found.grams - grams - 1"), "utf-8")
    found = json.loads(run(dev.folder, *replay, "--json").stdout)
    assert found["agrees"]
    assert found["changed"]["alters"]
    assert found["changed"]["computed"]["code"] == "invariant_broken"
    at = next(n for n, line in enumerate(text.splitlines(), 1) if "require(0 < grams" in line)
    stepped = run(dev.folder, *replay, "--pdb", said=f"b {at}\nc\np lot\nc\n")
    assert f"> {other}({at})divide()" in stepped.stdout
    other.write_text(text.replace('name = "dairy"', 'name = "other"'), "utf-8")
    assert "another_contract" in run(dev.folder, *replay).stderr
    other.write_text("import os\n", "utf-8")
    assert "outside_dialect" in run(dev.folder, *replay).stderr


def test_a_terminal_steps_it_as_well(dev: Dev) -> None:
    pty = pytest.importorskip("pty")
    sent = dev.call("register", {"grams": 100, "lot": "L1"})
    command = [HANSE, "tx", "replay", sent.tx, "--dir", str(dev.folder / ".hanse/dev"), "--pdb"]
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True)
    os.close(theirs)
    printed = b""
    for line in (b"n\n", b"p grams\n", b"c\n"):
        while not printed.endswith(b"(contract) "):
            printed += os.read(ours, 4096)
        printed += b"|"
        os.write(ours, line)
    try:
        while chunk := os.read(ours, 4096):
            printed += chunk
    except OSError:  # so Linux says that the other side has closed
        pass
    assert process.wait(60) == 0
    os.close(ours)
    assert b"\r\n100\r\n" in printed
    assert b"byte for byte" in printed


@pytest.mark.slow
def test_the_bench_of_contract_tests_prints_one_line() -> None:
    script = Path(__file__).parents[2] / "bench" / "contract_test.py"
    command = [sys.executable, str(script), "3", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["tests"] == 3
