"""What bears our marks, and no run would ever touch: a sweep lists it, and a person says what becomes of it.

Its branch cannot be told any more; or it is another repository's; or it stands under a name that no branch's
environment has by the present settings.
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
    """List what bears our marks and belongs to no branch that was looked at.

    Args:
        observed: every branch.
        credentials: those with our prefix, about namespaces with our prefix.
        namespaces: those of the cluster.
        shelf: everything that is written.
        observations: what there is of the components.
        config: what decides about branches.

    Returns:
        What each is, and whose, as far as that is known.
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
