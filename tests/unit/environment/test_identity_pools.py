from collections.abc import Iterable, Mapping
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from coppice.components.federated_identity import MOST_CREDENTIALS, Credential
from coppice.components.identity_pools import NoRoom, assign, candidates
from coppice.components.observed import Listed
from coppice.environment.config import EnvironmentConfig
from coppice.environment.records import Record
from coppice.reconciler.errors import Forbidden
from coppice.reconciler.observation import Absent, Present, Reading, Unknown
from tests.support.builders import credential_of, record_of
from tests.support.config import CONFIG

FIRST, SECOND = "rg/id-0", "rg/id-1"
TWO_ACCOUNTS = replace(CONFIG, accounts={"api": "", "jobs": ""})


def own(account: str, identity: str = FIRST) -> Credential:
    """The credential of one of two accounts of branch `x`."""
    return credential_of(
        "x",
        identity=identity,
        name=f"coppice-x-{account}",
        subject=f"system:serviceaccount:feature-x:{account}",
    )


def foreign(identity: str, places: int) -> tuple[Credential, ...]:
    """So many credentials of somebody else."""
    return tuple(
        credential_of("x", identity=identity, name=f"ci-{number}", subject=f"ci-{number}")
        for number in range(places)
    )


def chosen(
    *there: Credential,
    record: Record | None = None,
    foreign_places: Mapping[str, int] | None = None,
    instead: Listed | None = None,
    others: Iterable[Record] = (),
    config: EnvironmentConfig = CONFIG,
) -> Mapping[str, str] | NoRoom:
    """The identities that branch `x` is given."""
    places = foreign_places or {}
    listed: dict[str, Reading[tuple[Credential, ...]]] = {
        ref: Present((*foreign(ref, places.get(ref, 0)), *(each for each in there if each.identity == ref)))
        for ref in (FIRST, SECOND)
    }
    listed.update(instead or {})
    return assign(record, there, listed=listed, others=others, name=config.name("x"), config=config)


def promised(identity: str, number: int) -> Record:
    """The record of another branch, whose credential has not been made yet."""
    record = record_of(f"other-{number}")
    [ref] = record.credentials
    return replace(record, identities={"": identity}, credentials=(replace(ref, identity=identity),))


def test_the_one_with_the_most_room_is_chosen() -> None:
    assert chosen(foreign_places={FIRST: 3, SECOND: 2}) == {"": SECOND}


def test_a_place_that_another_record_names_is_taken() -> None:
    assert chosen(others=[promised(FIRST, 1)]) == {"": SECOND}


def test_a_promised_place_whose_credential_stands_counts_once() -> None:
    other = promised(FIRST, 1)
    [ref] = other.credentials
    stands = credential_of("x", identity=FIRST, name=ref.name, subject="system:serviceaccount:other:a")
    listed = {FIRST: Present((stands,)), SECOND: Present(foreign(SECOND, 1))}
    assert assign(None, (), listed=listed, others=[other], name=CONFIG.name("x"), config=CONFIG) == {
        "": FIRST
    }


def test_a_place_that_a_record_has_left_for_another_identity_is_free() -> None:
    other = promised(FIRST, 1)
    assert chosen(others=[replace(other, identities={"": SECOND})]) == {"": FIRST}


def test_who_was_promised_a_place_that_is_free_takes_it_whoever_else_was() -> None:
    record = record_of("x")
    last = {FIRST: MOST_CREDENTIALS - 1, SECOND: MOST_CREDENTIALS}
    assert chosen(record=record, foreign_places=last, others=[promised(FIRST, 1)]) == {"": FIRST}
    assert isinstance(chosen(foreign_places=last, others=[promised(FIRST, 1)]), NoRoom)


def test_branches_that_come_at_the_same_time_spread_over_identities_of_equal_room() -> None:
    listed: Listed = {FIRST: Present(()), SECOND: Present(())}
    found = [
        assign(None, (), listed=listed, others=(), name=CONFIG.name(f"b-{number}"), config=CONFIG)
        for number in range(20)
    ]
    assert {"": FIRST} in found
    assert {"": SECOND} in found


def test_the_identity_on_record_stays_whatever_room_others_have() -> None:
    assert chosen(record=record_of("x"), foreign_places={FIRST: 19}) == {"": FIRST}


