"""The adapters of an environment's objects, on the emulator of Kubernetes."""

import pytest

from adapters.kubernetes.application_reader import ApplicationReaderAdapter
from adapters.kubernetes.application_writer import ApplicationWriterAdapter
from adapters.kubernetes.discovery import Discovery
from adapters.kubernetes.secret_probe import SecretProbeAdapter
from tests.integration.adapters.worlds import Cluster


@pytest.fixture
def reader(cluster: Cluster) -> ApplicationReaderAdapter:
    return ApplicationReaderAdapter(cluster.api, Discovery(cluster.api), SecretProbeAdapter(cluster.api))


@pytest.fixture
def writer(cluster: Cluster) -> ApplicationWriterAdapter:
    return ApplicationWriterAdapter(cluster.api, Discovery(cluster.api))
