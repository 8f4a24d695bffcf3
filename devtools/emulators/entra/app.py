"""The emulator of Entra as an application, to serve in a test or as a process."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.parse import parse_qsl
from uuid import UUID, uuid4

import httpx
import jwt
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devtools.emulators.emulator import Emulator
from devtools.emulators.entra import errors
from devtools.emulators.entra.directory import Application, Directory
from devtools.emulators.entra.exchange import Ask, check, read_ask
from devtools.emulators.entra.issuers import published_keys

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_FORM = "application/x-www-form-urlencoded"
_LIFETIME = timedelta(days=1)  # that of a managed identity's tokens


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(kw_only=True)
class EntraState:
    """The state of one tenant.

    Attributes:
        tenant: the tenant's id.
        directory: the tenant's managed identities.
        issuers: token issuer → the server of its discovery document and its keys.
        clock: returns the time in UTC; a test may replace it.
        issued: the client id of each access token that was issued, newest last.
        signing_key: the key that signs access tokens; nobody else has it.
    """

    tenant: str
    directory: Directory
    issuers: Mapping[str, httpx.Client]
    clock: Callable[[], datetime] = _now
    issued: list[str] = field(init=False, default_factory=list)
    signing_key: bytes = field(init=False, repr=False, default_factory=partial(secrets.token_bytes, 32))


def entra_app(state: EntraState) -> Emulator:
    """Return an emulator of Microsoft Entra ID, as far as a workload uses it.

    Args:
        state: the tenant.

    Returns:
        The application.
    """
    app = Starlette(
        routes=[Route("/{tenant}/oauth2/v2.0/token", partial(_token, state), methods=_METHODS)],
        exception_handlers={errors.EntraError: partial(_refused, state)},
    )
    app.router.redirect_slashes = False
    return Emulator(app, state=lambda: {"issued": list(state.issued)}, error=partial(_asked_for, state))


async def _token(state: EntraState, request: Request) -> Response:
    if request.method != "POST":
        raise errors.only_post(request.method)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    form = dict(parse_qsl((await request.body()).decode(errors="replace"))) if media_type == _FORM else {}
    ask = read_ask(form)
    tenant = request.path_params["tenant"]
    if tenant.casefold() != state.tenant.casefold():
        raise errors.no_tenant(tenant)
    return await run_in_threadpool(_exchange, state, ask)


def _exchange(state: EntraState, ask: Ask) -> Response:
    application = state.directory.application(ask.client_id)
    if application is None:
        raise errors.no_application(ask.client_id, state.tenant)
    now = state.clock()
    check(ask.assertion, application, keys=lambda issuer: published_keys(issuer, state.issuers), now=now)
    state.issued.append(application.client_id)
    token = _access_token(state, application, ask.resource, now=now)
    seconds = int(_LIFETIME.total_seconds())
    answer = {"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds}
    return JSONResponse({**answer, "access_token": token}, headers={"Cache-Control": "no-store"})


def _access_token(state: EntraState, application: Application, resource: str, *, now: datetime) -> str:
    claims = {
        "aud": resource,
        "iss": f"https://sts.windows.net/{state.tenant}/",
        "iat": now,
        "nbf": now,
        "exp": now + _LIFETIME,
        "appid": application.client_id,
        "oid": application.principal_id,
        "sub": application.principal_id,
        "tid": state.tenant,
    }
    return jwt.encode(claims, state.signing_key, algorithm="HS256")


def _refused(state: EntraState, request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.EntraError)
    answer = errors.body(error, now=state.clock(), correlation=_correlation(request))
    return JSONResponse(answer, status_code=error.status)


def _correlation(request: Request) -> str:
    try:
        return str(UUID(request.headers.get("client-request-id", "")))
    except ValueError:
        return str(uuid4())


def _asked_for(state: EntraState, status: int, code: str) -> Mapping[str, object]:
    """Return the body of a failure that a test requested; its code is OAuth's error code."""
    error = errors.EntraError(
        status, code or "temporarily_unavailable", 90033, "The emulator was asked to fail."
    )
    return errors.body(error, now=state.clock(), correlation=str(uuid4()))
