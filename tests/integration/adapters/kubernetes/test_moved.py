"""The API server's address and authority may change in a worker's life: it is found again, all the same."""

import http.server
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from kubernetes.client import Configuration

from adapters.kubernetes.client import Api
from coppice.reconciler.errors import Unreachable
from tests.integration.adapters.raw import json_reply, raw_server

NAMESPACE = {"kind": "Namespace", "metadata": {"name": "x"}}
PATH = "/api/v1/namespaces/x"
NOWHERE = "http://127.0.0.1:1"


def authority(folder: Path) -> tuple[Path, str]:
    """A certificate of an authority of its own, for loopback: key and certificate in a file, and the PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    now = datetime.now(UTC)
    loopback = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(loopback, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = folder / f"{made.serial_number}.pem"
    file.write_bytes(secret + pem)
    return file, pem.decode()


class Answering(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps(NAMESPACE).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@contextmanager
def tls_server(certificate: Path) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"https://localhost:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def trusting(url: str, pem: str) -> Configuration:
    configuration = Configuration(host=url)
    configuration.ca_cert_data = pem
    return configuration


def finding(*places: Configuration) -> tuple[Callable[[], Configuration], list[Configuration]]:
    """What finds one place after the other, and those that are left."""
    left = list(places)
    return lambda: left.pop(0), left


def test_a_server_that_has_moved_is_found_again() -> None:
    with raw_server(lambda _: json_reply(200, NAMESPACE)) as server:
        anew, _ = finding(Configuration(host=server.url))
        assert Api(Configuration(host=NOWHERE), rediscover=anew).get(PATH) == NAMESPACE


def test_an_authority_that_was_rotated_is_read_again(tmp_path: Path) -> None:
    (_, former), (certificate, present) = authority(tmp_path), authority(tmp_path)
    with tls_server(certificate) as url:
        anew, _ = finding(trusting(url, present))
        assert Api(trusting(url, former), rediscover=anew).get(PATH) == NAMESPACE


def test_who_trusts_another_authority_and_can_ask_nobody_gets_no_answer(tmp_path: Path) -> None:
    (_, former), (certificate, _) = authority(tmp_path), authority(tmp_path)
    with tls_server(certificate) as url, pytest.raises(Unreachable, match="certificate"):
        Api(trusting(url, former)).get(PATH)


def test_a_write_that_did_not_get_through_is_not_sent_again_and_the_next_one_arrives() -> None:
    with raw_server(lambda _: json_reply(201, NAMESPACE)) as server:
        anew, _ = finding(Configuration(host=server.url))
        api = Api(Configuration(host=NOWHERE), rediscover=anew)
        with pytest.raises(Unreachable):
            api.post("/api/v1/namespaces", NAMESPACE)
        assert server.asked == []
        api.post("/api/v1/namespaces", NAMESPACE)
        assert len(server.asked) == 1


def test_of_many_who_do_not_reach_it_one_looks_where_it_is() -> None:
    with raw_server(lambda _: json_reply(200, NAMESPACE)) as server:
        anew, left = finding(*(Configuration(host=server.url) for _ in range(20)))
        api = Api(Configuration(host=NOWHERE), rediscover=anew)
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(lambda _: api.get(PATH), range(8))) == [NAMESPACE] * 8
        assert len(left) == 19


def test_a_failure_to_look_leaves_what_was_known() -> None:
    def anew() -> Configuration:
        raise Unreachable("Azure is away")

    with pytest.raises(Unreachable, match="the cluster did not answer"):
        Api(Configuration(host=NOWHERE), rediscover=anew).get(PATH)


def test_an_answer_that_breaks_off_is_no_reason_to_look_elsewhere() -> None:
    anew, left = finding(Configuration(host=NOWHERE))
    with raw_server(lambda _: json_reply(200, NAMESPACE)[:-4]) as server, pytest.raises(Unreachable):
        Api(Configuration(host=server.url), rediscover=anew).get(PATH)
    assert len(left) == 1
