"""host.json and what docs/reference/host-json.md says of it are the same, and fit the program."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from devtools.demo.world import SAMPLE
from devtools.host.options import host_options
from devtools.host.settings import read_values

ROOT = Path(__file__).parents[3]
HOST_JSON = json.loads((ROOT / "host.json").read_text())
PAGE = (ROOT / "docs" / "reference" / "host-json.md").read_text()


def settings(section: Mapping[str, object], path: str = "") -> Iterator[tuple[str, str]]:
    """Every setting with its value, as `path.to.it`."""
    for name, value in section.items():
        if isinstance(value, Mapping):
            yield from settings(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value if isinstance(value, str) else json.dumps(value)


def test_each_setting_of_host_json_is_explained_with_its_value_and_no_other() -> None:
    explained = re.findall(r"^\| `([^`]+)` \| `([^`]+)` \| \S", PAGE, flags=re.MULTILINE)
    assert explained == list(settings(HOST_JSON))


def test_the_local_host_follows_it() -> None:
    options = host_options(HOST_JSON)
    assert (options.batch_size, options.new_batch_threshold) == (2, 14)
    assert options.function_timeout == 600


def test_no_more_messages_are_taken_than_a_worker_has_threads() -> None:
    options = host_options(HOST_JSON)
    threads = int(read_values(SAMPLE)["PYTHON_THREADPOOL_THREAD_COUNT"])
    assert options.batch_size + options.new_batch_threshold == threads
    assert f"`PYTHON_THREADPOOL_THREAD_COUNT`, `{threads}`" in PAGE
