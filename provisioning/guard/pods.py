"""Pods stay in their box: none reaches the node, its network or another container's privileges.

Pod Security (`baseline`) asks much the same of every pod on the cluster. Here it is said before anything is
applied, of the object that would make the pod.
"""

from collections.abc import Iterator

from provisioning.guard.fields import Fields, mapping, mappings, shown, string, strings
from provisioning.guard.rules import Rules

# Where a kind keeps its pods' spec; all others keep it where a Deployment does.
_PATHS = {
    "Pod": ("spec",),
    "PodTemplate": ("template", "spec"),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
    "ScaledJob": ("spec", "jobTargetRef", "template", "spec"),
}
_DEPLOYMENTS_PATH = ("spec", "template", "spec")

_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")
_CSI_DRIVER = "secrets-store.csi.k8s.io"

# These three as in https://kubernetes.io/docs/concepts/security/pod-security-standards/. Of volume types the
# restricted ones, since baseline lets inline Azure file shares through.
_VOLUMES = frozenset(
    {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
)
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


def refusals(obj: Fields, _rules: Rules) -> Iterator[str]:
    """What stands against the pods that an object is or makes."""
    spec = mapping(obj, *_PATHS.get(string(obj, "kind"), _DEPLOYMENTS_PATH))
    string(spec, "serviceAccountName")  # whatever is read of it later must be what it seems
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(name):
            yield f"its pods ask for {name}"
    if mapping(spec, "securityContext", "windowsOptions").get("hostProcess"):
        yield "its pods ask for hostProcess"
    for sysctl in mappings(mapping(spec, "securityContext"), "sysctls"):
        if string(sysctl, "name") not in _SYSCTLS:
            yield f"its pods set the sysctl {shown(sysctl.get('name'))}, which is not a safe one"
    for volume in mappings(spec, "volumes"):
        yield from _volume(volume)
    for field in _CONTAINERS:
        for container in mappings(spec, field):
            for reason in _container(container):
                yield f"container {shown(container.get('name'))} {reason}"


def _volume(volume: Fields) -> Iterator[str]:
    called = f"volume {shown(volume.get('name'))}"
    for kind, source in volume.items():
        if kind != "name" and kind not in _VOLUMES and source is not None:
            yield f"{called} is of type {shown(kind)}; let through are {', '.join(sorted(_VOLUMES))}"
    if volume.get("csi") is not None:
        driver = string(mapping(volume, "csi"), "driver")
        string(mapping(volume, "csi", "volumeAttributes"), "secretProviderClass")
        if driver != _CSI_DRIVER:
            yield f"{called} uses the CSI driver {shown(driver)}; only {_CSI_DRIVER} is let through"


def _container(container: Fields) -> Iterator[str]:
    security = mapping(container, "securityContext")
    if security.get("privileged"):
        yield "is privileged"
    if string(security, "procMount") not in {"", "Default"}:
        yield "asks for another procMount than Default"
    if mapping(security, "windowsOptions").get("hostProcess"):
        yield "asks for hostProcess"
    for capability in strings(mapping(security, "capabilities"), "add"):
        if capability not in _CAPABILITIES:
            yield f"adds the capability {shown(capability)}"
    for port in mappings(container, "ports"):
        if port.get("hostPort"):
            yield "asks for a hostPort"
