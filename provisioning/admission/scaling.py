"""What scales asks nobody but the environment's own, by the environment's own sign-ins.

KEDA's operator asks on behalf of a trigger: from its own namespace, past every fence, with the identity that
its administrators gave it. So the types of triggers that are let through are those that ask nothing outside
of the Kubernetes API, and a few that speak a protocol without redirects, to a Service of the environment.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from coppice.manifests.fields import Fields, kind_id, mapping, mappings, quote, string
from provisioning.admission.policy import AdmissionPolicy

_SCALERS = frozenset({"autoscaling/HorizontalPodAutoscaler", "keda.sh/ScaledJob", "keda.sh/ScaledObject"})
_FASTEST = 10  # seconds between two looks of KEDA's operator

# https://keda.sh/docs/latest/scalers/: type → the fields of its metadata. A host that is read from a variable
# of a container (`hostFromEnv`) could not be judged.
_OWN: Mapping[str, frozenset[str]] = {
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
_HOSTS = frozenset({"address", "host"})
_PORT = re.compile(r"[0-9]{1,5}")
# What a Secret may bring to a trigger: who signs in, never where.
_PARAMETERS = frozenset({"ca", "cert", "key", "password", "username", "userName"})


def refusals(obj: Fields, policy: AdmissionPolicy) -> Iterator[str]:
    """What stands against a HorizontalPodAutoscaler, ScaledObject, ScaledJob or TriggerAuthentication."""
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
    if isinstance(interval, int) and interval < _FASTEST:
        yield f"its pollingInterval {interval} has KEDA's operator ask too often; {_FASTEST} is the least"
    for trigger in mappings(spec, "triggers"):
        yield from _trigger(trigger, policy.namespace)


def _trigger(trigger: Fields, namespace: str) -> Iterator[str]:
    kind, metadata = string(trigger, "type"), mapping(trigger, "metadata")
    signs_in = string(mapping(trigger, "authenticationRef"), "kind")
    if signs_in not in {"", "TriggerAuthentication"}:
        yield f"its trigger signs in by a {quote(signs_in)}, which is the whole cluster's"
    if kind not in _OWN:
        yield (
            f"KEDA's operator would ask elsewhere for a trigger of type {quote(kind)}; "
            f"let through are {_listed(_OWN)}"
        )
        return
    for field in metadata:
        if field not in _OWN[kind]:
            yield f"its trigger {kind} has {quote(field)}, which is not let through"
        elif field in _HOSTS and not _of_the_environment(string(metadata, field), field, namespace):
            yield (
                f"its trigger {kind} asks {quote(string(metadata, field))}; only a Service of the "
                f"environment may be asked, as <service>.{namespace}.svc.cluster.local"
            )
    if _OWN[kind] & _HOSTS and not any(string(metadata, field) for field in _HOSTS):
        yield f"its trigger {kind} does not say whom it asks: {_listed(_OWN[kind] & _HOSTS)}"


def _of_the_environment(text: str, field: str, namespace: str) -> bool:
    """Whether it is a Service of the namespace, by a name that KEDA's own namespace does not answer to."""
    host, colon, port = text.partition(":")
    if field == "host" and colon:
        return False
    if field == "address" and not _PORT.fullmatch(port):
        return False
    service, _, rest = host.partition(".")
    own = {f"{namespace}.svc", f"{namespace}.svc.cluster.local"}
    return re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", service) is not None and rest in own


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
