"""What has to stand before an overlay comes in: namespace, credentials, the database and its login."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from coppice.components.database import CreateDatabase
from coppice.components.federated_identity import CreateCredential, Credential
from coppice.components.login import DeliverLogin, login_reference
from coppice.components.namespace import (
    IDENTITY,
    LABELS,
    ApplyNamespace,
    CreateNamespace,
    Namespace,
    claim,
    labels,
)
from coppice.environment.config import EnvironmentConfig
from coppice.environment.records import Record
from coppice.lifecycle.apply_context import ApplyContext
from coppice.lifecycle.observe_branch import Observed
from coppice.reconciler.observation import present
from coppice.reconciler.plan import Change, Wait, Wave, wave
from provisioning.renderer import Desired


def namespace_waves(
    observed: Observed, identities: Mapping[str, str], desired: Desired, config: EnvironmentConfig
) -> tuple[Wave, ...]:
    """Create the namespace, or bring its labels and annotations to what they should be.

    Args:
        observed: what was observed.
        identities: pool → the identity chosen from it.
        desired: what the overlay asks for.
        config: what decides about branches.
    """
    namespace = present(observed.namespace)
    owner = namespace.owner if namespace is not None else None
    shown = labels(observed.name, further=config.labels, overlay=desired.namespace_labels)
    noted = claim((owner or observed.key).as_written, identities, shown)
    if namespace is None:
        return wave(CreateNamespace(name=observed.name.namespace, labels=shown, annotations=noted))
    shown_now = {**shown, **dict.fromkeys(_former_labels(namespace, shown))}
    noted_now = {**noted, **dict.fromkeys(_former_claims(namespace, noted))}
    if shown_now.items() <= namespace.labels.items() and noted_now.items() <= namespace.annotations.items():
        return ()
    return wave(ApplyNamespace(namespace=namespace, labels=shown_now, annotations=noted_now))


def _former_labels(namespace: Namespace, shown: Collection[str]) -> tuple[str, ...]:
    """The labels that we set and set no longer; those of others are not on our list."""
    ours = {*namespace.annotations.get(LABELS, "").split(",")} - {*shown}
    return tuple(sorted(ours & namespace.labels.keys()))


def _former_claims(namespace: Namespace, noted: Collection[str]) -> tuple[str, ...]:
    """The identities that it names and has no longer."""
    named = {each for each in namespace.annotations if each == IDENTITY or each.startswith(f"{IDENTITY}.")}
    return tuple(sorted(named - {*noted}))


def prerequisite_waves(
    observed: Observed, missing: Iterable[Credential], apply_context: ApplyContext, config: EnvironmentConfig
) -> tuple[Wave, ...]:
    """Make credentials and database, side by side, and then deliver its login.

    Args:
        observed: what was observed.
        missing: the credentials that do not stand.
        apply_context: what was looked at for an overlay that is due.
        config: what decides about branches.
    """
    credentials = [CreateCredential(credential=each) for each in missing]
    terms, database = config.databases, present(observed.database)
    if terms is None:
        return wave(*credentials)
    whole = database is not None and database.finished
    owner = database.owner if database is not None else None
    created = CreateDatabase(
        key=(owner or observed.key).as_written,
        name=observed.name.database,
        template=terms.template,
        connections=terms.connections,
    )
    secret = login_reference(terms)
    login = DeliverLogin(
        namespace=observed.name.namespace,
        database=observed.name.database,
        secret=terms.secret,
        host=terms.host,
        port=terms.port,
    )
    notes = [live.template for live in present(apply_context.recorded) or () if live.ref == secret]
    delivered = database is not None and bool(database.login) and notes == [login.note(database.login)]
    beside: list[Change] = [*credentials, *([] if whole else [created])]
    return (*wave(*beside), *(() if delivered else wave(login)))


def trusted_from(
    record: Record, *, complete: bool, config: EnvironmentConfig, now: datetime
) -> datetime | None:
    """Since when all credentials have been seen to stand.

    Args:
        record: what is written of it.
        complete: whether all stand now.
        config: how long that matters.
        now: the time.
    """
    if not config.settle:
        return record.trusted_from
    return (record.trusted_from or now) if complete else None


def settling(since: datetime | None, config: EnvironmentConfig, now: datetime) -> tuple[Wait, ...]:
    """Entra sees a new credential some seconds late, and a pod that asks before that starts in vain
    (https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations).
    """
    left = config.settle if since is None else since + config.settle - now
    if left.total_seconds() <= 0:
        return ()
    seconds = f"{config.settle.total_seconds():.0f} s"
    why = f"Entra learns of a credential late: it is waited until each of its own has stood for {seconds}"
    return (Wait(why, "settling", left.total_seconds()),)
