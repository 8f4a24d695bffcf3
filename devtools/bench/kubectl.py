"""kubectl applying the same overlay: the reference of the program's own apply."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from devtools.bench.timing import seconds
from devtools.demo.processes import ROOT

MANIFESTS = ROOT / "examples" / "todo-app" / "manifests"
CHANGED = "base/shared/serviceaccount.yaml"
MARK = b"\n  labels:\n    changed: by-hand\n"
BOTH = "overlays/both"
_RESOURCES = "resources: [../feature, ../azure-feature]\n"


@dataclass(frozen=True, kw_only=True)
class Kubectl:
    """kubectl with the kubeconfig of a cluster.

    Attributes:
        program: the path of kubectl.
        kubeconfig: the kubeconfig of an administrator.
        home: the folder with the discovery cache, so that only the first call has to fetch it.
    """

    program: Path
    kubeconfig: Path
    home: Path

    def run(self, *arguments: str) -> None:
        """Run kubectl.

        Raises:
            RuntimeError: kubectl failed; the message contains its output.
        """
        command = [str(self.program), "--kubeconfig", str(self.kubeconfig), *arguments]
        environment = {"HOME": str(self.home), "PATH": os.environ["PATH"]}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"kubectl {' '.join(arguments)}: {done.stderr[-2000:]}")

    def apply(self, manifests: Path, *, on_the_server: bool) -> float:
        """Build both overlays and apply them; return the seconds that this took."""
        how = ("--server-side",) if on_the_server else ()
        return seconds(lambda: self.run("apply", *how, "-k", str(manifests / BOTH)))


def write_manifests(folder: Path, *, slug: str) -> Path:
    """Write the example's manifests for a branch, with one kustomization for its two overlays.

    Args:
        folder: the folder to create; it must not exist.
        slug: the branch's slug.

    Returns:
        The folder.
    """
    shutil.copytree(MANIFESTS, folder)
    for file in folder.rglob("*.yaml"):
        text = file.read_text()
        file.write_text(text.replace("BRANCH_NAME", slug).replace("COMMIT_SHA", "0" * 40))
    both = folder / BOTH
    both.mkdir()
    (both / "kustomization.yaml").write_text(_RESOURCES)
    return folder


def change_one_object(folder: Path) -> None:
    """Change one object of the written manifests."""
    file = folder / CHANGED
    file.write_bytes(changed(file.read_bytes()))


def changed(manifest: bytes) -> bytes:
    """Return the service account's manifest with one more label."""
    return manifest.replace(b"\nmetadata:\n", b"\nmetadata:" + MARK, 1)
