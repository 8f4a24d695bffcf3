"""Route templates: which path belongs to which function, and what its parameters are.

The real host decodes the whole path before it looks for a route, so that `%2F` separates like `/`:
https://github.com/Azure/azure-functions-host/issues/9290.
"""

import re
from dataclasses import dataclass

_PARAMETER = re.compile(r"\{(\*?)(\w+)\}")


@dataclass(frozen=True, kw_only=True)
class Template:
    """A route template, ready to be matched."""

    pattern: re.Pattern[str]
    names: tuple[str, ...]

    def match(self, path: str) -> dict[str, str] | None:
        """Match a path.

        Args:
            path: the decoded path below the route prefix.

        Returns:
            The route parameters, or None. A catch-all that matched nothing is not among them.
        """
        found = self.pattern.fullmatch(path)
        if found is None:
            return None
        return {name: value for name, value in zip(self.names, found.groups(), strict=True) if value}


def template(route: str) -> Template:
    """Read a route: literals, `{name}` for one segment and a last `{*name}` for all the rest.

    Args:
        route: the route as the function's decorator says it.

    Returns:
        The template; literals match without regard to case, as in ASP.NET.

    Raises:
        ValueError: the route uses more than that.
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
