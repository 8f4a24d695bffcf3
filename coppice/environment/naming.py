"""The names of a branch's environment, computed from the branch name alone.

Names are not stored, so a lost record loses no name. Two branches never get the same names, because a slug is
of one of two kinds:

- *kept*: the branch name unchanged. The namespace made from it never ends like a suffix made here, and the
  slug never begins with the namespace prefix. So the host `<slug>` of one branch is never the host
  `<namespace>` of another one;
- *suffixed*: it ends in ten hexadecimal digits of the SHA-256 of the whole branch name.

The one exception is a pair such as `x` and `feature/x`, see `twin`.
"""

import hashlib
import re
from dataclasses import dataclass

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
# 40 bits: the probability that any two of a thousand branches share a suffix is one in two million.
_SUFFIX_DIGITS = 10
_LIKE_A_SUFFIX = re.compile(rf"-[0-9a-f]{{{_SUFFIX_DIGITS}}}\Z")
_SHORTEST_LIMIT = 20  # a slug needs room for its suffix and for a few letters that people recognize

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
    """The part before the slug in each kind of name. The settings check the form of the prefixes.

    Attributes:
        namespace: setting `NAMESPACE_PREFIX`.
        credential: setting `CREDENTIAL_PREFIX`; at least two characters, since Azure requires three in all.
        database: setting `DATABASE_PREFIX`.
    """

    namespace: str
    credential: str
    database: str

    @property
    def folder(self) -> str:
        """The branch folder that corresponds to the namespace prefix: `feature/` for `feature-`."""
        return self.namespace.removesuffix("-") + "/"


@dataclass(frozen=True, kw_only=True, slots=True)
class Name:
    """All names of one branch's environment.

    Attributes:
        branch: the full branch name, as given.
        slug: the branch name as a DNS label.
        namespace: prefix + slug.
        database: prefix + slug, with `_` for `-`.
        hosts: `<namespace>.<base domain>` and `<slug>.<base domain>`, the two hosts that the environment may
            claim.
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
        prefixes: the part before the slug in each kind of name.
        base_domain: setting `BASE_DOMAIN`.

    Returns:
        The names. They depend on the arguments only.

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
    """Return the maximum length of a slug, so that every name made from it fits into its system.

    Args:
        prefixes: the part before the slug in each kind of name.
        base_domain: the part after the slug in a host.

    Returns:
        The limit in characters. It is also the limit in bytes, since a slug is ASCII.

    Raises:
        ValueError: the limit is too small for a readable slug; the message names the setting to shorten.
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
    """Return the name of the federated credential of one service account.

    Args:
        slug: the branch's slug.
        account: the service account.
        prefix: setting `CREDENTIAL_PREFIX`.
        sole: whether `SERVICE_ACCOUNTS` names this account only.

    Returns:
        A name that Azure's pattern accepts. A service account's name may have dots and up to 253 characters,
        and the name of a credential may not. A hash of slug and account keeps names apart that replacing dots
        and cutting would make equal.
    """
    if sole:
        return prefix + slug
    # No branch name contains NUL, so this hash is never the suffix of another branch's slug.
    suffix = _suffix(f"{slug}\0{account}")
    readable = f"{prefix}{slug}-{account.replace('.', '-')}"
    return readable[: _LONGEST_CREDENTIAL - len(suffix)] + suffix


def subject(namespace: str, account: str) -> str:
    """Return the subject of a service account's token, which its federated credential must state.

    See https://kubernetes.io/docs/reference/access-authn-authz/authentication/#service-account-tokens.

    Args:
        namespace: the namespace of the service account.
        account: the service account.

    Returns:
        The subject.
    """
    return f"system:serviceaccount:{namespace}:{account}"


def twin(named: Name, *, prefixes: Prefixes) -> str | None:
    """Return the one other branch whose environment would have the same names.

    Args:
        named: the names of a branch.
        prefixes: the prefixes that they were made with.

    Returns:
        `feature/x` for `x`, `x` for `feature/x`; `None` for a branch whose names are its own.
    """
    inside = prefixes.folder + named.slug
    return {named.slug: inside, inside: named.slug}.get(named.branch)


def _slug(branch: str, *, prefixes: Prefixes, longest: int) -> str:
    stem = branch.removeprefix(prefixes.folder)
    # The namespace is searched for a suffix, not the stem: ten hexadecimal digits look like a suffix only
    # after the prefix, and the namespace `feature-0123456789` may be the slug of a branch `Feature`.
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
