"""What deploying and checking need of ape: the connected chain, and the compiled contracts."""

from typing import Any

from ape import project
from ape.api import ProviderAPI
from scripts.deployment.build import forget_stale_build
from scripts.deployment.chain import Chain, RpcFailed
from scripts.deployment.plan import ORDER, Artifact


def connected_chain(provider: ProviderAPI) -> Chain:
    def rpc(method: str, params: list[Any]) -> Any:
        try:
            return provider.make_request(method, params)
        except Exception as error:
            raise RpcFailed(f"{method}: {error}") from error

    return Chain(rpc)


def artifacts() -> dict[str, Artifact]:
    """The contracts as the present sources compile."""
    forget_stale_build(project.path)
    found = {}
    for name in ORDER:
        contract = project.get_contract(name).contract_type
        parameters = contract.constructor.inputs
        found[name] = Artifact(
            init_code=bytes.fromhex(contract.deployment_bytecode.bytecode.removeprefix("0x")),
            inputs=tuple((item.name or "", item.canonical_type) for item in parameters),
        )
    return found
