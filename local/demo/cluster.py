"""Give a real cluster what `deploy/cluster` holds, as its administrator would with `kubectl apply -k`."""

from pathlib import Path

from adapters.kubernetes.client import Api, path
from adapters.kubernetes.connect import by_kubeconfig
from adapters.kubernetes.discovery import Discovery
from adapters.kustomize.build import Kustomize, find
from local.demo.processes import ROOT
from loop.errors import Gone

_OVERLAY = "deploy/cluster"


def prepare(kubeconfig: Path) -> None:
    """Apply it, unless `coppice-system` stands: then whoever made it knows better.

    Args:
        kubeconfig: names the cluster, and an administrator.

    Raises:
        Failure: the cluster did not answer, or refused.
    """
    api = Api(by_kubeconfig(str(kubeconfig)))
    try:
        api.get(path("v1", "namespaces", name="coppice-system"))
    except Gone:
        _apply(api)


def _apply(api: Api) -> None:
    kinds = Discovery(api)
    tree = {str(file.relative_to(ROOT)): file.read_bytes() for file in (ROOT / _OVERLAY).glob("*.yaml")}
    for each in Kustomize(lambda: find(ROOT)).build(tree, _OVERLAY):
        version, metadata = each["apiVersion"], each["metadata"]
        plural = kinds.resource(version, each["kind"]).plural
        namespace = metadata.get("namespace", "")
        api.apply(path(version, plural, namespace=namespace, name=metadata["name"]), each)
