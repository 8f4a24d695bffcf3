"""The server's URL: what it may say, and that no message gives away what it says."""

import certifi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.postgres.address import address
from coppice.reconciler.errors import NotSetUp

AZURE = "postgresql://coppice_admin@coppice.postgres.database.azure.com/postgres"


def test_the_parts_of_a_url() -> None:
    read = address("postgres://ad%6Din:p%40ss@db.example.com:6432/main")

    assert (read.host, read.port, read.user, read.password, read.database) == (
        "db.example.com",
        6432,
        "admin",
        "p@ss",
        "main",
    )


def test_off_loopback_the_certificate_is_checked_against_public_authorities() -> None:
    assert address(AZURE).tls == {"sslmode": "verify-full", "sslrootcert": certifi.where()}
    assert address(AZURE).port == 5432


def test_a_server_of_ones_own_brings_its_authority() -> None:
    given = address(f"{AZURE}?sslmode=verify-ca&sslrootcert=/etc/own.pem")

    assert given.tls == {"sslmode": "verify-ca", "sslrootcert": "/etc/own.pem"}


def test_encryption_without_a_check_has_to_be_asked_for() -> None:
    assert address(f"{AZURE}?sslmode=require").tls == {"sslmode": "require"}


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer"])
def test_off_loopback_nothing_travels_in_the_clear(mode: str) -> None:
    with pytest.raises(NotSetUp, match=f"sslmode={mode} would let a password travel in the clear"):
        address(f"{AZURE}?sslmode={mode}")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_on_loopback_tls_is_not_required(host: str) -> None:
    read = address(f"postgresql://admin@{host}:5432/postgres?sslmode=disable")

    assert read.loopback
    assert read.tls == {"sslmode": "disable"}


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mysql://admin:s3cret@host/db",
        "postgresql://host/db",
        "postgresql://admin:s3cret@/db",
        "postgresql://admin:s3cret@host",
        "postgresql://admin:s3cret@host/",
        "postgresql://admin:s3cret@one,two/db",
        "postgresql://admin:s3cret/with@host/db",
        "postgresql://admin:s3cret#with@host/db",
        "postgresql://admin:s3cret@host:port/db",
        "postgresql://admin:s3cret@host:99999/db",
        "postgresql://admin:s3cret@[::1/db",
        f"{AZURE}?sslmode=sure",
        f"{AZURE}?sslmode",
        f"{AZURE}?password=s3cret",
        f"{AZURE}?options=-csearch_path%3Dx",
        f"{AZURE}?host=elsewhere",
    ],
)
def test_what_is_no_url_of_a_server_is_refused_without_a_word_of_it(url: str) -> None:
    with pytest.raises(NotSetUp, match=r"^POSTGRES_SERVER_URL cannot be used: ") as caught:
        address(url)

    assert "s3cret" not in caught.value.message
    assert caught.value.__cause__ is None


@given(st.text(max_size=80))
def test_any_text_is_an_address_or_not_set_up(text: str) -> None:
    for url in (text, f"postgresql://{text}", f"postgresql://admin:{text}@host/db", f"{AZURE}?{text}"):
        try:
            read = address(url)
        except NotSetUp:
            continue
        assert read.host
        assert read.user
