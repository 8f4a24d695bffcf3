"""Every name that one branch's environment bears, computed from the branch's own name.

Nothing is looked up or remembered, so a lost record loses no name. Two branches never meet, because a slug is
one of two kinds:

- *kept*: the branch's name as it is. The namespace made of it never ends like a suffix of ours, and the slug
  never begins with the namespace prefix: one branch's host `<slug>` is never another's host `<namespace>`;
- *suffixed*: it ends in ten hexadecimal digits of the SHA-256 of the whole branch name.

The one exception is a pair such as `x` and `feature/x`, see `twin`.
"""

import hashlib
import re
from dataclasses import dataclass

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
# 40 bits: that any two of a thousand branches share a suffix has a chance of one in two million.
_SUFFIX_DIGITS = 10
_LIKE_A_SUFFIX = re.compile(rf"-[0-9a-f]{{{_SUFFIX_DIGITS}}}\Z")
_SHORTEST_LIMIT = 20  # a slug needs room for its suffix and for a few letters that a human knows it by

# https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-label-names
_LONGEST_LABEL = 63
# https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4: 255 octets on the wire, 253 characters as text
_LONGEST_HOST = 253
# https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS
_LONGEST_IDENTIFIER = 63
# Azure's pattern for federated identity credentials: ^[a-zA-Z0-9]{1}[a-zA-Z0-9-_]{2,119}$
_LONGEST_CREDENTIAL = 120


@dataclass(frozen=True, kw_only=True)
class Prefixes:
    """What stands before the slug in each kind of name; the settings check their form.

    Attributes:
        namespace: setting `NAMESPACE_PREFIX`.
        credential: setting `CREDENTIAL_PREFIX`; two characters at least, since Azure wants three in all.
        database: setting `DATABASE_PREFIX`.
    """

    namespace: str
    credential: str
    database: str

    @property
    def folder(self) -> str:
        """The branch folder that the namespace prefix stands for: `feature/` for `feature-`."""
        return self.namespace.removesuffix("-") + "/"


@dataclass(frozen=True, kw_only=True)
class Name:
    """Every name that one branch's environment bears.

    Attributes:
        branch: the full branch name, as given.
        slug: the branch as a DNS label.
        namespace: prefix + slug.
        database: prefix + slug, with `_` for `-`.
        hosts: `<namespace>.<base domain>` and `<slug>.<base domain>`: the two it may claim.
    """

    branch: str
    slug: str
    namespace: str
    database: str
    hosts: tuple[str, str]


def name(branch: str, *, prefixes: Prefixes, base_domain: str) -> Name:
    """Compute the names of a branch's environment.

    Args:
        branch: the full branch name, without `refs/heads/`.
        prefixes: what stands before the slug.
        base_domain: setting `BASE_DOMAIN`.

    Returns:
        The same names for the same arguments, always.

    Raises:
        ValueError: the settings leave no room for a slug.
    """
    slug = _slug(branch, prefixes=prefixes, longest=longest_slug(prefixes, base_domain=base_domain))
    namespace = prefixes.namespace + slug
    return Name(
        branch=branch,
        slug=slug,
        namespace=namespace,
        database=prefixes.database + slug.replace("-", "_"),
        hosts=(f"{namespace}.{base_domain}", f"{slug}.{base_domain}"),
    )


def longest_slug(prefixes: Prefixes, *, base_domain: str) -> int:
    """Say how many characters a slug may have for every name made of it to fit its system.

    Args:
        prefixes: what stands before the slug.
        base_domain: what stands after it in a host.

    Returns:
        The limit in characters, which are bytes, since a slug is ASCII.

    Raises:
        ValueError: it is so small that no readable slug fits; which setting to shorten.
    """
    room = {
        "NAMESPACE_PREFIX": _LONGEST_LABEL - len(prefixes.namespace),
        "BASE_DOMAIN": _LONGEST_HOST - len(f"{prefixes.namespace}.{base_domain}"),
        "DATABASE_PREFIX": _LONGEST_IDENTIFIER - len(prefixes.database),
        "CREDENTIAL_PREFIX": _LONGEST_CREDENTIAL - len(prefixes.credential),
    }
    setting = min(room, key=room.__getitem__)
    if room[setting] < _SHORTEST_LIMIT:
        raise ValueError(
            f"{setting} leaves {room[setting]} characters for a branch's slug, "
            f"which needs {_SHORTEST_LIMIT}: shorten it."
        )
    return room[setting]


def credential_name(slug: str, account: str, *, prefix: str, sole: bool) -> str:
    """Name the federated credential of one service account.

    Args:
        slug: the branch's slug.
        account: the service account.
        prefix: setting `CREDENTIAL_PREFIX`.
        sole: whether `SERVICE_ACCOUNTS` names this account alone.

    Returns:
        A name that Azure's pattern accepts. A service account may have dots and 253 characters, a credential
        may not: the hash of slug and account tells apart what replacing and cutting would make equal.
    """
    if sole:
        return prefix + slug
    # No branch name holds a NUL, so this is never the hash that ends another branch's slug.
    suffix = _suffix(f"{slug}\0{account}")
    readable = f"{prefix}{slug}-{account.replace('.', '-')}"
    return readable[: _LONGEST_CREDENTIAL - len(suffix)] + suffix


def subject(namespace: str, account: str) -> str:
    """Return the subject of a service account's token, which its federated credential must state.

    See https://kubernetes.io/docs/reference/access-authn-authz/authentication/#service-account-tokens.
    """
    return f"system:serviceaccount:{namespace}:{account}"


def twin(named: Name, *, prefixes: Prefixes) -> str | None:
    """Name the one other branch whose environment would bear the same names.

    Args:
        named: a branch's names.
        prefixes: those it was named with.

    Returns:
        `feature/x` for `x`, `x` for `feature/x`, and None for a branch whose names are its own.
    """
    inside = prefixes.folder + named.slug
    return {named.slug: inside, inside: named.slug}.get(named.branch)


def _slug(branch: str, *, prefixes: Prefixes, longest: int) -> str:
    stem = branch.removeprefix(prefixes.folder)
    # The suffix is looked for in the namespace: a branch of ten hexadecimal digits ends like one only there,
    # and its namespace `feature-0123456789` might be the slug of a branch `Feature`.
    if (
        _LABEL.fullmatch(stem)
        and len(stem) <= longest
        and not stem.startswith(prefixes.namespace)
        and not _LIKE_A_SUFFIX.search(prefixes.namespace + stem)
    ):
        return stem
    suffix = _suffix(branch)
    readable = re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-")[: longest - len(suffix)].rstrip("-")
    return (readable or "branch") + suffix


def _suffix(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return "-" + digest[:_SUFFIX_DIGITS]
