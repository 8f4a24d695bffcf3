import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.webhook.signature import valid

# From https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation
SECRET = "It's a Secret to Everybody"
BODY = b"Hello, World!"
SIGNATURE = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


def test_the_signature_in_githubs_own_example_is_valid() -> None:
    assert valid(SECRET, BODY, SIGNATURE)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "sha256=",
        SIGNATURE[:-1],
        SIGNATURE + "0",
        SIGNATURE.removeprefix("sha256="),
        SIGNATURE.upper(),
        SIGNATURE.replace("sha256", "sha1"),
        "sha1=" + hmac.new(SECRET.encode(), BODY, hashlib.sha1).hexdigest(),
        SIGNATURE.replace("7", "٧"),  # noqa: RUF001 - a digit, but not an ASCII one
        "\ud800",
        "\x00",
    ],
)
def test_any_other_header_is_not(header: str | None) -> None:
    assert not valid(SECRET, BODY, header)


@given(body=st.binary(), secret=st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_whoever_holds_the_secret_can_sign_anything(body: bytes, secret: str) -> None:
    signature = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()

    assert valid(secret, body, signature)
    assert not valid(secret, body + b" ", signature)
    assert not valid(secret + " ", body, signature)


def test_an_empty_secret_signs_nothing() -> None:
    assert not valid("", BODY, "sha256=" + hmac.new(b"", BODY, hashlib.sha256).hexdigest())


@given(header=st.text())
def test_no_header_raises(header: str) -> None:
    assert not valid(SECRET, BODY, header)
