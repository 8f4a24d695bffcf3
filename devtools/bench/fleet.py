"""Many healthy environments: the program makes one, and the others are copies of it under other names.

So a copy is what the program writes, whatever that is, and five thousand of them stand in a minute.
"""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import httpx

from app.container import Container
from coppice.environment.key import Key
from coppice.reconciler.outcome import Waiting
from devtools.bench.testbed import Place
from devtools.emulators.arm.world import Identity

_MODEL = "herd-00000"
_NAMESPACES = "/api/v1/namespaces"
_RECORDS = f"{_NAMESPACES}/coppice-system/configmaps"
_PER_IDENTITY = 16  # of the twenty credentials that an identity can have
_SIDE_BY_SIDE = 4
_LOOKS, _PAUSE = 60, 0.5  # the most checks of an environment that comes up, and the seconds between two


def identities_for(branches: int) -> int:
    """Return how many identities a number of environments needs."""
    return -(-branches // _PER_IDENTITY)


def settle(program: Container, branch: str, *, pause: Callable[[float], None]) -> None:
    """Reconcile a branch until its environment is up, as its queue would do.

    Args:
        program: the program's container.
        branch: the branch.
        pause: waits for the given seconds.

    Raises:
        RuntimeError: the environment does not come up.
    """
    key = Key(repository=program.settings.github_repository, branch=branch)
    outcome = program.reconciler.reconcile(key).outcome
    for _ in range(_LOOKS):
        if not isinstance(outcome, Waiting):
            break
        pause(_PAUSE)
        outcome = program.reconciler.reconcile(key).outcome
    if outcome.code != "done":
        raise RuntimeError(f"{branch} does not come up: {outcome.why}")


def stand(there: Place, branches: int, *, pause: Callable[[float], None]) -> None:
    """Create environments, each with its branch, namespace, record and credentials.

    Args:
        there: the emulators, with `identities_for(branches)` identities.
        branches: the number of environments.
        pause: waits for the given seconds.
    """
    names = [f"herd-{number:05}" for number in range(branches)]
    there.branch_off(names)
    settle(Container(there.settings), _MODEL, pause=pause)
    with httpx.Client(base_url=there.urls["kubernetes"], trust_env=False, timeout=60) as cluster:
        models = [(path, each) for path in (_NAMESPACES, _RECORDS) for each in _models(cluster, path)]
        home = _copy_credentials(there, names)

        def copy(name: str) -> None:
            for path, model in models:
                text = json.dumps(model).replace(_MODEL, name).replace(_ref(home[_MODEL]), _ref(home[name]))
                cluster.post(path, content=text).raise_for_status()

        with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            for _ in pool.map(copy, names[1:]):
                pass


def _models(cluster: httpx.Client, path: str) -> list[Any]:
    """Return the objects of the first environment in a list, in a form in which they can be created again."""
    found = cluster.get(path).raise_for_status().json()["items"]
    kept = ("name", "namespace", "labels", "annotations")
    return [
        {
            **{field: value for field, value in each.items() if field != "status"},
            "metadata": {field: value for field, value in each["metadata"].items() if field in kept},
        }
        for each in found
        if _MODEL in each["metadata"]["name"]
    ]


def _copy_credentials(there: Place, names: list[str]) -> dict[str, Identity]:
    """Copy the credentials of the first environment for each branch; return the identity of each branch."""
    pool = there.arm.world.identities
    first = next(each for each in pool if any(_MODEL in name for name in there.arm.credentials[_key(each)]))
    models = dict(there.arm.credentials[_key(first)])
    order = [first, *(each for each in pool if each is not first)]
    home = {name: order[number // _PER_IDENTITY] for number, name in enumerate(names)}
    for name, identity in home.items():
        for model in models.values():
            made = replace(
                model,
                name=model.name.replace(_MODEL, name),
                subject=model.subject.replace(_MODEL, name),
            )
            there.arm.credentials[_key(identity)][made.name] = made
    return home


def _ref(identity: Identity) -> str:
    return f"{identity.resource_group}/{identity.name}"


def _key(identity: Identity) -> str:
    return _ref(identity).casefold()
