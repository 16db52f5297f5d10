"""Whether a signed `Store` is its certificate owner's, for the current release (DESIGN 6.1)."""

from immurtal.chain.contracts import Certificate
from immurtal.chain.deployment import Deployment
from immurtal.errors import AccessRefused, NotFound, Unreachable
from immurtal.keys.sessions import check_addressee, check_clock
from immurtal.keys.store import SignedStore, check_store
from immurtal.node.clock import Clock
from immurtal.node.identity import Identity
from immurtal.node.view import ChainView, lagging


class StoreCheck:
    def __init__(
        self,
        *,
        identity: Identity,
        deployment: Deployment,
        chain: ChainView,
        clock: Clock,
    ) -> None:
        self._identity = identity
        self._deployment = deployment
        self._chain = chain
        self._clock = clock

    async def check(self, signed: SignedStore) -> Certificate:
        """The certificate, as seen at the head, whose owner may store its release here.

        Raises `wrong-node`, `clock-skew`, `request-invalid`, `release-not-current`,
        `chain-lagging`, NotFound.
        """
        store = signed.store
        check_addressee(store.node_key, self._identity.keys.hashes)  # what costs no call first
        check_clock(store.time, self._clock.now())
        view = await self._chain.now()
        certificate = await self._chain.certificate(store.certificate, view)
        if certificate is None:
            raise NotFound("This node sees no such certificate.")
        await self._refuse_stranger(signed, certificate.owner)
        if certificate.release != store.release:
            raise AccessRefused(
                "The certificate has another release now.", reason="release-not-current"
            )
        return certificate

    async def _refuse_stranger(self, signed: SignedStore, owner: str) -> None:
        try:
            await check_store(
                self._chain,
                signed,
                owner,
                now=self._clock.now(),
                node_keys=self._identity.keys.hashes,
                chain_id=self._deployment.chain_id,
                registry=self._deployment.registry,
            )
        except Unreachable as error:
            raise lagging("The signature cannot be checked on chain now.") from error
