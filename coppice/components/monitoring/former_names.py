"""The monitoring that all share, under the repository's present name: each mark that is written has that."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from coppice.components.monitoring.marks import renamed
from coppice.components.monitoring.shared import Shared, SharedConfig, SharedReader, SharedWriter
from coppice.environment.config import EnvironmentConfig
from coppice.environment.references import SharedName


@dataclass(frozen=True)
class PresentReader:
    """Reads the two ConfigMaps as they read under the repository's present name.

    Args:
        inner: what reads them.
        config: what the repository is called, and was.
    """

    inner: SharedReader
    config: EnvironmentConfig

    def read(self, names: Collection[SharedName] = tuple(SharedName)) -> Shared:
        """Those that are asked for. The next write to one has the present name in each mark of ours."""
        found = self.inner.read(names)
        return Shared(jobs=self._known(found.jobs), settings=self._known(found.settings))

    def _known(self, config: SharedConfig | None) -> SharedConfig | None:
        return config and _present(config, self.config)


@dataclass(frozen=True)
class PresentMarks:
    """Edits the two ConfigMaps as they read under the repository's present name.

    Args:
        inner: what edits them.
        config: what the repository is called, and was.
    """

    inner: SharedWriter
    config: EnvironmentConfig

    def edit(self, name: SharedName, change: Callable[[SharedConfig], SharedConfig]) -> None:
        """Edit one; what is written has the present name in each mark of ours."""
        self.inner.edit(name, lambda config: change(_present(config, self.config)))


def _present(document: SharedConfig, config: EnvironmentConfig) -> SharedConfig:
    return replace(
        document, data={entry: renamed(text, config.known) for entry, text in document.data.items()}
    )
