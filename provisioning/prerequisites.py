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
from coppice.environment.config import Rules
from coppice.environment.records import Record
from coppice.lifecycle.apply_context import Survey
from coppice.lifecycle.observe_branch import Observed
from coppice.reconciler.observation import standing
from coppice.reconciler.plan import Change, Gate, Wave, wave
from provisioning.renderer import Desired


def namespace_waves(
    seen: Observed, identities: Mapping[str, str], desired: Desired, rules: Rules
) -> tuple[Wave, ...]:
    """Create the namespace, or bring its labels and annotations to what they should be.

    Args:
        seen: what was observed.
        identities: pool → the identity chosen from it.
        desired: what the overlay asks for.
        rules: what decides about branches.
    """
    namespace = standing(seen.namespace)
    owner = namespace.owner if namespace is not None else None
    shown = labels(seen.name, further=rules.labels, overlay=desired.namespace_labels)
    noted = claim((owner or seen.key).as_written, identities, shown)
    if namespace is None:
        return wave(CreateNamespace(name=seen.name.namespace, labels=shown, annotations=noted))
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


def ground_waves(
    seen: Observed, missing: Iterable[Credential], survey: Survey, rules: Rules
) -> tuple[Wave, ...]:
    """Make credentials and database, side by side, and then deliver its login.

    Args:
        seen: what was observed.
        missing: the credentials that do not stand.
        survey: what was looked at for an overlay that is due.
        rules: what decides about branches.
    """
    credentials = [CreateCredential(credential=each) for each in missing]
    terms, database = rules.databases, standing(seen.database)
    if terms is None:
        return wave(*credentials)
    whole = database is not None and database.finished
    owner = database.owner if database is not None else None
    created = CreateDatabase(
        key=(owner or seen.key).as_written,
        name=seen.name.database,
        template=terms.template,
        connections=terms.connections,
    )
    secret = login_reference(terms)
    login = DeliverLogin(
        namespace=seen.name.namespace,
        database=seen.name.database,
        secret=terms.secret,
        host=terms.host,
        port=terms.port,
    )
    notes = [live.template for live in standing(survey.noted) or () if live.ref == secret]
    delivered = database is not None and bool(database.login) and notes == [login.note(database.login)]
    beside: list[Change] = [*credentials, *([] if whole else [created])]
    return (*wave(*beside), *(() if delivered else wave(login)))


def trusted_from(record: Record, *, complete: bool, rules: Rules, now: datetime) -> datetime | None:
    """Since when all credentials have been seen to stand.

    Args:
        record: what is written of it.
        complete: whether all stand now.
        rules: how long that matters.
        now: the time.
    """
    if not rules.settle:
        return record.trusted_from
    return (record.trusted_from or now) if complete else None


def settling(since: datetime | None, rules: Rules, now: datetime) -> tuple[Gate, ...]:
    """Entra sees a new credential some seconds late, and a pod that asks before that starts in vain
    (https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations).
    """
    left = rules.settle if since is None else since + rules.settle - now
    if left.total_seconds() <= 0:
        return ()
    seconds = f"{rules.settle.total_seconds():.0f} s"
    why = f"Entra learns of a credential late: it is waited until each of its own has stood for {seconds}"
    return (Gate(why, "settling", left.total_seconds()),)
