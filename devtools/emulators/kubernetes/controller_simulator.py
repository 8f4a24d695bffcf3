"""The controllers and the kubelet: what a cluster does by itself between two requests.

Nothing runs by itself. Before and after each request the simulator does what real controllers would have done
by now, so the same requests at the same times always have the same results. It only reads what was written
since, and what waits for time to pass.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from devtools.emulators.kubernetes import budgets, nodes, pods, termination, workloads
from devtools.emulators.kubernetes.kinds import (
    BUDGET,
    CLAIM,
    CONFIG_MAP,
    DEPLOYMENT,
    JOB,
    NAMESPACE,
    NODE,
    POD,
    REPLICA_SET,
    SERVICE_ACCOUNT,
    STATEFUL_SET,
    Kind,
)
from devtools.emulators.kubernetes.store import Key, Object, Store, Stored
from devtools.emulators.kubernetes.world import SimulatorSettings, World, conditions, dependents, with_status
from devtools.emulators.kubernetes.writes import IN_USE, Target, create

_SYSTEM_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
_CONTROLLERS = {
    DEPLOYMENT: workloads.deployment,
    REPLICA_SET: workloads.replica_set,
    STATEFUL_SET: workloads.stateful_set,
    JOB: workloads.job,
    POD: pods.pod,
    NODE: nodes.node,
    BUDGET: budgets.budget,
}


@dataclass(frozen=True)
class Moment:
    """A snapshot of the whole cluster."""

    stored: Stored
    waiting: frozenset[Key]
    world: World


class ControllerSimulator:
    """All controllers of the emulated cluster.

    Args:
        store: the cluster's objects; the system namespaces are created in it.
        settings: how long the simulated operations take, and which of them fail.
    """

    def __init__(self, store: Store, settings: SimulatorSettings) -> None:
        self._store = store
        self._world = World(store=store, settings=settings)
        self._waiting: set[Key] = set()
        for name in _SYSTEM_NAMESPACES:
            self._create(NAMESPACE, "", name, {})
        self.settle()

    def change(self, settings: Mapping[str, Any]) -> None:
        """Change the given settings.

        Raises:
            TypeError: a setting does not exist.
        """
        self._world = replace(self._world, settings=replace(self._world.settings, **settings))

    def snapshot(self) -> Moment:
        """Save the whole cluster for `restore`."""
        return Moment(self._store.snapshot(), frozenset(self._waiting), self._world.copy())

    def restore(self, moment: Moment) -> None:
        """Restore a snapshot. The caller sets the clock back."""
        self._store.restore(moment.stored)
        self._waiting, self._world = set(moment.waiting), moment.world.copy()

    def settle(self) -> None:
        """Run the controllers until nothing more is due."""
        touched = self._store.touched
        touched.update(dict.fromkeys(self._waiting))
        self._waiting.clear()
        while touched or self._store.removed:
            self._collect_garbage()
            if touched:
                key = next(iter(touched))
                del touched[key]
                live = self._store.find(*key)
                if live is not None and self._look(key[0], live):
                    self._waiting.add(key)
                self._tell_others(key, stands=live is not None)

    def _tell_others(self, key: Key, *, stands: bool) -> None:
        """Queue the objects that depend on another one without owning it.

        Pods that wait depend on nodes, and disruption budgets depend on pods.
        """
        kind, namespace, name = key
        if kind == NODE:
            if not stands:
                nodes.gone(self._world, name)
            # A pod that waited because the node was not ready can be scheduled now.
            pending = {key for key in self._waiting if key[0] == POD}
            self._waiting -= pending
            self._store.touched.update(dict.fromkeys(pending))
        if kind == POD:
            found = self._store.objects(BUDGET, namespace)
            self._store.touched.update({(BUDGET, namespace, one["metadata"]["name"]): None for one in found})

    def _look(self, kind: Kind, live: Object) -> bool:
        """Run the controller of an object; return whether the object waits for time to pass."""
        going = "deletionTimestamp" in live["metadata"]
        if kind == NAMESPACE:
            return self._terminate(live) if going else self._furnish(live)
        if going and kind != POD:
            self._let_go(kind, live)
            return kind == CLAIM
        controller = _CONTROLLERS.get(kind)
        return controller(self._world, live) if controller else False

    def _furnish(self, namespace: Object) -> bool:
        name = namespace["metadata"]["name"]
        if self._store.find(SERVICE_ACCOUNT, name, "default") is None:
            self._create(SERVICE_ACCOUNT, name, "default", {})
        if self._store.find(CONFIG_MAP, name, "kube-root-ca.crt") is None:
            self._create(CONFIG_MAP, name, "kube-root-ca.crt", {"data": {"ca.crt": "of the emulator\n"}})
        return False

    def _create(self, kind: Kind, namespace: str, name: str, content: Object) -> None:
        target = Target(kind=kind, namespace=namespace, name=name, manager="kube-controller-manager")
        create(self._store, target, {"metadata": {"name": name}} | content)

    def _terminate(self, namespace: Object) -> bool:
        """Delete the contents of a terminating namespace, and remove it once it is empty.

        Returns:
            Whether the namespace waits for time to pass.
        """
        name, uid = namespace["metadata"]["name"], namespace["metadata"]["uid"]
        since = self._world.since.setdefault(uid, self._store.clock())
        settings = self._world.settings
        for kind, held in self._store.contents(name):
            if kind.plural not in settings.undeletable:
                self._delete(kind, held)
        remaining = self._store.contents(name)
        now = self._store.now()
        told = conditions(namespace, termination.conditions(remaining, settings), now=now)
        namespace = with_status(self._world, NAMESPACE, namespace, namespace["status"] | {"conditions": told})
        over = timedelta(seconds=settings.termination_seconds) <= self._store.clock() - since
        if remaining or settings.dead_apis or not over:
            return True
        if namespace["metadata"].get("finalizers"):
            if namespace["spec"].get("finalizers"):
                self._store.save(NAMESPACE, namespace | {"spec": {}})
            return False
        del self._world.since[uid]
        self._store.drop(NAMESPACE, namespace)
        return False

    def _delete(self, kind: Kind, live: Object) -> None:
        metadata = live["metadata"]
        if not metadata.get("finalizers"):
            self._store.drop(kind, live)
        elif "deletionTimestamp" not in metadata:
            self._store.save(kind, live | {"metadata": metadata | {"deletionTimestamp": self._store.now()}})

    def _let_go(self, kind: Kind, live: Object) -> None:
        """Carry out the finalizers of a deleted object that the emulator serves.

        These are the finalizers of the propagation policies, and that of a claim once no pod mounts it.
        """
        metadata = live["metadata"]
        finalizers = metadata.get("finalizers", [])
        served = {"orphan", "foregroundDeletion"}
        if kind == CLAIM and not pods.mounted(self._world, live):
            served.add(IN_USE)
        left = [finalizer for finalizer in finalizers if finalizer not in served]
        if left == finalizers:
            return
        namespace, uid = metadata.get("namespace", ""), metadata["uid"]
        for of, dependent in dependents(self._world, namespace, uid):
            if "orphan" in finalizers:
                self._disown(of, dependent, uid)
            else:
                self._delete(of, dependent)
        if dependents(self._world, namespace, uid):
            return
        if left:
            self._store.save(kind, live | {"metadata": metadata | {"finalizers": left}})
        else:
            self._store.drop(kind, live)

    def _collect_garbage(self) -> None:
        """Delete the dependents of removed objects.

        A dependent that has other owners is kept, and loses only its reference to the removed one.
        """
        removed, self._store.removed = self._store.removed, []
        for namespace, uid in removed:
            for kind, dependent in dependents(self._world, namespace, uid) if namespace else ():
                if len(dependent["metadata"]["ownerReferences"]) > 1:
                    self._disown(kind, dependent, uid)
                else:
                    self._delete(kind, dependent)

    def _disown(self, kind: Kind, dependent: Object, uid: str) -> None:
        metadata = dependent["metadata"]
        left = [owner for owner in metadata["ownerReferences"] if owner["uid"] != uid]
        kept = {field: value for field, value in metadata.items() if field != "ownerReferences"}
        self._store.save(kind, dependent | {"metadata": kept | ({"ownerReferences": left} if left else {})})
