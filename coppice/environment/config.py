"""What the settings say about branches, in the words of this room, which knows no settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from coppice.environment.key import Key
from coppice.environment.naming import Name, Prefixes, name


@dataclass(frozen=True, kw_only=True)
class DatabaseConfig:
    """What the settings say about databases.

    Args:
        host: the server, as environments reach it.
        port: its port.
        template: the database that each is a copy of; empty for an empty one.
        secret: the Secret that the login is delivered in.
        connections: the most connections to one database.
    """

    host: str
    port: int
    template: str
    secret: str
    connections: int


@dataclass(frozen=True, kw_only=True)
class EnvironmentConfig:
    """The rules that decide about environments; `docs/settings.md` explains each.

    Args:
        repository: `owner/name`.
        former: what it was called before.
        include: globs of branches that get environments.
        exclude: globs of branches that do not.
        prefixes: what stands before the slug in each name.
        base_domain: what stands after it in a host.
        protected: globs of namespaces that are never touched.
        labels: further labels of an environment's namespace.
        accounts: service account → the pool of its identity (`""` is the unnamed one).
        pools: pool → its identities, `resourceGroup/identityName`.
        most: the most environments at once.
        reapply_after: how long an applied overlay is trusted to stand as it was applied.
        tenant: the Entra tenant of the identities.
        settle: how long a credential has to have stood before pods start that sign in with it.
        databases: the server of the branches' databases; `None` if they get none.
        digest: of all settings that decide how an overlay is rendered and judged.
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
