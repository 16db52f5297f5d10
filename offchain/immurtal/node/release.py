"""Key release: a share for whom the chain entitles, sealed to their session key (DESIGN 6.4, 6.5).

The order is from what costs nothing to what costs a call. No content key and no session is kept.
"""

from typing import Protocol

import structlog

from immurtal.chain.contracts import Certificate
from immurtal.chain.deployment import Deployment
from immurtal.content.keys_file import KeysFile
from immurtal.errors import AccessRefused, IntegrityError, NotFound, Unreachable
from immurtal.keys.bodies import ShareReply
from immurtal.keys.hpke import PrivateKey
from immurtal.keys.refusals import RequestInvalid
from immurtal.keys.sealing import Binding, entry_for, open_share, seal_reply
from immurtal.keys.sessions import SignedRequest, check_request, check_session
from immurtal.node.access import AccessCheck, Claim
from immurtal.node.clock import Clock
from immurtal.node.identity import Identity
from immurtal.node.view import ChainView, View, lagging

log = structlog.get_logger(__name__)


class Holdings(Protocol):
    """What the node holds, as key release asks for it."""

    async def releases_keys(self, certificate: str, release: str) -> bool:
        """Whether the release was accepted for the certificate, or policy pins it anyway."""
        ...

    async def keys_file(self, certificate: str, release: str) -> KeysFile:
        """The release's keys.json, from local blocks, verified. Raises NotFound, Unreachable,
        IntegrityError."""
        ...


class KeyRelease:
    def __init__(
        self,
        *,
        identity: Identity,
        deployment: Deployment,
        chain: ChainView,
        access: AccessCheck,
        holdings: Holdings,
        clock: Clock,
    ) -> None:
        self._identity = identity
        self._deployment = deployment
        self._chain = chain
        self._access = access
        self._holdings = holdings
        self._clock = clock

    async def authenticate(self, signed: SignedRequest) -> None:
        """Whether the request is for this node, of now, and signed by whom it must be.

        Raises `wrong-node`, `clock-skew`, `request-invalid`, `session-expired`, `session-invalid`,
        `chain-lagging`.
        """
        now = self._clock.now()
        chain_id, registry = self._deployment.chain_id, self._deployment.registry
        node_keys = self._identity.keys.hashes
        check_request(signed, now=now, node_keys=node_keys, chain_id=chain_id, registry=registry)
        try:
            await check_session(
                self._chain, signed.session, now=now, chain_id=chain_id, registry=registry
            )
        except Unreachable as error:
            raise lagging("The session's signature cannot be checked on chain now.") from error

    async def decide(self, signed: SignedRequest) -> ShareReply:
        """The share for an authenticated request.

        Raises `access-refused`, `access-not-deep-yet`, `release-not-current`, `not-accepted`,
        `chain-lagging`, `request-invalid`.
        """
        request = signed.request
        view = await self._chain.now()
        certificate = await self._certificate(request.certificate, view)
        if certificate.release != request.release:
            raise AccessRefused(
                "The certificate has another release now.",
                reason="release-not-current",
                do="Read the certificate again.",
            )
        keys_file, key = await self._share_held(request.certificate, request.release, signed)
        claim = Claim(request.certificate, signed.session.session.account, request.offer_id)
        await self._access.check(claim, view)
        share = self._sealed(signed, keys_file, key, certificate.author)
        log.info(
            "share-released",
            certificate=request.certificate,
            release=request.release,
            account=claim.account,
            device=signed.session.session.device,
            offer=request.offer_id,
            head=view.head.hash,
            index=share.index,
        )
        return share

    async def _certificate(self, certificate_id: str, view: View) -> Certificate:
        found = await self._chain.certificate(certificate_id, view)
        if found is None:
            raise AccessRefused("There is no such certificate.")
        return found

    async def _share_held(
        self, certificate: str, release: str, signed: SignedRequest
    ) -> tuple[KeysFile, PrivateKey]:
        if not await self._holdings.releases_keys(certificate, release):
            raise _not_accepted("This node was not asked to hold this release.")
        try:
            keys_file = await self._holdings.keys_file(certificate, release)
            entry = entry_for(keys_file, signed.request.node_key)
        except NotFound as error:
            raise _not_accepted("This node holds no key share of this release.") from error
        if "0x" + entry.node.hex() != self._identity.node_id:
            raise _not_accepted("The release names another node with this node's key.")
        if keys_file.key_id != signed.request.key_id:
            raise RequestInvalid("The release's key has another key id.")
        return keys_file, self._identity.keys.by_hash(signed.request.node_key)

    def _sealed(
        self, signed: SignedRequest, keys_file: KeysFile, key: PrivateKey, author: str
    ) -> ShareReply:
        binding = Binding(
            chain_id=self._deployment.chain_id,
            registry=self._deployment.registry,
            work_hash=signed.request.certificate,
            author=author,
        )
        try:
            share = open_share(keys_file, key, binding)
        except IntegrityError as error:
            raise _not_accepted(
                "The share sealed to this node does not open for this certificate."
            ) from error
        entry = entry_for(keys_file, signed.request.node_key)
        session = signed.session.public
        sealed = seal_reply(share, entry, keys_file.key_id, binding, session)
        return ShareReply(self._identity.node_id, session.kem, entry.index, sealed)


def _not_accepted(detail: str) -> AccessRefused:
    return AccessRefused(detail, reason="not-accepted")
