"""`python -m devtools.demo`, or `make demo`: runs the demo and exits with its code."""

import importlib
import sys

if __name__ == "__main__":
    # The SDKs take a second or two to import. The first line does not wait for them.
    sys.stdout.write(
        "Coppice demo: a branch gets an environment and loses it again; dev and staging sleep for a night.\n"
        "Starting the emulators and the functions host. The whole demo takes about a minute.\n"
    )
    sys.stdout.flush()
    sys.exit(importlib.import_module("devtools.demo.run").main())
