"""Start etcd, the three parts of Kubernetes and kwok, wait until they work, and stop them in order.

The flags are the fewest that make a current Kubernetes run by itself on loopback: the rest is as its makers
left it.
"""

import contextlib
import json
import ssl
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from devtools.cluster.contents import fill
from devtools.cluster.credentials import ADMIN, CONTROLLERS, KWOK, SCHEDULER, issue, write_kubeconfig
from devtools.cluster.processes import free_ports, running
from devtools.cluster.programs import Programs, find_programs
from devtools.cluster.stages import stages
from devtools.interrupts import ended_by_signals

_START_TIMEOUT = 60.0  # seconds; it takes three on an idle machine


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A running control plane.

    Attributes:
        kubeconfig: The kubeconfig of a member of `system:masters`.
        processes: The process id of each part.
    """

    kubeconfig: Path
    processes: dict[str, int]


def say(line: str) -> None:
    """Report on standard error, because standard output contains only the requested result."""
    sys.stderr.write(f"cluster: {line}\n")
    sys.stderr.flush()


@contextlib.contextmanager
def running_cluster(
    *, nodes: int = 1, audit_log: Path | None = None, report: Callable[[str], None] = say
) -> Iterator[Cluster]:
    """Run a cluster for as long as the context lasts; SIGINT and SIGTERM end it, as Ctrl-C does.

    Args:
        nodes: The number of nodes in its only agent pool.
        audit_log: Where the API server writes a line about each request; None means that it writes none.
        report: Called with a line about each slow step.

    Yields:
        The cluster, ready for use, with its custom resource definitions, storage classes and nodes.

    Raises:
        ClusterUnavailableError: Its programs are not available.
        NotReadyError: A part ended, or was not ready in time.
    """
    programs = find_programs(report=report)
    with contextlib.ExitStack() as stack:
        stack.enter_context(ended_by_signals())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="coppice-cluster-")))
        cluster = _start(programs, folder, audit_log, stack)
        fill(cluster.kubeconfig, nodes=nodes)
        yield cluster


def _start(programs: Programs, folder: Path, audit_log: Path | None, stack: contextlib.ExitStack) -> Cluster:
    """Start each part after those that it needs are ready; the stack stops them in reverse order."""
    client_port, peer_port, secure_port = free_ports(3)
    etcd_url, server = f"http://127.0.0.1:{client_port}", f"https://127.0.0.1:{secure_port}"
    tokens = issue(folder)

    etcd = stack.enter_context(
        running(
            programs.etcd,
            f"--data-dir={folder / 'etcd'}",
            f"--listen-client-urls={etcd_url}",
            f"--advertise-client-urls={etcd_url}",
            f"--listen-peer-urls=http://127.0.0.1:{peer_port}",
            "--unsafe-no-fsync",
            "--log-level=warn",
            name="etcd",
            folder=folder,
        )
    )
    etcd.wait_until(lambda: _answers(f"{etcd_url}/readyz"), seconds=_START_TIMEOUT)

    audit = () if audit_log is None else _audit_flags(folder, audit_log)
    apiserver = stack.enter_context(
        running(
            programs.kube_apiserver,
            f"--etcd-servers={etcd_url}",
            "--bind-address=127.0.0.1",
            f"--secure-port={secure_port}",
            f"--cert-dir={folder}",  # the API server creates its certificate there
            "--service-cluster-ip-range=10.96.0.0/16",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-account-key-file=service-account.key",
            "--service-account-signing-key-file=service-account.key",
            "--authorization-mode=RBAC",
            "--allow-privileged",  # Pod Security decides which pods may be privileged
            "--token-auth-file=tokens.csv",
            "--endpoint-reconciler-type=none",
            *audit,
            name="kube-apiserver",
            folder=folder,
        )
    )
    certificate = folder / "apiserver.crt"
    apiserver.wait_until(
        lambda: certificate.exists() and _answers(f"{server}/readyz", certificate, tokens[ADMIN]),
        seconds=_START_TIMEOUT,
    )
    kubeconfigs = {
        user: write_kubeconfig(folder, server, certificate, user, token) for user, token in tokens.items()
    }

    controllers = stack.enter_context(
        running(
            programs.kube_controller_manager,
            f"--kubeconfig={kubeconfigs[CONTROLLERS]}",
            "--service-account-private-key-file=service-account.key",
            f"--root-ca-file={certificate}",
            "--use-service-account-credentials",  # each controller uses its own role only, as on AKS
            "--leader-elect=false",
            "--secure-port=0",
            name="kube-controller-manager",
            folder=folder,
        )
    )
    scheduler = stack.enter_context(
        running(
            programs.kube_scheduler,
            f"--kubeconfig={kubeconfigs[SCHEDULER]}",
            "--leader-elect=false",
            "--secure-port=0",
            name="kube-scheduler",
            folder=folder,
        )
    )
    (folder / "stages.yaml").write_text(stages())
    kwok = stack.enter_context(
        running(
            programs.kwok,
            f"--kubeconfig={kubeconfigs[KWOK]}",
            "--config=stages.yaml",
            "--manage-all-nodes",
            # Without this, a node counts as lost after 50 s, and its pods as not ready:
            # https://kubernetes.io/docs/concepts/architecture/nodes/#node-heartbeats
            "--node-lease-duration-seconds=40",
            name="kwok",
            folder=folder,
        )
    )
    parts = (etcd, apiserver, controllers, scheduler, kwok)
    return Cluster(kubeconfig=kubeconfigs[ADMIN], processes={part.name: part.popen.pid for part in parts})


def _audit_flags(folder: Path, audit_log: Path) -> tuple[str, ...]:
    policy = {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [{"level": "Metadata"}],
    }
    (folder / "audit-policy.json").write_text(json.dumps(policy))
    return (
        "--audit-policy-file=audit-policy.json",
        f"--audit-log-path={audit_log.resolve()}",
        "--audit-log-mode=blocking-strict",
    )


def _answers(url: str, certificate: Path | None = None, token: str = "") -> bool:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        context = ssl.create_default_context(cafile=certificate)
        return httpx.get(url, headers=headers, verify=context, trust_env=False).is_success
    except (httpx.NetworkError, httpx.RemoteProtocolError, httpx.TimeoutException, ssl.SSLError):
        return False  # an SSLError if the certificate is still being written
