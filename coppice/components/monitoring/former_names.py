"""Translates former names of the repository in the shared monitoring.

The marks of parts are read under the repository's present name. Every mark that is written has this name.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from coppice.components.monitoring.marks import renamed
from coppice.components.monitoring.shared import Shared, SharedConfig, SharedReader, SharedWriter
from coppice.environment.config import EnvironmentConfig
from coppice.environment.references import SharedName


@dataclass(frozen=True)
class PresentReader:
    """Reads the two ConfigMaps, with the repository's present name in all marks.

    Args:
        inner: reads the ConfigMaps.
        config: the configuration, which knows the repository's present and former names.
    """

    inner: SharedReader
    config: EnvironmentConfig

    def read(self, names: Collection[SharedName] = tuple(SharedName)) -> Shared:
        """Read ConfigMaps. The next write to one has the present name in each of our marks.

        Args:
            names: the ConfigMaps to read.
        """
        found = self.inner.read(names)
        return Shared(jobs=self._known(found.jobs), settings=self._known(found.settings))

    def _known(self, config: SharedConfig | None) -> SharedConfig | None:
        return config and _present(config, self.config)


@dataclass(frozen=True)
class PresentMarks:
    """Edits the two ConfigMaps, with the repository's present name in all marks.

    Args:
        inner: edits the ConfigMaps.
        config: the configuration, which knows the repository's present and former names.
    """

    inner: SharedWriter
    config: EnvironmentConfig

    def edit(self, name: SharedName, change: Callable[[SharedConfig], SharedConfig]) -> None:
        """Edit a ConfigMap. What is written has the present name in each of our marks.

        Args:
            name: the ConfigMap.
            change: returns the edited ConfigMap.
        """
        self.inner.edit(name, lambda config: change(_present(config, self.config)))


def _present(document: SharedConfig, config: EnvironmentConfig) -> SharedConfig:
    return replace(
        document, data={entry: renamed(text, config.known) for entry, text in document.data.items()}
    )
