"""The key of a branch, and the queue message that carries it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from coppice.reconciler.message import NONE, Stamps, decode, encode

# Azure's queues take 64 KiB, which is 48 KiB before base64; the rest is for the braces and the stamps. See
# https://learn.microsoft.com/azure/storage/queues/storage-queues-introduction#queue-service-concepts
_MOST_BYTES = 48 * 1024 - 256


@dataclass(frozen=True, kw_only=True)
class Key:
    """Which branch of which repository.

    Attributes:
        repository: `owner/name`.
        branch: the full branch name, without `refs/heads/`.
        former: the name of the repository that was read, where that is one it had before; it makes no other
            branch of it.
    """

    repository: str
    branch: str
    former: str = field(default="", compare=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse what no message could carry.

        Raises:
            ValueError: which of the two is wrong, and why.
        """
        for part, value in (("repository", self.repository), ("branch", self.branch)):
            if not value:
                raise ValueError(f"The key's {part} is empty.")
            if any("\ud800" <= character <= "\udfff" for character in value):
                raise ValueError(f"The key's {part} holds a lone surrogate, so it is no Unicode text.")
        size = len(self.to_message())  # ASCII
        if size > _MOST_BYTES:
            raise ValueError(f"The key takes {size} bytes: a queue message has room for {_MOST_BYTES}.")

    @property
    def as_written(self) -> "Key":
        """The key as it was read, and as what is found by it has to be addressed."""
        return Key(repository=self.former, branch=self.branch) if self.former else self

    @property
    def fields(self) -> Mapping[str, str]:
        """The key, as messages and reports have it."""
        return {"repository": self.repository, "branch": self.branch}

    def to_message(self, stamps: Stamps = NONE) -> str:
        """Write the queue message, before base64.

        Args:
            stamps: what travels with the key.

        Returns:
            ASCII JSON with the keys `repository` and `branch`, and the stamps.
        """
        return encode(self.fields, stamps)


def from_message(text: str | bytes) -> tuple[Key, Stamps]:
    """Read a queue message.

    Args:
        text: the message's body, after base64.

    Returns:
        The key and its stamps. Other keys are ignored.

    Raises:
        ValueError: the message names no branch, and why; it never will, so it belongs into the poison queue.
    """
    fields, stamps = decode(text, "repository", "branch")
    return Key(repository=fields["repository"], branch=fields["branch"]), stamps
