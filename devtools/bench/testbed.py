"""The outside systems of a measurement, on emulators, and the number of calls to them."""

import contextlib
import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from devtools.demo.processes import ROOT, started, write_kubeconfig
from devtools.demo.world import SAMPLE, SYSTEM_NAMESPACE
from devtools.emulators.arm.app import arm_app
from devtools.emulators.arm.state import ArmState
from devtools.emulators.arm.world import Identity, World, example_world
from devtools.emulators.github.git import git
from devtools.emulators.github.repository import Repository
from devtools.emulators.queues.connection import emulator_connection_string
from devtools.emulators.serving import serving
from devtools.host.settings import read_values

EXAMPLE = ROOT / "examples" / "todo-app"
_FULL = 20  # credentials that one identity can have, and that Azure lists in one page


@dataclass(frozen=True, kw_only=True)
class Place:
    """Emulators of all external systems, and the settings with which the program uses them.

    Attributes:
        folder: the folder for the files of a measurement.
        repository: the Git repository.
        arm: the resources in Azure.
        urls: the URLs of the emulators that record their requests.
        settings: the app settings.
    """

    folder: Path
    repository: Repository
    arm: ArmState
    urls: Mapping[str, str]
    settings: Mapping[str, str]

    def branch_off(self, names: list[str]) -> None:
        """Create branches at the default branch's commit, all at once."""
        commit = self.repository.head(self.repository.default_branch)
        lines = "".join(f"create refs/heads/{name} {commit}\n" for name in names)
        git(self.repository.path, "update-ref", "--stdin", stdin=lines.encode())

    def asked(self) -> "Counter[tuple[str, str]]":
        """Return the number of requests to each system so far, by system and method."""
        counted: Counter[tuple[str, str]] = Counter()
        for name, url in self.urls.items():
            answer = httpx.get(f"{url}/_emulator/requests", trust_env=False, timeout=60).raise_for_status()
            counted.update((name, each["method"]) for each in answer.json())
        return counted

    def settings_file(self) -> Path:
        """Write the settings in the form of the local host, and return the file."""
        file = self.folder / "settings.json"
        file.write_text(json.dumps({"Values": dict(self.settings)}))
        return file


@contextlib.contextmanager
def place(*, identities: int = 2, seed: Path = EXAMPLE, **settings: str) -> Iterator[Place]:
    """Start emulators of all external systems.

    Args:
        identities: the number of identities in the pool.
        seed: the folder with the files of the repository's first commit.
        settings: app settings that are added to those of the sample, or replace them.

    Yields:
        The emulators; the namespace `coppice-system` exists.
    """
    azure = _azure(identities)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="coppice-bench-")))
        path, log = folder / "repository.git", folder / "log"
        arm = ArmState(world=azure, page_size=_FULL)
        urls = {
            "arm": stack.enter_context(serving(arm_app(arm))),
            "kubernetes": stack.enter_context(started("devtools.emulators.kubernetes", log=log)).url,
            "github": stack.enter_context(
                started("devtools.emulators.github", "--repository", str(path), "--seed", str(seed), log=log)
            ).url,
        }
        queues = stack.enter_context(started("devtools.emulators.queues", log=log)).url
        httpx.post(
            f"{urls['kubernetes']}/api/v1/namespaces", json=SYSTEM_NAMESPACE, trust_env=False
        ).raise_for_status()
        yield Place(
            folder=folder,
            repository=Repository(path=path),
            arm=arm,
            urls=urls,
            settings={
                **read_values(SAMPLE),
                "AzureWebJobsStorage": emulator_connection_string(queues),
                "AZURE_RESOURCE_MANAGER_URL": urls["arm"],
                "GITHUB_API_URL": urls["github"],
                "KUBECONFIG": str(write_kubeconfig(folder / "kubeconfig", urls["kubernetes"])),
                "WORKLOAD_IDENTITIES": ",".join(
                    f"{each.resource_group}/{each.name}" for each in azure.identities
                ),
                "MAX_ENVIRONMENTS": "10000",
                "SWEEP_SCHEDULE": "0 0 0 1 1 *",  # on 1 January only, so that no timer fires
                "POWER_SCHEDULE": "0 0 0 1 1 *",
                **settings,
            },
        )


def _azure(identities: int) -> World:
    pool = tuple(
        Identity(
            resource_group="rg-coppice",
            name=f"id-{number:04}",
            client_id=f"00000000-0000-0000-000c-{number:012}",
            principal_id=f"00000000-0000-0000-000d-{number:012}",
        )
        for number in range(identities)
    )
    return example_world().model_copy(update={"identities": pool})
