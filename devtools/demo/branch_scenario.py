"""The branch scenario: pushes, deletions and lost webhooks.

Each step acts, and then checks the result in the cluster, in Azure and on the database server.
"""

from collections.abc import Iterable

from coppice.components.namespace import REVISION
from devtools.demo.assertions import ensure, until
from devtools.demo.narrator import Narrator
from devtools.demo.parts import open_sessions, show_dropped, show_neighbours
from devtools.emulators.github.webhooks import Delivery, push_payload

_LOGIN = "feature/new-login"
_GREEDY = "feature/wants-too-much"
_HOSTILE = 'x";drop-database;--'
_QUIET = "feature/quiet"
_FORGED = "feature/forged"
_SESSIONS = 5

_LOGIN_PAGE = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: login-page
data:
  greeting: Welcome back
"""
_TOO_MUCH = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: everything
rules:
  - {apiGroups: ["*"], resources: ["*"], verbs: ["*"]}
---
apiVersion: v1
kind: Service
metadata:
  name: front-door
spec:
  type: LoadBalancer
  ports: [{port: 80}]
"""


def run_branch_scenario(narrator: Narrator) -> None:
    """Run the scenario, from a branch's first push until nothing of it is left.

    Args:
        narrator: the systems, the program and the console.

    Raises:
        UnexpectedStateError: a check failed.
    """
    _begin_with_nothing(narrator)
    _a_push_makes_an_environment(narrator)
    _a_push_updates_it(narrator)
    _what_means_harm_does_none(narrator)
    _a_forged_webhook_is_turned_away(narrator)
    _deleting_branches_leaves_nothing(narrator)
    _a_push_that_nobody_told_of_is_caught(narrator)
    _a_deletion_that_nobody_told_of_is_caught(narrator)
    _nothing_is_left(narrator)


def _begin_with_nothing(narrator: Narrator) -> None:
    """A real cluster may hold environments that an interrupted demo left, or those of other repositories."""
    ours = narrator.world.repository.full_name
    foreign = [name for name, repository in narrator.probes.owners().items() if repository != ours]
    ensure(not foreign, f"a cluster without environments of other repositories: this one has {foreign}")
    left = narrator.probes.leftovers()
    if left:
        narrator.console.remark(f"An earlier demo left {', '.join(left)}. A sweep removes it first.")
        digest = narrator.program.http.post("/api/sweep?dry_run=true").raise_for_status().json()["digest"]
        narrator.program.http.post("/api/sweep", json={"confirm": digest}).raise_for_status()
        until("nothing is left of it", lambda: not narrator.probes.leftovers(), seconds=120)


def _a_push_makes_an_environment(narrator: Narrator) -> None:
    with narrator.console.step("A developer pushes a new branch", then="The branch has its environment"):
        narrator.actors.push(_LOGIN)
        narrator.show(narrator.applied(_LOGIN))
        narrator.console.remark(
            "The pods are starting. No function waits for them: the branch is queued again with a delay."
        )
        narrator.ready(_LOGIN)


def _a_push_updates_it(narrator: Narrator) -> None:
    name = narrator.provisioned[0]
    before = narrator.probes.objects(name)
    with narrator.console.step(
        "A push adds a ConfigMap and removes the CronJob",
        then="The environment has the ConfigMap, the CronJob is pruned, and nothing else changed",
    ):
        message = "Greet on the login page; no cron job"
        narrator.actors.commit(
            _LOGIN, message, add={"login-page.yaml": _LOGIN_PAGE}, remove=("../../base/todo-cron",)
        )
        narrator.actors.push(_LOGIN)
        narrator.console.fact("revision", narrator.applied(_LOGIN)["metadata"]["annotations"][REVISION])
        narrator.ready(_LOGIN)
        after = narrator.probes.objects(name)
        narrator.console.fact("added", _named(after - before))
        narrator.console.fact("pruned", _named(before - after))
        ensure(after - before == {("ConfigMap", "login-page")}, "the push added ConfigMap/login-page alone")
        ensure(before - after == {("CronJob", "todo-cron")}, "the push removed CronJob/todo-cron alone")


