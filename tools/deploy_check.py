# SPDX-License-Identifier: Apache-2.0
"""Judge the files for operators by the programs that will read them: systemd, helm, promtool.

helm and promtool are Go modules, built once below ``.tools``; hence a Go toolchain is needed.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools._steps import ROOT
from tools.deploy_files import FOLDER

BUILT = ROOT / ".tools" / "go"
# promtool's module replaces others, which `go install` refuses: so it is built from one of our own
MODULES = {
    "helm": ("helm.sh/helm/v3", "v3.19.0", "cmd/helm"),
    "promtool": ("github.com/prometheus/prometheus", "v0.305.0", "cmd/promtool"),
}
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


def check_rules() -> None:
    """Let promtool read the alert rules, and every expression of the dashboard as a rule."""
    promtool = built("promtool")
    run(promtool, "check", "rules", str(FOLDER / "prometheus/alerts.yaml"))
    drawn = json.loads((FOLDER / "grafana/hanse.json").read_text(encoding="utf-8"))["panels"]
    rules = [{"record": f"panel:{p['id']}", "expr": p["targets"][0]["expr"]} for p in drawn]
    place = BUILT / "panels.yaml"  # JSON is YAML, too
    place.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}), "utf-8")
    run(promtool, "check", "rules", str(place))


def main() -> int:
    """Check all; the first failure ends it."""
    BUILT.mkdir(parents=True, exist_ok=True)
    check_unit()
    check_chart()
    check_rules()
    print("systemd, helm and promtool read the files for operators")
    return 0


if __name__ == "__main__":
    sys.exit(main())
