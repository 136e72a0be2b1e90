# SPDX-License-Identifier: Apache-2.0
"""Judge the files for operators by the programs that will read them: systemd, helm.

helm is a Go module, built once below ``.tools``; hence a Go toolchain is needed. promtool takes too
long to build: what it would say of expressions, a parser says in the unit tests.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools._steps import ROOT
from tools.deploy_files import FOLDER

BUILT = ROOT / ".tools" / "go"
MODULES = {"helm": ("helm.sh/helm/v3", "v3.19.0", "cmd/helm")}
KUBERNETES = "1.31.0"
ALL_ON = (
    "tls.secretName=t",
    "passphrase.secretName=p",
    "p2p.enabled=true",
    "p2p.from[0].ipBlock.cidr=10.0.0.0/8",
    "gateway.from[0].podSelector.matchLabels.app=prometheus",
)


def missing() -> str:
    """Return why this machine cannot run the check, or nothing."""
    absent = [name for name in ("go", "systemd-analyze") if shutil.which(name) is None]
    return f"not run: no {' and no '.join(absent)}" if absent else ""


def run(*argv: str, cwd: Path | None = None) -> str:
    """Return what a command printed; its failure ends the check."""
    env = os.environ | {"GOFLAGS": "-mod=mod"}
    done = subprocess.run(argv, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(argv)} failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout + done.stderr


def built(name: str) -> str:
    """Return the path of a Go program, built when it is not there yet."""
    module, version, package = MODULES[name]
    folder = BUILT / f"{name}-{version}"
    if not (folder / name).exists():
        folder.mkdir(parents=True, exist_ok=True)
        go_mod = f"module build\n\ngo 1.24\n\nrequire {module} {version}\n"
        (folder / "go.mod").write_text(go_mod, encoding="ascii")
        run("go", "build", "-o", name, f"{module}/{package}", cwd=folder)
    return str(folder / name)


def check_unit() -> None:
    """Let systemd read the unit, its program replaced by one that is here."""
    text = (FOLDER / "systemd/hanse-node@.service").read_text(encoding="utf-8")
    place = BUILT / "hanse-node@.service"
    place.write_text(text.replace("/opt/hanse/bin/hanse", "/bin/true"), encoding="utf-8")
    said = run("systemd-analyze", "verify", str(BUILT / "hanse-node@node1.service"))
    if said.strip():
        sys.exit(f"systemd-analyze verify said:\n{said}")


def check_chart() -> None:
    """Lint the chart, and render it as it is and with everything on."""
    helm, chart = built("helm"), str(FOLDER / "helm/hanse-node")
    run(helm, "lint", "--strict", chart)
    for values in ((), ALL_ON):
        sets = [part for value in values for part in ("--set", value)]
        text = run(helm, "template", "node1", chart, "--kube-version", KUBERNETES, *sets)
        for wanted in ("kind: StatefulSet", "kind: NetworkPolicy", "path: /readyz", "path: /livez"):
            if wanted not in text:
                sys.exit(f"helm template lacks {wanted}")
        if ("scheme: HTTPS" in text) != bool(values):
            sys.exit("helm template: the probes do not follow tls.secretName")


def main() -> int:
    """Check all; the first failure ends it."""
    BUILT.mkdir(parents=True, exist_ok=True)
    check_unit()
    check_chart()
    print("systemd and helm read the files for operators")
    return 0


if __name__ == "__main__":
    sys.exit(main())
