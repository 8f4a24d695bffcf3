"""The tables are complete: every default kind and every type that they name is in them."""

from app.settings import DEFAULT_KINDS
from provisioning.admission.shape import SCALARS
from provisioning.admission.tables import tables


def test_every_kind_that_is_allowed_by_default_has_a_table() -> None:
    assert set(DEFAULT_KINDS.split(",")) <= set(tables().kinds)


def test_every_type_of_the_tables_is_a_definition_or_a_scalar() -> None:
    known = {*SCALARS, *tables().definitions, "any", "annotations"}
    types = {kind for each in tables().definitions.values() for kind in each.allowed.values()}
    assert {kind.removeprefix("map[string]").removeprefix("[]") for kind in types} <= known
    assert {each for versions in tables().kinds.values() for each in versions.values()} <= known
