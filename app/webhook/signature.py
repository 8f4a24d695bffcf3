"""Checks that a delivery was signed with the webhook's secret.

This is separate from the parser and runs first, so that nothing from an unknown sender is parsed.
"""

import hashlib
import hmac


def valid(secret: str, body: bytes, header: str | None) -> bool:
    """Check a delivery's signature, in constant time.

    See https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries.

    Args:
        secret: setting `GITHUB_WEBHOOK_SECRET`. With an empty secret no signature is valid, because anybody
            could create one.
        body: the raw body, in any content type.
        header: the header `X-Hub-Signature-256` as received; `None` if it is missing.

    Returns:
        Whether the header is `sha256=` and the body's HMAC-SHA256 in lower-case hexadecimal digits.
    """
    if not secret or header is None:
        return False
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    # Bytes, because compare_digest raises on text that is not ASCII.
    return hmac.compare_digest(expected.encode(), header.encode("utf-8", "replace"))
