"""The application of the experiments: one object of each kind that the program treats differently."""

from collections.abc import Mapping

ROOT = "manifests/overlays/feature"

_KUSTOMIZATION = """
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: feature-BRANCH_NAME
resources: [namespace.yaml, accounts.yaml, {config}.yaml, web.yaml, migrate.yaml, nightly.yaml, route.yaml]
"""
_NAMESPACE = "{apiVersion: v1, kind: Namespace, metadata: {name: feature-BRANCH_NAME}}"
_ACCOUNTS = "{apiVersion: v1, kind: ServiceAccount, metadata: {name: api}}"
_CONFIG = "{apiVersion: v1, kind: ConfigMap, metadata: {name: NAME}, data: {host: BRANCH_NAME.example.test}}"
_WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web, version: "COMMIT_SHA"}}
    spec:
      serviceAccountName: api
      containers: [{name: web, image: "example/web:1"}]
"""
_MIGRATE = """
apiVersion: batch/v1
kind: Job
metadata: {name: migrate}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: migrate, image: "example/migrate:VERSION"}]
"""
_NIGHTLY = """
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec:
  schedule: "0 3 * * *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers: [{name: nightly, image: "example/nightly:1"}]
"""
_ROUTE = """
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web}
spec:
  parentRefs: [{namespace: agc-shared, name: agc-feature-gateway}]
  hostnames: [BRANCH_NAME.example.test]
  rules: [{backendRefs: [{name: web, port: 80}]}]
"""


def files(*, config: str, version: int) -> Mapping[str, bytes]:
    """The application's files.

    Args:
        config: the name of its ConfigMap; under another name the former one is pruned.
        version: the image tag of its Job, whose template is immutable.
    """
    texts = {
        "kustomization.yaml": _KUSTOMIZATION.format(config=config),
        "namespace.yaml": _NAMESPACE,
        "accounts.yaml": _ACCOUNTS,
        f"{config}.yaml": _CONFIG.replace("NAME}", f"{config}}}", 1),
        "web.yaml": _WEB,
        "migrate.yaml": _MIGRATE.replace("VERSION", str(version)),
        "nightly.yaml": _NIGHTLY,
        "route.yaml": _ROUTE,
    }
    return {f"{ROOT}/{name}": text.encode() for name, text in texts.items()}
