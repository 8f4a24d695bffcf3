"""Argo CD's application controller: it compares Applications with Git, and syncs those that sync on their
own.

It does less than the real one: no charts, no pruning, no self-heal. A failed sync is repeated at the next
refresh, as with `syncPolicy.retry`. The status is that of
https://argo-cd.readthedocs.io/en/stable/operator-manual/application.yaml, and of several sources that of
https://github.com/argoproj/argo-cd/blob/v3.2.11/controller/state.go.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

from devtools.emulators.gitops.cluster import ApplyError, Cluster
from devtools.emulators.gitops.settings import Settings
from devtools.emulators.gitops.source import SourceError, Sources, seen_at

Object = dict[str, Any]

REFRESH = "argocd.argoproj.io/refresh"
_MANAGER = "argocd-controller"
_INSTANCE = "app.kubernetes.io/instance"
_NOWHERE: Object = {"repoURL": ""}


class ArgoCd:
    """The application controller of Argo CD.

    Args:
        cluster: the cluster with the Applications, which is also the one to deploy to.
        sources: the repositories.
        settings: returns the current settings.
        clock: returns the time, with its zone.
    """

    def __init__(
        self,
        cluster: Cluster,
        sources: Sources,
        settings: Callable[[], Settings],
        clock: Callable[[], datetime],
    ) -> None:
        self._cluster = cluster
        self._repositories = sources
        self._settings = settings
        self._clock = clock

    def reconcile(self) -> None:
        """Advance each Application by the steps that are due."""
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
            patch = {"metadata": {"annotations": {REFRESH: None}}, "status": _difference(before, status)}
            self._cluster.update(app, patch)

    def _compare(self, app: Object, status: Object, *, start: bool) -> None:
        """Compare an Application with Git, and start a sync if Git differs from what was last synced."""
        spec, now = app["spec"], self._clock()
        sources = _sources(spec)
        compared = {**_compared(spec), "destination": spec["destination"]}
        try:
            seen = seen_at(now, self._settings().lag_seconds)
            revisions = [
                self._repositories.revision(each["repoURL"], each.get("targetRevision", ""), as_of=seen)
                for each in sources
            ]
            wanted, repeated = self._wanted(app, sources, revisions)
            same = self._is_in_force(app, status.get("operationState", {}), revisions, wanted)
        except SourceError as error:
            named = _revisions(spec, [each.get("targetRevision", "") for each in sources])
            status["sync"] = {"status": "Unknown", **named, "comparedTo": compared}
            status["conditions"] = [_condition("ComparisonError", str(error), now)]
            return
        told = "; ".join(repeated)  # the real controller has one condition for each
        status["conditions"] = [_condition("RepeatedResourceWarning", told, now)] if told else []
        outcome = "Synced" if same else "OutOfSync"
        named = _revisions(spec, revisions)
        status["sync"] = {"status": outcome, **named, "comparedTo": compared}
        running = status.get("operationState", {}).get("phase") == "Running"
        if start and not same and not running and "automated" in spec.get("syncPolicy", {}):
            sync = {**named, **({"sources": sources} if _several(spec) else {"source": sources[0]})}
            status["operationState"] = {
                "phase": "Running",
                "message": "one or more tasks are running",
                "operation": {"sync": sync, "initiatedBy": {"automated": True}},
                "startedAt": _text(now),
                "finishedAt": None,
                "syncResult": None,
            }

    def _wanted(
        self, app: Object, sources: list[Object], revisions: list[str]
    ) -> tuple[list[Object], list[str]]:
        """Return the objects of all sources, and a warning for each object that occurs more than once.

        Of several objects with the same key, the last one counts.
        """
        home, found = app["spec"]["destination"].get("namespace", ""), dict[tuple[str, ...], list[Object]]()
        for source, revision in zip(sources, revisions, strict=True):
            if "chart" in source:
                raise SourceError(f"chart {source['chart']}: charts are not served here")
            if len(sources) > 1 and not source.get("path"):
                continue  # the source is only there for others to refer to
            for each in self._repositories.objects(source["repoURL"], revision, source.get("path", ".")):
                found.setdefault(_key(each, home), []).append(each)
        repeated = [
            f"Resource {'/'.join(key)} appeared {len(each)} times among application resources."
            for key, each in found.items()
            if len(each) > 1
        ]
        return [each[-1] for each in found.values()], repeated

    def _is_in_force(
        self, app: Object, operation: Object, revisions: list[str], wanted: list[Object]
    ) -> bool:
        """Return whether the commits contain what was last synced.

        A new commit need not change this Application.
        """
        result = operation.get("syncResult") or {}
        synced = result.get("revisions") or [result.get("revision") or ""]
        if operation.get("phase") != "Succeeded" or not all(synced):
            return False
        sources = result.get("sources") or [result["source"]]
        if (sources, synced) == (_sources(app["spec"]), revisions):
            return True
        return self._wanted(app, sources, synced)[0] == wanted

    def _finished(self, app: Object, operation: Object, status: Object) -> Object:
        """Apply a sync, and return the operation's final state."""
        asked = operation["operation"]["sync"]
        sources = asked.get("sources") or [asked["source"]]
        phase, message = "Succeeded", "successfully synced (all tasks run)"
        try:
            status["resources"] = self._sync(app, sources, asked.get("revisions") or [asked["revision"]])
        except (ApplyError, SourceError) as error:
            phase, message = "Failed", f"one or more objects failed to apply, reason: {error}"
        result = {"revision": "", "source": _NOWHERE} | asked
        end = {"phase": phase, "message": message, "finishedAt": _text(self._clock()), "syncResult": result}
        return operation | end

    def _sync(self, app: Object, sources: list[Object], revisions: list[str]) -> list[Object]:
        name, home = app["metadata"]["name"], app["spec"]["destination"].get("namespace", "")
        if any(fnmatchcase(name, each) for each in self._settings().failing):
            raise ApplyError("the emulator was asked to fail")
        objects, _ = self._wanted(app, sources, revisions)
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


