import pytest

from tests.unit.provisioning.admission.conftest import Check

TARGET = {"name": "web"}


def test_what_scales_by_its_own_sign_in_passes(check: Check) -> None:
    own = {"type": "cpu", "authenticationRef": {"name": "x", "kind": "TriggerAuthentication"}}
    assert (
        check(
            "keda.sh/v1alpha1",
            "ScaledObject",
            spec={"scaleTargetRef": TARGET, "triggers": [{"type": "cpu"}, own]},
        )
        == ""
    )
    assert (
        check(
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
            spec={"scaleTargetRef": {**TARGET, "kind": "Deployment"}},
        )
        == ""
    )


def test_the_clusters_sign_ins_are_refused(check: Check) -> None:
    trigger = {"authenticationRef": {"name": "x", "kind": "ClusterTriggerAuthentication"}}
    assert "the whole cluster's" in check(
        "keda.sh/v1alpha1", "ScaledObject", spec={"scaleTargetRef": TARGET, "triggers": [trigger]}
    )


@pytest.mark.parametrize("target", [None, {}, {"name": ["web"]}, {"name": "web", "kind": {}}, "web"])
def test_a_target_that_cannot_be_read_is_refused(check: Check, target: object) -> None:
    assert check("autoscaling/v2", "HorizontalPodAutoscaler", spec={"scaleTargetRef": target}) != ""


def scaled_by(check: Check, kind: str, **metadata: str) -> str:
    trigger = {"type": kind, "metadata": metadata}
    return check("keda.sh/v1alpha1", "ScaledObject", spec={"scaleTargetRef": TARGET, "triggers": [trigger]})


@pytest.mark.parametrize(
    ("kind", "metadata"),
    [
        ("metrics-api", {"url": "http://169.254.169.254/metadata/identity"}),
        ("prometheus", {"serverAddress": "http://prometheus.production.svc"}),
        ("external", {"scalerAddress": "db.production:5432"}),
        ("azure-servicebus", {"queueName": "orders", "namespace": "production", "identityOwner": "operator"}),
        ("redis-cluster", {"addresses": "redis.feature-login.svc:6379"}),
    ],
)
def test_a_trigger_of_a_type_that_asks_elsewhere_is_refused(
    check: Check, kind: str, metadata: dict[str, str]
) -> None:
    reason = scaled_by(check, kind, **metadata)
    assert f"would ask elsewhere for a trigger of type '{kind}'; let through are cpu, cron" in reason


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254:6379",
        "redis:6379",
        "redis.production.svc:6379",
        "redis.feature-login:6379",
        "redis.feature-login.svc",
        "x.redis.feature-login.svc:6379",
        "redis.feature-login.svc.evil.example:6379",
        "redis.feature-login.svc:6379,10.0.0.1:6379",
    ],
)
def test_a_trigger_asks_nobody_but_a_service_of_the_environment(check: Check, address: str) -> None:
    assert "only a Service of the environment may be asked" in scaled_by(check, "redis", address=address)


def test_a_trigger_may_ask_a_service_of_the_environment(check: Check) -> None:
    assert scaled_by(check, "redis", address="redis.feature-login.svc.cluster.local:6379") == ""
    own = {"host": "db.feature-login.svc", "port": "5432", "query": "SELECT 1", "targetQueryValue": "1"}
    assert scaled_by(check, "postgresql", **own) == ""
    assert scaled_by(check, "kubernetes-workload", podSelector="app=web", value="1") == ""


@pytest.mark.parametrize("field", ["hostFromEnv", "connectionFromEnv", "identityOwner", "awsRoleArn"])
def test_a_trigger_hides_neither_whom_it_asks_nor_as_whom(check: Check, field: str) -> None:
    reason = scaled_by(check, "postgresql", host="db.feature-login.svc", **{field: "operator"})
    assert f"its trigger postgresql has '{field}', which is not let through" in reason


def test_a_trigger_says_whom_it_asks(check: Check) -> None:
    assert "does not say whom it asks: address, host" in scaled_by(check, "redis", listName="x")


@pytest.mark.parametrize("source", ["podIdentity", "azureKeyVault", "hashiCorpVault", "env"])
def test_an_authentication_is_by_a_secret_of_the_environment(check: Check, source: str) -> None:
    value: object = [] if source == "env" else {"provider": "azure-workload"}
    value = value or [{"name": "x"}]
    reason = check("keda.sh/v1alpha1", "TriggerAuthentication", spec={source: value})
    assert f"spec.{source} is not let through: " in reason


def test_an_authentication_brings_who_signs_in_and_never_where(check: Check) -> None:
    def brings(parameter: str) -> str:
        secret = {"name": "db", "key": "x", "parameter": parameter}
        return check("keda.sh/v1alpha1", "TriggerAuthentication", spec={"secretTargetRef": [secret]})

    assert brings("password") == ""
    assert "it brings the parameter 'host'" in brings("host")


def test_keda_is_not_kept_busy(check: Check) -> None:
    reason = check("keda.sh/v1alpha1", "ScaledObject", spec={"scaleTargetRef": TARGET, "pollingInterval": 1})
    assert "its pollingInterval 1 has KEDA's operator ask too often" in reason


def test_keda_computes_no_formula_of_a_branchs(check: Check) -> None:
    spec = {"scaleTargetRef": TARGET, "advanced": {"scalingModifiers": {"formula": "1"}}}
    assert "scalingModifiers is not let" in check("keda.sh/v1alpha1", "ScaledObject", spec=spec)
