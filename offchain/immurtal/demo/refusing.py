"""Whom the chain does not entitle gets no key share from any node."""

from immurtal.chain.problems import reason_of
from immurtal.demo.checks import check
from immurtal.demo.hearing import ask_share
from immurtal.demo.network import Actor
from immurtal.demo.node import DemoNode
from immurtal.demo.stage import NODES, Stage, Told, Work
from immurtal.errors import ImmurtalError
from immurtal.stream.opening import Opened

CASES = {
    "stranger": "a stranger",
    "other-licence": "somebody with a licence of another work",
    "withdrawn": "somebody with a licence of a withdrawn work",
}


async def refuse(
    stage: Stage, who: Actor, opened: Opened, work: Work, relying_on: str, case: str
) -> Told:
    """Every node is asked for its share, and must refuse with the typed reason; the first share
    that comes ends the demo. `case`: a key of CASES."""
    comparison = f"no node gives a key share to {CASES[case]}"
    for node in stage.network.nodes:
        reason, detail = await _answer(stage, node, who, opened, relying_on)
        stage.report.values["refused"].append(
            {
                "case": case,
                "who": who.name,
                "account": who.address,
                "track": work.title,
                "certificate": work.certificate,
                "offer": relying_on,
                "node": node.id,
                "name": node.name,
                "reason": reason,
                "detail": detail,
            }
        )
        stage.report.write()
        check(reason == "access-refused", comparison, f"{node.name} to the {who.name}: {detail}")
    return [f"{CASES[case]} was refused by {NODES} of {NODES} nodes (access-refused)"]


async def _answer(
    stage: Stage, node: DemoNode, who: Actor, opened: Opened, relying_on: str
) -> tuple[str | None, str]:
    """The typed reason and the words of a refusal; no reason: it gave a share."""
    try:
        await ask_share(stage.network, node, who, opened, relying_on)
    except ImmurtalError as error:
        return reason_of(error), error.what
    return None, "It gave a key share."
