"""The allowed fields of a scrape job, each with the function that checks it.

No field lets a job reach outside its namespace or use the collector's own files and credentials, and every
value is one that Prometheus accepts.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from coppice.manifests.fields import Fields, Malformed, mapping, mappings, quote, string, strings
from provisioning.admission.relabelling import label, rules, text

_SHORTEST, _LONGEST = timedelta(seconds=5), timedelta(days=1)
_DURATION = re.compile(r"(?:([0-9]{1,4})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,6})s)?(?:([0-9]{1,9})ms)?")
# `node` and `ingress` are missing because their targets are outside the namespace.
_ROLES = ("endpoints", "endpointslice", "pod", "service")


def refuse_unknown(_job: Fields, field: str, _namespace: str) -> object:
    """Refuse a field that is not in `READERS`.

    Raises:
        Malformed: always.
    """
    raise Malformed(f"{quote(field)} is not let through; what is: {', '.join(READERS)}")


def _duration(job: Fields, field: str) -> timedelta:
    found = _DURATION.fullmatch(string(job, field))
    if found is None or not any(found.groups()):
        raise Malformed(f"{field} must be a duration such as `30s`")
    hours, minutes, seconds, milliseconds = map(int, found.groups("0"))
    return timedelta(hours=hours, minutes=minutes, seconds=seconds, milliseconds=milliseconds)


def _interval(job: Fields, field: str, _namespace: str) -> str:
    if not _SHORTEST <= _duration(job, field) <= _LONGEST:
        raise Malformed(f"{field} must be from 5s to 24h")
    return string(job, field)


def _timeout(job: Fields, field: str, _namespace: str) -> str:
    # Prometheus refuses its whole configuration if the timeout is longer than the interval. The default
    # interval is not known here.
    longest = _duration(job, "scrape_interval") if "scrape_interval" in job else timedelta()
    if not timedelta() < _duration(job, field) <= longest:
        raise Malformed(f"{field} needs scrape_interval beside it, and may not be longer")
    return string(job, field)


def _bool(job: Fields, field: str, _namespace: str) -> bool:
    value = job[field]
    if not isinstance(value, bool):
        raise Malformed(f"{field} must be true or false")
    return value


def _false(job: Fields, field: str, namespace: str) -> bool:
    if _bool(job, field, namespace):
        raise Malformed(_WHY_FALSE[field])
    return False


_WHY_FALSE = {
    "honor_labels": "honor_labels would let its pods name other namespaces and jobs as their own",
    "follow_redirects": "follow_redirects would let its pods send the collector elsewhere",
}


def _limit(job: Fields, field: str, _namespace: str) -> int:
    value = job[field]
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31:
        raise Malformed(f"{field} must be a whole number")
    return value


def _path(job: Fields, field: str, _namespace: str) -> str:
    value = text(job, field)
    if not value.startswith("/"):
        raise Malformed(f"{field} must begin with `/`")
    return value


def _scheme(job: Fields, field: str, _namespace: str) -> str:
    value = string(job, field)
    if value not in {"http", "https"}:
        raise Malformed(f"{field} must be http or https")
    return value


def _tls(job: Fields, field: str, namespace: str) -> Fields:
    config = mapping(job, field)
    if set(config) - {"insecure_skip_verify"}:
        raise Malformed(
            f"{field} may say insecure_skip_verify and nothing else: its files are the collector's own"
        )
    return {name: _bool(config, name, namespace) for name in config}


def _discovery(job: Fields, field: str, namespace: str) -> Sequence[Fields]:
    read: list[Fields] = []
    for each in mappings(job, field):
        role = string(each, "role")
        if set(each) - {"role", "namespaces"} or role not in _ROLES:
            raise Malformed(f"{field} may have a role ({', '.join(_ROLES)}) and namespaces, and nothing else")
        within = mapping(each, "namespaces")
        if set(within) != {"names"} or strings(within, "names") != [namespace]:
            raise Malformed(
                f"{field} must look at this namespace alone: `namespaces: {{names: [{namespace}]}}`"
            )
        read.append({"role": role, "namespaces": {"names": [namespace]}})
    if not read:
        raise Malformed(f"{field} is empty")
    return read


def _static(job: Fields, field: str, namespace: str) -> Sequence[Fields]:
    dns_label = "[a-z0-9-]{1,63}"
    suffix = rf"\.{re.escape(namespace)}\.svc(\.cluster\.local)?(:[0-9]{{1,5}})?"
    own_target = re.compile(rf"{dns_label}(\.{dns_label})?{suffix}")
    read: list[Fields] = []
    for each in mappings(job, field):
        if set(each) - {"targets", "labels"}:
            raise Malformed(f"{field} may have targets and labels, and nothing else")
        for target in strings(each, "targets"):
            if not own_target.fullmatch(target):
                raise Malformed(
                    f"the target {quote(target)} is no service of this namespace: `web.{namespace}.svc:8080`"
                )
        read.append({"targets": list(strings(each, "targets")), "labels": _labels(mapping(each, "labels"))})
    if not read:
        raise Malformed(f"{field} is empty")
    return read


def _labels(labels: Fields) -> Fields:
    for name in labels:
        if label(name, "labels").startswith("__"):
            raise Malformed(f"the label {quote(name)} is not a branch's to set")
    return {name: text(labels, name) for name in labels}


# Old versions of Prometheus know these, too. A field that the collector's version does not know stops every
# job.
READERS: Mapping[str, Callable[[Fields, str, str], object]] = {
    "follow_redirects": _false,
    "honor_labels": _false,
    "honor_timestamps": _bool,
    "kubernetes_sd_configs": _discovery,
    "metric_relabel_configs": rules,
    "metrics_path": _path,
    "relabel_configs": rules,
    "sample_limit": _limit,
    "scheme": _scheme,
    "scrape_interval": _interval,
    "scrape_timeout": _timeout,
    "static_configs": _static,
    "tls_config": _tls,
}
