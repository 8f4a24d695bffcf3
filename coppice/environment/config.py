"""The settings that decide about branches, as plain dataclasses. The core does not know the settings
classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from coppice.environment.key import Key
from coppice.environment.naming import Name, Prefixes, name


@dataclass(frozen=True, kw_only=True)
class DatabaseConfig:
    """The server of the branch databases, and what each database is like.

    Attributes:
        host: the host of the server, as environments reach it; from setting `POSTGRES_SERVER_URL`.
        port: the port of the server; from the same setting.
        template: the database that each branch database is a copy of; empty if they start empty. Setting
            `DATABASE_TEMPLATE`.
        secret: the Secret through which the login is delivered; setting `DATABASE_SECRET`.
        connections: the maximum number of connections to one database; setting `DATABASE_CONNECTIONS`.
    """

    host: str
    port: int
    template: str
    secret: str
    connections: int


@dataclass(frozen=True, kw_only=True)
class EnvironmentConfig:
    """Which branches get environments, how these are named, and what they get.

    Attributes:
        repository: `owner/name`; setting `GITHUB_REPOSITORY`.
        former: the former names of the repository; setting `FORMER_REPOSITORIES`.
        include: globs of branches that get environments; setting `BRANCHES_INCLUDE`.
        exclude: globs of branches that get none; setting `BRANCHES_EXCLUDE`.
        prefixes: the part before the slug in each kind of name.
        base_domain: the part after the slug in a host; setting `BASE_DOMAIN`.
        protected: globs of namespaces that are never changed; setting `PROTECTED_NAMESPACES`.
        labels: additional labels of an environment's namespace; setting `NAMESPACE_LABELS`.
        accounts: service account → the pool of its identity, `""` for the unnamed pool; setting
            `SERVICE_ACCOUNTS`.
        pools: pool → its identities, as `resourceGroup/identityName`; setting `WORKLOAD_IDENTITIES`.
        most: the maximum number of environments; setting `MAX_ENVIRONMENTS`.
        reapply_after: after how long an applied overlay is applied again; setting `REAPPLY_HOURS`.
        tenant: the Entra tenant of the identities; setting `AZURE_TENANT_ID`.
        settle: how long a credential must have existed before pods that sign in with it start; setting
            `CREDENTIAL_SETTLE_SECONDS`.
        databases: the server of the branch databases; `None` if branches get none.
        digest: the digest of all settings that are declared to affect how an overlay is rendered and judged.
            It is stored with each overlay that was applied or refused.
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
        """Return the key of a branch of the configured repository.

        Args:
            branch: the full branch name.

        Returns:
            The key.
        """
        return Key(repository=self.repository, branch=branch)

    def known(self, key: Key) -> Key:
        """Return a key with the present name of the repository.

        Args:
            key: a key with any name of a repository.

        Returns:
            The key with the present name, if it names the repository in other letter case or by a former
            name. Any other key is returned unchanged.
        """
        names = {each.lower() for each in (self.repository, *self.former)}
        if key.repository == self.repository or key.repository.lower() not in names:
            return key
        return Key(repository=self.repository, branch=key.branch, former=key.repository)

    def name(self, branch: str) -> Name:
        """Return all names of a branch's environment.

        Args:
            branch: the full branch name.

        Returns:
            The names.
        """
        return name(branch, prefixes=self.prefixes, base_domain=self.base_domain)
