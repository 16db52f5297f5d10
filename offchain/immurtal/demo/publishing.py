"""The network is raised, and the music published: certified, on sale, and held by the nodes."""

from collections.abc import Mapping
from typing import Any

from immurtal.chain.rpc import Rpc
from immurtal.demo.checks import check
from immurtal.demo.evidence import sha256_of
from immurtal.demo.network import Actor
from immurtal.demo.stage import NODES, PRICE, SHARES, THRESHOLD, Stage, Told, Work
from immurtal.demo.tape import Tape
from immurtal.demo.telling import aligned


async def raise_network(stage: Stage) -> Told:
    await stage.network.start(NODES)
    deployed = stage.network.deployment
    nodes = stage.network.nodes
    stage.report.values["network"] = {
        "chainId": deployed.chain_id,
        "rpc": stage.network.rpc_url,
        "contracts": dict(deployed.addresses),
        "nodes": [
            {
                "id": node.id,
                "name": node.name,
                "api": node.api_url,
                "gateway": node.config.kubo.gateway_url,
            }
            for node in nodes
        ],
    }
    return [
        f"a chain of our own ({deployed.chain_id}), contracts deployed and verified, "
        f"{NODES} nodes with an IPFS each",
        *aligned(list(deployed.addresses.items())),
        *aligned([(node.name, f"{node.id[:10]}…", node.api_url) for node in nodes]),
    ]


async def publish(stage: Stage, tape: Tape) -> Told:
    artist = await stage.network.add_actor("artist")
    payees = [await stage.network.add_actor(name, 0) for name in SHARES]
    words = ["publish", *map(str, tape.files), "--threshold", str(THRESHOLD)]
    words += ["--price", f"{PRICE}wei", "--preview", "0"]
    words += ["--artist", tape.artist] if tape.artist else []
    words += ["--recovery-words-file", str(stage.network.folder / "recovery-words")]
    for node in stage.network.nodes:
        words += ["--node", node.id]
    for payee in payees:
        words += ["--split", f"{payee.address}={SHARES[payee.name]}"]
    stage.teller.note(f"encrypting, certifying and storing {len(tape.files)} tracks")
    made = await stage.run(artist, *words)
    await _certified(stage, artist, tape, made)
    split = ", ".join(f"{name} {share / 100:g} %" for name, share in SHARES.items())
    return [
        f"{len(stage.works)} tracks certified, on sale and held by {NODES} nodes, any "
        f"{THRESHOLD} of which give the key; the money goes to {split}",
        *tape.remarks,
        *aligned(
            [
                (f"{w.number}", repr(w.title), f"certificate {w.certificate[:10]}…", w.cid)
                for w in stage.works
            ]
        ),
    ]


async def _certified(stage: Stage, artist: Actor, tape: Tape, made: Mapping[str, Any]) -> None:
    """What the chain says of the works that a publish made."""
    transactions = {entry["step"]: entry["hash"] for entry in made["transactions"]}
    rpc = Rpc(stage.network.rpc_url)
    try:
        contracts = stage.network.contracts(rpc)
        pairs = zip(tape.files, made["works"], strict=True)
        for number, (file, work) in enumerate(pairs, start=1):
            known = await contracts.certificate(work["certificate"])
            check(
                known.author == artist.address,
                "the certificate names its author",
                f"It names {known.author}.",
            )
            check(
                sha256_of(file) == known.id,
                "the certificate's id is the SHA-256 of the file",
                f"That of {file.name} is {sha256_of(file)}.",
            )
            stage.works.append(
                Work(number, known.id, work["title"], work["offer"], work["release"], file)
            )
            stage.report.values["certificates"].append(
                {
                    "id": known.id,
                    "title": work["title"],
                    "file": str(file),
                    "author": known.author,
                    "commitTransaction": transactions["commit"],
                    "transaction": transactions["register"],
                    "committedAt": known.committed_at,
                    "registeredAt": known.registered_at,
                    "releaseCid": work["release"],
                    "offer": work["offer"],
                }
            )
    finally:
        await rpc.close()
