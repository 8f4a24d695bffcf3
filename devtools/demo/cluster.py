"""Apply `deploy/cluster` to a real cluster, as its administrator would with `kubectl apply -k`.

The demo then acts as the identities that `deploy/cluster` binds, so the cluster's roles and policies apply.
"""

from pathlib import Path

import yaml

from adapters.kubernetes.client import Api
from adapters.kubernetes.connection import by_kubeconfig
from adapters.kubernetes.discovery import Discovery
from adapters.kubernetes.paths import path
from adapters.kustomize.build import Kustomize, find
from coppice.reconciler.errors import Gone
from devtools.demo.processes import ROOT

_OVERLAY = "deploy/cluster"
_BINDING = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/coppice-provisioning"


def prepare(kubeconfig: Path) -> None:
    """Apply `deploy/cluster`, unless `coppice-system` exists: an administrator has set that cluster up.

    Args:
        kubeconfig: names the cluster and an administrator.

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


def act_as_bound(kubeconfig: Path, into: Path) -> dict[str, str]:
    """Have each part of the program impersonate its identity, if the cluster binds that of `identities.yaml`.

    Args:
        kubeconfig: names the cluster and an administrator, who may impersonate.
        into: the kubeconfig to write, with a context for each identity.

    Returns:
        The app settings that name the kubeconfig and the identities. An identity's client id is also its
        object id here.
    """
    identities = yaml.safe_load((ROOT / _OVERLAY / "identities.yaml").read_text())["data"]
    binding = Api(by_kubeconfig(str(kubeconfig))).get(_BINDING)
    if binding["subjects"][0]["name"] != identities["provisioning"]:
        # The cluster binds other identities, so the demo acts as the kubeconfig's own user.
        return {"KUBECONFIG": str(kubeconfig.resolve())}
    document = yaml.safe_load(kubeconfig.read_text())
    contexts = {each["name"]: each["context"] for each in document["contexts"]}
    context = contexts[document["current-context"]]
    users = {each["name"]: each["user"] for each in document["users"]}
    parts = {part: identities[part] for part in ("provisioning", "deprovisioning", "scheduling")}
    for identity in parts.values():
        document["users"].append({"name": identity, "user": {**users[context["user"]], "as": identity}})
        document["contexts"].append({"name": identity, "context": {**context, "user": identity}})
    into.write_text(yaml.safe_dump(document))
    into.chmod(0o600)
    return {
        "KUBECONFIG": str(into.resolve()),
        "PROVISIONING_CLIENT_ID": parts["provisioning"],
        "DEPROVISIONING_CLIENT_ID": parts["deprovisioning"],
        "SCHEDULER_CLIENT_ID": parts["scheduling"],
    }
