"""The kinds that the emulator serves, in one table: discovery, paths and rules all ask the same things."""

from dataclasses import dataclass
from typing import Any

VERBS = ("create", "delete", "get", "list", "patch", "update")


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One resource of the API.

    Attributes:
        group: the API group; empty for the core group.
        version: the version.
        name: the kind, as in `Deployment`.
        plural: the resource, as in `deployments`.
        namespaced: whether its objects live in namespaces.
        status: whether it has a status subresource, so that the main endpoint leaves the status alone.
        generation: whether `metadata.generation` counts the changes of an object's spec.
        custom: whether a CustomResourceDefinition defines it; lists of such a kind repeat kind and version in
            each item.
        stored: the version in which its objects are stored, if that is another one.
    """

    group: str
    version: str
    name: str
    plural: str
    namespaced: bool = True
    status: bool = False
    generation: bool = False
    custom: bool = False
    stored: str = ""

    @property
    def api_version(self) -> str:
        """Return group and version in the form of objects, such as `apps/v1`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """Return kind and group in the form of some error messages, such as `Deployment.apps`."""
        return f"{self.name}.{self.group}" if self.group else self.name

    @property
    def resource(self) -> str:
        """Return resource and group in the form of most error messages, such as `deployments.apps`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


def _kinds(api_version: str, names: str, **traits: Any) -> list[Kind]:
    """Return the kinds of one group from `Kind/plural` pairs, separated by spaces."""
    group, _, version = api_version.rpartition("/")
    pairs = (pair.split("/") for pair in names.split())
    return [Kind(group=group, version=version, name=name, plural=plural, **traits) for name, plural in pairs]


_ALB_POLICIES = (
    "BackendLoadBalancingPolicy/backendloadbalancingpolicies BackendTLSPolicy/backendtlspolicies "
    "FrontendTLSPolicy/frontendtlspolicies HealthCheckPolicy/healthcheckpolicies "
    "RoutePolicy/routepolicies WebApplicationFirewallPolicy/webapplicationfirewallpolicies"
)

_HPA = "HorizontalPodAutoscaler/horizontalpodautoscalers"
_FLUX: dict[str, Any] = {"status": True, "generation": True, "custom": True}

KINDS: tuple[Kind, ...] = (
    *_kinds("v1", "Namespace/namespaces Node/nodes", namespaced=False, status=True),
    *_kinds("v1", "ConfigMap/configmaps Event/events LimitRange/limitranges Secret/secrets"),
    *_kinds("v1", "ServiceAccount/serviceaccounts"),
    *_kinds("v1", "PersistentVolumeClaim/persistentvolumeclaims ResourceQuota/resourcequotas", status=True),
    *_kinds("v1", "Service/services", status=True),
    *_kinds("v1", "Pod/pods", status=True, generation=True),
    *_kinds("apps/v1", "DaemonSet/daemonsets Deployment/deployments", status=True, generation=True),
    *_kinds("apps/v1", "ReplicaSet/replicasets StatefulSet/statefulsets", status=True, generation=True),
    *_kinds("batch/v1", "CronJob/cronjobs Job/jobs", status=True, generation=True),
    *_kinds("autoscaling/v2", _HPA, status=True),
    *_kinds("autoscaling/v1", _HPA, status=True, stored="v2"),
    *_kinds("networking.k8s.io/v1", "Ingress/ingresses", status=True, generation=True),
    *_kinds("networking.k8s.io/v1", "NetworkPolicy/networkpolicies", generation=True),
    *_kinds("policy/v1", "PodDisruptionBudget/poddisruptionbudgets", status=True, generation=True),
    *_kinds("coordination.k8s.io/v1", "Lease/leases"),
    *_kinds("rbac.authorization.k8s.io/v1", "Role/roles RoleBinding/rolebindings"),
    *_kinds(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition/customresourcedefinitions",
        namespaced=False,
        status=True,
        generation=True,
    ),
    *_kinds(
        "gateway.networking.k8s.io/v1",
        "Gateway/gateways GRPCRoute/grpcroutes HTTPRoute/httproutes",
        status=True,
        generation=True,
        custom=True,
    ),
    *_kinds(
        "gateway.networking.k8s.io/v1beta1",
        "Gateway/gateways HTTPRoute/httproutes",
        status=True,
        generation=True,
        custom=True,
        stored="v1",
    ),
    *_kinds("alb.networking.azure.io/v1", _ALB_POLICIES, status=True, generation=True, custom=True),
    *_kinds(
        "azmonitoring.coreos.com/v1",
        "PodMonitor/podmonitors ServiceMonitor/servicemonitors",
        status=True,
        generation=True,
        custom=True,
    ),
    *_kinds(
        "secrets-store.csi.x-k8s.io/v1",
        "SecretProviderClass/secretproviderclasses",
        generation=True,
        custom=True,
    ),
    *_kinds("keda.sh/v1alpha1", "ScaledObject/scaledobjects", status=True, generation=True, custom=True),
    *_kinds("argoproj.io/v1alpha1", "Application/applications", generation=True, custom=True),
    *_kinds("kustomize.toolkit.fluxcd.io/v1", "Kustomization/kustomizations", **_FLUX),
    *_kinds("source.toolkit.fluxcd.io/v1", "GitRepository/gitrepositories", **_FLUX),
    *_kinds("helm.toolkit.fluxcd.io/v2", "HelmRelease/helmreleases", **_FLUX),
    *_kinds("postgresql.cnpg.io/v1", "Cluster/clusters", status=True, generation=True, custom=True),
)

BY_RESOURCE = {(kind.group, kind.version, kind.plural): kind for kind in KINDS}
STORED = tuple(kind for kind in KINDS if not kind.stored)
BY_NAME = {kind.name: kind for kind in STORED}

NAMESPACE = BY_NAME["Namespace"]
NODE = BY_NAME["Node"]
CLAIM = BY_NAME["PersistentVolumeClaim"]
CONFIG_MAP = BY_NAME["ConfigMap"]
SERVICE_ACCOUNT = BY_NAME["ServiceAccount"]
POD = BY_NAME["Pod"]
DEPLOYMENT = BY_NAME["Deployment"]
REPLICA_SET = BY_NAME["ReplicaSet"]
STATEFUL_SET = BY_NAME["StatefulSet"]
JOB = BY_NAME["Job"]
SERVICE = BY_NAME["Service"]
BUDGET = BY_NAME["PodDisruptionBudget"]
LEASE = BY_NAME["Lease"]
EVENT = BY_NAME["Event"]
QUOTA = BY_NAME["ResourceQuota"]
LIMIT_RANGE = BY_NAME["LimitRange"]
