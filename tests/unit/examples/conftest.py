"""The example is built once for all its tests."""

import shutil

import pytest

from tests.unit.examples.built import BRANCH, EXAMPLE, PLACEHOLDERS, Overlays, build


@pytest.fixture(scope="session")
def overlays(tmp_path_factory: pytest.TempPathFactory) -> Overlays:
    """Every overlay's objects, for a branch as Coppice would build it."""
    tree = tmp_path_factory.mktemp("todo-app") / "manifests"
    shutil.copytree(EXAMPLE / "manifests", tree)
    for file in [path for name in BRANCH for path in (tree / "overlays" / name).iterdir()]:
        text = file.read_text()
        for placeholder, value in PLACEHOLDERS.items():
            text = text.replace(placeholder, value)
        file.write_text(text)
    return {folder.name: build(folder) for folder in [tree / "base", *(tree / "overlays").iterdir()]}
