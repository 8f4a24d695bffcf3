"""Signing in off loopback: a token for each connection, which no server sees that is not the one."""

import contextlib
import ipaddress
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from adapters.postgres.client import Server, entra
from coppice.reconciler.errors import Failure, Forbidden, NotSetUp

ELSEWHERE = "127.0.0.2"  # this machine, and no address that is taken for loopback
SCOPE = "https://ossrdbms-aad.database.windows.net/.default"


@dataclass
class Listener:
    """A server that asks for a password in the clear, as Azure's does, and then lets nobody in."""

    port: int = 0
    passwords: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate that its own server has signed, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(ELSEWHERE))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(certificate.public_bytes(Encoding.PEM) + private)
    return file


@contextlib.contextmanager
def listening(certificate: Path | None) -> Iterator[Listener]:
    """Listen; without a certificate only in the clear.

    The messages are those of https://www.postgresql.org/docs/current/protocol-flow.html.
    """
    heard = Listener()

    def answer(connection: socket.socket) -> None:
        connection.recv(8)  # SSLRequest
        connection.sendall(b"S" if certificate else b"N")
        if certificate is None:
            return
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        with context.wrap_socket(connection, server_side=True) as secure:
            secure.recv(4096)  # StartupMessage
            secure.sendall(b"R" + struct.pack("!ii", 8, 3))
            heard.passwords.append(secure.recv(4096)[5:].rstrip(b"\0").decode())
            said = b"SFATAL\0VFATAL\0C28000\0MThe access token has expired.\0\0"
            secure.sendall(b"E" + struct.pack("!i", len(said) + 4) + said)

    def serve(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # closed: the test is over
            while True:
                connection, _ = listener.accept()
                with connection, contextlib.suppress(OSError):
                    answer(connection)

    with socket.socket() as listener:
        listener.bind((ELSEWHERE, 0))
        listener.listen()
        heard.port = listener.getsockname()[1]
        thread = threading.Thread(target=serve, args=[listener], daemon=True)
        thread.start()
        yield heard
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


@dataclass
class Tokens:
    """Tokens by number."""

    asked: list[str] = field(default_factory=list)

    def get_token(self, *scopes: str, **_: object) -> AccessToken:
        self.asked += scopes
        return AccessToken(f"token-{len(self.asked)}", 0)


def failure(server: Server) -> Failure:
    with pytest.raises(Failure) as caught, server.session("read"):
        pass
    return caught.value


def test_each_connection_has_a_token_of_its_own(certificate: Path) -> None:
    tokens = Tokens()
    with listening(certificate) as heard:
        url = f"postgresql://coppice_admin@{ELSEWHERE}:{heard.port}/postgres?sslrootcert={certificate}"
        server = Server(url, entra(tokens))

        failures = [failure(server), failure(server)]

    assert heard.passwords == ["token-1", "token-2"]
    assert tokens.asked == [SCOPE, SCOPE]
    assert all(isinstance(each, Forbidden) for each in failures)
    assert not any("token-1" in each.message for each in failures)


def test_a_server_whose_certificate_nobody_vouches_for_gets_no_token(certificate: Path) -> None:
    with listening(certificate) as heard:
        url = f"postgresql://coppice_admin@{ELSEWHERE}:{heard.port}/postgres"

        told = failure(Server(url, lambda: "token"))

    assert isinstance(told, NotSetUp)
    assert "certificate" in told.message
    assert heard.passwords == []


def test_a_server_without_tls_gets_no_token() -> None:
    with listening(None) as heard:
        url = f"postgresql://coppice_admin@{ELSEWHERE}:{heard.port}/postgres?sslmode=require"

        told = failure(Server(url, lambda: "token"))

    assert isinstance(told, NotSetUp)
    assert heard.passwords == []


def test_a_password_in_the_url_is_used_and_no_token_is_fetched(certificate: Path) -> None:
    tokens = Tokens()
    with listening(certificate) as heard:
        url = f"postgresql://coppice_admin:p%40ss@{ELSEWHERE}:{heard.port}/postgres?sslmode=require"

        failure(Server(url, entra(tokens)))

    assert heard.passwords == ["p@ss"]
    assert tokens.asked == []


def test_a_token_that_entra_refuses_is_said() -> None:
    class Refusing(Tokens):
        def get_token(self, *scopes: str, **_: object) -> AccessToken:
            raise ClientAuthenticationError("no managed identity here")

    server = Server(f"postgresql://coppice_admin@{ELSEWHERE}:1/postgres", entra(Refusing()))

    told = failure(server)

    assert isinstance(told, Forbidden)
    assert "fetch a token for the PostgreSQL server" in told.message


def test_without_a_password_and_without_anybody_to_sign_in_as_it_is_not_set_up() -> None:
    assert isinstance(failure(Server(f"postgresql://coppice_admin@{ELSEWHERE}/postgres")), NotSetUp)
