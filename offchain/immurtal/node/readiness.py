"""Whether the node does its work now, and if not, why not."""

from immurtal.node.parts import Parts


def reasons_against(parts: Parts) -> list[str]:
    """Empty when the node is ready; words for an operator, without secrets."""
    reasons = []
    status = parts.indexer.status
    if status.state == "degraded":
        reasons.append(f"index degraded: {status.reason}")
    elif status.state == "syncing":
        at = "nothing yet" if status.indexed is None else f"block {status.indexed}"
        reasons.append(f"index syncing: {at} of {status.head or 'an unknown head'}")
    if parts.kubo is not None and not parts.kubo.running:
        reasons.append(f"Kubo down: {parts.kubo.problem or 'not started'}")
    if parts.storage.problem:
        reasons.append(f"storage: {parts.storage.problem}")
    return reasons
