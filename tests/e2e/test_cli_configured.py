# SPDX-License-Identifier: Apache-2.0
"""A node that is configured: what it listens at, what it logs, TLS, its figures, its start."""

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.e2e.cli_site import BANK, MEMBER, document, make_node, run

from hanse.crypto import keyfiles
from hanse.gateway.starting import Starting
from hanse.node.supervisor import Supervisor

CANARY = "canary-7f3a91"
FIRST_LINE_S = 60


@dataclass
class Configured:
    """A running node with what it has written to standard error."""

    process: subprocess.Popen[str]
    url: str
    errors: Path

    def logged(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.errors.read_text("utf-8").splitlines()]


@contextmanager
def running(folder: Path, *options: str, code: int = 0, **environment: str) -> Iterator[Configured]:
    errors = folder.parent / "errors"
    command = [sys.executable, "-m", "hanse", "node", "run", str(folder), "--app", BANK, "--json"]
    with (
        errors.open("w") as file,
        subprocess.Popen(
            [*command, *options],
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
            env=os.environ | environment,
        ) as process,
    ):
        assert process.stdout is not None
        line = process.stdout.readline()
        assert '"url":"' in line, line + errors.read_text("utf-8")
        try:
            yield Configured(process, json.loads(line)["url"], errors)
        finally:
            process.terminate()
            assert process.wait(60) == code


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_node(tmp_path)
    return tmp_path / "node"


def family(process: int) -> Iterator[int]:
    """Yield a process and all below it."""
    yield process
    for tasks in Path(f"/proc/{process}/task").iterdir():
        for child in (tasks / "children").read_text().split():
            yield from family(int(child))


def listeners(process: int) -> set[tuple[str, int]]:
    """Return where the processes of a family listen, from the kernel's own tables."""
    held = set()
    for one in family(process):
        for link in Path(f"/proc/{one}/fd").iterdir():
            target = str(link.readlink()) if link.is_symlink() else ""
            if target.startswith("socket:["):
                held.add(target[8:-1])
    found = set()
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for row in Path(f"/proc/{process}/net/{table}").read_text().splitlines()[1:]:
            fields = row.split()
            if fields[9] in held and (table.startswith("udp") or fields[3] == "0A"):
                address, _, port = fields[1].partition(":")
                found.add((address, int(port, 16)))
    return found


def test_a_node_listens_at_its_configured_address_and_nowhere_else(folder: Path) -> None:
    (folder / "hanse.toml").write_text("port = 0\n", "utf-8")
    with running(folder) as node:
        assert len(list(family(node.process.pid))) >= 2  # its verifier, and its locked worker
        port = int(node.url.rpartition(":")[2])
        assert listeners(node.process.pid) == {("0100007F", port)}


def test_nothing_secret_is_ever_logged(folder: Path, tmp_path: Path) -> None:
    """At the finest level: arguments, nonces, key files, passphrases and query strings stay out."""
    signer = keyfiles.load(folder / "keys" / "node.key", passphrase=None)
    (folder / "keys" / "node.key").unlink()
    keyfiles.save(folder / "keys" / "node.key", signer, passphrase=CANARY + "-word", log_n=14)
    options = ("--port", "0", "--log-level", "debug", "--log-format", "json")
    with running(folder, *options, HANSE_PASSPHRASE=CANARY + "-word") as node:
        asked = ("--url", node.url, "--as", MEMBER, "--key", folder / "members" / f"{MEMBER}.key")
        for args in ({"account": CANARY, "checking": 1, "savings": 0}, {"account": CANARY}):
            run("tx", "submit", "smallbank", "create_account", "--args", json.dumps(args), *asked)
        for path in (f"/v1/nothing?word={CANARY}", f"/v1/state/smallbank/accounts?key={CANARY}"):
            with pytest.raises(HTTPError):
                urlopen(node.url + path)
        with urlopen(node.url + "/metrics") as answer:
            figures = answer.read().decode()
    lines = node.logged()
    text = node.errors.read_text("utf-8")
    events = {line["event"] for line in lines}
    wanted = {"node_starting", "node_ready", "block", "request", "request_refused", "node_stopping"}
    assert wanted <= events
    assert CANARY not in text + figures
    private = signer.private_bytes.hex()
    assert private not in text
    refused = next(line for line in lines if line["event"] == "request_refused")
    assert refused["path"] == "/v1/nothing"
    parsed = {f.name: f for f in text_string_to_metric_families(figures)}
    counted = {s.labels["status"]: s.value for s in parsed["hanse_tx"].samples}
    assert counted["ok"] >= 1
    assert [s.value for s in parsed["hanse_height"].samples] == [2.0]
    syncs = [s for s in parsed["hanse_commit_fsync_seconds"].samples if s.name.endswith("_count")]
    assert syncs[0].value >= 1


