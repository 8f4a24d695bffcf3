"""Restricts scalers to the environment's own Services and to its own credentials.

KEDA's operator queries the source of a trigger from its own namespace, outside every fence, and with the
identity that its administrators gave it. So the allowed types of triggers are those that query only the
Kubernetes API, and a few that use a protocol without redirects to query a Service of the environment.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from coppice.manifests.fields import Fields, kind_id, mapping, mappings, quote, string
from provisioning.admission.policy import AdmissionPolicy

_SCALERS = frozenset({"autoscaling/HorizontalPodAutoscaler", "keda.sh/ScaledJob", "keda.sh/ScaledObject"})
_MIN_INTERVAL = 10  # seconds between two queries of KEDA's operator

# https://keda.sh/docs/latest/scalers/: type → the fields of its metadata. A host from a container's variable
# (`hostFromEnv`) could not be checked.
_TRIGGERS: Mapping[str, frozenset[str]] = {
    "cpu": frozenset({"containerName", "type", "value"}),
    "cron": frozenset({"desiredReplicas", "end", "start", "timezone"}),
    "kubernetes-workload": frozenset({"activationValue", "podSelector", "value"}),
    "memory": frozenset({"containerName", "type", "value"}),
    "postgresql": frozenset(
        {
            "activationTargetQueryValue",
            "dbName",
            "host",
            "passwordFromEnv",
            "port",
            "query",
            "sslmode",
            "targetQueryValue",
            "userName",
        }
    ),
    "redis": frozenset(
        {
            "activationListLength",
            "address",
            "databaseIndex",
            "enableTLS",
            "host",
            "listLength",
            "listName",
            "passwordFromEnv",
            "port",
            "unsafeSsl",
            "usernameFromEnv",
        }
    ),
}
_HOST_FIELDS = frozenset({"address", "host"})
_PORT = re.compile(r"[0-9]{1,5}")
# What a Secret may provide to a trigger: credentials, never a host.
_PARAMETERS = frozenset({"ca", "cert", "key", "password", "username", "userName"})


def refusals(obj: Fields, policy: AdmissionPolicy) -> Iterator[str]:
    """Check a HorizontalPodAutoscaler, ScaledObject, ScaledJob or TriggerAuthentication."""
    spec = mapping(obj, "spec")
    if kind_id(obj) == "keda.sh/TriggerAuthentication":
        for each in mappings(spec, "secretTargetRef"):
            if string(each, "parameter") not in _PARAMETERS:
                yield (
                    f"it brings the parameter {quote(each.get('parameter'))}; "
                    f"let through are {_listed(_PARAMETERS)}"
                )
        return
    if kind_id(obj) not in _SCALERS:
        return
    target = mapping(spec, "scaleTargetRef")
    if kind_id(obj) != "keda.sh/ScaledJob" and not string(target, "name"):
        yield "its scaleTargetRef names nothing"
    interval = spec.get("pollingInterval")
    if isinstance(interval, int) and interval < _MIN_INTERVAL:
        yield (
            f"its pollingInterval {interval} has KEDA's operator ask too often; {_MIN_INTERVAL} is the least"
        )
    for trigger in mappings(spec, "triggers"):
        yield from _trigger(trigger, policy.namespace)


def _trigger(trigger: Fields, namespace: str) -> Iterator[str]:
    kind, metadata = string(trigger, "type"), mapping(trigger, "metadata")
    authentication = string(mapping(trigger, "authenticationRef"), "kind")
    if authentication not in {"", "TriggerAuthentication"}:
        yield f"its trigger signs in by a {quote(authentication)}, which is the whole cluster's"
    if kind not in _TRIGGERS:
        yield (
            f"KEDA's operator would ask elsewhere for a trigger of type {quote(kind)}; "
            f"let through are {_listed(_TRIGGERS)}"
        )
        return
    for field in metadata:
        if field not in _TRIGGERS[kind]:
            yield f"its trigger {kind} has {quote(field)}, which is not let through"
        elif field in _HOST_FIELDS and not _is_own_service(string(metadata, field), field, namespace):
            yield (
                f"its trigger {kind} asks {quote(string(metadata, field))}; only a Service of the "
                f"environment may be asked, as <service>.{namespace}.svc.cluster.local"
            )
    host_fields = _TRIGGERS[kind] & _HOST_FIELDS
    if host_fields and not any(string(metadata, field) for field in _HOST_FIELDS):
        yield f"its trigger {kind} does not say whom it asks: {_listed(host_fields)}"


def _is_own_service(text: str, field: str, namespace: str) -> bool:
    """Whether a host is a Service of the environment. A short name would resolve in KEDA's own namespace."""
    host, colon, port = text.partition(":")
    if field == "host" and colon:
        return False
    if field == "address" and not _PORT.fullmatch(port):
        return False
    service, _, rest = host.partition(".")
    suffixes = {f"{namespace}.svc", f"{namespace}.svc.cluster.local"}
    return re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", service) is not None and rest in suffixes


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
