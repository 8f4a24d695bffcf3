"""The managed cluster in ARM: the issuer of its service-account tokens, and the address of its API server."""

import contextlib
import threading
from collections.abc import Iterator

import yaml
from azure.core.credentials import TokenCredential
from azure.mgmt.containerservice import ContainerServiceClient

from adapters.azure.client import options, translated
from adapters.retry import retry_reads
from coppice.reconciler.errors import Gone, NotSetUp

CHECK = "Check AKS_RESOURCE_GROUP and AKS_CLUSTER_NAME"


class ClusterAdapter:
    """Reads the managed cluster.

    Args:
        credential: the identity to act as.
        subscription: its subscription.
        url: the ARM endpoint.
        group: its resource group.
        name: its name.
        issuer: the issuer, if a setting names it.
    """

    def __init__(
        self,
        credential: TokenCredential,
        subscription: str,
        url: str,
        *,
        group: str,
        name: str,
        issuer: str = "",
    ) -> None:
        self._client = ContainerServiceClient(credential, subscription, **options(url))
        self._group, self._name = group, name
        self._given = self._issuer = issuer
        self._server = ""
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def _asking(self, what: str) -> Iterator[None]:
        try:
            with translated(f"{what} {self._group}/{self._name}"):
                yield
        except Gone as error:
            raise Gone(f"{error}. {CHECK}") from error

    def issuer(self) -> str:
        """Read the issuer once. It does not change; a cluster that is created anew has another API server.

        Returns:
            Its URL.

        Raises:
            NotSetUp: the cluster issues no tokens.
            Failure: Azure refused, or did not answer.
        """
        with self._lock:
            if not self._issuer:
                self._issuer = self._read_issuer()
            return self._issuer

    @retry_reads
    def _read_issuer(self) -> str:
        with self._asking("read cluster"):
            cluster = self._client.managed_clusters.get(self._group, self._name)
            profile = cluster.oidc_issuer_profile
        if profile is None or not profile.issuer_url:
            raise NotSetUp(
                f"cluster {self._name} issues no tokens: run `az aks update -g {self._group} -n {self._name} "
                "--enable-oidc-issuer --enable-workload-identity`"
            )
        return str(profile.issuer_url)

    @retry_reads
    def server(self) -> tuple[str, str]:
        """Read where the API server is, from the kubeconfig that ARM returns.

        It takes the role Azure Kubernetes Service Cluster User Role.

        Returns:
            Its address and its certificate authority (PEM in base64).

        Raises:
            Failure: Azure refused, or did not answer.
        """
        with self._asking("read the kubeconfig of cluster"):
            answer = self._client.managed_clusters.list_cluster_user_credentials(self._group, self._name)
            kubeconfigs = answer.kubeconfigs or []
            try:
                cluster = yaml.safe_load(bytes(kubeconfigs[0].value or b""))["clusters"][0]["cluster"]
            except yaml.YAMLError as error:
                raise ValueError("the kubeconfig is no YAML") from error
            server, authority = str(cluster["server"]), str(cluster["certificate-authority-data"])
        with self._lock:
            if self._server not in {"", server}:  # another cluster of the same name
                self._issuer = self._given
            self._server = server
        return server, authority
