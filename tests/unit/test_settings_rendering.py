"""Which settings decide about rendering: what they declare, what the digest follows, what is really rendered.

If a setting changes what is rendered and the digest does not follow, environments keep their former objects
and nothing tells. If the digest follows a setting that changes nothing, all are applied anew for nothing.
"""

import contextlib
import io
import shutil
import tarfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from adapters.kustomize.build import Kustomize, find
from app.config import admission_policy, environment_config, fence_config, layout
from app.settings import RENDERING, Settings, load
from app.settings.declaration import Section, declared
from app.settings.model import DECLARED
from coppice.components.branch_database import BranchDatabase
from coppice.components.namespace import CreateNamespace
from coppice.components.stages import PlanInput
from coppice.manifests.archive import Tree
from coppice.manifests.rejection import Rejection
from coppice.reconciler.observation import Absent
from devtools.tools.settings import EMULATED
from provisioning.prerequisites import namespace_waves
from provisioning.renderer import render
from tests.support.builders import sight
from tests.support.world import START

ROOT = Path(__file__).resolve().parents[2]
BRANCH, COMMIT = "new-login", "4be1c0" + "7" * 34
BASE = {
    **EMULATED,
    "WORKLOAD_IDENTITIES": "rg/id-0,storage:rg/id-1",
    "POSTGRES_SERVER_URL": "postgresql://admin:hunter2@pg.example:5432/postgres",
}
# Where the example of the reference is what the base says.
OTHERS = {
    "GITHUB_REPOSITORY": "acme/another",
    "KEY_VAULTS": "kv-another",
    "AZURE_SUBSCRIPTION_ID": "00000000-0000-0000-0000-000000000002",
    "AZURE_TENANT_ID": "00000000-0000-0000-0000-00000000000b",
    "KUBECONFIG": "build/another",
}
QUOTA = "{apiVersion: v1, kind: ResourceQuota, metadata: {name: coppice-quota}, spec: {hard: {pods: '20'}}}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An app's folder: the fence, another one, and one that says the same as the first."""
    made = tmp_path_factory.mktemp("app")
    for name in ("fence", "our-fence", "same-fence"):
        shutil.copytree(ROOT / "fence", made / name)
    (made / "our-fence" / "limits.yaml").unlink()
    return made


def with_other(name: str) -> Settings:
    """The settings with another value of one of them."""
    before = load(BASE)
    after = load({**BASE, name.upper(): OTHERS.get(name.upper(), DECLARED[name].example)})
    changed = {each for each in DECLARED if getattr(before, each) != getattr(after, each)}
    assert changed == {name}
    return after


def digest(settings: Settings, folder: Path) -> str:
    return environment_config(settings, fence_config(settings, folder)).digest


@pytest.mark.parametrize("name", DECLARED)
def test_the_digest_follows_a_setting_exactly_if_it_is_declared_to_render(name: str, folder: Path) -> None:
    followed = digest(with_other(name), folder) != digest(load(BASE), folder)
    assert followed == DECLARED[name].renders


@pytest.mark.parametrize("name", DECLARED)
def test_a_setting_is_declared_to_render_exactly_if_another_value_renders_something_else(
    name: str, folder: Path
) -> None:
    before, after = rendered(load(BASE), folder), rendered(with_other(name), folder)
    assert before["refusals"] == ()
    if DECLARED[name].renders:
        assert before != after
        return
    assert before == after
    assert judged_by(load(BASE), folder) == judged_by(with_other(name), folder)


def test_every_setting_has_a_declaration_and_some_render() -> None:
    assert DECLARED.keys() == Settings.model_fields.keys()
    assert {"base_domain", "fence", "postgres_server_url"} <= RENDERING < DECLARED.keys()


def test_a_setting_that_is_declared_without_a_word_about_it_is_a_mistake_of_the_program() -> None:
    class Silent(Section):
        unexplained: str = ""

    with pytest.raises(TypeError, match="unexplained has to be declared with one Setting"):
        declared(Silent.model_fields)


def test_of_the_fence_its_files_count_and_not_the_name_of_their_folder(folder: Path) -> None:
    assert digest(load({**BASE, "FENCE": "same-fence"}), folder) == digest(load(BASE), folder)


@pytest.mark.parametrize(
    "url", ["postgresql://admin:other@pg.example/postgres", "postgresql://a@pg.example/x"]
)
def test_of_the_database_server_host_and_port_count_and_no_password(url: str, folder: Path) -> None:
    assert digest(load({**BASE, "POSTGRES_SERVER_URL": url}), folder) == digest(load(BASE), folder)


def test_environments_that_stand_are_not_applied_anew_by_a_new_version_of_the_program(tmp_path: Path) -> None:
    # If all shall be applied once, for a new setting or another default, the changelog has to say so.
    (tmp_path / "fence").mkdir()
    (tmp_path / "fence" / "quota.yaml").write_text(QUOTA)
    assert digest(load(BASE), tmp_path) == "f988ff91bc1f61c3"


def rendered(settings: Settings, folder: Path) -> dict[str, object]:
    """What an environment is given: its namespace, objects, fence and login; or why it gets none."""
    fenced = fence_config(settings, folder)
    config = environment_config(settings, fenced)
    name, key = config.name(BRANCH), config.key(BRANCH)
    built = render(
        COMMIT,
        key,
        name,
        layout=layout(settings, fenced),
        guard=admission_policy(settings, fenced, name),
        archives=Example(),
        builder=Remembering(),
    )
    if isinstance(built, Rejection):
        return {"refusals": built.refusals}
    observed = sight(BRANCH, key=key, name=name, namespace=Absent(), database=Absent())
    plan_input = PlanInput(observed=observed, config=config, now=START, states=observed.components)
    namespace = [change for wave in namespace_waves(observed, {}, built, config) for change in wave.changes]
    [created] = [each for each in namespace if isinstance(each, CreateNamespace)]
    # The key tells whose role it is, and is no part of the Secret.
    logins = [vars(each) | {"key": None} for each in BranchDatabase().ensure(plan_input).deliver]
    return {"refusals": (), "namespace": (created.name, created.labels), "objects": built, "logins": logins}


def judged_by(settings: Settings, folder: Path) -> tuple[object, object]:
    """What overlays are rendered with, and judged by, whether the example shows it or not."""
    fenced = fence_config(settings, folder)
    name = environment_config(settings, fenced).name(BRANCH)
    return layout(settings, fenced), admission_policy(settings, fenced, name)


class Example:
    """The example's repository, as GitHub packs it."""

    def archive(self, commit: str) -> bytes:
        return _packed(commit)


@cache
def _packed(commit: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", format=tarfile.USTAR_FORMAT, compresslevel=1) as archive:
        archive.add(ROOT / "examples" / "todo-app", arcname=f"todo-app-{commit}")
    return packed.getvalue()


class Remembering:
    """Kustomize, which builds the same files once."""

    @contextlib.contextmanager
    def workspace(self, tree: Tree) -> Iterator[Callable[[str], tuple[dict[str, Any], ...]]]:
        files = tuple(sorted(tree.items()))
        yield lambda overlay: _built(files, overlay)


@cache
def _built(files: tuple[tuple[str, bytes], ...], overlay: str) -> tuple[dict[str, Any], ...]:
    return Kustomize(lambda: find(ROOT)).build(dict(files), overlay)
