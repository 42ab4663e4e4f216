"""An enrollment from the first byte to the released certificate, the same for every protocol.

::

    authenticate → parse → authorize → issue

Whoever is refused before being authenticated is counted; whoever is refused afterwards is entered in the
ledger.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

from keyworks.access.credential import BasicCredentials, PresentedChain, SecretCredential
from keyworks.access.records import bind_secret
from keyworks.authority.authenticate import Authenticated, Authenticator
from keyworks.authority.authorize import Ask, Operation, authorize
from keyworks.authority.channel import Channel
from keyworks.authority.issue import Issued, IssuingPath
from keyworks.authority.register import Register, Registers
from keyworks.errors import AuthenticationFailed, KeyworksError, NotAuthorized, RequestError
from keyworks.ledger.entry import Entry, seal
from keyworks.ledger.records import enter
from keyworks.ledger.refusals import RefusalCounter
from keyworks.store.clock import Clock
from keyworks.store.engine import Store
from keyworks.x509.template import Template


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request as a protocol adapter hands it over: located, decoded, not believed.

    Args:
        label: The channel's; ``None`` asks for the default one.
        operation: What is asked for.
        presented: The client's certificate chain, if any.
        basic: User name and one-time secret, if sent; they win, being what the client chose to send.
        request: The octets of the request for a certificate.
        source: The address it came from.
    """

    label: str | None
    operation: Operation
    presented: PresentedChain | None
    basic: BasicCredentials | None
    request: bytes
    source: str


class Enrollment:
    """Answers attempts.

    Args:
        store: For ledger entries and one-time secrets.
        registers: The register in force.
        authenticator: Says who asks.
        path: Issues.
        refusals: Counts strangers.
        clock: Tells the time.
    """

    def __init__(  # the composition of the whole path, once per worker
        self,
        store: Store,
        registers: Registers,
        authenticator: Authenticator,
        path: IssuingPath,
        refusals: RefusalCounter,
        clock: Clock,
    ) -> None:
        self._store = store
        self._registers = registers
        self._authenticator = authenticator
        self._path = path
        self._refusals = refusals
        self._clock = clock

    async def ca_certificates(self, label: str | None) -> tuple[bytes, ...]:
        """Return the CA certificates of a channel, the one that issues first, DER.

        With those of its authority's former generations, as long as what they issued may be valid.

        Raises:
            NotFound: There is no such channel.
        """
        register, _ = await self._registers.current()
        channel = register.channel(label)
        return register.ca_certificates(channel.authority_id, self._clock.now())

    async def enroll(self, attempt: Attempt, parse: Callable[[bytes], Template]) -> Issued:
        """Issue what the attempt asks for, if it may be issued.

        Args:
            attempt: The request.
            parse: Turns its octets into a template, checking proof of possession.

        Raises:
            KeyworksError: By cause; nothing was issued.
        """
        try:
            register, epoch = await self._registers.current()
            channel = register.channel(attempt.label)
            authenticated = await self._authenticate(attempt, channel, register, epoch)
        except (AuthenticationFailed, RequestError) as error:
            self.count_refusal(attempt.source, error)
            raise
        template = None
        try:
            template = parse(attempt.request)
            return await self._issue(attempt, template, channel, register, authenticated)
        except (RequestError, NotAuthorized) as error:
            located = replace(attempt, label=channel.label)
            await self._store.write(enter, seal(self._refusal(located, template, authenticated, error)))
            raise

    def count_refusal(self, source: str, error: KeyworksError) -> None:
        """Count a stranger who was refused; a protocol does it where no attempt could be made of a request."""
        self._refusals.count(source, type(error).__name__)

    async def _authenticate(
        self, attempt: Attempt, channel: Channel, register: Register, epoch: tuple[int, int]
    ) -> Authenticated:
        if attempt.basic is not None:
            return await self._authenticator.by_secret(attempt.basic, channel)
        if attempt.presented is not None:
            return await self._authenticator.by_chain(attempt.presented, channel, register, epoch)
        raise AuthenticationFailed(
            "Authenticate with a client certificate (TLS) or a one-time secret (HTTP Basic)."
        )

    async def _issue(
        self,
        attempt: Attempt,
        template: Template,
        channel: Channel,
        register: Register,
        authenticated: Authenticated,
    ) -> Issued:
        generation = register.current_generation(channel.authority_id)
        generation.check_issues(self._clock.now())
        ask = Ask(
            channel,
            generation.issuer,
            attempt.operation,
            authenticated,
            template,
            attempt.source,
            register.stations,
        )
        order = await self._store.read(lambda tx: authorize(tx, ask))
        credential = authenticated.credential
        if isinstance(credential, SecretCredential):
            await self._store.write(bind_secret, (credential.secret_id, template.public_key.fingerprint))
        return await self._path.issue(order)

    def _refusal(
        self, attempt: Attempt, template: Template | None, authenticated: Authenticated, error: KeyworksError
    ) -> Entry:
        """Return the entry; of a request that could not be read, the hash is over its octets as received."""
        received = hashlib.sha256(attempt.request).digest()
        return Entry(
            at=self._clock.now(),
            actor=authenticated.principal.text,
            source=attempt.source,
            object=f"channel:{attempt.label}",
            action="certificate.refused",
            result=type(error).__name__,
            request_hash=template.request_hash if template else received,
            detail=(("operation", attempt.operation.value), ("reason", error.detail)),
        )
