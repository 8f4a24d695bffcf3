"""Managed identities and their federated credentials, with ARM's rules for them.

The rules and the messages are those of the service's documentation:
https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations
"""

import re
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devtools.emulators.arm.errors import ArmError, not_found
from devtools.emulators.arm.http import json_body, paged
from devtools.emulators.arm.resources import Credential, Json, key
from devtools.emulators.arm.state import ArmState
from devtools.emulators.arm.world import Identity

_IDENTITIES = "Microsoft.ManagedIdentity/userAssignedIdentities"
_CREDENTIALS = f"{_IDENTITIES}/federatedIdentityCredentials"
_MOST = 20
_LONGEST = 600
_NAME = re.compile(r"[a-zA-Z0-9]{1}[a-zA-Z0-9-_]{2,119}")


def routes(state: ArmState) -> list[Route]:
    """Return the routes of the part of ARM that `azure-mgmt-msi` calls.

    Args:
        state: the subscription.

    Returns:
        The routes, relative to ARM's root.
    """
    handlers = _Handlers(state)
    identities = "/subscriptions/{subscription}/resourceGroups/{group}/providers/" + _IDENTITIES
    credentials = identities + "/{identity}/federatedIdentityCredentials"
    return [
        Route(identities, handlers.list_identities),
        Route(identities + "/{identity}", handlers.get_identity),
        Route(identities + "/{identity}", handlers.delete_identity, methods=["DELETE"]),
        Route(credentials, handlers.list_credentials),
        Route(credentials + "/{credential}", handlers.get_credential),
        Route(credentials + "/{credential}", json_body(handlers.put_credential), methods=["PUT"]),
        Route(credentials + "/{credential}", handlers.delete_credential, methods=["DELETE"]),
    ]


@dataclass(frozen=True)
class _Handlers:
    state: ArmState

    def identity_of(self, request: Request) -> Identity:
        group, name = request.path_params["group"], request.path_params["identity"]
        self.state.check_group(request.path_params["subscription"], group)
        identity = self.state.identity(group, name)
        if identity is None:
            raise not_found(_IDENTITIES, name, group)
        return identity

    def parent_of(self, request: Request) -> Identity:
        try:
            return self.identity_of(request)
        except ArmError as error:
            if error.code != "ResourceNotFound":
                raise
            message = (
                "Can not perform requested operation on nested resource. Parent resource "
                f"'{request.path_params['identity']}' not found."
            )
            raise ArmError(404, "ParentResourceNotFound", message) from error

    def list_identities(self, request: Request) -> Response:
        group = request.path_params["group"]
        self.state.check_group(request.path_params["subscription"], group)
        return paged(
            request,
            [_identity_json(self.state, one) for one in self.state.identities(group)],
            self.state.page_size,
        )

    def get_identity(self, request: Request) -> Response:
        return JSONResponse(_identity_json(self.state, self.identity_of(request)))

    def delete_identity(self, request: Request) -> Response:
        self.state.check_group(request.path_params["subscription"], request.path_params["group"])
        found = self.state.identity(request.path_params["group"], request.path_params["identity"])
        if found is not None:
            self.state.delete_identity(found)
        return Response(status_code=204 if found is None else 200)

    def list_credentials(self, request: Request) -> Response:
        identity = self.parent_of(request)
        with self.state.lock:
            credentials = list(self.state.credentials[key(identity)].values())
        items = [_credential_json(self.state, identity, credential) for credential in credentials]
        return paged(request, items, self.state.page_size)

    def get_credential(self, request: Request) -> Response:
        identity, name = self.parent_of(request), request.path_params["credential"]
        with self.state.lock:
            credential = self.state.credentials[key(identity)].get(name.casefold())
        if credential is None:
            raise not_found(_CREDENTIALS, f"{identity.name}/{name}", identity.resource_group)
        return JSONResponse(_credential_json(self.state, identity, credential))

    def put_credential(self, request: Request, body: Json) -> Response:
        identity, name = self.parent_of(request), request.path_params["credential"]
        with self.state.writing(identity):
            existing = self.state.credentials[key(identity)]
            credential = _checked(name, body, existing)
            created = name.casefold() not in existing
            existing[name.casefold()] = credential
        return JSONResponse(
            _credential_json(self.state, identity, credential), status_code=201 if created else 200
        )

    def delete_credential(self, request: Request) -> Response:
        identity, name = self.parent_of(request), request.path_params["credential"]
        with self.state.writing(identity):
            gone = self.state.credentials[key(identity)].pop(name.casefold(), None)
        return Response(status_code=204 if gone is None else 200)


def _checked(name: str, body: Json, existing: dict[str, Credential]) -> Credential:
    if not _NAME.fullmatch(name):
        raise ArmError(400, "BadRequest", f"Federated Identity Credential name '{name}' is invalid.")
    properties = body.get("properties")
    match properties:
        case {"issuer": str(issuer), "subject": str(subject), "audiences": [*audiences]} if (
            issuer and subject
        ):
            pass
        case _:
            message = "Federated Identity Credential from HTTP body has empty properties"
            raise ArmError(400, "BadRequest", message)
    if len(audiences) != 1:
        message = "Federated identity credentials must have exactly 1 audience."
        raise ArmError(400, "InvalidFederatedIdentityCredentialsAudienceLength", message)
    if max(len(issuer), len(subject)) > _LONGEST:
        message = f"Issuer and subject of a Federated Identity Credential have at most {_LONGEST} characters."
        raise ArmError(400, "BadRequest", message)
    others = [credential for other, credential in existing.items() if other != name.casefold()]
    if any((issuer, subject) == (other.issuer, other.subject) for other in others):
        message = "Issuer and subject combination already exists for this Managed Identity."
        raise ArmError(400, "BadRequest", message)
    if len(others) >= _MOST:
        raise ArmError(400, "BadRequest", "Too many Federated Identity Credentials")
    return Credential(name=name, issuer=issuer, subject=subject, audiences=tuple(audiences))


def _identity_id(state: ArmState, identity: Identity) -> str:
    group = f"/subscriptions/{state.world.subscription}/resourceGroups/{identity.resource_group}"
    return f"{group}/providers/{_IDENTITIES}/{identity.name}"


def _identity_json(state: ArmState, identity: Identity) -> Json:
    return {
        "id": _identity_id(state, identity),
        "name": identity.name,
        "type": _IDENTITIES,
        "location": state.world.location,
        "properties": {
            "tenantId": state.world.tenant,
            "clientId": identity.client_id,
            "principalId": identity.principal_id,
        },
    }


def _credential_json(state: ArmState, identity: Identity, credential: Credential) -> Json:
    return {
        "id": f"{_identity_id(state, identity)}/federatedIdentityCredentials/{credential.name}",
        "name": credential.name,
        "type": _CREDENTIALS,
        "properties": {
            "issuer": credential.issuer,
            "subject": credential.subject,
            "audiences": list(credential.audiences),
        },
    }
