# SPDX-License-Identifier: Apache-2.0
"""One demonstration network for all pages that start one: ``hanse demo``, as the reader would."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.docs.blocks import START_TIMEOUT_S, wait_for


@dataclass(frozen=True, slots=True)
class Demo:
    """Where the shared demonstration listens and keeps its files."""

    folder: Path
    port: str


@contextmanager
def running_demo(home: Path) -> Iterator[Demo]:
    """Run ``hanse demo --dir demo`` until the block ends; its story has been played."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # by a shell, in the background: children
        signal.signal(signal.SIGINT, signal.default_int_handler)  # would ignore Ctrl-C, too
    said, folder = home / "said", home / "demo"
    command = [str(Path(sys.executable).parent / "hanse"), "demo", "--port", "0"]
    with said.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--dir", str(folder)],
            env={**os.environ, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        printed = wait_for(process, said, "Ctrl-C ends it", "hanse demo")
        found = re.search(r"http://127\.0\.0\.1:(\d+)", printed)
        assert found, printed
        yield Demo(folder, found[1])
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(START_TIMEOUT_S)
