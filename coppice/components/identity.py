"""The federated identity component: the identities assigned to an environment, and its credentials on them.

The existing credentials are in `Observed` itself, because the assignment of an identity depends on those of
all environments. The slot holds the assignment, which is made only when the overlay is due.
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
    to_be_chosen,
)
from coppice.components.observed import Observed
from coppice.components.removal import Delete, DeleteCredential, Owned
from coppice.components.slots import Slot, States
from coppice.components.stages import ApplyObservation, PlanInput, Removal, Status, Steps
from coppice.environment.config import EnvironmentConfig
from coppice.environment.records import Record
from coppice.reconciler.observation import Reading, Unknown, present, read
from coppice.reconciler.plan import Change, Wait

# The advice about a credential that is not ours.
BY_HAND = f"give it the audience {AUDIENCE}, or delete it"
_LATER = 60.0  # seconds: something that other branches have to give up first


IDENTITY: Slot[Assignment] = Slot("identity")


class FederatedIdentity(Component[Assignment]):
    """The credentials by which an environment's service accounts sign in as managed identities."""

    state = IDENTITY
    kinds = frozenset({"credential", "ServiceAccount"})
    subjects = (Credential,)

    def look_for_apply(self, observation: ApplyObservation) -> Reading[Assignment]:
        """Assign an identity of each pool.

        Identities that were listed to find the branch's own credentials are not listed again.
        """
        return read(lambda: given(observation))

    def needs_records(self, observed: Observed, config: EnvironmentConfig) -> bool:
        """Return whether an identity of a pool may have to be chosen: other records name places on them."""
        return to_be_chosen(observed, config)

    def needed_to_apply(self, states: States) -> tuple[Reading[object], ...]:
        """Return the assignment, because the overlay's objects contain the client ids."""
        return (states.get(IDENTITY),)

    def why_due(self, observed: Observed, config: EnvironmentConfig) -> str:
        """Return a reason if a pool is new to the environment, or an assigned identity no longer exists."""
        record = observed.recorded.record
        if record is None:
            return ""
        if any(pool not in record.identities for pool in config.accounts.values()):
            return "a pool of identities is new to it"
        gone = sorted(gone_identities(observed).intersection(record.identities.values()))
        return f"its identity {', '.join(gone)} does not exist any more" if gone else ""

    def needed(self, observed: Observed, config: EnvironmentConfig) -> tuple[Reading[object], ...]:
        """Return the credentials, as far as provisioning depends on them."""
        return (enough_to_make(observed, config),)

    def needed_to_mend(self, observed: Observed, config: EnvironmentConfig) -> tuple[Reading[object], ...]:
        """Return the same readings as `needed`."""
        return self.needed(observed, config)

    def ensure(self, plan_input: PlanInput) -> Steps:
        """Plan the creation of missing credentials, and the wait until they are effective."""
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
        """Record the assigned identities, and every credential that exists or is about to be created."""
        observed, chosen = plan_input.observed, present(plan_input.states.get(IDENTITY))
        wanted, lost, there = _wanted(plan_input), gone_identities(observed), observed.there
        # If the record was lost, the credentials that it named are found by searching all identities.
        found = {each.ref for each in there if each.name.startswith(plan_input.config.prefixes.credential)}
        kept = {each for each in record.credentials if each.identity not in lost}
        return replace(
            record,
            identities=chosen.identities if isinstance(chosen, Given) else record.identities,
            credentials=tuple(sorted({*kept, *found, *(each.ref for each in wanted)})),
            trusted_from=_trusted_from(plan_input, complete=not missing_credentials(wanted, there)),
        )

    def repair(self, plan_input: PlanInput) -> Steps:
        """Plan the creation of credentials that were lost, and the removal of those no longer needed."""
        wanted, there = _noted(plan_input), plan_input.observed.there
        noted = {*plan_input.observed.record.credentials, *(each.ref for each in wanted)}
        return Steps(
            make=tuple(CreateCredential(credential=each) for each in _lost(wanted, plan_input)),
            extra=tuple(each for each in extra_credentials(wanted, there) if each.ref in noted),
        )

    def noted_mended(self, record: Record, plan_input: PlanInput) -> Record:
        """Record every credential that is about to be created, and since when all of them exist."""
        wanted = _noted(plan_input)
        noted = {*record.credentials, *(each.ref for each in wanted)}
        since = _trusted_from(plan_input, complete=not _lost(wanted, plan_input))
        return replace(record, credentials=tuple(sorted(noted)), trusted_from=since)

    def removal(self, observed: Observed, config: EnvironmentConfig) -> Removal:
        """Return every credential for the environment's namespace."""
        return Removal(subjects=present(observed.credentials) or ())

    def expected(self, record: Record) -> Iterable[str]:
        """Return the credentials that the record names."""
        return (f"credential/{ref.identity}/{ref.name}" for ref in record.credentials)

    def why_not_ours(self, subject: Credential, observed: Observed, config: EnvironmentConfig) -> str:
        """Return why a credential is not ours: it is for something else, or its name is not ours."""
        return why_credential_not_ours(subject, observed, config)

    def why_not_to_write(self, change: Change, observed: Observed, config: EnvironmentConfig) -> str:
        """Return why a credential must not be written: one of another owner exists under its name."""
        if not isinstance(change, CreateCredential):
            return ""
        found = next((each for each in observed.there if each.ref == change.credential.ref), None)
        why = why_credential_not_ours(found, observed, config) if found else ""
        return f"{found} is for another audience than {AUDIENCE}, and {why}: {BY_HAND}" if why else ""

    def deletion(self, owned: Owned[Credential], observed: Observed) -> Delete:
        """Return the deletion of a credential."""
        return DeleteCredential(owned=owned)

    def status(self, objects: Status, observed: Observed) -> Status | Unknown:
        """Return the status with the environment's credentials, and since when all of them exist."""
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
    """Return why a credential is not ours to change or to delete.

    Args:
        credential: a credential that exists.
        observed: the branch.
        config: the configuration of all branch environments.

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
    """Return the credentials that the environment needs on the identities of the new assignment."""
    chosen = present(plan_input.states.get(IDENTITY))
    return _credentials(plan_input, chosen.identities if isinstance(chosen, Given) else {})


def _noted(plan_input: PlanInput) -> tuple[Credential, ...]:
    """Return the credentials that the environment needs on the identities that its record names."""
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
    """Return since when all credentials have been observed to exist; `None` if one is missing.

    If no settling time is configured, the recorded time is returned unchanged.
    """
    since = plan_input.observed.record.trusted_from
    if not plan_input.config.settle:
        return since
    return (since or plan_input.now) if complete else None


def _settling(since: datetime | None, plan_input: PlanInput) -> tuple[Wait, ...]:
    """Return the wait for new credentials to become effective.

    Entra accepts a new credential only after some seconds, and a pod that requests a token before that fails
    to sign in (https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations).
    """
    settle = plan_input.config.settle
    left = settle if since is None else since + settle - plan_input.now
    if left.total_seconds() <= 0:
        return ()
    seconds = f"{settle.total_seconds():.0f} s"
    why = f"Entra learns of a credential late: it is waited until each of its own has stood for {seconds}"
    return (Wait(why, "settling", left.total_seconds()),)


def _moved(record: Record, identities: Mapping[str, str]) -> tuple[str, ...]:
    """Return what people have to do if an environment has been assigned another identity than before."""
    had = record.identities
    return tuple(
        f"it acts as {ref} now, and not {had[pool]} any more: pods keep the client id that they were started "
        f"with, so restart those from before (kubectl -n {record.namespace} rollout restart …)"
        for pool, ref in identities.items()
        if had.get(pool, ref) != ref
    )
