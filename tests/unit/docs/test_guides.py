"""The examples of the how-to guides are accepted as they stand."""

import re
from pathlib import Path

import pytest

from adapters.kustomize.build import Kustomize, find
from app.config import admission_policy, layout
from app.container import Container
from devtools.emulators.github.repository import create
from devtools.host.settings import read_values
from provisioning.renderer import Desired, render
from scheduler.loading import load

ROOT = Path(__file__).parents[3]
GUIDES = ROOT / "docs" / "how-to"
BRANCH = "feature/new-login"
BASE = {
    "manifests/base/web/kustomization.yaml": "resources: [deployment.yaml]\n",
    "manifests/base/web/deployment.yaml": """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - {name: web, image: ghcr.io/example-org/web}
""",
}


def examples(page: str) -> list[str]:
    """The YAML of a guide."""
    return re.findall(r"^```yaml\n(.+?)^```$", (GUIDES / page).read_text(), flags=re.MULTILINE | re.DOTALL)


@pytest.fixture
def overlay() -> dict[str, str]:
    """The files that the guide shows, each by the path in its first line."""
    named = [re.match(r"# (\S+)\n", each) for each in examples("write-an-overlay.md")]
    files = {
        match[1]: match.string for match in named if match and match[1].startswith("manifests/overlays/")
    }
    assert len(files) == 2
    return files


def test_the_overlay_is_let_through_with_the_commit_in_image_and_pods(
    overlay: dict[str, str], tmp_path: Path
) -> None:
    [images] = [each for each in examples("write-an-overlay.md") if each.startswith("images:")]
    overlay["manifests/overlays/feature/kustomization.yaml"] += images
    for path, text in {**BASE, **overlay}.items():
        (tmp_path / "files" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "files" / path).write_text(text)
    repository = create(tmp_path / "web.git", tmp_path / "files")
    commit = repository.commit(BRANCH, {"note": b"first"}, "begin")
    program = Container({**read_values(ROOT / "local.settings.sample.json"), "MONITORING_OVERLAY": ""})
    name = program.config.name(BRANCH)
    found = render(
        commit,
        program.config.key(BRANCH),
        name,
        layout=layout(program.settings, program.fence),
        guard=admission_policy(program.settings, program.fence, name),
        archives=repository,
        builder=Kustomize(lambda: find(ROOT)),
    )
    assert isinstance(found, Desired), found
    assert found.url == "http://feature-new-login.example.test/"
    [deployment] = [each for each in found.manifests if each["kind"] == "Deployment"]
    template = deployment["spec"]["template"]
    assert template["metadata"]["labels"]["app.kubernetes.io/version"] == commit
    assert template["spec"]["containers"][0]["image"] == f"ghcr.io/example-org/web:{commit}"


def test_the_schedule_is_a_whole_one() -> None:
    [text] = examples("put-pools-to-sleep.md")
    schedule = load(text)
    assert [*schedule.named] == ["dev"]
    assert schedule.environments.features is not None