def _what_means_harm_does_none(narrator: Narrator) -> None:
    with narrator.console.step(
        "One overlay asks for a ClusterRole and a load balancer; another branch has a hostile name",
        then="The first overlay is refused and none of it is applied; the hostile name is only a name",
    ):
        narrator.actors.commit(_GREEDY, "Let me in", add={"more.yaml": _TOO_MUCH})
        narrator.actors.push(_GREEDY, _HOSTILE)
        reason = until(f"{_GREEDY} is refused", lambda: narrator.refusal(_GREEDY))
        narrator.console.fact("refused", f"{_GREEDY}: {reason}")
        ensure("ClusterRole" in reason and "LoadBalancer" in reason, "the refusal names both offenders")
        ensure(narrator.probes.environment(_GREEDY) is None, "what was refused has no namespace")
        narrator.show(narrator.applied(_HOSTILE))
        ensure(
            len(narrator.probes.credentials()) == 2,
            "two environments have two credentials, and no third",
        )
        show_neighbours(narrator.probes, narrator.console, *narrator.provisioned)
        narrator.ready(_HOSTILE)


def _a_forged_webhook_is_turned_away(narrator: Narrator) -> None:
    with narrator.console.step("Somebody forges a webhook", then="It is rejected before its body is read"):
        payload = push_payload(narrator.world.repository, branch=_FORGED, before="0" * 40, after="1" * 40)
        answer = narrator.program.deliver(Delivery(event="push", payload=payload), secret="only a guess")
        narrator.console.fact(
            "webhook", f"push, wrong signature → {answer.status_code} {answer.json()['error']['message']}"
        )
        ensure(answer.status_code == 401, "a webhook with a wrong signature is answered with 401")


def _deleting_branches_leaves_nothing(narrator: Narrator) -> None:
    with narrator.console.step("The branches are deleted", then="Everything that they had is deleted"):
        login = narrator.probes.login(narrator.provisioned[0])
        sessions = open_sessions(login, _SESSIONS) if login else ()
        narrator.actors.delete(_LOGIN, _GREEDY, _HOSTILE)
        narrator.gone(_LOGIN, narrator.provisioned[0])
        if login:
            show_dropped(login, sessions, narrator.console, log=narrator.program.log, branch=_LOGIN)
        narrator.gone(_HOSTILE, narrator.provisioned[1])
        name = "feature-wants-too-much"
        until(
            "the record of the refusal is gone",
            lambda: not narrator.probes.traces(namespace=name, branch=_GREEDY),
        )


def _a_push_that_nobody_told_of_is_caught(narrator: Narrator) -> None:
    with narrator.console.step(
        "A push whose webhook never arrives", then="A sweep finds the branch and makes its environment"
    ):
        narrator.actors.push(_QUIET, webhooks_arrive=False)
        found = narrator.sweep("make", _QUIET)
        narrator.console.fact("because", found["why"])
        narrator.show(narrator.applied(_QUIET))
        narrator.ready(_QUIET)


def _a_deletion_that_nobody_told_of_is_caught(narrator: Narrator) -> None:
    with narrator.console.step(
        "A deletion whose webhook never arrives", then="A sweep finds the environment and removes it"
    ):
        narrator.actors.delete(_QUIET, webhooks_arrive=False)
        found = narrator.sweep("remove", _QUIET)
        narrator.console.fact("because", found["why"])
        narrator.console.fact("changes", ", ".join(found["changes"]))
        narrator.gone(_QUIET, narrator.provisioned[2])


def _nothing_is_left(narrator: Narrator) -> None:
    with narrator.console.step("Is anything left of these branches?", then="Nothing is left"):
        until("no lease is held", lambda: not narrator.probes.leftovers())
        counts = ("environments", "credentials", "databases and roles", "records, holds and leases")
        narrator.console.fact("left", ", ".join(f"0 {each}" for each in counts))
        requests = narrator.world.github.get("/_emulator/requests").raise_for_status().json()
        ensure(not any(_FORGED in each["path"] for each in requests), "the forged webhook was never acted on")


def _named(objects: Iterable[tuple[str, str]]) -> str:
    return ", ".join(sorted(f"{kind}/{name}" for kind, name in objects)) or "nothing"
