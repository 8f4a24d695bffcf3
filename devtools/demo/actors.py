"""Who acts in the demo beside the program: a developer who pushes, and GitHub, which sends webhooks."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from devtools.demo.assertions import ensure
from devtools.demo.console import Console
from devtools.demo.world import Program, World

_OVERLAY = "manifests/overlays/feature"
_KUSTOMIZATION = f"{_OVERLAY}/kustomization.yaml"


@dataclass(frozen=True, kw_only=True)
class Actors:
    """A developer at a clone, and GitHub.

    Attributes:
        world: the systems that they act on.
        program: receives GitHub's webhooks.
        console: prints what they do.
    """

    world: World
    program: Program
    console: Console

    def commit(
        self, branch: str, message: str, *, add: Mapping[str, str] | None = None, remove: tuple[str, ...] = ()
    ) -> None:
        """Commit a change of the feature overlay to a branch of the clone.

        Args:
            branch: the branch; a new one starts at the default branch.
            message: the commit message.
            add: files to add to the overlay, by name.
            remove: entries to remove from the overlay's `resources`.
        """
        clone = self.world.clone
        clone.branch(branch)
        kustomization = yaml.safe_load(clone.read(_KUSTOMIZATION))
        kept = [each for each in kustomization["resources"] if each not in remove]
        kustomization["resources"] = [*kept, *(add or {})]
        files = {f"{_OVERLAY}/{name}": content for name, content in (add or {}).items()}
        clone.commit({**files, _KUSTOMIZATION: yaml.safe_dump(kustomization)}, message)
        self.console.command(f"git commit -m {shlex.quote(message)}")

    def push(self, *branches: str, webhooks_arrive: bool = True) -> None:
        """Push branches from the clone.

        Args:
            branches: what to push.
            webhooks_arrive: whether GitHub's webhooks reach the program.
        """
        before = self.world.heads()
        for branch in branches:
            self.world.clone.branch(branch)
        self.world.clone.push(*branches)
        self.console.command(f"git push origin {shlex.join(branches)}")
        self._deliver_webhooks(before, webhooks_arrive=webhooks_arrive)

    def delete(self, *branches: str, webhooks_arrive: bool = True) -> None:
        """Delete branches on GitHub.

        Args:
            branches: what to delete.
            webhooks_arrive: whether GitHub's webhooks reach the program.
        """
        before = self.world.heads()
        self.world.clone.push_delete(*branches)
        self.console.command(f"git push origin --delete {shlex.join(branches)}")
        self._deliver_webhooks(before, webhooks_arrive=webhooks_arrive)

    def _deliver_webhooks(self, before: Mapping[str, str], *, webhooks_arrive: bool) -> None:
        for delivery in self.world.deliveries_since(before):
            if not webhooks_arrive:
                self.console.fact("webhook", f"{delivery.event}: lost, the program never receives it")
                continue
            answer = self.program.deliver(delivery, secret=self.world.settings["GITHUB_WEBHOOK_SECRET"])
            ensure(answer.status_code == 202, f"a signed {delivery.event} is answered with 202")
            key = answer.json()["queued"]["branch"]
            self.console.fact("webhook", f"{delivery.event}, signed → 202; {key} is queued")
