"""Argo CD's Applications and Flux' Kustomizations: what they report, and the annotation that asks them to look at Git.

https://argo-cd.readthedocs.io/en/stable/operator-manual/argocd-cm-yaml/ and https://fluxcd.io/flux/components/kustomize/kustomizations/
describe their status.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from adapters.kubernetes.client import Api, path
from loop.errors import Gone
from scheduler.schedule import Sync
from scheduler.sync import Synced

_ARGO = "argoproj.io/v1alpha1"
_FLUX = "kustomize.toolkit.fluxcd.io/v1"
_SOURCE = "source.toolkit.fluxcd.io/v1"
_HELM = "helm.toolkit.fluxcd.io/v2"
_ARGO_REFRESH = "argocd.argoproj.io/refresh"
_FLUX_REFRESH = "reconcile.fluxcd.io/requestedAt"
