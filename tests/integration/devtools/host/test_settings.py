import json
from pathlib import Path

import pytest

from devtools.host.settings import SettingsError, app_environment, positive_number, read_values


def test_the_shell_does_not_override_a_setting() -> None:
    environment = app_environment(
        shell={"PATH": "/bin", "BASE_DOMAIN": "shell.example"},
        values={"BASE_DOMAIN": "dev.example"},
        known=(),
    )
    assert environment.variables == {"PATH": "/bin", "BASE_DOMAIN": "dev.example"}
    assert environment.ignored == ("BASE_DOMAIN",)


def test_a_setting_that_only_the_shell_has_is_left_out() -> None:
    environment = app_environment(
        shell={"KUBECONFIG": "/production", "HOME": "/root"}, values={}, known=["KUBECONFIG"]
    )
    assert environment.variables == {"HOME": "/root"}
    assert environment.ignored == ("KUBECONFIG",)


def test_parts_of_the_storage_connection_are_settings_too() -> None:
    shell = {"AzureWebJobsStorage": "x", "AzureWebJobsStorage__accountName": "production"}
    environment = app_environment(shell=shell, values={}, known=())
    assert environment.variables == {}
    assert environment.ignored == ("AzureWebJobsStorage", "AzureWebJobsStorage__accountName")


def test_values_are_read(tmp_path: Path) -> None:
    path = tmp_path / "local.settings.json"
    path.write_text(json.dumps({"IsEncrypted": False, "Values": {"A": "1", "B": ""}}))
    assert read_values(path) == {"A": "1", "B": ""}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("{", "is not JSON"),
        ("[]", "JSON object"),
        ('{"Values": []}', "Values"),
        ('{"Values": {"B": 1, "A": true, "C": "x"}}', "A, B. Put them into quotes"),
        ('{"IsEncrypted": true, "Values": {"A": "…"}}', "func settings decrypt"),
    ],
)
def test_a_settings_file_that_cannot_be_used_is_named_with_the_reason(
    tmp_path: Path, content: str, complaint: str
) -> None:
    path = tmp_path / "local.settings.json"
    path.write_text(content)
    with pytest.raises(SettingsError, match=complaint) as refused:
        read_values(path)
    assert str(path) in str(refused.value)


def test_a_missing_settings_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"elsewhere\.json cannot be read: No such file"):
        read_values(tmp_path / "elsewhere.json")


@pytest.mark.parametrize("value", ["0", "-1", "ten", "1.5"])
def test_a_count_that_is_none_is_refused_by_name(value: str) -> None:
    with pytest.raises(SettingsError, match="THREADS"):
        positive_number({"THREADS": value}, "THREADS", default=4)


def test_an_empty_count_means_its_default() -> None:
    assert positive_number({"THREADS": ""}, "THREADS", default=4) == 4
