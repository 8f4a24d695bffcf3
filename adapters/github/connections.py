"""Connections to GitHub's API and to the host of its archives, which stay open between requests."""

import contextlib
import time
from collections.abc import Callable, Iterator
from http.cookiejar import DefaultCookiePolicy
from threading import Lock

import requests
from github import Auth, Github

from adapters.github.client import client, translated
from adapters.github.client_pool import ClientPool
from coppice.reconciler.errors import Forbidden, Gone


class Connections:
    r"""Signs in to GitHub with a token or as an installed GitHub App, and keeps connections open.

    Args:
        url: the API's base URL.
        token: a token; empty takes the app.
        app_id: the app's id.
        installation_id: the installation's id.
        private_key: the app's private key, PEM; `\n` may stand for line breaks.
        clock: returns seconds that never go back.
    """

    def __init__(
        self,
        *,
        url: str,
        token: str = "",
        app_id: str = "",
        installation_id: str = "",
        private_key: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._token = token
        self._app = app_id, installation_id, private_key
        self._auth: Auth.Auth | None = None
        self._lock = Lock()
        self._clients = ClientPool(lambda: client(url, self._signed_in()), clock)
        self._sessions = ClientPool(_session, clock)

    @contextlib.contextmanager
    def api(self) -> Iterator[Github]:
        """Borrow a client of the API that is signed in. Clients of PyGithub must not be shared by threads.

        An app's token is fetched first, unless there is a valid one. Otherwise the 404 about an app that is
        not installed would pass for one about what is read next.

        Yields:
            The client.

        Raises:
            Forbidden: GitHub knows no such app or installation.
            Failure: GitHub refused the sign-in otherwise, or did not answer.
        """
        try:
            with translated("sign in"):
                _ = self._signed_in().token
        except Gone as error:
            raise Forbidden(f"{error}. Check GITHUB_APP_ID and GITHUB_APP_INSTALLATION_ID") from error
        with self._clients.borrow() as borrowed:
            yield borrowed

    @contextlib.contextmanager
    def archives(self) -> Iterator[requests.Session]:
        """Borrow a session for the host of archives. It never has the API's credentials.

        Yields:
            The session.
        """
        with self._sessions.borrow() as borrowed:
            yield borrowed

    def _signed_in(self) -> Auth.Auth:
        with self._lock:
            if self._auth is None:
                self._auth = Auth.Token(self._token) if self._token else _Installation(self._url, *self._app)
            return self._auth


class _Installation(Auth.Auth):
    """The token of an installed app, for all clients: whoever first needs one fetches it.

    It is valid for an hour (https://docs.github.com/rest/apps/apps#create-an-installation-access-token-for-an-app),
    and PyGithub fetches another shortly before its end.
    """

    def __init__(self, url: str, app_id: str, installation_id: str, private_key: str) -> None:
        app = Auth.AppAuth(app_id, private_key.replace("\\n", "\n"))
        self._auth = app.get_installation_auth(int(installation_id))
        self._client = client(url, self._auth)  # the one that fetches the token
        self._lock = Lock()

    @property
    def token_type(self) -> str:
        return self._auth.token_type

    @property
    def token(self) -> str:
        with self._lock:
            return self._auth.token


def _session() -> requests.Session:
    session = requests.Session()
    session.auth = lambda request: request  # else it looks for credentials in ~/.netrc
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # it keeps none for the next archive
    return session
