"""What bears our marks, and no run would ever touch: a sweep lists it, and a person says what becomes of it.

Its branch cannot be told any more; or it is another repository's; or it stands under a name that no branch's
environment has by the present settings.
"""

from collections.abc import Iterable

from coppice.components.database import Database
from coppice.components.federated_identity import Credential
from coppice.components.monitoring.marks import Owner
from coppice.components.namespace import Namespace
from coppice.environment.config import EnvironmentConfig
from coppice.environment.key import Key
from coppice.environment.records import RecordSet
from coppice.lifecycle.observe_branch import Observed


def orphans(
    observed: Iterable[Observed],
    *,
    credentials: Iterable[Credential],
    namespaces: Iterable[Namespace],
    shelf: RecordSet,
    databases: Iterable[Database],
    parts: Iterable[Owner],
    config: EnvironmentConfig,
) -> tuple[str, ...]:
    """List what bears our marks and belongs to no branch that was looked at.

    Args:
        observed: every branch.
        credentials: those with our prefix, about namespaces with our prefix.
        namespaces: those of the cluster.
        shelf: everything that is written.
        databases: those of the server.
        parts: whose parts there are in the monitoring that all share.
        config: what decides about branches.

    Returns:
        What each is, and whose, as far as that is known.
    """
    names = [each.name for each in observed]
    named, stored = {each.namespace for each in names}, {each.database for each in names}

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
    for database in databases:
        found += of(database.owner, database, told=database.name in stored) if database.owner else ()
    for part in parts:
        found += of(part.key, f"monitoring of {part.namespace}", told=True)
    return tuple(found)
