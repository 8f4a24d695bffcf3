"""Pods stay in their box: none reaches the node, its network or another container's privileges.

Pod Security (`baseline`) asks much the same of every pod on the cluster. Here it is said before anything is
applied, of the object that would make the pod.
"""

from collections.abc import Iterator

from coppice.manifests.fields import Fields, mapping, mappings, shown, string, strings
from provisioning.admission.policy import AdmissionPolicy

# Where a kind keeps its pods' spec; all others keep it where a Deployment does.
_PATHS = {
    "Pod": ("spec",),
    "PodTemplate": ("template", "spec"),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
    "ScaledJob": ("spec", "jobTargetRef", "template", "spec"),
}
_DEPLOYMENTS_PATH = ("spec", "template", "spec")

_CONTAINERS = ("containers", "initContainers")
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_CSI_DRIVER = "secrets-store.csi.k8s.io"

# Both as in https://kubernetes.io/docs/concepts/security/pod-security-standards/ (baseline).
_CAPABILITIES = frozenset(
    {
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    }
)
_SYSCTLS = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ping_group_range",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_syncookies",
    }
)


_MOST_GRACE = 300  # seconds; longer, and a node that is to go at night stands till the morning
_BASELINE = "which baseline Pod Security does not allow"
_PROFILES = {"", "RuntimeDefault"}


def refusals(obj: Fields, _rules: AdmissionPolicy) -> Iterator[str]:
    """What stands against the pods that an object is or makes. Which fields they have, the tables decide."""
    spec = pod_spec(obj)
    security = mapping(spec, "securityContext")
    yield from _profiles(security)
    yield from _grace(spec, "its pods have")
    for sysctl in mappings(security, "sysctls"):
        if string(sysctl, "name") not in _SYSCTLS:
            yield f"its pods set the sysctl {shown(sysctl.get('name'))}, {_BASELINE}"
    for volume in mappings(spec, "volumes"):
        yield from _volume(volume)
    for field in _CONTAINERS:
        for container in mappings(spec, field):
            for reason in _container(container):
                yield f"container {shown(container.get('name'))} {reason}"


def pod_spec(obj: Fields) -> Fields:
    """The specification of the pods that an object is or makes; empty if it makes none."""
    return mapping(obj, *_PATHS.get(string(obj, "kind"), _DEPLOYMENTS_PATH))


def _volume(volume: Fields) -> Iterator[str]:
    if volume.get("csi") is not None:
        driver = string(mapping(volume, "csi"), "driver")
        if driver != _CSI_DRIVER:
            yield (
                f"volume {shown(volume.get('name'))} uses the CSI driver {shown(driver)}; "
                f"only {_CSI_DRIVER} is let through"
            )


def _container(container: Fields) -> Iterator[str]:
    security = mapping(container, "securityContext")
    yield from _profiles(security)
    if string(security, "procMount") not in {"", "Default"}:
        yield "asks for another procMount than Default"
    for capability in strings(mapping(security, "capabilities"), "add"):
        if capability not in _CAPABILITIES:
            yield f"adds the capability {shown(capability)}, {_BASELINE}"
    for mount in mappings(container, "volumeMounts"):
        if string(mount, "mountPropagation") not in {"", "None", "HostToContainer"}:
            yield f"mounts {shown(mount.get('name'))} with a mountPropagation that reaches the node"
    for probe in _PROBES:
        yield from _grace(mapping(container, probe), f"has a {probe} with")


def _profiles(security: Fields) -> Iterator[str]:
    for field in ("appArmorProfile", "seccompProfile"):
        kind = string(mapping(security, field), "type")
        if kind not in _PROFILES:
            yield f"has the {field} {shown(kind)}; RuntimeDefault is what holds it back"


def _grace(holder: Fields, called: str) -> Iterator[str]:
    seconds = holder.get("terminationGracePeriodSeconds")
    if isinstance(seconds, int) and seconds > _MOST_GRACE:
        yield f"{called} {seconds} terminationGracePeriodSeconds; at most {_MOST_GRACE} are let through"
