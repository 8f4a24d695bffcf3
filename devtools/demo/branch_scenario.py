"""The story that the demo tells: each step lets somebody act, and checks in the world what came of it."""

from collections.abc import Iterable

from coppice.components.namespace import REVISION
from devtools.demo.assertions import ensure, until
from devtools.demo.narrator import Narrator
from devtools.demo.parts import held, show_dropped, show_neighbours
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


def tell(narrator: Narrator) -> None:
    """Tell the main job, from a branch's first push to its last trace.

    Args:
        narrator: where it takes place, and how it is told.

    Raises:
        NotAsToldError: something is not as the story says.
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
    """A real cluster may hold what an interrupted demo left, or what is none of the demo's business."""
    ours = narrator.world.repository.full_name
    foreign = [name for name, repository in narrator.eyes.owners().items() if repository != ours]
    ensure(not foreign, f"a cluster without environments of other repositories: this one has {foreign}")
    left = narrator.eyes.everything_left()
    if left:
        narrator.say.remark(f"An earlier demo left {', '.join(left)}. A sweep takes that away first.")
        digest = narrator.program.http.post("/api/sweep?dry_run=true").raise_for_status().json()["digest"]
        narrator.program.http.post("/api/sweep", json={"confirm": digest}).raise_for_status()
        until("nothing is left of it", lambda: not narrator.eyes.everything_left(), seconds=120)


def _a_push_makes_an_environment(narrator: Narrator) -> None:
    with narrator.say.step("A developer pushes a new branch", then="The branch has an environment"):
        narrator.actors.push(_LOGIN)
        narrator.show(narrator.applied(_LOGIN))
        narrator.say.remark(
            "Its pods take their time. Meanwhile the key lies on the queue, and no function sleeps."
        )
        narrator.ready(_LOGIN)


def _a_push_updates_it(narrator: Narrator) -> None:
    name = narrator.provisioned[0]
    before = narrator.eyes.objects(name)
    with narrator.say.step(
        "A push adds a ConfigMap and drops the CronJob",
        then="The environment followed, and nothing else in it came or went",
    ):
        message = "Greet on the login page; no cron job"
        narrator.actors.commit(
            _LOGIN, message, add={"login-page.yaml": _LOGIN_PAGE}, drop=("../../base/todo-cron",)
        )
        narrator.actors.push(_LOGIN)
        narrator.say.fact("revision", narrator.applied(_LOGIN)["metadata"]["annotations"][REVISION])
        narrator.ready(_LOGIN)
        after = narrator.eyes.objects(name)
        narrator.say.fact("applied anew", _named(after - before))
        narrator.say.fact("pruned", _named(before - after))
        ensure(after - before == {("ConfigMap", "login-page")}, "the push added ConfigMap/login-page alone")
        ensure(before - after == {("CronJob", "todo-cron")}, "the push removed CronJob/todo-cron alone")


def _what_means_harm_does_none(narrator: Narrator) -> None:
    with narrator.say.step(
        "An overlay asks for too much, and a branch has a hostile name",
        then="The overlay was refused whole; the name is only a name",
    ):
        narrator.actors.commit(_GREEDY, "Let me in", add={"more.yaml": _TOO_MUCH})
        narrator.actors.push(_GREEDY, _HOSTILE)
        told = until(f"{_GREEDY} is refused", lambda: narrator.refusal(_GREEDY))
        narrator.say.fact("refused", f"{_GREEDY}: {told}")
        ensure("ClusterRole" in told and "LoadBalancer" in told, "the refusal names both offenders")
        ensure(narrator.eyes.environment(_GREEDY) is None, "what was refused has no namespace")
        narrator.show(narrator.applied(_HOSTILE))
        ensure(
            len(narrator.eyes.credentials()) == 2,
            "two environments have two credentials, and no third",
        )
        show_neighbours(narrator.eyes, narrator.say, *narrator.provisioned)
        narrator.ready(_HOSTILE)


def _a_forged_webhook_is_turned_away(narrator: Narrator) -> None:
    with narrator.say.step("Somebody forges a webhook", then="Turned away before anything in it was read"):
        payload = push_payload(narrator.world.repository, branch=_FORGED, before="0" * 40, after="1" * 40)
        answer = narrator.program.deliver(Delivery(event="push", payload=payload), secret="only a guess")
        narrator.say.fact(
            "webhook", f"push, badly signed → {answer.status_code} {answer.json()['error']['message']}"
        )
        ensure(answer.status_code == 401, "a webhook with a wrong signature is answered with 401")


def _deleting_branches_leaves_nothing(narrator: Narrator) -> None:
    with narrator.say.step("The branches are deleted", then="Everything that they had is gone"):
        login = narrator.eyes.login(narrator.provisioned[0])
        sessions = held(login, _SESSIONS) if login else ()
        narrator.actors.delete(_LOGIN, _GREEDY, _HOSTILE)
        narrator.gone(_LOGIN, narrator.provisioned[0])
        if login:
            show_dropped(login, sessions, narrator.say, log=narrator.program.log, branch=_LOGIN)
        narrator.gone(_HOSTILE, narrator.provisioned[1])
        name = "feature-wants-too-much"
        until("the refusal is forgotten", lambda: not narrator.eyes.traces(namespace=name, branch=_GREEDY))


def _a_push_that_nobody_told_of_is_caught(narrator: Narrator) -> None:
    with narrator.say.step("A push whose webhook never arrives", then="The sweep found it"):
        narrator.actors.push(_QUIET, told=False)
        found = narrator.sweep("make", _QUIET)
        narrator.say.fact("because", found["why"])
        narrator.show(narrator.applied(_QUIET))
        narrator.ready(_QUIET)


def _a_deletion_that_nobody_told_of_is_caught(narrator: Narrator) -> None:
    with narrator.say.step("A deletion whose webhook never arrives", then="The sweep found that too"):
        narrator.actors.delete(_QUIET, told=False)
        found = narrator.sweep("remove", _QUIET)
        narrator.say.fact("because", found["why"])
        narrator.say.fact("changes", ", ".join(found["changes"]))
        narrator.gone(_QUIET, narrator.provisioned[2])


def _nothing_is_left(narrator: Narrator) -> None:
    with narrator.say.step("What is left of all this?", then="Nothing"):
        until("no lease is held", lambda: not narrator.eyes.everything_left())
        counts = ("environments", "credentials", "databases and roles", "records, holds and leases")
        narrator.say.fact("left", ", ".join(f"0 {each}" for each in counts))
        requests = narrator.world.github.get("/_emulator/requests").raise_for_status().json()
        ensure(not any(_FORGED in each["path"] for each in requests), "the forged webhook was never acted on")


def _named(objects: Iterable[tuple[str, str]]) -> str:
    return ", ".join(sorted(f"{kind}/{name}" for kind, name in objects)) or "nothing"
