"""Argo CD's application controller: it compares Applications with Git, and syncs those that sync on their
own.

Less than a real one: one source, no pruning, no healing of what was changed by hand. A sync that failed is
tried again at the next look at Git, as with `syncPolicy.retry`. The status is that of
https://argo-cd.readthedocs.io/en/stable/operator-manual/application.yaml.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

from local.gitops.cluster import ApplyError, Cluster
from local.gitops.settings import Settings
from local.gitops.source import SourceError, Sources, seen_at

Object = dict[str, Any]

REFRESH = "argocd.argoproj.io/refresh"
_MANAGER = "argocd-controller"
_INSTANCE = "app.kubernetes.io/instance"


class ArgoCd:
    """Argo CD.

    Args:
        cluster: where the Applications are, and what they deploy to.
        sources: the repositories.
        settings: gives the behaviour as it is by now.
        clock: tells the time, with its zone.
    """

    def __init__(
        self,
        cluster: Cluster,
        sources: Sources,
        settings: Callable[[], Settings],
        clock: Callable[[], datetime],
    ) -> None:
        self._cluster = cluster
        self._sources = sources
        self._settings = settings
        self._clock = clock

    def look(self) -> None:
        """Move each Application on by what is due."""
        for app in self._cluster.items("argoproj.io/v1alpha1", "applications"):
            self._look_at({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application"} | app)

    def _look_at(self, app: Object) -> None:
        now, before = self._clock(), app.get("status", {})
        status = dict(before)
        asked = REFRESH in app["metadata"].get("annotations", {})
        operation = status.get("operationState", {})
        running = operation.get("phase") == "Running"
        if running and _since(operation["startedAt"], now) >= self._settings().sync_seconds:
            status["operationState"] = self._finished(app, operation, status)
        over = running and status["operationState"]["phase"] != "Running"
        looked = status.get("reconciledAt")
        if asked or over or looked is None or _since(looked, now) >= self._settings().poll_seconds:
            self._compare(app, status, start=not over)
            status["reconciledAt"] = _text(now)
        status["health"] = {"status": self._health(status)}
        if asked or status != before:
            self._cluster.update(app, {"metadata": {"annotations": {REFRESH: None}}, "status": status})

    def _compare(self, app: Object, status: Object, *, start: bool) -> None:
        """Say what Git says now, and start a sync if that is not what was synced last."""
        spec, now = app["spec"], self._clock()
        source = spec["source"]
        try:
            seen = seen_at(now, self._settings().lag_seconds)
            revision = self._sources.revision(source["repoURL"], source.get("targetRevision", ""), as_of=seen)
            same = self._is_in_force(source, status.get("operationState", {}), revision)
        except SourceError as error:
            status["sync"] = status.get("sync", {}) | {"status": "Unknown"}
            told = {"type": "ComparisonError", "message": str(error), "lastTransitionTime": _text(now)}
            status["conditions"] = [told]
            return
        status["conditions"] = []
        compared = {"source": source, "destination": spec["destination"]}
        outcome = "Synced" if same else "OutOfSync"
        status["sync"] = {"status": outcome, "revision": revision, "comparedTo": compared}
        running = status.get("operationState", {}).get("phase") == "Running"
        if start and not same and not running and "automated" in spec.get("syncPolicy", {}):
            status["operationState"] = {
                "phase": "Running",
                "message": "one or more tasks are running",
                "operation": {"sync": {"revision": revision}, "initiatedBy": {"automated": True}},
                "startedAt": _text(now),
                "finishedAt": None,
                "syncResult": None,
            }

    def _is_in_force(self, source: Object, operation: Object, revision: str) -> bool:
        """Whether a commit says what was synced last: a new one need not change this Application."""
        url, folder = source["repoURL"], source.get("path", ".")
        wanted = self._sources.objects(url, revision, folder)
        synced = (operation.get("syncResult") or {}).get("revision")
        if operation.get("phase") != "Succeeded" or synced is None:
            return False
        return synced == revision or self._sources.objects(url, synced, folder) == wanted

    def _finished(self, app: Object, operation: Object, status: Object) -> Object:
        """Carry a sync out, and return its end."""
        revision = operation["operation"]["sync"]["revision"]
        phase, message = "Succeeded", "successfully synced (all tasks run)"
        try:
            status["resources"] = self._sync(app, revision)
        except (ApplyError, SourceError) as error:
            phase, message = "Failed", f"one or more objects failed to apply, reason: {error}"
        result = {"revision": revision, "source": app["spec"]["source"]}
        end = {"phase": phase, "message": message, "finishedAt": _text(self._clock()), "syncResult": result}
        return operation | end

    def _sync(self, app: Object, revision: str) -> list[Object]:
        source, name = app["spec"]["source"], app["metadata"]["name"]
        home = app["spec"]["destination"].get("namespace", "")
        if any(fnmatchcase(name, each) for each in self._settings().failing):
            raise ApplyError("the stand-in was asked to fail")
        objects = self._sources.objects(source["repoURL"], revision, source.get("path", "."))
        self._cluster.apply(objects, namespace=home, manager=_MANAGER, labels={_INSTANCE: name})
        return [_resource(each, home) for each in objects]

    def _health(self, status: Object) -> str:
        resources = status.get("resources")
        if not resources:
            return "Missing"
        healthy = all(
            self._cluster.is_healthy(
                f"{each['group']}/{each['version']}".lstrip("/"),
                each["kind"],
                each["namespace"],
                each["name"],
            )
            for each in resources
        )
        return "Healthy" if healthy else "Progressing"


def _resource(each: Object, home: str) -> Object:
    group, _, version = each["apiVersion"].rpartition("/")
    metadata = each["metadata"]
    place = {"namespace": metadata.get("namespace", home), "name": metadata["name"]}
    return {"group": group, "version": version, "kind": each["kind"], "status": "Synced"} | place


def _text(now: datetime) -> str:
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _since(text: str, now: datetime) -> float:
    return (now - datetime.fromisoformat(text)) / timedelta(seconds=1)
