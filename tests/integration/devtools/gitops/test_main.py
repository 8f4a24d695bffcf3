"""The players in a process of their own."""

from pathlib import Path

import httpx

from devtools.cluster.waiting import wait_for
from devtools.demo.processes import started, write_kubeconfig
from devtools.emulators.gitops.argocd import REFRESH
from tests.integration.devtools.gitops.conftest import APPLICATIONS, GLOBALS, World


def test_a_commit_reaches_the_cluster_from_another_process(world: World, tmp_path: Path) -> None:
    kubeconfig = write_kubeconfig(tmp_path / "kubeconfig", world.url)
    arguments = ("--kubeconfig", str(kubeconfig), "--repository", f"acme/gitops={world.repository.path}")

    with started(
        "devtools.emulators.gitops", *arguments, "--failing", "ameide-dev", log=tmp_path / "log"
    ) as server:
        commit = world.commit(GLOBALS, "environment.state", "off")
        world.annotate(f"{APPLICATIONS}/ameide-dev", REFRESH, "normal")
        wait_for("the sync to fail", lambda: phase(world) == ("Failed", commit))

        changed = httpx.post(f"{server.url}/_emulator/player", json={"failing": []})
        world.annotate(f"{APPLICATIONS}/ameide-dev", REFRESH, "normal")
        wait_for("the pods to go", lambda: world.pods("ameide-dev") == [])
        wait_for("the sync to be over", lambda: phase(world) == ("Succeeded", commit))

    assert changed.status_code == 204


def phase(world: World) -> tuple[str, str]:
    operation = world.get(f"{APPLICATIONS}/ameide-dev")["status"]["operationState"]
    return operation["phase"], (operation.get("syncResult") or {}).get("revision", "")
