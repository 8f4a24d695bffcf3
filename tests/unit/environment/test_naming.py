import re
import subprocess
from collections import defaultdict
from dataclasses import replace

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from coppice.environment.naming import Name, Prefixes, credential_name, longest_slug, name, subject, twin

PREFIXES = Prefixes(namespace="feature-", credential="coppice-", database="feature_")
DOMAIN = "dev.example.com"

LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
CREDENTIAL = r"[a-zA-Z0-9]{1}[a-zA-Z0-9-_]{2,119}"


def git_accepts(branch: str) -> bool:
    """The rules of `git check-ref-format --branch`, for names that a file system takes."""
    return (
        1 <= len(branch.encode()) <= 250
        and branch != "HEAD"
        and not branch.startswith("-")
        and not branch.endswith(".")
        and not re.search(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{", branch)
        and all(
            part and not part.startswith(".") and not part.endswith(".lock") for part in branch.split("/")
        )
    )


# Few letters, so that names meet; among them look-alikes, and what lower-cases to ASCII or to two characters.
LETTERS = st.sampled_from("abfx019-_./@{}\";$'()=,XKFİKéаß🌲")  # noqa: RUF001 - that is the point
WORDS = st.sampled_from(
    ["feature", "feature-", "feature/", "Feature", "x", "new-login", "0123456789", "-", "/"]
)
BRANCHES = st.one_of(
    st.lists(WORDS | LETTERS, min_size=1, max_size=12).map("".join),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60),
    st.integers(min_value=1, max_value=250).map(lambda length: ("feature/long-" + "ab1-" * 63)[:length]),
).filter(git_accepts)
LABELS = st.text("abf019-", min_size=1, max_size=63).filter(re.compile(LABEL).fullmatch)
# Also some that the settings refuse: nothing here may hang on a trailing hyphen.
PREFIX_SETS = st.sampled_from(
    [
        PREFIXES,
        Prefixes(namespace="f", credential="c-", database="f"),
        Prefixes(namespace="a-b", credential="Team_", database="_"),
        Prefixes(namespace="0123456789-", credential="0123456789-", database="x_0123456789_"),
        Prefixes(namespace="a" * 31 + "-", credential="c" * 41, database="d" * 31),
    ]
)
ACCOUNTS = ["postgres", "postgres-service-account", "a.b", "a-b", "0123456789", "a." * 120 + "end"]


def named(branch: str, prefixes: Prefixes = PREFIXES) -> Name:
    return name(branch, prefixes=prefixes, base_domain=DOMAIN)


def relatives(branch: str, prefixes: Prefixes) -> set[str]:
    """Other branches that someone would push to make two environments meet."""
    own = named(branch, prefixes)
    ending = own.slug[-10:]
    several = [credential_name(own.slug, account, prefix="", sole=False) for account in ACCOUNTS]
    return {
        own.slug,
        own.namespace,
        own.database,
        own.hosts[0],
        ending,
        f"{branch}-{ending}",
        f"{branch}-0123456789",
        f"{own.slug}-{ending}",
        f"{own.slug}/{ACCOUNTS[0]}",
        prefixes.namespace + branch,
        prefixes.folder + branch,
        prefixes.folder.upper() + branch,
        prefixes.folder[:-1].upper(),
        branch.removeprefix(prefixes.folder),
        branch.upper(),
        branch.lower(),
        branch.swapcase(),
        branch.replace("/", "-"),
        branch.replace("-", "/"),
        branch.replace("-", "_"),
        branch.replace("a", "а").replace("x", "х"),  # Cyrillic  # noqa: RUF001 - that is the point
        branch + "é",
        branch[:-1],
        branch + "-" * 100,
        *several,
    }


def family(branch: str, prefixes: Prefixes) -> set[str]:
    children = {child for child in relatives(branch, prefixes) if git_accepts(child)}
    grandchildren = {far for child in children for far in relatives(child, prefixes) if git_accepts(far)}
    return {branch} | children | grandchildren


@pytest.mark.parametrize(
    ("branch", "slug"),
    [
        ("ex-c4-e6", "ex-c4-e6"),
        ("feature/new-login", "new-login"),
        ("feature", "feature"),
        ("7", "7"),
        ("New-Login", "new-login-b2ae999c2c"),
        ("fix/auth-2", "fix-auth-2-312668ca46"),
        ("feature/feature/x", "feature-x-2adde46b19"),
        ("feature-x", "feature-x-c791eb83a2"),
        ("feature/feature-x", "feature-x-ebd4bfbceb"),
        ("0123456789", "0123456789-84d89877f0"),
        ("x-0123456789", "x-0123456789-a3fc88ed89"),
        ('x";drop-database;--', "x-drop-database-39b2bd11f8"),
        ("é", "branch-4a99557e40"),
        ("a" * 60, "a" * 44 + "-11ee391211"),
        ("a" * 43 + "-" + "b" * 20, "a" * 43 + "-f10d15a71c"),
    ],
)
def test_the_names_of_standing_environments_do_not_change_with_a_release(branch: str, slug: str) -> None:
    assert named(branch).slug == slug


def test_a_branch_of_the_feature_folder_lives_in_the_namespace_of_the_same_name() -> None:
    assert named("feature/new-login") == Name(
        branch="feature/new-login",
        slug="new-login",
        namespace="feature-new-login",
        database="feature_new_login",
        hosts=("feature-new-login.dev.example.com", "new-login.dev.example.com"),
    )


@given(branch=BRANCHES, prefixes=PREFIX_SETS)
def test_every_name_is_one_that_its_system_takes(branch: str, prefixes: Prefixes) -> None:
    own = named(branch, prefixes)

    assert re.fullmatch(LABEL, own.slug)
    assert re.fullmatch(LABEL, own.namespace)
    assert re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", own.database)
    for host in own.hosts:
        assert len(host) <= 253
        assert all(re.fullmatch(LABEL, label) for label in host.split("."))
    for account in ACCOUNTS:
        assert len(subject(own.namespace, account)) <= 600
        for sole in (True, False):
            assert re.fullmatch(
                CREDENTIAL, credential_name(own.slug, account, prefix=prefixes.credential, sole=sole)
            )


@settings(max_examples=60, deadline=None)
@given(seeds=st.sets(BRANCHES, min_size=1, max_size=2), prefixes=PREFIX_SETS)
@example(
    seeds={"Feature"}, prefixes=PREFIXES
)  # its slug was the namespace of a branch of ten hexadecimal digits
@example(seeds={"x", "feature/x"}, prefixes=PREFIXES)
def test_no_two_branches_share_a_name_but_for_the_documented_pair(
    seeds: set[str], prefixes: Prefixes
) -> None:
    branches = set().union(*(family(seed, prefixes) for seed in seeds))
    owners: dict[str, set[str]] = defaultdict(set)
    for branch in branches:
        own = named(branch, prefixes)
        for value in (f"slug {own.slug}", f"namespace {own.namespace}", f"database {own.database}"):
            owners[value].add(branch)
        for host in own.hosts:
            owners[f"host {host}"].add(branch)
        owners[f"credential {credential_name(own.slug, 'one', prefix='c-', sole=True)}"].add(branch)
        for account in ACCOUNTS:
            owners[f"credential {credential_name(own.slug, account, prefix='c-', sole=False)}"].add(branch)

    for value, sharing in owners.items():
        if len(sharing) > 1:
            inner, outer = sorted(sharing, key=len)
            assert outer == prefixes.folder + inner, f"{value} belongs to {sharing}"
            assert twin(named(inner, prefixes), prefixes=prefixes) == outer
            assert twin(named(outer, prefixes), prefixes=prefixes) == inner


@given(branch=BRANCHES, prefixes=PREFIX_SETS)
def test_a_twin_is_named_exactly_when_it_shares_every_name(branch: str, prefixes: Prefixes) -> None:
    own = named(branch, prefixes)
    other = twin(own, prefixes=prefixes)
    others = {prefixes.folder + branch, branch.removeprefix(prefixes.folder)} - {branch}

    assert {each for each in others if named(each, prefixes).slug == own.slug} == (
        {other} if other else set()
    )
    if other is not None:
        assert replace(named(other, prefixes), branch=branch) == own


@given(label=LABELS, prefixes=PREFIX_SETS)
def test_a_valid_label_that_cannot_be_mistaken_keeps_its_name(label: str, prefixes: Prefixes) -> None:
    assume(not label.startswith(prefixes.namespace))
    assume(not re.search(r"-[0-9a-f]{10}$", prefixes.namespace + label))
    assume(len(label) <= longest_slug(prefixes, base_domain=DOMAIN))

    assert named(label, prefixes).slug == label


@given(
    slug=st.sampled_from(["a", "a-b", "x-0123456789"]),
    accounts=st.sets(st.text("ab.-", min_size=1), min_size=2, max_size=5),
)
def test_each_service_account_of_a_branch_has_a_credential_of_its_own(slug: str, accounts: set[str]) -> None:
    assert len({credential_name(slug, each, prefix="coppice-", sole=False) for each in accounts}) == len(
        accounts
    )


def test_accounts_that_differ_where_the_name_is_cut_or_replaced_have_credentials_of_their_own() -> None:
    accounts = ["a.b", "a-b", "x" * 200 + "a", "x" * 200 + "b"]

    assert len({credential_name("s", each, prefix="coppice-", sole=False) for each in accounts}) == 4


def test_the_subject_is_the_one_that_kubernetes_writes_into_a_token() -> None:
    assert subject("feature-new-login", "postgres") == "system:serviceaccount:feature-new-login:postgres"


@pytest.mark.parametrize(
    ("prefixes", "domain", "setting"),
    [
        (replace(PREFIXES, namespace="n" * 50 + "-"), DOMAIN, "NAMESPACE_PREFIX"),
        (replace(PREFIXES, credential="c" * 101), DOMAIN, "CREDENTIAL_PREFIX"),
        (replace(PREFIXES, database="d" * 44), DOMAIN, "DATABASE_PREFIX"),
        (PREFIXES, "example." * 29 + "com", "BASE_DOMAIN"),
    ],
)
def test_a_setting_that_leaves_no_room_for_a_slug_is_named(
    prefixes: Prefixes, domain: str, setting: str
) -> None:
    with pytest.raises(ValueError, match=f"^{setting} leaves"):
        name("x", prefixes=prefixes, base_domain=domain)


def test_a_long_domain_shortens_the_slug_rather_than_break_the_host() -> None:
    own = name("a" * 60, prefixes=PREFIXES, base_domain="example." * 26 + "com")

    assert len(own.hosts[0]) == 253


@settings(max_examples=60, deadline=None)
@given(
    branch=BRANCHES
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8)
)
@example(branch="HEAD")
@example(branch="-x")
@example(branch="a.lock/b")
@example(branch="a/.b")
@example(branch="a//b")
@example(branch="a@{b")
@example(branch="@")
@example(branch='x";drop-database;--')
@example(branch="b" * 250)
def test_the_names_tried_here_are_those_that_git_accepts(branch: str) -> None:
    git = subprocess.run(["git", "check-ref-format", "--branch", branch], capture_output=True, check=False)

    assert git_accepts(branch) == (git.returncode == 0), git.stderr
