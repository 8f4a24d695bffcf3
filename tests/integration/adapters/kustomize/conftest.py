"""What builds overlays: the program that is shipped, and kustomize itself."""

import shutil
from pathlib import Path

import pytest

from adapters.kustomize.process import Program

BIN = Path(__file__).resolve().parents[4] / "bin"


@pytest.fixture(scope="session")
def overlay_builder() -> Program:
    """The program that is shipped."""
    program = BIN / "overlay-builder"
    if not program.exists():
        pytest.skip("bin/overlay-builder is missing: `make setup` builds it, if Go is to be had")
    return Program((str(program),), waits=True)


@pytest.fixture(scope="session")
def kustomize() -> Program:
    """kustomize itself, or kubectl with its own."""
    if found := shutil.which("kustomize", path=BIN) or shutil.which("kustomize"):
        return Program((found, "build"))
    if found := shutil.which("kubectl"):
        return Program((found, "kustomize"))
    pytest.skip("kustomize is missing: `make setup` builds it")
