"""The program on a cluster and Entra beside it, for tests that sign in as pods do."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
from azure.core.exceptions import ClientAuthenticationError

from adapters.kubernetes.object_status import ObjectStatusAdapter
from adapters.kubernetes.secret_probe import SecretProbeAdapter
from app.container import now
from coppice.diagnostics.identity_chain import IdentityChain
from coppice.diagnostics.identity_checks import ANNOTATION
from coppice.diagnostics.inspection import inspect_branch
from coppice.reconciler.outcome import Done
from devtools.cluster.waiting import wait_for
from devtools.emulators.arm.world import example_world
from devtools.emulators.entra.workload import workload_credential
from tests.cluster.overlay import config_map
from tests.cluster.program import Program

ACCOUNT = "postgres-service-account"
AUDIENCE = "api://AzureADTokenExchange"
PROVIDER = "providers/Microsoft.ManagedIdentity/userAssignedIdentities"
OVERLAY = [{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT}}, config_map("web")]


@dataclass(kw_only=True)
class Stage:
    """The program on a cluster, and Entra."""

    program: Program
    api: httpx.Client
    entra: str
    tenant: str
    folder: Path
    late: timedelta = timedelta(0)

    @contextmanager
    def environment(self, branch: str) -> Iterator[str]:
        """Have a branch's environment, and give its namespace."""
        self.program.push(branch, OVERLAY)
        assert isinstance(self.program.settle(branch), Done)
        try:
            yield f"feature-{branch}"
        finally:
            if branch in self.program.repository.branches():
                self.remove(branch)

    def remove(self, branch: str) -> None:
        """Delete a branch, and see its environment gone."""
        self.program.repository.delete(branch)
        assert isinstance(self.program.settle(branch), Done)

    def lose(self, credential: str) -> None:
        """Delete a credential by hand."""
        _, group, identity, name = credential.split("/")
        arm, subscription = (
            self.program.composition.settings.azure_resource_manager_url,
            example_world().subscription,
        )
        path = f"/subscriptions/{subscription}/resourceGroups/{group}/{PROVIDER}/{identity}"
        httpx.delete(f"{arm}{path}/federatedIdentityCredentials/{name}").raise_for_status()

    def token(self, namespace: str, account: str = ACCOUNT, *, audience: str = AUDIENCE) -> str:
        """A token of a service account, of ten minutes: the API server gives none for less."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}"
        # A controller makes the account `default` of a new namespace, in its own time.
        wait_for(f"the account {account}", lambda: self.api.get(path).is_success)
        body = {"spec": {"audiences": [audience], "expirationSeconds": 600}}
        return str(self.api.post(f"{path}/token", json=body).raise_for_status().json()["status"]["token"])

    def client_id(self, namespace: str) -> str:
        """The client id that the service account names, as the webhook hands it to pods."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{ACCOUNT}"
        metadata = self.api.get(path).raise_for_status().json()["metadata"]
        return str(metadata["annotations"][ANNOTATION])

    def chain(self, branch: str) -> IdentityChain:
        """What an explanation says of the way from the branch's service account to its identity."""
        program = self.program.composition
        observed, _, _ = program.reconciler.explain(program.config.key(branch))
        objects = ObjectStatusAdapter(
            program.provisioning_api, program.discovery, SecretProbeAdapter(program.provisioning_api)
        )
        looked = inspect_branch(
            observed, config=program.config, identities=program.readers.identities, objects=objects, now=now()
        )
        (chain,) = looked.identity_chains
        return chain

    def number(self, token: str, client_id: str) -> int:
        """Sign in as a pod does; the number that Entra refuses with, or 0."""
        file = self.folder / "token"
        file.write_text(token)
        try:
            with workload_credential(
                self.entra, tenant=self.tenant, client_id=client_id, token_file=file
            ) as credential:
                credential.get_token("https://vault.azure.net/.default")
        except ClientAuthenticationError as error:
            return int(error.message.partition("AADSTS")[2].partition(":")[0])
        return 0


def code(chain: IdentityChain) -> str:
    return chain.broken.code if chain.broken else ""


def forged(token: str, **claims: Any) -> str:
    """The same token with other claims, and the signature of the old ones."""
    header, _, signature = token.split(".")
    said = {**jwt.decode(token, options={"verify_signature": False}), **claims}
    return f"{header}.{base64.urlsafe_b64encode(json.dumps(said).encode()).rstrip(b'=').decode()}.{signature}"
