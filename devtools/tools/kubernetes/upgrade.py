"""`python -m devtools.tools.kubernetes.upgrade v1.37.0`: pin another Kubernetes for `make test-cluster`.

Kubernetes' own `go.mod` replaces its libraries by folders beside it, and such replacements do not travel with
the module. So each is repeated here, with the version that the library was published under.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

_MODULE = "k8s.io/kubernetes"


def upgrade(version: str, *, folder: Path) -> None:
    """Rewrite `go.mod` and `go.sum` for another version of Kubernetes.

    Args:
        version: The version of Kubernetes, such as `v1.37.0`.
        folder: The folder of the two files.

    Raises:
        ValueError: The version is not that of a release.
        subprocess.CalledProcessError: Go did not find the version or a dependency; Go has printed why.
    """
    release = re.fullmatch(r"v1\.(\d+\.\d+)", version)
    if release is None:
        raise ValueError(f"{version} is no release of Kubernetes: they look like v1.37.0")
    theirs = json.loads(_go("mod", "download", "-json", f"{_MODULE}@{version}", folder=folder))["GoMod"]
    libraries = re.findall(r"^\t(\S+) => \./staging/", Path(theirs).read_text(), re.MULTILINE)

    ours = folder / "go.mod"
    before = ours.read_text()
    kept = re.sub(rf"{_MODULE} v\S+", f"{_MODULE} {version}", before.partition("replace (\n")[0])
    replaced = [f"\t{library} => {library} v0.{release[1]}\n" for library in libraries]
    ours.write_text(f"{kept}replace (\n{''.join(replaced)})\n")
    try:
        _go("mod", "tidy", folder=folder)
    except subprocess.CalledProcessError:
        ours.write_text(before)
        raise


def _go(*arguments: str, folder: Path) -> str:
    return subprocess.run(
        ["go", *arguments], cwd=folder, stdout=subprocess.PIPE, text=True, check=True
    ).stdout


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("which version? As in: python -m devtools.tools.kubernetes.upgrade v1.37.0")
    try:
        upgrade(sys.argv[1], folder=Path(__file__).parent)
    except (ValueError, OSError, subprocess.CalledProcessError) as problem:
        sys.exit(f"not upgraded: {problem}")
