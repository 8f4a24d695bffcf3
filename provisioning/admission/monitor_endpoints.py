"""What a monitor may say of an endpoint: what `scrape_fields` lets a job say, under the monitors' names.

Credentials are not among it. A monitor could only name Secrets of its own namespace, and yet what they hold
would pass through the collector's configuration, which everybody's jobs share.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from coppice.manifests.fields import Fields, Malformed, mapping, mappings, quote, string
from provisioning.admission.scrape_fields import READERS

# Names of a monitor's fields → those that a scrape job has for them.
_JOB = {
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
_TLS = {"insecureSkipVerify": "insecure_skip_verify"}
_RULE = {
    "action": "action",
    "modulus": "modulus",
    "regex": "regex",
    "replacement": "replacement",
    "separator": "separator",
    "sourceLabels": "source_labels",
    "targetLabel": "target_label",
}
_RELABELLING = ("metricRelabelings", "relabelings")
_PORT = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")  # of a Service; of a container it is shorter


def check_endpoint(endpoint: Fields, namespace: str) -> Iterator[str]:
    """Say what stands against one endpoint of a monitor.

    Args:
        endpoint: the endpoint.
        namespace: the environment's own.
    """
    given = {field: value for field, value in endpoint.items() if value is not None}
    job = {_JOB[field]: value for field, value in given.items() if field in _JOB}
    for field in given:
        try:
            if field in _JOB:
                read = {**job, _JOB[field]: _renamed(given, field)}
                READERS[_JOB[field]](read, _JOB[field], namespace)
            else:
                _OTHERS.get(field, _unknown)(given, field)
        except Malformed as error:
            yield _in_monitors_words(str(error))


def whole_number(holder: Fields, field: str) -> None:
    """Check a field that limits something."""
    READERS["sample_limit"](holder, field, "")


def _renamed(endpoint: Fields, field: str) -> object:
    """The value of a field as a scrape job has it."""
    if field == "tlsConfig":
        return _as_job(mapping(endpoint, field), _TLS, field)
    if field not in _RELABELLING:
        return endpoint[field]
    return [_rule(each, field) for each in mappings(endpoint, field)]


def _rule(given: Fields, field: str) -> Fields:
    rule = _as_job(given, _RULE, field)
    target = string(rule, "target_label")
    # A pod's own port, path and scheme have fields, so nothing is left that such a label were needed for.
    if field == "relabelings" and target.startswith("__") and not target.startswith("__tmp_"):
        raise Malformed(
            f"the label {quote(target)} is not a branch's to set: a monitor has port, scheme and path"
        )
    action = rule.get("action")
    # Monitors may write `Replace` as well.
    return {**rule, "action": action.lower()} if isinstance(action, str) else rule


def _as_job(given: Fields, names: Mapping[str, str], called: str) -> dict[str, object]:
    if unknown := sorted(set(given) - set(names)):
        raise Malformed(f"{called} has {quote(unknown[0])}, which is not let through")
    return {names[field]: value for field, value in given.items() if value is not None}


def _unknown(_endpoint: Fields, field: str) -> None:
    raise Malformed(f"{quote(field)} is not let through; what is: {', '.join(sorted({*_JOB, *_OTHERS}))}")


def _port(endpoint: Fields, field: str) -> None:
    value = endpoint[field]
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 65_536:
        return
    if field == "portNumber" or not isinstance(value, str) or not _PORT.fullmatch(value):
        raise Malformed(f"{field} must be a port's name or number")


def _bool(endpoint: Fields, field: str) -> None:
    READERS["honor_timestamps"](endpoint, field, "")


_OTHERS: Mapping[str, Callable[[Fields, str], None]] = {
    "enableHttp2": _bool,
    "filterRunning": _bool,
    "port": _port,
    "portNumber": _port,
    "targetPort": _port,
}


_IN_MONITORS = {theirs: ours for names in (_JOB, _TLS, _RULE) for ours, theirs in names.items()}
# What is quoted is what the branch wrote.
_WORD = re.compile(rf"(?<![\w'])({'|'.join(_IN_MONITORS)})(?![\w'])")


def _in_monitors_words(reason: str) -> str:
    return _WORD.sub(lambda found: _IN_MONITORS[found[0]], reason)
