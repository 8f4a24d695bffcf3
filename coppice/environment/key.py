"""The key of a branch, and the queue message that carries it.

A message is a key, never an instruction: whoever takes it looks at the world and acts on what is there. So
nothing but the key is read from it, and one stamp that steers no decision.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

# Azure's queues take 64 KiB, which is 48 KiB before base64; the rest is for the braces and the stamp. See
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

    def to_message(self, first_seen: datetime | None = None) -> str:
        """Write the queue message, before base64.

        Args:
            first_seen: when the work that the message stands for was first put off, with a time zone.

        Returns:
            ASCII JSON with the keys `repository` and `branch`, and `firstSeen` (RFC 3339) if it was given.
        """
        stamps = {} if first_seen is None else {"firstSeen": first_seen.isoformat()}
        return json.dumps({"repository": self.repository, "branch": self.branch} | stamps)


def from_message(text: str | bytes) -> tuple[Key, datetime | None]:
    """Read a queue message.

    Args:
        text: the message's body, after base64.

    Returns:
        The key, and when the work was first put off. Other keys are ignored, and so is a stamp that is no
        time: it may not decide whether a branch is looked at.

    Raises:
        ValueError: the message names no branch, and why; it never will, so it belongs into the poison queue.
    """
    try:
        message = json.loads(text)
    except RecursionError:
        raise ValueError("The message is nested too deeply to be one of ours.") from None
    except ValueError as error:
        raise ValueError(f"The message is not JSON: {error}") from error
    if not isinstance(message, dict):
        raise ValueError(  # noqa: TRY004 - the text is wrong, not the argument's type
            f"The message is {_kind(message)}: it needs to be an object with repository and branch."
        )
    key = Key(repository=_text(message, "repository"), branch=_text(message, "branch"))
    return key, _time(message.get("firstSeen"))


def _text(message: Mapping[str, object], field: str) -> str:
    value = message.get(field)
    if not isinstance(value, str):
        raise ValueError(  # noqa: TRY004 - as above
            f"The message's {field} is {_kind(value)}: it needs to be text."
        )
    return value


def _time(stamp: object) -> datetime | None:
    if not isinstance(stamp, str):
        return None
    try:
        time = datetime.fromisoformat(stamp)
    except ValueError:
        return None
    return time if time.tzinfo else None


def _kind(value: object) -> str:
    return "missing or null" if value is None else f"of type {type(value).__name__}"
