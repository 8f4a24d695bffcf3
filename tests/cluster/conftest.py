"""The cluster that these tests run on: the one that KUBECONFIG_TEST names, or one of their own."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from devtools.cluster.argocd import find_argocd
from devtools.cluster.connection import connect
from devtools.cluster.contents import install_definitions
from devtools.cluster.control_plane import running_cluster, say
from devtools.cluster.flux import find_flux
from devtools.cluster.programs import ClusterUnavailableError, find_programs
from devtools.cluster.waiting import wait_for

_why_not = pytest.StashKey[dict[str, str]]()
_GITOPS: dict[str, Callable[..., object]] = {"argocd_programs": find_argocd, "flux_programs": find_flux}


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build what is missing before the first test: it takes longer than a test may, and ought to be seen."""
    wanted = any(item.get_closest_marker("cluster") for item in session.items)
    if not wanted or session.config.option.collectonly or os.environ.get("KUBECONFIG_TEST"):
        return
    fixtures = {name for item in session.items for name in _fixtures(item)}
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    report = terminal.write_line if terminal else say
    try:
        find_programs(report=report)
    except ClusterUnavailableError as error:
        report(
            f"SKIPPED: the tests on a real control plane ({error}). Or name a cluster: KUBECONFIG_TEST=<path>"
        )
        session.config.stash[_why_not] = {"programs": str(error)}
        return
    session.config.stash[_why_not] = {}
    for name in fixtures & _GITOPS.keys():
        try:
            _GITOPS[name](report=report)
        except ClusterUnavailableError as error:
            report(f"SKIPPED: the tests with {name} ({error})")
            session.config.stash[_why_not][name] = str(error)


def _fixtures(item: pytest.Item) -> set[str]:
    """The fixtures of a test, and the programs of the controller that it is parametrised with."""
    names = set(getattr(item, "fixturenames", ()))
    parameters = (
        item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    )
    return {*names, f"{parameters.get('gitops', '')}_programs"}


@pytest.fixture(scope="session")
def programs(pytestconfig: pytest.Config) -> None:
    """Skip where no control plane of our own can be had."""
    _skip_without("programs", pytestconfig)


@pytest.fixture(scope="session")
def argocd_programs(pytestconfig: pytest.Config, programs: None) -> None:
    """Skip where the real Argo CD cannot be had."""
    _skip_without("argocd_programs", pytestconfig)


@pytest.fixture(scope="session")
def flux_programs(pytestconfig: pytest.Config, programs: None) -> None:
    """Skip where the real Flux cannot be had."""
    _skip_without("flux_programs", pytestconfig)


def _skip_without(name: str, config: pytest.Config) -> None:
    reason = config.stash.get(_why_not, {}).get(name)
    if reason:
        pytest.skip(reason)


@pytest.fixture(scope="session")
def audit_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where the API server of our own cluster writes a line about each request."""
    if os.environ.get("KUBECONFIG_TEST"):
        pytest.skip("the audit log of a cluster that was named is not to be had")
    return tmp_path_factory.getbasetemp() / "audit.log"


@pytest.fixture(scope="session")
def kubeconfig(request: pytest.FixtureRequest) -> Iterator[Path]:
    """Return the kubeconfig of a cluster, signed in as an administrator."""
    named = os.environ.get("KUBECONFIG_TEST")
    if named:
        with connect(Path(named)) as api:
            install_definitions(api)
        yield Path(named)
    else:
        request.getfixturevalue("programs")
        with running_cluster(audit_log=request.getfixturevalue("audit_log")) as cluster:
            yield cluster.kubeconfig


@pytest.fixture(scope="session")
def api(kubeconfig: Path) -> Iterator[httpx.Client]:
    """Return the cluster's API, as an administrator."""
    with connect(kubeconfig) as client:
        yield client


@pytest.fixture
def namespace(api: httpx.Client) -> Iterator[str]:
    """Return a namespace of the test's own, under Pod Security's baseline."""
    body = {
        "metadata": {"generateName": "test-", "labels": {"pod-security.kubernetes.io/enforce": "baseline"}}
    }
    name = api.post("/api/v1/namespaces", json=body).raise_for_status().json()["metadata"]["name"]
    yield name
    api.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture(scope="session")
def acting(kubeconfig: Path) -> Iterator[Callable[[str], httpx.Client]]:
    """Return the cluster's API as a given user has it."""
    with contextlib.ExitStack() as stack:

        def execute(user: str) -> httpx.Client:
            client = stack.enter_context(connect(kubeconfig))
            client.headers["Impersonate-User"] = user
            return client

        yield execute


@pytest.fixture(scope="session")
def kubectl(kubeconfig: Path) -> Callable[..., str]:
    """Return a function that runs kubectl on the cluster."""
    named = shutil.which("kubectl") if os.environ.get("KUBECONFIG_TEST") else None
    program = named or str(find_programs(report=say).kubectl)

    def run(*arguments: str) -> str:
        command = [program, "--kubeconfig", str(kubeconfig), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    return run


@pytest.fixture(scope="session")
def ordinary_user(api: httpx.Client, acting: Callable[[str], httpx.Client]) -> httpx.Client:
    """Return the cluster's API as someone has it who may write namespaces by every way there is."""
    rbac, group = "/apis/rbac.authorization.k8s.io/v1", "rbac.authorization.k8s.io"
    metadata = {"name": "namespace-writers"}
    rule = {
        "apiGroups": [""],
        "resources": ["namespaces", "namespaces/status", "namespaces/finalize"],
        "verbs": ["get", "create", "update", "patch", "delete"],
    }
    binding = {
        "metadata": metadata,
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": metadata["name"]},
        "subjects": [{"apiGroup": group, "kind": "User", "name": "dana"}],
    }
    api.post(f"{rbac}/clusterroles", json={"metadata": metadata, "rules": [rule]})
    api.post(f"{rbac}/clusterrolebindings", json=binding)
    dana = acting("dana")
    wait_for("her role", lambda: dana.get("/api/v1/namespaces/default").is_success)
    return dana


@pytest.fixture(scope="session")
def enforced(
    acting: Callable[[str], httpx.Client], ordinary_user: httpx.Client, kubectl: Callable[..., str]
) -> Iterator[None]:
    """Put in force what `deploy/cluster` holds, with its placeholders; that takes some seconds."""
    folder = str(Path(__file__).parents[2] / "deploy" / "cluster")
    kubectl("apply", "-k", folder)
    provisioning = acting("00000000-0000-0000-0000-000000000001")
    plain = {"metadata": {"name": "canary"}}
    marked = {"metadata": {"name": "canary", "labels": {"app.kubernetes.io/managed-by": "coppice"}}}
    canaries = (
        (provisioning, "/api/v1/namespaces", plain),
        (provisioning, "/api/v1/namespaces/default/configmaps", plain),
        (ordinary_user, "/api/v1/namespaces", marked),
    )

    def refused() -> bool:
        answers = [who.post(path, json=body, params={"dryRun": "All"}) for who, path, body in canaries]
        return all(answer.status_code == 422 for answer in answers)

    wait_for("the policies to be in force", refused)
    yield
    kubectl("delete", "-k", folder, "--wait=false")
