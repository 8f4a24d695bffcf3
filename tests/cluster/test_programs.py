"""Where the programs of a control plane come from."""

from pathlib import Path

import pytest

from devtools.cluster.programs import ClusterUnavailableError, find_programs, module_folder

ENVTEST = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl", "kwok")


def test_a_folder_of_envtests_is_used_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENVTEST:
        (tmp_path / name).touch()
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
    said: list[str] = []

    programs = find_programs(report=said.append)

    assert programs.etcd == tmp_path / "etcd"
    assert programs.kwok == tmp_path / "kwok"
    assert said == []


def test_a_folder_that_lacks_programs_is_refused_by_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("etcd", "kube-apiserver", "kubectl"):  # what envtest's own archives hold
        (tmp_path / name).touch()
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))

    with pytest.raises(
        ClusterUnavailableError, match="lacks kube-controller-manager, kube-scheduler: add them"
    ):
        find_programs(report=print)


def test_without_go_it_is_said_where_go_is_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("sysconfig.get_path", lambda _: "/nowhere")

    with pytest.raises(ClusterUnavailableError, match=r"https://go\.dev/doc/install"):
        module_folder("crds", "sigs.k8s.io/gateway-api")
