"""Federated identity, as a component of an environment: the identities that it is given, and the credentials
that let its service accounts in as these.

What stands of credentials is in `Observed` itself, for which identity an environment is given depends on what
stands of all. The slot holds what it is given, which is told only where the overlay is due.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from coppice.components.component import Component
from coppice.components.federated_identity import (
    AUDIENCE,
    CreateCredential,
    Credential,
    extra_credentials,
    missing_credentials,
    wanted_credentials,
)
from coppice.components.identity_pools import (
    Assignment,
    Given,
    NoRoom,
    enough_to_make,
    given,
    gone_identities,
)
from coppice.components.observed import Observed
from coppice.components.removal import Delete, DeleteCredential, Owned
from coppice.components.slots import Slot, States
from coppice.components.stages import ApplyObservation, PlanInput, Removal, Status, Steps
from coppice.environment.config import EnvironmentConfig
from coppice.environment.records import Record
from coppice.reconciler.observation import Reading, Unknown, present, read
from coppice.reconciler.plan import Change, Wait

# What to do about a credential that is not ours.
BY_HAND = f"give it the audience {AUDIENCE}, or delete it"
_LATER = 60.0  # seconds: something that other branches have to give up first


IDENTITY: Slot[Assignment] = Slot("identity")


class FederatedIdentity(Component[Assignment]):
    """The credentials that let an environment's service accounts in."""

    state = IDENTITY
    kinds = frozenset({"credential", "ServiceAccount"})
    subjects = (Credential,)

    def look_for_apply(self, observation: ApplyObservation) -> Reading[Assignment]:
        """Choose an identity of each pool. What was listed to find the branch's own credentials is not listed
        again.
        """
        return read(lambda: given(observation))

    def needed_to_apply(self, states: States) -> tuple[Reading[object], ...]:
        """What it is given: objects name it."""
        return (states.get(IDENTITY),)

    def why_due(self, observed: Observed, config: EnvironmentConfig) -> str:
        """A pool is new to it, or its identity does not exist any more."""
        record = observed.recorded.record
        if record is None:
            return ""
        if any(pool not in record.identities for pool in config.accounts.values()):
            return "a pool of identities is new to it"
        gone = sorted(gone_identities(observed).intersection(record.identities.values()))
        return f"its identity {', '.join(gone)} does not exist any more" if gone else ""

    def needed(self, observed: Observed, config: EnvironmentConfig) -> tuple[Reading[object], ...]:
        """Its credentials, as far as making has to know them."""
        return (enough_to_make(observed, config),)

    def needed_to_mend(self, observed: Observed, config: EnvironmentConfig) -> tuple[Reading[object], ...]:
        """The same."""
        return self.needed(observed, config)

    def ensure(self, plan_input: PlanInput) -> Steps:
        """Create the credentials that do not stand, and let them settle before pods sign in with them."""
        chosen = present(plan_input.states.get(IDENTITY))
        if isinstance(chosen, NoRoom):
            return Steps(held=(Wait(str(chosen), "no_room", _LATER),))
        missing = missing_credentials(_wanted(plan_input), plan_input.observed.there)
        return Steps(
            make=tuple(CreateCredential(credential=each) for each in missing),
            settle=_settling(_trusted_from(plan_input, complete=not missing), plan_input),
            remarks=_moved(plan_input.observed.record, chosen.identities if chosen else {}),
        )

    def noted(self, record: Record, plan_input: PlanInput) -> Record:
        """Its identities, and every credential that stands or is about to."""
        observed, chosen = plan_input.observed, present(plan_input.states.get(IDENTITY))
        wanted, lost, there = _wanted(plan_input), gone_identities(observed), observed.there
        # After a record was lost, what it named is known only because it was looked for everywhere.
        found = {each.ref for each in there if each.name.startswith(plan_input.config.prefixes.credential)}
        kept = {each for each in record.credentials if each.identity not in lost}
        return replace(
            record,
            identities=chosen.identities if isinstance(chosen, Given) else record.identities,
            credentials=tuple(sorted({*kept, *found, *(each.ref for each in wanted)})),
            trusted_from=_trusted_from(plan_input, complete=not missing_credentials(wanted, there)),
        )

    def repair(self, plan_input: PlanInput) -> Steps:
        """Create those that were lost, and delete those that are needed no more."""
        wanted, there = _noted(plan_input), plan_input.observed.there
        noted = {*plan_input.observed.record.credentials, *(each.ref for each in wanted)}
        return Steps(
            make=tuple(CreateCredential(credential=each) for each in _lost(wanted, plan_input)),
            extra=tuple(each for each in extra_credentials(wanted, there) if each.ref in noted),
        )

    def noted_mended(self, record: Record, plan_input: PlanInput) -> Record:
        """Every credential that is about to stand, and since when all do."""
        wanted = _noted(plan_input)
        noted = {*record.credentials, *(each.ref for each in wanted)}
        since = _trusted_from(plan_input, complete=not _lost(wanted, plan_input))
        return replace(record, credentials=tuple(sorted(noted)), trusted_from=since)

    def removal(self, observed: Observed, config: EnvironmentConfig) -> Removal:
        """Every credential about its namespace."""
        return Removal(subjects=present(observed.credentials) or ())

    def expected(self, record: Record) -> Iterable[str]:
        """The credentials that its record names."""
        return (f"credential/{ref.identity}/{ref.name}" for ref in record.credentials)

    def why_not_ours(self, subject: Credential, observed: Observed, config: EnvironmentConfig) -> str:
        """It is about something else, or bears no name of ours."""
        return why_credential_not_ours(subject, observed, config)

    def why_not_to_write(self, change: Change, observed: Observed, config: EnvironmentConfig) -> str:
        """One stands in its place that is somebody else's."""
        if not isinstance(change, CreateCredential):
            return ""
        found = next((each for each in observed.there if each.ref == change.credential.ref), None)
        why = why_credential_not_ours(found, observed, config) if found else ""
        return f"{found} is for another audience than {AUDIENCE}, and {why}: {BY_HAND}" if why else ""

    def deletion(self, owned: Owned[Credential], observed: Observed) -> Delete:
        """Delete it."""
        return DeleteCredential(owned=owned)

    def status(self, objects: Status, observed: Observed) -> Status | Unknown:
        """Its credentials, and since when all were seen to stand."""
        if isinstance(observed.credentials, Unknown):
            return observed.credentials
        record = observed.own_record
        someone_elses = record is None and observed.recorded.record is not None
        credentials = () if someone_elses else present(observed.credentials) or ()
        return Status(
            stands=(*map(str, credentials), *objects.stands),
            since=record.trusted_from if record and credentials else None,
            lacks=objects.lacks,
        )


