"""The YAML 1.2 parser of this room, which takes tabs for blanks where kustomize does."""

from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scanner import Scanner


def parser() -> YAML:
    """Make a parser; one serves one text."""
    made = YAML(typ="safe", pure=True)
    made.Scanner = _Scanner
    return made


class _Scanner(Scanner):
    """ruamel's forbids tabs; the specification (https://yaml.org/spec/1.2.2/#62-separation-spaces) has them
    anywhere but in indentation. The rule here is libyaml's (`yaml_parser_scan_to_next_token`), and kustomize
    reads with its port to Go.
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
