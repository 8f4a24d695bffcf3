"""The outside systems of a measurement as they are in real life: a real API server over TLS, a real
PostgreSQL, and the emulators of GitHub and ARM, each behind a proxy that makes it as far away as is asked.
"""

import contextlib
import secrets
import tempfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from devtools.bench.calls import ARM, GITHUB, KUBERNETES, POSTGRES, SYSTEMS
from devtools.bench.timing import say
from devtools.cluster.control_plane import running_cluster
from devtools.demo.cluster import act_as_bound, prepare
from devtools.demo.databases import databases
from devtools.demo.processes import started
from devtools.demo.world import SAMPLE, SEED
from devtools.emulators.github.repository import Repository
from devtools.host.settings import read_values

MILLISECONDS = 30  # added to each round trip


@dataclass(frozen=True, kw_only=True)
class Far:
    """The outside systems, and how they are reached.

    Attributes:
        folder: the folder for the files of a measurement.
        repository: the Git repository.
        kubeconfig: the kubeconfig of the cluster's administrator, who is as far away as the program.
        settings: the app settings.
        ports: port → the system that is reached there.
    """

    folder: Path
    repository: Repository
    kubeconfig: Path
    settings: Mapping[str, str] = field(repr=False)  # they hold passwords
    ports: Mapping[int, str]


@contextlib.contextmanager
def prepared_cluster() -> Iterator[Path]:
    """Run a control plane on which `deploy/cluster` was applied.

    Yields:
        The administrator's kubeconfig.

    Raises:
        ClusterUnavailableError: its programs are not available.
    """
    with running_cluster(report=say) as cluster:
        prepare(cluster.kubeconfig)
        yield cluster.kubeconfig


@contextlib.contextmanager
def far(
    kubeconfig: Path,
    *,
    systems: Collection[str] = SYSTEMS,
    milliseconds: int = MILLISECONDS,
    with_database: bool = True,
) -> Iterator[Far]:
    """Start the other systems beside a control plane, and put a distance before those that are to be far.

    Args:
        kubeconfig: the administrator's kubeconfig of a prepared cluster.
        systems: the systems that are far away.
        milliseconds: what is added to each round trip; 0 means that nothing is far away.
        with_database: whether branches get a database.

    Yields:
        The systems. A new credential is in force at once: waiting for it is no part of any measurement.

    Raises:
        PostgresMissingError: branches are to get a database, and PostgreSQL is not installed.
    """
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="coppice-bench-")))
        log, path = folder / "log", folder / "repository.git"
        ports: dict[int, str] = {}

        def reached(system: str, address: str) -> str:
            """Return the address at which a system is reached."""
            if milliseconds and system in systems:
                delay = ("devtools.bench.delay", address, "--milliseconds", str(milliseconds))
                address = urlsplit(stack.enter_context(started(*delay, log=log)).url).netloc
            ports[int(address.rpartition(":")[2])] = system
            return address

        def emulator(system: str, *arguments: str) -> str:
            server = stack.enter_context(started(f"devtools.emulators.{system}", *arguments, log=log))
            return f"http://{reached(system, urlsplit(server.url).netloc)}"

        acting = act_as_bound(kubeconfig, folder / "acting")
        admin = folder / "admin"
        admin.write_bytes(kubeconfig.read_bytes())
        server = yaml.safe_load(kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
        far_away = f"https://{reached(KUBERNETES, urlsplit(server).netloc)}"
        for file in (Path(acting["KUBECONFIG"]), admin):
            file.write_text(file.read_text().replace(server, far_away))
        settings = {
            **read_values(SAMPLE),
            "GITHUB_API_URL": emulator(GITHUB, "--repository", str(path), *SEED),
            "GITHUB_WEBHOOK_SECRET": secrets.token_urlsafe(24),
            "AZURE_RESOURCE_MANAGER_URL": emulator(ARM),
            "CREDENTIAL_SETTLE_SECONDS": "0",
            **acting,
        }
        if with_database:
            running = stack.enter_context(databases())
            url = urlsplit(running.admin)
            place = reached(POSTGRES, f"{url.hostname}:{url.port}")
            login = f"{url.username}:{url.password}@{place}"
            settings |= {
                **running.settings,
                "POSTGRES_SERVER_URL": url._replace(netloc=login).geturl(),
            }
        yield Far(
            folder=folder,
            repository=Repository(path=path),
            kubeconfig=admin,
            settings=settings,
            ports=ports,
        )
