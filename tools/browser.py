# SPDX-License-Identifier: Apache-2.0
"""Run the tests that need a browser, after installing Chromium where there is none."""

import os
import shutil
import subprocess
import sys

from tools._steps import PYTHON, ROOT

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_browser() -> str | None:
    """Return a Chromium of this machine, or ``None``."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def install_browser() -> None:
    """Install Chromium by the system's package manager, which needs root."""
    for argv in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "chromium"]):
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, check=True, timeout=600)


def missing() -> str:
    """Return why this machine cannot have a browser, or nothing."""
    if find_browser() or (shutil.which("apt-get") and os.geteuid() == 0):
        return ""
    return "no Chromium, and no right to install one"


def main() -> int:
    """Run the browser tests."""
    if not find_browser():
        install_browser()
    browser = find_browser()
    assert browser, "the installation left no Chromium on the path"
    argv = [PYTHON, "-m", "pytest", "tests/e2e/browser", *sys.argv[1:]]
    env = {**os.environ, "HANSE_BROWSER": browser}
    return subprocess.run(argv, cwd=ROOT, env=env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
