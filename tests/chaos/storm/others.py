"""What others own in the same cluster and on the same identities; the storm must not change it."""

from devtools.emulators.arm.world import example_world
from tests.chaos.storm.probes import SYSTEM, TEAM
from tests.chaos.storm.stage import GROUP, Stage

EACH = 3  # credentials of others on each identity
_IDENTITIES = "Microsoft.ManagedIdentity/userAssignedIdentities"


def create_foreign_objects(systems: Stage, identities: int) -> None:
    """Create a namespace, ConfigMaps and credentials on the identities of the pool, all of others."""
    systems.cluster.post("/api/v1/namespaces", json={"metadata": {"name": TEAM}}).raise_for_status()
    for namespace in (TEAM, SYSTEM):
        note = {"metadata": {"name": "theirs"}, "data": {"of": "others"}}
        systems.cluster.post(f"/api/v1/namespaces/{namespace}/configmaps", json=note).raise_for_status()
    world = example_world()
    group = f"/subscriptions/{world.subscription}/resourceGroups/{GROUP}/providers/{_IDENTITIES}"
    for identity in range(identities):
        for number in range(EACH):
            path = f"{group}/id-feature-{identity}/federatedIdentityCredentials/ci-{number}"
            properties = {
                "issuer": world.cluster.issuer_url,
                "subject": f"system:serviceaccount:ci-{number}:runner",
                "audiences": ["api://AzureADTokenExchange"],
            }
            answer = systems.arm.put(
                path, params={"api-version": "2024-11-30"}, json={"properties": properties}
            )
            answer.raise_for_status()
