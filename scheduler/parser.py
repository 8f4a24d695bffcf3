"""The YAML 1.2 parser of the scheduler. It accepts tabs as separators where kustomize does."""

from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scanner import Scanner


def parser() -> YAML:
    """Make a parser. Each text needs one of its own."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Scanner = _Scanner
    return yaml


class _Scanner(Scanner):
    """Accepts tabs, which ruamel's own scanner forbids.

    The specification allows them everywhere but in indentation:
    https://yaml.org/spec/1.2.2/#62-separation-spaces. The rule here is that of libyaml
    (`yaml_parser_scan_to_next_token`), whose port to Go kustomize uses.
    """

    def scan_to_next_token(self) -> None:
        super().scan_to_next_token()
        while self.reader.peek() == "\t" and (self.flow_level or not self.allow_simple_key):
            while self.reader.peek() in " \t":
                self.reader.forward()
            super().scan_to_next_token()

    def scan_plain_spaces(self, indent: Any, start_mark: Any) -> Any:
        length = 0
        while self.reader.peek(length) in " \t":
            length += 1
        blanks = self.reader.prefix(length)
        if "\t" not in blanks:
            return super().scan_plain_spaces(indent, start_mark)
        self.reader.forward(length)
        ends_line = self.reader.peek() in "\r\n\x85\u2028\u2029"
        return super().scan_plain_spaces(indent, start_mark) if ends_line else [blanks]
