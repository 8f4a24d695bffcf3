"""What the settings say about branches, in the words of this room, which knows no settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from coppice.environment.key import Key
from coppice.environment.naming import Name, Prefixes, name


@dataclass(frozen=True, kw_only=True)
class DatabaseConfig:
    """The server of the branches' databases, and what each of them is like.

    Attributes:
        host: the server, as environments reach it; of setting `POSTGRES_SERVER_URL`.
        port: its port; of the same.
        template: the database that each is a copy of, empty for an empty one; setting `DATABASE_TEMPLATE`.
        secret: the Secret that the login is delivered in; setting `DATABASE_SECRET`.
        connections: the most connections to one database; setting `DATABASE_CONNECTIONS`.
    """

    host: str
    port: int
    template: str
    secret: str
    connections: int


@dataclass(frozen=True, kw_only=True)
class EnvironmentConfig:
    """Which branches get environments, what these are called, and what they are given.

    Attributes:
        repository: `owner/name`; setting `GITHUB_REPOSITORY`.
        former: what it was called before; setting `FORMER_REPOSITORIES`.
        include: globs of branches that get environments; setting `BRANCHES_INCLUDE`.
        exclude: globs of branches that do not; setting `BRANCHES_EXCLUDE`.
        prefixes: what stands before the slug in each name.
        base_domain: what stands after it in a host; setting `BASE_DOMAIN`.
        protected: globs of namespaces that are never touched; setting `PROTECTED_NAMESPACES`.
        labels: further labels of an environment's namespace; setting `NAMESPACE_LABELS`.
        accounts: service account → the pool of its identity, `""` for the unnamed one; setting
            `SERVICE_ACCOUNTS`.
        pools: pool → its identities, `resourceGroup/identityName`; setting `WORKLOAD_IDENTITIES`.
        most: the most environments at once; setting `MAX_ENVIRONMENTS`.
        reapply_after: how long an applied overlay is trusted to stand as it was applied; setting
            `REAPPLY_HOURS`.
        tenant: the Entra tenant of the identities; setting `AZURE_TENANT_ID`.
        settle: how long a credential has to have stood before pods start that sign in with it; setting
            `CREDENTIAL_SETTLE_SECONDS`.
        databases: the server of the branches' databases; `None` if they get none.
        digest: of all settings that are declared to decide how an overlay is rendered and judged. It is
            written down with each overlay that was applied or refused.
    """

    repository: str
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    prefixes: Prefixes
    base_domain: str
    protected: tuple[str, ...]
    labels: Mapping[str, str]
    accounts: Mapping[str, str]
    pools: Mapping[str, tuple[str, ...]]
    most: int
    reapply_after: timedelta
    digest: str
    tenant: str = ""
    settle: timedelta = timedelta(0)
    databases: DatabaseConfig | None = None
    former: tuple[str, ...] = ()

    def key(self, branch: str) -> Key:
        """The key of a branch of our repository."""
        return Key(repository=self.repository, branch=branch)

    def known(self, key: Key) -> Key:
        """A key under the repository's present name, if it bears that in other letters, or a former one."""
        names = {each.lower() for each in (self.repository, *self.former)}
        if key.repository == self.repository or key.repository.lower() not in names:
            return key
        return Key(repository=self.repository, branch=key.branch, former=key.repository)

    def name(self, branch: str) -> Name:
        """Every name that the branch's environment bears."""
        return name(branch, prefixes=self.prefixes, base_domain=self.base_domain)
