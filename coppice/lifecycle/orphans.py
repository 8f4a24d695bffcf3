"""Orphans: resources with Coppice's marks that no run would change. A sweep lists them, and a person decides.

A resource is an orphan if its branch is not known any more, if it belongs to another repository, or if it has
a name that no branch's environment has by the present settings.
"""

from collections.abc import Iterable
from typing import Any

from coppice.components.federated_identity import Credential
from coppice.components.namespace import Namespace
from coppice.components.observed import Observed
from coppice.components.stages import Observations
from coppice.environment.config import EnvironmentConfig
from coppice.environment.key import Key
from coppice.environment.records import RecordSet


def orphans(
    observed: Iterable[Observed],
    *,
    credentials: Iterable[Credential],
    namespaces: Iterable[Namespace],
    shelf: RecordSet,
    observations: Iterable[Observations[Any]],
    config: EnvironmentConfig,
) -> tuple[str, ...]:
    """List the resources that have Coppice's marks and belong to no observed branch.

    Args:
        observed: the observations of all branches.
        credentials: the credentials with the configured prefix for namespaces with the configured prefix.
        namespaces: all namespaces of the cluster.
        shelf: all records and requests.
        observations: what exists of the components.
        config: the settings that decide about branches.

    Returns:
        A description of each orphan, with its branch if that is known.
    """
    names = [each.name for each in observed]
    named = {each.namespace for each in names}

    def of(key: Key, what: object, *, told: bool) -> tuple[str, ...]:
        if key.repository != config.repository:
            return (f"{what} of branch {key.branch!r} of {key.repository}",)
        return () if told else (f"{what} of branch {key.branch!r}",)

    found: list[str] = [str(each) for each in credentials if each.namespace not in named]
    for namespace in namespaces:
        told = namespace.name in named
        if namespace.owner is not None:
            found += of(namespace.owner, namespace, told=told)
        elif namespace.managed and not told:
            found.append(str(namespace))
    for record in shelf.records:
        found += of(record.key, record, told=record.namespace in named)
    for request in shelf.requests:
        found += of(request.key, request, told=True)
    for survey in observations:
        places = {"", *map(survey.place, names)}
        for mark in survey.marks:
            found += of(mark.owner, mark.what, told=mark.place in places)
    return tuple(found)
