"""`python -m devtools.tools.fields`: compare the admission tables with the schemas, and write them."""

from devtools.tools.fields.sources import SOURCES
from devtools.tools.fields.tables import FOLDER, UNJUDGED, decided, read, write


def main() -> None:
    """Write every table, and report the fields that must be judged."""
    for name, (make, source) in SOURCES.items():
        file = FOLDER / name
        before = read(file.read_text() if file.exists() else "")
        table = decided(make(), before)
        file.write_text(write(table, source))
        for definition, fields in table.refused.items():
            for field in [each for each, reason in fields.items() if reason == UNJUDGED]:
                print(f"{file.name}: {definition}.{field} is {UNJUDGED}")


if __name__ == "__main__":
    main()
