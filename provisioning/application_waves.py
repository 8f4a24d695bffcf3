"""Orders the steps of components and the objects of an overlay by what depends on what.

Pods depend on all of it. The fence and the objects that pods need do not depend on credentials or databases,
so they are applied concurrently with them.
"""

from collections.abc import Sequence

from coppice.components.application import Manifest, applying, in_order
from coppice.components.stages import Steps
from coppice.reconciler.plan import Item, Wait, wave


def applied_waves(
    namespace: str,
    steps: Sequence[Steps],
    *,
    fence: Sequence[Manifest],
    manifests: Sequence[Manifest],
    first: Sequence[Item],
    fenced: bool,
) -> tuple[Item, ...]:
    """Return the waves that make what components require, and apply the fence and the overlay.

    Args:
        namespace: the environment's namespace.
        steps: the steps of each component.
        fence: the objects of the fence that have to be applied.
        manifests: the objects of the overlay that have to be applied.
        first: what has to happen before any object is applied: removals, and waits for earlier ones.
        fenced: whether the fence exists already as it is to be. Otherwise it is applied before the overlay.

    Returns:
        Waves and waits, in order.
    """
    make = tuple(change for each in steps for change in each.make)
    deliver = tuple(change for each in steps for change in each.deliver)
    settle = tuple(barrier for each in steps for barrier in each.settle)
    needed, *running = in_order(namespace, manifests)
    fence_applied = applying(namespace, fence)
    workloads = tuple(each for group in running for each in wave(*group))
    with_fence, after_fence = (needed, ()) if fenced else ((), needed)
    if settle or any(isinstance(item, Wait) for item in first):
        # A later run applies the objects: this one makes what components require and then waits.
        return (
            *wave(*make),
            *wave(*deliver),
            *settle,
            *first,
            *wave(*fence_applied, *with_fence),
            *wave(*after_fence),
            *workloads,
        )
    return (
        *first,
        *wave(*make, *fence_applied, *with_fence),
        *wave(*deliver, *after_fence),
        *settle,
        *workloads,
    )
