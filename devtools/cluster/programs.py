"""Find the programs a control plane consists of, or build them; and files that Go modules carry besides code.

Go modules are the one source that has all of them pinned with checksums, for every platform: etcd and
Kubernetes publish archives, but no package registry carries them.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from devtools.tools.binaries import ROOT, BuildError, build, cache_folder

_KUBERNETES = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")


class ClusterUnavailableError(Exception):
    """No control plane is available on this machine; the message says how to get one."""


@dataclass(frozen=True, kw_only=True)
class Programs:
    """The path of each program."""

    etcd: Path
    kube_apiserver: Path
    kube_controller_manager: Path
    kube_scheduler: Path
    kubectl: Path
    kwok: Path


def find_programs(*, report: Callable[[str], None]) -> Programs:
    """Return the paths of all programs: those in `KUBEBUILDER_ASSETS` if it is set; missing ones are built.

    The folder that `KUBEBUILDER_ASSETS` names must contain etcd, kubectl and the three parts of Kubernetes;
    it may contain kwok.

    Args:
        report: Called with a line about each slow step.

    Raises:
        ClusterUnavailableError: A program is missing and cannot be built.
    """
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    folder = _assets(Path(assets)) if assets else built("kubernetes", report=report)
    # Go names a program after its package, and that of etcd is called `server`.
    etcd = folder / "etcd" if (folder / "etcd").exists() else folder / "server"
    kwok = folder / "kwok"
    return Programs(
        etcd=etcd,
        kube_apiserver=folder / "kube-apiserver",
        kube_controller_manager=folder / "kube-controller-manager",
        kube_scheduler=folder / "kube-scheduler",
        kubectl=folder / "kubectl",
        kwok=kwok if kwok.exists() else built("kwok", report=report) / "kwok",
    )


def built(family: str, *, report: Callable[[str], None]) -> Path:
    """Build a family of tools, unless that has been done, in a folder that all clones on this machine share.

    Args:
        family: The folder below `tools/` that pins the tools.
        report: Called with a line about each slow step.

    Returns:
        The folder with the programs.

    Raises:
        ClusterUnavailableError: The tools cannot be built.
    """
    # Without the version in the binary, clients cannot tell the server's version.
    ldflags = f"-X k8s.io/component-base/version.gitVersion={kubernetes_version()}"
    try:
        with _elapsed(f"building tools/{family} (some minutes the first time)", report):
            return build(
                family,
                into=cache_folder(family),
                ldflags=ldflags if family == "kubernetes" else "",
                report=report,
            )
    except BuildError as error:
        raise ClusterUnavailableError(str(error)) from error


def module_folder(family: str, module: str) -> Path:
    """Return the folder with the files of a Go module; download it if necessary.

    Args:
        family: The folder below `tools/` whose `go.mod` pins the module.
        module: The module's path.

    Raises:
        ClusterUnavailableError: Go is missing, or could not download the module.
    """
    search = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)])
    go = shutil.which("go", path=search)
    if go is None:
        raise ClusterUnavailableError(f"Go is needed to fetch {module}: see https://go.dev/doc/install")
    result = subprocess.run(
        [go, "mod", "download", "-json", module],
        cwd=ROOT / "devtools" / "tools" / family,
        env={**os.environ, "GOTOOLCHAIN": "local", "GOWORK": "off"},
        capture_output=True,
        text=True,
        check=False,
    )
    answer = json.loads(result.stdout or "{}")
    if "Dir" not in answer:
        reason = answer.get("Error") or result.stderr.strip()
        raise ClusterUnavailableError(f"devtools/tools/{family}: {module} could not be fetched: {reason}")
    return Path(answer["Dir"])


def kubernetes_version() -> str:
    """Return the Kubernetes version that `devtools/tools/kubernetes/go.mod` pins, such as `v1.36.3`.

    Raises:
        ClusterUnavailableError: The file requires no `k8s.io/kubernetes`.
    """
    pins = (ROOT / "devtools" / "tools" / "kubernetes" / "go.mod").read_text()
    found = re.search(r"^\s*k8s\.io/kubernetes (v\S+)", pins, re.MULTILINE)
    if found is None:
        raise ClusterUnavailableError("devtools/tools/kubernetes/go.mod requires no k8s.io/kubernetes")
    return found.group(1)


def _assets(folder: Path) -> Path:
    missing = [name for name in _KUBERNETES if not (folder / name).exists()]
    if missing:
        raise ClusterUnavailableError(
            f"KUBEBUILDER_ASSETS={folder} lacks {', '.join(missing)}: "
            "add them, or unset it and they are built with Go"
        )
    return folder


@contextlib.contextmanager
def _elapsed(what: str, report: Callable[[str], None], *, every: float = 30) -> Iterator[None]:
    """Report at intervals that a step is still running, so that a long build does not look like a hang."""
    done = threading.Event()
    started = time.monotonic()

    def tick() -> None:
        while not done.wait(every):
            report(f"still {what}: {time.monotonic() - started:.0f} s")

    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
