"""The emulator of Entra between that for ARM and an issuer of tokens that is made up here."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devtools.emulators.arm.app import arm_app
from devtools.emulators.arm.state import ArmState
from devtools.emulators.arm.world import example_world
from devtools.emulators.emulator import Emulator
from devtools.emulators.entra.app import EntraState, entra_app
from devtools.emulators.entra.directory import Directory
from devtools.emulators.serving import serving
from tests.integration.devtools.entra.tokens import AUDIENCE, ISSUER, KEY, NOW, SUBJECT, key_set


@dataclass(kw_only=True)
class Issuer:
    """What publishes keys, as an API server does: its own address is not the one that tokens name."""

    keys: dict[str, RSAPrivateKey] = field(default_factory=lambda: {"key-1": KEY})
    says: str = ISSUER

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._document),
                Route("/openid/v1/jwks", self._jwks),
            ]
        )

    def _document(self, _: Request) -> Response:
        return JSONResponse({"issuer": self.says, "jwks_uri": "https://10.0.0.1:6443/openid/v1/jwks"})

    def _jwks(self, _: Request) -> Response:
        return JSONResponse(key_set(self.keys))


@dataclass(kw_only=True)
class Entra:
    """The emulator, and all that it asks."""

    url: str
    arm: str
    state: EntraState
    emulator: Emulator
    issuer: Issuer
    tenant: str
    folder: Path
    now: datetime = NOW

    @property
    def client_id(self) -> str:
        """The client id of the first identity."""
        return example_world().identities[0].client_id

    def trust(self, identity: int = 0, name: str = "coppice-x", **changes: Any) -> None:
        """Write a credential to ARM."""
        world = example_world()
        path = (
            f"/subscriptions/{world.subscription}/resourceGroups/rg-coppice/providers/Microsoft.ManagedIdentity"
            f"/userAssignedIdentities/{world.identities[identity].name}/federatedIdentityCredentials/{name}"
        )
        properties = {"issuer": ISSUER, "subject": SUBJECT, "audiences": [AUDIENCE], **changes}
        httpx.put(self.arm + path, json={"properties": properties}).raise_for_status()

    def ask(self, assertion: str, *, tenant: str = "", **changes: str) -> httpx.Response:
        """Ask for an access token, as a workload does."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "scope": "https://vault.azure.net/.default",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": assertion,
        }
        sent = {name: value for name, value in {**form, **changes}.items() if value}
        return httpx.post(f"{self.url}/{tenant or self.tenant}/oauth2/v2.0/token", data=sent)

    def number(self, assertion: str, **changes: str) -> int:
        """The number that Entra refuses with; 0 if it lets the assertion in."""
        answer = self.ask(assertion, **changes)
        return 0 if answer.is_success else int(answer.json()["error_codes"][0])


@pytest.fixture
def entra(tmp_path: Path) -> Iterator[Entra]:
    world, issuer = example_world(), Issuer()
    with (
        serving(arm_app(ArmState(world=world, write_seconds=0.0, page_size=1))) as arm,
        serving(issuer.app()) as published,
        httpx.Client(base_url=published) as keys,
    ):
        directory = Directory(arm=arm, subscription=world.subscription, groups=world.resource_groups)
        state = EntraState(tenant=world.tenant, directory=directory, issuers={ISSUER: keys})
        emulator = entra_app(state)
        with serving(emulator) as url:
            made = Entra(
                url=url,
                arm=arm,
                state=state,
                emulator=emulator,
                issuer=issuer,
                tenant=world.tenant,
                folder=tmp_path,
            )
            state.clock = lambda: made.now
            yield made
