"""The key of a branch, and its queue message."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from coppice.reconciler.message import NONE, Stamps, decode, encode

# A message of an Azure queue has at most 64 KiB, which is 48 KiB before base64. 256 bytes are for the stamps.
# https://learn.microsoft.com/azure/storage/queues/storage-queues-introduction#queue-service-concepts
_MOST_BYTES = 48 * 1024 - 256


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """A branch of a repository.

    Attributes:
        repository: `owner/name`.
        branch: the full branch name, without `refs/heads/`.
        former: the former name of the repository, if the key was read under that name. It does not count when
            keys are compared.
    """

    repository: str
    branch: str
    former: str = field(default="", compare=False, repr=False)

    def __post_init__(self) -> None:
        """Check that a queue message can hold the key.

        Raises:
            ValueError: which of the two fields is wrong, and why.
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
        """The key as it was read. It addresses objects that were stored under a former name of the
        repository.
        """
        return Key(repository=self.former, branch=self.branch) if self.former else self

    @property
    def fields(self) -> Mapping[str, str]:
        """The fields of the key in messages and reports."""
        return {"repository": self.repository, "branch": self.branch}

    def to_message(self, stamps: Stamps = NONE) -> str:
        """Write the queue message, before base64.

        Args:
            stamps: the stamps of the message.

        Returns:
            ASCII JSON with the fields `repository` and `branch`, and the stamps.
        """
        return encode(self.fields, stamps)


def from_message(text: str | bytes) -> tuple[Key, Stamps]:
    """Read a queue message.

    Args:
        text: the message's body, after base64.

    Returns:
        The key and its stamps. Other fields are ignored.

    Raises:
        ValueError: the message names no branch, and why. Trying again does not help, so the message belongs
            into the poison queue.
    """
    fields, stamps = decode(text, "repository", "branch")
    return Key(repository=fields["repository"], branch=fields["branch"]), stamps