def _difference(before: Object, after: Object) -> Object:
    """Return the merge patch between two statuses; fields that are gone become null."""
    gone: Object = dict.fromkeys(before.keys() - after.keys())
    return gone | {
        name: _difference(before[name], each)
        if isinstance(each, dict) and isinstance(before.get(name), dict)
        else each
        for name, each in after.items()
    }


def _several(spec: Object) -> bool:
    return bool(spec.get("sources"))


def _sources(spec: Object) -> list[Object]:
    """Return the sources of an Application; `sources` takes precedence over `source`."""
    found: list[Object] = spec.get("sources") or [spec["source"]]
    return found


def _revisions(spec: Object, revisions: list[str]) -> Object:
    return {"revisions": revisions} if _several(spec) else {"revision": revisions[0]}


def _compared(spec: Object) -> Object:
    """Return the compared sources.

    The real controller, which is written in Go, writes an empty `source` beside `sources`.
    """
    if _several(spec):
        return {"source": _NOWHERE, "sources": spec["sources"]}
    return {"source": spec["source"]}


def _condition(kind: str, message: str, now: datetime) -> Object:
    return {"type": kind, "message": message, "lastTransitionTime": _text(now)}


def _key(each: Object, home: str) -> tuple[str, ...]:
    group, metadata = each["apiVersion"].rpartition("/")[0], each["metadata"]
    return group, each["kind"], metadata.get("namespace", home), metadata["name"]


def _resource(each: Object, home: str) -> Object:
    group, _, version = each["apiVersion"].rpartition("/")
    metadata = each["metadata"]
    place = {"namespace": metadata.get("namespace", home), "name": metadata["name"]}
    return {"group": group, "version": version, "kind": each["kind"], "status": "Synced"} | place


def _text(now: datetime) -> str:
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _since(text: str, now: datetime) -> float:
    return (now - datetime.fromisoformat(text)) / timedelta(seconds=1)
