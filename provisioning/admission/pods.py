"""Keeps pods away from the node, its network and additional privileges.

Pod Security (`baseline`) enforces much the same for every pod of the cluster. The check here comes before
anything is applied, and names the object that would create the pod.
"""

from collections.abc import Iterator

from coppice.manifests.fields import Fields, mapping, mappings, quote, string, strings
from coppice.manifests.pod_templates import SECRETS_STORE_DRIVER, pod_spec
from provisioning.admission.policy import AdmissionPolicy

_CONTAINERS = ("containers", "initContainers")
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")

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


_MAX_GRACE = 300  # seconds; a longer period would keep a node from scaling down at night
_BASELINE = "which baseline Pod Security does not allow"
_PROFILES = {"", "RuntimeDefault"}


def refusals(obj: Fields, _policy: AdmissionPolicy) -> Iterator[str]:
    """Check the values in the pods that an object is or creates; `shape` checks which fields they have."""
    spec = pod_spec(obj)
    security = mapping(spec, "securityContext")
    yield from _profiles(security)
    yield from _grace(spec, "its pods have")
    for sysctl in mappings(security, "sysctls"):
        if string(sysctl, "name") not in _SYSCTLS:
            yield f"its pods set the sysctl {quote(sysctl.get('name'))}, {_BASELINE}"
    for volume in mappings(spec, "volumes"):
        yield from _volume(volume)
    for field in _CONTAINERS:
        for container in mappings(spec, field):
            for reason in _container(container):
                yield f"container {quote(container.get('name'))} {reason}"


def _volume(volume: Fields) -> Iterator[str]:
    if volume.get("csi") is not None:
        driver = string(mapping(volume, "csi"), "driver")
        if driver != SECRETS_STORE_DRIVER:
            yield (
                f"volume {quote(volume.get('name'))} uses the CSI driver {quote(driver)}; "
                f"only {SECRETS_STORE_DRIVER} is let through"
            )


def _container(container: Fields) -> Iterator[str]:
    security = mapping(container, "securityContext")
    yield from _profiles(security)
    if string(security, "procMount") not in {"", "Default"}:
        yield "asks for another procMount than Default"
    for capability in strings(mapping(security, "capabilities"), "add"):
        if capability not in _CAPABILITIES:
            yield f"adds the capability {quote(capability)}, {_BASELINE}"
    for mount in mappings(container, "volumeMounts"):
        if string(mount, "mountPropagation") not in {"", "None", "HostToContainer"}:
            yield f"mounts {quote(mount.get('name'))} with a mountPropagation that reaches the node"
    for probe in _PROBES:
        yield from _grace(mapping(container, probe), f"has a {probe} with")


def _profiles(security: Fields) -> Iterator[str]:
    for field in ("appArmorProfile", "seccompProfile"):
        kind = string(mapping(security, field), "type")
        if kind not in _PROFILES:
            yield f"has the {field} {quote(kind)}; RuntimeDefault is what holds it back"


def _grace(holder: Fields, subject: str) -> Iterator[str]:
    seconds = holder.get("terminationGracePeriodSeconds")
    if isinstance(seconds, int) and seconds > _MAX_GRACE:
        yield f"{subject} {seconds} terminationGracePeriodSeconds; at most {_MAX_GRACE} are let through"
