"""Checks a monitor's endpoints: their fields are those of scrape jobs (`scrape_fields`) under other names.

Fields for credentials are refused. They could refer only to Secrets of the monitor's own namespace, but their
content would become part of the configuration of the collector that the whole cluster shares.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from coppice.manifests.fields import Fields, Malformed, mapping, mappings, quote, string
from provisioning.admission.scrape_fields import READERS

# A monitor's field → the field of a scrape job.
_JOB_FIELDS = {
    "followRedirects": "follow_redirects",
    "honorLabels": "honor_labels",
    "honorTimestamps": "honor_timestamps",
    "interval": "scrape_interval",
    "metricRelabelings": "metric_relabel_configs",
    "path": "metrics_path",
    "relabelings": "relabel_configs",
    "scheme": "scheme",
    "scrapeTimeout": "scrape_timeout",
    "tlsConfig": "tls_config",
}
_TLS_FIELDS = {"insecureSkipVerify": "insecure_skip_verify"}
_RULE_FIELDS = {
    "action": "action",
    "modulus": "modulus",
    "regex": "regex",
    "replacement": "replacement",
    "separator": "separator",
    "sourceLabels": "source_labels",
    "targetLabel": "target_label",
}
_RELABELLING = ("metricRelabelings", "relabelings")
_PORT = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")  # a Service's port; a container's name is shorter


def check_endpoint(endpoint: Fields, namespace: str) -> Iterator[str]:
    """Check one endpoint of a monitor.

    Args:
        endpoint: the endpoint.
        namespace: the environment's namespace.

    Yields:
        Every reason against it.
    """
    present = {field: value for field, value in endpoint.items() if value is not None}
    job = {_JOB_FIELDS[field]: value for field, value in present.items() if field in _JOB_FIELDS}
    for field in present:
        try:
            if field in _JOB_FIELDS:
                job_field = _JOB_FIELDS[field]
                READERS[job_field]({**job, job_field: _as_job_value(present, field)}, job_field, namespace)
            else:
                _MONITOR_FIELDS.get(field, _refuse_unknown)(present, field)
        except Malformed as error:
            yield _with_monitor_fields(str(error))


def whole_number(holder: Fields, field: str) -> None:
    """Check a field that holds a limit.

    Args:
        holder: the map with the field.
        field: its name.

    Raises:
        Malformed: the field is not a whole number.
    """
    READERS["sample_limit"](holder, field, "")


def _as_job_value(endpoint: Fields, field: str) -> object:
    """The value of a field, with the names that a scrape job uses."""
    if field == "tlsConfig":
        return _with_job_names(mapping(endpoint, field), _TLS_FIELDS, field)
    if field not in _RELABELLING:
        return endpoint[field]
    return [_rule(each, field) for each in mappings(endpoint, field)]


def _rule(monitor_rule: Fields, field: str) -> Fields:
    rule = _with_job_names(monitor_rule, _RULE_FIELDS, field)
    target = string(rule, "target_label")
    # A monitor has fields for port, path and scheme, so it never needs such a label.
    if field == "relabelings" and target.startswith("__") and not target.startswith("__tmp_"):
        raise Malformed(
            f"the label {quote(target)} is not a branch's to set: a monitor has port, scheme and path"
        )
    action = rule.get("action")
    # Monitors also accept `Replace`.
    return {**rule, "action": action.lower()} if isinstance(action, str) else rule


def _with_job_names(holder: Fields, names: Mapping[str, str], subject: str) -> dict[str, object]:
    if unknown := sorted(set(holder) - set(names)):
        raise Malformed(f"{subject} has {quote(unknown[0])}, which is not let through")
    return {names[field]: value for field, value in holder.items() if value is not None}


def _refuse_unknown(_endpoint: Fields, field: str) -> None:
    allowed = ", ".join(sorted({*_JOB_FIELDS, *_MONITOR_FIELDS}))
    raise Malformed(f"{quote(field)} is not let through; what is: {allowed}")


def _port(endpoint: Fields, field: str) -> None:
    value = endpoint[field]
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 65_536:
        return
    if field == "portNumber" or not isinstance(value, str) or not _PORT.fullmatch(value):
        raise Malformed(f"{field} must be a port's name or number")


def _bool(endpoint: Fields, field: str) -> None:
    READERS["honor_timestamps"](endpoint, field, "")


_MONITOR_FIELDS: Mapping[str, Callable[[Fields, str], None]] = {
    "enableHttp2": _bool,
    "filterRunning": _bool,
    "port": _port,
    "portNumber": _port,
    "targetPort": _port,
}


_BY_JOB_FIELD = {
    job_field: field
    for names in (_JOB_FIELDS, _TLS_FIELDS, _RULE_FIELDS)
    for field, job_field in names.items()
}
# Text in quotes is what the branch wrote, and stays as it is.
_JOB_FIELD = re.compile(rf"(?<![\w'])({'|'.join(_BY_JOB_FIELD)})(?![\w'])")


def _with_monitor_fields(reason: str) -> str:
    """A reason with the names of a monitor's fields in place of those of a scrape job."""
    return _JOB_FIELD.sub(lambda match: _BY_JOB_FIELD[match[0]], reason)
