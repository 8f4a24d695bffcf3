"""Whether a delivery was signed with the webhook's secret.

Apart from the parser, because it has to come first: nothing that an unknown sender wrote is parsed.
"""

import hashlib
import hmac


def valid(secret: str, body: bytes, header: str | None) -> bool:
    """Check a delivery's signature, in constant time.

    See https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries.

    Args:
        secret: setting `GITHUB_WEBHOOK_SECRET`. An empty one signs nothing: anybody could use it.
        body: the raw body, in whatever content type it came.
        header: `X-Hub-Signature-256` as it arrived, or None if it did not.

    Returns:
        Whether the header is `sha256=` and the body's HMAC-SHA256 in lower-case hexadecimal digits.
    """
    if not secret or header is None:
        return False
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    # As bytes: compare_digest raises on text that is not ASCII.
    return hmac.compare_digest(expected.encode(), header.encode("utf-8", "replace"))
