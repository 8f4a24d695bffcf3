"""What the real kustomize makes of the example, and how to find one's way in it."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples" / "todo-app"
BRANCH = {"feature", "azure-feature"}
APPLICATIONS = ("feature", "staging", "production")
PLACEHOLDERS = {
    "BRANCH_NAME_DB": "feature_new_login",
    "BRANCH_NAME": "new-login",
    "COMMIT_SHA": "4be1c0" + "7" * 34,
}

Object = dict[str, Any]
Overlays = dict[str, list[Object]]


def build(folder: Path) -> list[Object]:
    if program := shutil.which("kustomize", path=ROOT / "bin") or shutil.which("kustomize"):
        command = [program, "build", str(folder)]
    elif program := shutil.which("kubectl"):
        command = [program, "kustomize", str(folder)]
    else:
        pytest.fail("kustomize is missing: run `make setup`")
    result = subprocess.run(command, capture_output=True, text=True, check=False, env={})
    assert result.returncode == 0, result.stderr
    # This is also where kustomize says that a field is deprecated.
    assert result.stderr == ""
    return list(yaml.safe_load_all(result.stdout))


def of(objects: list[Object], *kinds: str) -> list[Object]:
    return [item for item in objects if item["kind"] in kinds]


def names(objects: list[Object]) -> set[str]:
    return {item["metadata"]["name"] for item in objects}


def template(workload: Object) -> Object:
    spec = workload["spec"]
    return dict((spec["jobTemplate"]["spec"] if workload["kind"] == "CronJob" else spec)["template"])


def workloads(objects: list[Object]) -> list[Object]:
    return of(objects, "Deployment", "StatefulSet", "CronJob")


def containers(objects: list[Object]) -> list[Object]:
    return [container for item in workloads(objects) for container in template(item)["spec"]["containers"]]


def selected(objects: list[Object], labels: dict[str, str]) -> list[Object]:
    """The pod templates that a selector matches."""
    pods = [template(item) for item in workloads(objects)]
    return [pod for pod in pods if labels.items() <= pod["metadata"]["labels"].items()]


def ports(pod: Object) -> set[str]:
    return {port["name"] for container in pod["spec"]["containers"] for port in container.get("ports", [])}
