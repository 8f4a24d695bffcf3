"""Where passwords come from."""

import secrets

from coppice.components.login import Password


def new_password() -> Password:
    """A password of 256 random bits, and 64 more that name it."""
    return Password(secrets.token_urlsafe(32), secrets.token_hex(8))