def test_a_sealed_key_opens_with_a_credential_file_and_not_without(
    folder: Path, tmp_path: Path
) -> None:
    sealed = run("node", "seal", folder, "--json", env={"HANSE_PASSPHRASE": "open"})
    assert document(sealed)["protection"] == "passphrase"
    assert run("node", "seal", folder, "--json").exit_code == 2
    closed = run("node", "run", folder, "--port", "0", "--app", BANK, "--json")
    assert (closed.exit_code, document(closed)["code"]) == (4, "passphrase_wrong")
    word = tmp_path / "word"
    word.write_text("open\n", "utf-8")
    exposed = run("node", "run", folder, "--passphrase-file", word, "--app", BANK, "--json")
    assert (exposed.exit_code, document(exposed)["code"]) == (4, "setting_invalid")
    word.chmod(0o600)
    with running(folder, "--port", "0", "--passphrase-file", str(word)) as node:
        assert node.url


def test_with_tls_the_console_works_and_plain_text_does_not(folder: Path, tmp_path: Path) -> None:
    subject = ["-subj", "/CN=node1", "-addext", "subjectAltName=IP:127.0.0.1"]
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    files = ["-nodes", "-keyout", str(tmp_path / "k.pem"), "-out", str(tmp_path / "c.pem")]
    subprocess.run([*new, *files, "-days", "9", *subject], check=True, capture_output=True)
    text = "port = 0\n[tls]\ncertificate = '../c.pem'\nkey = '../k.pem'\n"
    (folder / "hanse.toml").write_text(text, "utf-8")
    (tmp_path / "k.pem").chmod(0o640)
    exposed = run("config", "check", folder, "--json")
    assert (exposed.exit_code, document(exposed)["faults"][0]["name"]) == (4, "tls.key")
    (tmp_path / "k.pem").chmod(0o600)
    trusting = ssl.create_default_context(cafile=str(tmp_path / "c.pem"))
    with running(folder) as node:
        assert node.url.startswith("https://127.0.0.1:")
        with urlopen(node.url + "/", context=trusting) as answer:
            assert "<html" in answer.read().decode()
        with urlopen(node.url + "/metrics", context=trusting) as answer:
            assert "hanse_tls_days_left 8." in answer.read().decode()
        with pytest.raises(OSError, match=r".*"):
            urlopen(node.url.replace("https", "http"))


def test_settings_are_shown_with_their_origin_and_a_slip_is_named(folder: Path) -> None:
    (folder / "hanse.toml").write_text("port = 8500\n", "utf-8")
    env = {"HANSE_LOG_LEVEL": "debug", "HANSE_PASSPHRASE": CANARY, "HANSE_PROT": "1"}
    shown = run("config", "show", folder, "--origin", "--host", "::1", "--json", env=env)
    found = document(shown)
    assert found["port"] == {"origin": str(folder / "hanse.toml"), "value": 8500}
    assert found["log.level"] == {"origin": "HANSE_LOG_LEVEL", "value": "debug"}
    assert found["host"] == {"origin": "--host", "value": "::1"}
    assert found["passphrase"] == {"origin": "HANSE_PASSPHRASE", "value": "(set)"}
    plain = run("config", "show", folder, env=env)
    assert CANARY not in shown.output + plain.output
    checked = run("config", "check", folder, env=env)
    assert (checked.exit_code, "did you mean HANSE_PORT?" in checked.output) == (0, True)
    (folder / "hanse.toml").write_text("prot = 8500\n", "utf-8")
    refused = document(run("config", "show", folder, "--json"))
    assert (refused["code"], refused["nearest"]) == ("setting_unknown", "port")
    assert run("node", "run", folder, "--json").exit_code == 4
    assert run("config", "check", folder, "--config", folder / "none", "--json").exit_code == 4


def ask(port: int, path: str) -> tuple[int, str]:
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


def test_while_a_node_starts_it_is_alive_and_not_ready() -> None:
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        starting = Starting(listener)
        starting.start()
        try:
            assert ask(port, "/livez") == (200, "ok\n")
            starting.progress(7, 90)
            status, body = ask(port, "/readyz")
            assert status == 503
            found = json.loads(body)
            assert (found["ready"], found["reasons"]) == (False, ["replaying"])
            assert (found["height"], found["height_of_log"]) == (7, 90)
            assert ask(port, "/v1/ledger")[0] == 503
            with socket.create_connection(("127.0.0.1", port)):  # who says nothing holds nobody up
                pass
            assert ask(port, "/livez")[0] == 200
        finally:
            starting.stop()
            starting.stop()
        assert threading.active_count() >= 1
        assert listener.fileno() >= 0  # left to the gateway


def test_the_service_manager_hears_of_the_start(tmp_path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(10)
        told = Supervisor({"NOTIFY_SOCKET": str(tmp_path / "notify")})
        told.replaying(1, 5)
        told.replaying(2, 5)  # at once: not said
        told.ready()
        told.stopping()
        heard = [manager.recv(4096).decode() for _ in range(3)]
    assert heard[0] == "STATUS=replaying block 1 of 5\nEXTEND_TIMEOUT_USEC=120000000"
    assert heard[1].startswith("READY=1\n")
    assert heard[2] == "STOPPING=1"
    Supervisor({}).ready()
    Supervisor({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).ready()
