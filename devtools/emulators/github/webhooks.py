"""The webhook deliveries of a repository, as GitHub makes and signs them.

A bare repository sends none, so whoever pushes looks at the refs before and after and delivers the
difference. The shapes are those of https://docs.github.com/webhooks/webhook-events-and-payloads, reduced to
what a receiver of branch events reads.
"""

import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx

from devtools.emulators.github.repository import Repository

Payload = dict[str, Any]

_NO_COMMIT = "0" * 40
_HOOK_ID = 109948940


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """An event's name, as in `X-GitHub-Event`, and its payload."""

    event: str
    payload: Payload


def repository_payload(repository: Repository) -> Payload:
    """Return the `repository` of every payload."""
    return {
        "id": 186853002,
        "name": repository.name,
        "full_name": repository.full_name,
        "private": True,
        "owner": {"login": repository.owner, "id": 21031067, "type": "Organization"},
        "html_url": f"https://github.com/{repository.full_name}",
        "url": f"https://api.github.com/repos/{repository.full_name}",
        "fork": False,
        "default_branch": repository.default_branch,
    }


def push_payload(repository: Repository, *, branch: str, before: str, after: str) -> Payload:
    """Return the payload for a push to one branch.

    Args:
        repository: the repository.
        branch: the branch's full name.
        before: the commit before the push; forty zeros if the branch is new.
        after: the commit after the push; forty zeros if the branch was deleted.
    """
    deleted = after == _NO_COMMIT
    head = None if deleted else {"id": after, "message": "…", "added": [], "removed": [], "modified": []}
    return {
        "ref": f"refs/heads/{branch}",
        "before": before,
        "after": after,
        "created": before == _NO_COMMIT,
        "deleted": deleted,
        "forced": False,
        "base_ref": None,
        "compare": f"https://github.com/{repository.full_name}/compare/{before[:12]}...{after[:12]}",
        "commits": [] if head is None else [head],
        "head_commit": head,
        "pusher": {"name": "octocat", "email": "octocat@example.com"},
        **_about(repository),
    }


def create_payload(repository: Repository, *, branch: str) -> Payload:
    """Return the payload for a new branch."""
    return {
        "ref": branch,
        "ref_type": "branch",
        "master_branch": repository.default_branch,
        "description": None,
        "pusher_type": "user",
        **_about(repository),
    }


def delete_payload(repository: Repository, *, branch: str) -> Payload:
    """Return the payload for a deleted branch."""
    return {"ref": branch, "ref_type": "branch", "pusher_type": "user", **_about(repository)}


def ping_payload(repository: Repository, *, url: str) -> Payload:
    """Return the payload that GitHub sends when a webhook has been created."""
    hook = {
        "type": "Repository",
        "id": _HOOK_ID,
        "name": "web",
        "active": True,
        "events": ["create", "delete", "push"],
        "config": {"content_type": "json", "insecure_ssl": "0", "secret": "********", "url": url},
    }
    return {"zen": "Keep it logically awesome.", "hook_id": _HOOK_ID, "hook": hook, **_about(repository)}


def refs(repository: Repository) -> dict[str, str]:
    """Return the commit of every branch; call it before and after a push."""
    return repository.branches()


def events_between(
    repository: Repository, before: Mapping[str, str], after: Mapping[str, str]
) -> list[Delivery]:
    """Return the deliveries that GitHub would send for a change of the refs.

    Args:
        repository: the repository.
        before: the refs before the push, branch → commit.
        after: the refs after the push.

    Returns:
        Sorted by branch: `create` and `push` for a new branch, `delete` and `push` with `deleted` for a
        deleted one, `push` for any other.
    """
    deliveries = []
    for branch in sorted(before.keys() | after.keys()):
        old, new = before.get(branch, _NO_COMMIT), after.get(branch, _NO_COMMIT)
        if old == new:
            continue
        if old == _NO_COMMIT:
            deliveries.append(Delivery(event="create", payload=create_payload(repository, branch=branch)))
        if new == _NO_COMMIT:
            deliveries.append(Delivery(event="delete", payload=delete_payload(repository, branch=branch)))
        payload = push_payload(repository, branch=branch, before=old, after=new)
        deliveries.append(Delivery(event="push", payload=payload))
    return deliveries


def sign(secret: str, body: bytes) -> str:
    """Return the value of `X-Hub-Signature-256` for a raw body."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def deliver(
    url: str, event: str, payload: Payload, secret: str, *, content_type: str = "application/json"
) -> httpx.Response:
    """Send one delivery as GitHub does: signed, without a retry, and with a timeout of ten seconds.

    Args:
        url: the URL of the webhook.
        event: the event's name.
        payload: the event's payload.
        secret: the webhook's secret.
        content_type: `application/json`, or `application/x-www-form-urlencoded`, which GitHub's form
            preselects.

    Returns:
        The receiver's response, whatever its status.

    Raises:
        httpx.TransportError: no response arrived in time.
    """
    text = json.dumps(payload)
    form = content_type == "application/x-www-form-urlencoded"
    body = (urlencode({"payload": text}) if form else text).encode()
    headers = {
        "Content-Type": content_type,
        "User-Agent": "GitHub-Hookshot/0000000",
        "X-GitHub-Delivery": str(uuid.uuid4()),
        "X-GitHub-Event": event,
        "X-GitHub-Hook-ID": str(_HOOK_ID),
        "X-Hub-Signature-256": sign(secret, body),
    }
    return httpx.post(url, content=body, headers=headers, timeout=10, trust_env=False)


def _about(repository: Repository) -> Payload:
    sender = {"login": "octocat", "id": 583231, "type": "User"}
    return {"repository": repository_payload(repository), "sender": sender}
