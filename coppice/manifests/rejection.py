"""The reasons why a branch's manifests are refused.

A refusal is data, so that all refusals can be reported at once. Otherwise an author would have to push once
for each of them.
"""

from dataclasses import dataclass

_MAX_LISTED = 10


@dataclass(frozen=True)
class Refusal:
    """One reason not to apply a branch's manifests.

    Attributes:
        object: the subject: a file (`manifests/base/web.yaml`) or an object (`apps/Deployment web`).
        reason: what is wrong with it, and what to do instead if that is not obvious.
    """

    object: str
    reason: str

    def __str__(self) -> str:
        return f"{self.object}: {self.reason}"


class Rejection(Exception):
    """The manifests of a branch are refused; none of them has been applied.

    Attributes:
        refusals: every reason found; never empty.
    """

    def __init__(self, refusals: tuple[Refusal, ...]) -> None:
        self.refusals = refusals
        listed = "; ".join(str(refusal) for refusal in refusals[:_MAX_LISTED])
        more = f"; and {len(refusals) - _MAX_LISTED} more" if len(refusals) > _MAX_LISTED else ""
        super().__init__(listed + more)
