"""Readers that ask once in a run for what does not change during one.

The default branch and the client ID of an identity are facts that people change by hand, once in a while. A
run lasts seconds, and each run asks anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from coppice.components.federated_identity import Credential, Identity, IdentityReader
from coppice.components.observed import BranchReader, Readers


def read_once(readers: Readers) -> Readers:
    """Return readers for one run. A read that failed is tried again.

    Args:
        readers: the readers of outside systems.
    """
    return replace(readers, branches=_Branches(readers.branches), identities=_Identities(readers.identities))


@dataclass
class _Branches:
    inner: BranchReader
    _default: list[str] = field(default_factory=list)
    _looked: bool = False

    def default_branch(self) -> str:
        if not self._default:
            self._default.append(self.inner.default_branch())
        return self._default[0]

    def head(self, branch: str) -> str | None:
        again, self._looked = self._looked, True
        found = self.inner.head(branch)
        if found is None and again:
            # An absent branch counts only if the repository can be read now, and not if it could be before.
            self.inner.default_branch()
        return found

    def heads(self) -> Mapping[str, str]:
        return self.inner.heads()


@dataclass
class _Identities:
    inner: IdentityReader
    _client_ids: dict[str, str] = field(default_factory=dict)

    def client_id(self, ref: str) -> str:
        if ref not in self._client_ids:
            self._client_ids[ref] = self.inner.client_id(ref)
        return self._client_ids[ref]

    def identity(self, ref: str) -> Identity:
        return self.inner.identity(ref)

    def credentials(self, ref: str) -> tuple[Credential, ...] | None:
        return self.inner.credentials(ref)

    def issuer(self) -> str:
        return self.inner.issuer()
