"""The identity chain: the links from a service account to a managed identity, and the first one that is
broken.

If no credential matches a pod's token, Entra answers AADSTS700213. It says neither which credentials exist
nor which identity the pod named: https://github.com/Azure/azure-workload-identity/issues/1200. All of that
can be read. So the chain is put together here, and the first broken link says what to do.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from coppice.components.federated_identity import AUDIENCE, Credential, Identity
from coppice.components.identity import BY_HAND, why_credential_not_ours
from coppice.components.observed import Observed
from coppice.components.slots import NOT_LOOKED_AT
from coppice.diagnostics.identity_checks import (
    Finding,
    ProviderClass,
    check_provider_classes,
    check_service_account,
    of_account,
)
from coppice.environment.config import EnvironmentConfig
from coppice.environment.naming import credential_name, subject
from coppice.reconciler.errors import Gone
from coppice.reconciler.observation import Reading, Unknown, present


@dataclass(frozen=True, kw_only=True)
class IdentityChain:
    """The links from one service account to its identity. A value that is not known or does not exist is
    empty.

    Args:
        account: the service account.
        issuer: the issuer that its tokens name.
        subject: the subject that its tokens name.
        credential: the credential that accepts such tokens.
        identity: the identity that was chosen for the account, as `resourceGroup/identityName`.
        client_id: the client ID of the identity.
        named: the client ID in the annotation of the service account, which its pods sign in with.
        classes: each `SecretProviderClass` of its pods → the client ID in it, which the CSI driver signs in
            with.
        broken: the first broken link; `None` if all links that were read hold.
    """

    account: str
    issuer: str
    subject: str
    credential: str
    identity: str
    client_id: str
    named: str
    broken: Finding | None
    classes: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> Mapping[str, object]:
        """Return the chain as the HTTP API answers it."""
        broken = self.broken
        return {
            "service_account": self.account,
            "issuer": self.issuer,
            "subject": self.subject,
            "credential": self.credential,
            "identity": self.identity,
            "client_id": self.client_id,
            "named_client_id": self.named,
            "secret_provider_classes": dict(self.classes),
            "broken": {"code": broken.code, "why": broken.why} if broken else None,
        }


def identity_chains(
    observed: Observed,
    *,
    config: EnvironmentConfig,
    identities: Mapping[str, Reading[Identity]],
    accounts: Mapping[str, Reading[str]],
    classes: Collection[ProviderClass] = (),
    now: datetime,
) -> tuple[IdentityChain, ...]:
    """Return the chain of each service account that has an identity.

    Args:
        observed: the observation of the branch.
        config: the service accounts, and how long a new credential takes to settle.
        identities: the readings of the identities that the environment has or may have.
        accounts: service account → the client ID in its annotation, empty if it has none; `Absent` if the
            account does not exist. Accounts that were not read may be missing.
        classes: the existing `SecretProviderClass`es.
        now: the current time.

    Returns:
        The chains, in the order of the settings.
    """
    record = observed.own_record
    chosen = record.identities if record else {}
    credentials = [each for reading in identities.values() for each in _credentials(reading)]
    found = []
    for account, pool in config.accounts.items():
        asked, ref = subject(observed.name.namespace, account), chosen.get(pool, "")
        reading = identities.get(ref, NOT_LOOKED_AT)
        named = accounts.get(account, NOT_LOOKED_AT)
        own = of_account(classes, account, accounts=config.accounts)
        fits = next(
            (each for each in credentials if each.identity == ref and _fits(each, asked, observed)), None
        )
        held = fits if fits and fits.usable else None
        broken = (
            _no_issuer(observed)
            or _no_identity(ref, pool, reading)
            or (_other_audience(fits, observed, config) if fits else None)
            or (
                None
                if held
                else _no_credential(asked, ref, credentials, _name(account, observed, config), observed)
            )
            or _not_settled(observed, config, now)
            or check_service_account(account, named, ref, identities, observed)
            or check_provider_classes(
                own, ref, identities, chosen=chosen.values(), tenant=config.tenant, observed=observed
            )
        )
        identity = present(reading)
        found.append(
            IdentityChain(
                account=account,
                issuer=observed.issuer,
                subject=asked,
                credential=str(held) if held else "",
                identity=ref,
                client_id=identity.client_id if identity else "",
                named=present(named) or "",
                broken=broken,
                classes={each.name: each.client_id for each in own},
            )
        )
    return tuple(found)


def _credentials(reading: Reading[Identity]) -> tuple[Credential, ...]:
    identity = present(reading)
    return identity.credentials if identity else ()


def _fits(credential: Credential, asked: str, observed: Observed) -> bool:
    return (credential.issuer, credential.subject) == (observed.issuer, asked)


def _name(account: str, observed: Observed, config: EnvironmentConfig) -> str:
    return credential_name(
        observed.name.slug, account, prefix=config.prefixes.credential, sole=len(config.accounts) == 1
    )


def _requeue(observed: Observed) -> str:
    return f"the next run mends it, and PUT /api/environments/{observed.key.branch} asks for one now"


def _no_issuer(observed: Observed) -> Finding | None:
    if observed.issuer:
        return None
    error = (
        observed.credentials.error.message if isinstance(observed.credentials, Unknown) else "nobody told it"
    )
    return Finding(code="no_issuer", why=f"the cluster's issuer of tokens is not known: {error}")


def _no_identity(ref: str, pool: str, reading: Reading[Identity]) -> Finding | None:
    if not ref:
        of = f"pool {pool!r} of WORKLOAD_IDENTITIES" if pool else "WORKLOAD_IDENTITIES"
        why = f"no identity of {of} has been chosen yet: the first run that finds room does, see `plan`"
        return Finding(code="no_identity", why=why)
    match reading:
        case Unknown(Gone() as error):
            why = f"identity {ref} is not there: create it again, or correct WORKLOAD_IDENTITIES"
            return Finding(code="identity_gone", why=f"{why} ({error.message})")
        case Unknown(error):
            return Finding(code="unread", why=f"identity {ref} was not read: {error.message}")
        case _:
            return None


def _other_audience(credential: Credential, observed: Observed, config: EnvironmentConfig) -> Finding | None:
    if credential.usable:
        return None
    why = f"{credential} is for {', '.join(map(repr, credential.audiences))}, and the tokens for {AUDIENCE!r}"
    foreign = why_credential_not_ours(credential, observed, config)
    mended = f"{foreign}; {BY_HAND}" if foreign else _requeue(observed)
    return Finding(code="other_audience", why=f"{why}, letter by letter: {mended}")


def _no_credential(
    asked: str, ref: str, credentials: Iterable[Credential], name: str, observed: Observed
) -> Finding:
    """Return the finding for a missing credential.

    The closest match decides which: a credential on another identity, of another issuer, for another subject,
    or none.
    """
    for each in credentials:
        if _fits(each, asked, observed):
            why = f"{each} lets {asked} in there, and not as {ref}, which the environment was given"
            return Finding(code="other_identity", why=f"{why}: {_requeue(observed)}")
    for each in credentials:
        if each.identity == ref and each.subject == asked:
            why = f"{each} trusts issuer {each.issuer!r}, and the cluster's is {observed.issuer!r}"
            return Finding(code="other_issuer", why=f"{why}, to the last slash: {_requeue(observed)}")
    for each in credentials:
        if each.identity == ref and each.name == name:
            why = f"{each} is about {each.subject!r}, and the tokens are about {asked!r}"
            return Finding(code="other_subject", why=f"{why}, letter by letter: {_requeue(observed)}")
    return Finding(
        code="no_credential", why=f"identity {ref} has no credential for {asked}: {_requeue(observed)}"
    )


def _not_settled(observed: Observed, config: EnvironmentConfig, now: datetime) -> Finding | None:
    if not config.settle:
        return None
    record = observed.own_record
    since = record.trusted_from if record else None
    if since is not None and now - since >= config.settle:
        return None
    seconds = f"{config.settle.total_seconds():.0f} s"
    why = f"the credential stands, and Entra may not know it yet: wait until it has stood for {seconds}"
    return Finding(code="settling", why=why)
