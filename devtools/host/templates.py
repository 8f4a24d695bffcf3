"""Route templates: which path belongs to which function, and what its parameters are.

The real host decodes the whole path before it looks for a route, so that `%2F` separates like `/`:
https://github.com/Azure/azure-functions-host/issues/9290.
"""

import re
from dataclasses import dataclass

_PARAMETER = re.compile(r"\{(\*?)(\w+)\}")


@dataclass(frozen=True, kw_only=True)
class Template:
    """A parsed route template."""

    pattern: re.Pattern[str]
    names: tuple[str, ...]

    def match(self, path: str) -> dict[str, str] | None:
        """Match a path against the template.

        Args:
            path: the decoded path below the route prefix.

        Returns:
            The route parameters, or None if the path does not match. A catch-all that matches nothing is left
            out.
        """
        found = self.pattern.fullmatch(path)
        if found is None:
            return None
        return {name: value for name, value in zip(self.names, found.groups(), strict=True) if value}


def template(route: str) -> Template:
    """Parse a route: literals, `{name}` for one segment, and a last `{*name}` for all remaining segments.

    Args:
        route: the route in the function's decorator.

    Returns:
        The template; literals match case-insensitively, as in ASP.NET.

    Raises:
        ValueError: the route uses other syntax.
    """
    names: list[str] = []
    pattern = ""
    segments = route.strip("/").split("/")
    for position, segment in enumerate(segments):
        parameter = _PARAMETER.fullmatch(segment)
        slash = "/" if position else ""
        if parameter is None:
            if "{" in segment or "}" in segment:
                raise ValueError(f"this host does not know {segment!r} in the route {route!r}")
            pattern += slash + re.escape(segment)
        elif not parameter[1]:
            names.append(parameter[2])
            pattern += slash + "([^/]+)"
        elif segment is segments[-1]:
            names.append(parameter[2])
            pattern += f"(?:{slash}(.*))?"
        else:
            raise ValueError(f"a catch-all has to come last in the route {route!r}")
    if not _is_catch_all(segments[-1]):
        pattern += "/?"
    return Template(pattern=re.compile(pattern, re.IGNORECASE | re.DOTALL), names=tuple(names))


def _is_catch_all(segment: str) -> bool:
    return segment.startswith("{*")