def why_credential_not_ours(credential: Credential, observed: Observed, config: EnvironmentConfig) -> str:
    """Say why a credential is not ours to change or to delete.

    Args:
        credential: one that stands.
        observed: what was observed.
        config: what decides about branches.

    Returns:
        The reason; empty if it is ours.
    """
    if credential.issuer != observed.issuer or credential.namespace != observed.name.namespace:
        return "it is about another cluster or namespace"
    record = observed.recorded.record
    if record is not None and credential.ref in record.credentials:
        return ""
    prefix = config.prefixes.credential
    if credential.name.startswith(prefix):
        return ""
    return f"its name does not begin with {prefix} and no record names it, so it is not known to be ours"


def _wanted(plan_input: PlanInput) -> tuple[Credential, ...]:
    """The credentials on the identities that it is given."""
    chosen = present(plan_input.states.get(IDENTITY))
    return _credentials(plan_input, chosen.identities if isinstance(chosen, Given) else {})


def _noted(plan_input: PlanInput) -> tuple[Credential, ...]:
    """Those on the identities that it has."""
    return _credentials(plan_input, plan_input.observed.record.identities)


def _credentials(plan_input: PlanInput, identities: Mapping[str, str]) -> tuple[Credential, ...]:
    observed = plan_input.observed
    return wanted_credentials(
        observed.name, config=plan_input.config, identities=identities, issuer=observed.issuer
    )


def _lost(wanted: Iterable[Credential], plan_input: PlanInput) -> tuple[Credential, ...]:
    gone = gone_identities(plan_input.observed)
    missing = missing_credentials(wanted, plan_input.observed.there)
    return tuple(each for each in missing if each.identity not in gone)


def _trusted_from(plan_input: PlanInput, *, complete: bool) -> datetime | None:
    """Since when all credentials have been seen to stand."""
    since = plan_input.observed.record.trusted_from
    if not plan_input.config.settle:
        return since
    return (since or plan_input.now) if complete else None


def _settling(since: datetime | None, plan_input: PlanInput) -> tuple[Wait, ...]:
    """Entra sees a new credential some seconds late, and a pod that asks before that starts in vain
    (https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations).
    """
    settle = plan_input.config.settle
    left = settle if since is None else since + settle - plan_input.now
    if left.total_seconds() <= 0:
        return ()
    seconds = f"{settle.total_seconds():.0f} s"
    why = f"Entra learns of a credential late: it is waited until each of its own has stood for {seconds}"
    return (Wait(why, "settling", left.total_seconds()),)


def _moved(record: Record, identities: Mapping[str, str]) -> tuple[str, ...]:
    """What people have to do when an environment is given another identity than it had."""
    had = record.identities
    return tuple(
        f"it acts as {ref} now, and not {had[pool]} any more: pods keep the client id that they were started "
        f"with, so restart those from before (kubectl -n {record.namespace} rollout restart …)"
        for pool, ref in identities.items()
        if had.get(pool, ref) != ref
    )