def test_one_that_is_full_keeps_those_whose_credential_it_holds() -> None:
    stands = credential_of("x")
    full = {FIRST: MOST_CREDENTIALS - 1}
    assert chosen(stands, record=record_of("x"), foreign_places=full) == {"": FIRST}


def test_one_for_another_audience_is_corrected_in_the_place_that_it_has() -> None:
    stands = credential_of("x", audiences=("api://other",))
    full = {FIRST: MOST_CREDENTIALS - 1}
    assert chosen(stands, record=record_of("x"), foreign_places=full) == {"": FIRST}


def test_one_that_holds_one_of_two_credentials_and_is_full_is_left() -> None:
    record = record_of("x", credentials=())
    full = {FIRST: MOST_CREDENTIALS - 1}
    assert chosen(own("api"), record=record, foreign_places=full, config=TWO_ACCOUNTS) == {"": SECOND}


def test_one_that_holds_one_of_two_credentials_and_has_room_for_the_other_stays() -> None:
    record = record_of("x", credentials=())
    room = {FIRST: MOST_CREDENTIALS - 2}
    assert chosen(own("api"), record=record, foreign_places=room, config=TWO_ACCOUNTS) == {"": FIRST}


def test_after_a_record_was_lost_the_one_that_holds_the_credential_is_chosen() -> None:
    assert chosen(credential_of("x", identity=SECOND), foreign_places={SECOND: 10}) == {"": SECOND}


def test_none_left_says_the_numbers() -> None:
    assert str(chosen(foreign_places={FIRST: 20, SECOND: 19}, config=TWO_ACCOUNTS)) == (
        "no identity of WORKLOAD_IDENTITIES has room for 2 more credentials "
        "(rg/id-0 has 0 left; rg/id-1 has 1 left). Add one"
    )


def test_one_that_is_gone_has_no_room_however_empty_it_looks() -> None:
    assert chosen(instead={FIRST: Absent()}, foreign_places={SECOND: 19}) == {"": SECOND}


def test_an_environment_on_one_that_is_gone_is_given_another() -> None:
    assert chosen(record=record_of("x"), instead={FIRST: Absent()}) == {"": SECOND}


def test_one_that_was_not_read_is_given_to_nobody_and_kept_by_those_who_have_it() -> None:
    unread: Listed = {FIRST: Unknown(Forbidden("no role"))}
    assert chosen(instead=unread, foreign_places={SECOND: 19}) == {"": SECOND}
    assert chosen(record=record_of("x"), instead=unread) == {"": FIRST}


def test_none_left_says_which_are_gone_and_which_were_not_read() -> None:
    lost: Listed = {FIRST: Absent(), SECOND: Unknown(Forbidden("no role on it"))}
    assert str(chosen(instead=lost)) == (
        "no identity of WORKLOAD_IDENTITIES has room for 1 more credential (rg/id-0 does not exist: "
        "create it again, or take it out; rg/id-1 was not read: no role on it). Add one"
    )


def test_only_what_lacks_a_credential_asks_about_the_rest_of_its_pool() -> None:
    record, name = record_of("x"), CONFIG.name("x")
    assert list(candidates(record, [credential_of("x")], name, CONFIG)) == [FIRST]
    assert set(candidates(record, [], name, CONFIG)) == {FIRST, SECOND}
    assert set(candidates(None, [], name, CONFIG)) == {FIRST, SECOND}


@given(
    st.lists(st.integers(0, MOST_CREDENTIALS), min_size=2, max_size=6),
    st.integers(1, 130),
)
def test_records_alone_spread_any_number_of_branches_and_no_identity_is_promised_more_than_it_holds(
    foreign_places: list[int], branches: int
) -> None:
    pool = tuple(f"rg/id-{number}" for number in range(len(foreign_places)))
    config = replace(CONFIG, pools={"": pool})
    listed = {ref: Present(foreign(ref, places)) for ref, places in zip(pool, foreign_places, strict=True)}
    others: list[Record] = []
    for number in range(branches):
        name = config.name(f"other-{number}")
        found = assign(None, (), listed=listed, others=others, name=name, config=config)
        if not isinstance(found, NoRoom):
            others.append(promised(found[""], number))
    free = sum(MOST_CREDENTIALS - places for places in foreign_places)
    assert len(others) == min(branches, free)
    for ref, places in zip(pool, foreign_places, strict=True):
        assert sum(each.identities[""] == ref for each in others) <= MOST_CREDENTIALS - places
