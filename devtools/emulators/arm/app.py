"""The emulator of ARM as an application, to serve in a test or as a process."""

import http

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from devtools.emulators.arm import credentials, pools
from devtools.emulators.arm.errors import ArmError, body, failure_body
from devtools.emulators.arm.state import ArmState
from devtools.emulators.emulator import Emulator


def arm_app(state: ArmState) -> Emulator:
    """Return an emulator of the part of Azure Resource Manager that Coppice calls.

    Args:
        state: the subscription; a test reads the program's writes from it.

    Returns:
        The application. It accepts every bearer token without a check.
    """
    app = Starlette(
        routes=[*credentials.routes(state), *pools.routes(state)],
        exception_handlers={ArmError: _refused, HTTPException: _unknown},
    )
    app.router.redirect_slashes = False
    return Emulator(app, state=state.dump, error=failure_body)


def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, ArmError)
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    return JSONResponse(body(error.code, error.message), status_code=error.status, headers=headers)


def _unknown(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = http.HTTPStatus(error.status_code).phrase.replace(" ", "")
    message = f"The emulator does not know {request.method} {request.url.path}."
    return JSONResponse(body(code, message), status_code=error.status_code)
