"""Who acts in the story beside the program: a developer who pushes, and GitHub, which tells of it."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from devtools.demo.assertions import ensure
from devtools.demo.console import Teller
from devtools.demo.world import Program, World

_OVERLAY = "manifests/overlays/feature"
_KUSTOMIZATION = f"{_OVERLAY}/kustomization.yaml"


@dataclass(frozen=True, kw_only=True)
class Actors:
    """A developer at a clone, and GitHub.

    Attributes:
        world: where they act.
        program: whom GitHub tells.
        say: tells what they do.
    """

    world: World
    program: Program
    say: Teller

    def commit(
        self, branch: str, message: str, *, add: Mapping[str, str] | None = None, drop: tuple[str, ...] = ()
    ) -> None:
        """Change what the feature overlay is made of, on a branch.

        Args:
            branch: the branch; a new one starts at the default branch.
            message: the commit's.
            add: files to add to the overlay, by name.
            drop: entries of its `resources` to take away.
        """
        clone = self.world.clone
        clone.branch(branch)
        kustomization = yaml.safe_load(clone.read(_KUSTOMIZATION))
        kept = [each for each in kustomization["resources"] if each not in drop]
        kustomization["resources"] = [*kept, *(add or {})]
        files = {f"{_OVERLAY}/{name}": content for name, content in (add or {}).items()}
        clone.commit({**files, _KUSTOMIZATION: yaml.safe_dump(kustomization)}, message)
        self.say.command(f"git commit -m {shlex.quote(message)}")

    def push(self, *branches: str, told: bool = True) -> None:
        """Push branches from the clone.

        Args:
            branches: what to push.
            told: whether GitHub's webhooks arrive.
        """
        before = self.world.heads()
        for branch in branches:
            self.world.clone.branch(branch)
        self.world.clone.push(*branches)
        self.say.command(f"git push origin {shlex.join(branches)}")
        self._tell(before, told=told)

    def delete(self, *branches: str, told: bool = True) -> None:
        """Delete branches on GitHub.

        Args:
            branches: what to delete.
            told: whether GitHub's webhooks arrive.
        """
        before = self.world.heads()
        self.world.clone.push_delete(*branches)
        self.say.command(f"git push origin --delete {shlex.join(branches)}")
        self._tell(before, told=told)

    def _tell(self, before: Mapping[str, str], *, told: bool) -> None:
        for delivery in self.world.deliveries_since(before):
            if not told:
                self.say.fact("webhook", f"{delivery.event}: lost on its way")
                continue
            answer = self.program.deliver(delivery, secret=self.world.settings["GITHUB_WEBHOOK_SECRET"])
            ensure(answer.status_code == 202, f"a signed {delivery.event} is answered with 202")
            key = answer.json()["queued"]["branch"]
            self.say.fact("webhook", f"{delivery.event}, signed → 202, and onto the queue goes {key}")
