"""What is wrong with a branch's manifests, said about one object at a time.

A refusal is data, so that all of them can be shown at once: whoever mends the first should not have to push
again to hear of the second.
"""

from dataclasses import dataclass

_SHOWN = 10


@dataclass(frozen=True)
class Refusal:
    """One reason not to apply a branch's manifests.

    Attributes:
        object: what it is about: a file (`manifests/base/web.yaml`) or an object (`apps/Deployment web`).
        reason: what is wrong with it, and what to do instead where that is not plain.
    """

    object: str
    reason: str

    def __str__(self) -> str:
        return f"{self.object}: {self.reason}"


class Rejection(Exception):
    """The manifests of a branch are refused; nothing of them was applied.

    Attributes:
        refusals: every reason that was found; never empty.
    """

    def __init__(self, refusals: tuple[Refusal, ...]) -> None:
        self.refusals = refusals
        shown = "; ".join(str(refusal) for refusal in refusals[:_SHOWN])
        more = f"; and {len(refusals) - _SHOWN} more" if len(refusals) > _SHOWN else ""
        super().__init__(shown + more)
