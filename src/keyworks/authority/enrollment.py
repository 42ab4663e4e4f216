"""An enrollment from the first byte to the released certificate, the same for every protocol.

::

    authenticate → parse → authorize → [Pending: approval] → issue

Whoever is refused before being authenticated is counted; whoever is refused afterwards is entered in the
ledger.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from keyworks.access.credential import (
    BasicCredentials,
    ConnectionBinding,
    PresentedChain,
    SecretCredential,
)
from keyworks.access.principal import Kind
from keyworks.access.records import bind_secret
from keyworks.authority.authenticate import Authenticated, Authenticator
from keyworks.authority.authorize import Ask, Operation, authorize
from keyworks.authority.binding import check_binding
from keyworks.authority.channel import Channel, ChannelPolicy
from keyworks.authority.issue import Issued, IssuingPath
from keyworks.authority.naming import organization_of
from keyworks.authority.order import Order, Requester
from keyworks.authority.pending import Pending, await_approval
from keyworks.authority.register import Register, Registers
from keyworks.authority.revoke import Revocation, revoke
from keyworks.authority.surrender import Surrender, find_surrendered
from keyworks.errors import AuthenticationFailed, KeyworksError, NotAuthorized, NotFound, RequestError
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
        binding: Identifies the TLS connection, in protocols whose requests can be bound to one.
    """

    label: str | None
    operation: Operation
    presented: PresentedChain | None
    basic: BasicCredentials | None
    request: bytes = field(repr=False)
    source: str
    binding: ConnectionBinding | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Admitted:
    """An attempt whose maker is known.

    Args:
        register: In force then.
        channel: Where it came in.
        authenticated: Who it is.
    """

    register: Register
    channel: Channel
    authenticated: Authenticated


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

    async def policy(self, label: str | None) -> ChannelPolicy | None:
        """Return how a channel serves; ``None`` where there is none, which whatever is asked there will say."""
        register, _ = await self._registers.current()
        try:
            return register.channel(label).policy
        except NotFound:
            return None

    async def serving(self, label: str | None) -> tuple[Channel, str]:
        """Return a channel, and the organization whose authority issues there.

        Raises:
            NotFound: There is no such channel.
            Unavailable: Its authority has no key yet.
        """
        register, _ = await self._registers.current()
        channel = register.channel(label)
        return channel, organization_of(register.current_generation(channel.authority_id).issuer.name)

    async def enroll(self, attempt: Attempt, parse: Callable[[bytes], Template]) -> Issued | Pending:
        """Issue what the attempt asks for, if it may be issued; or say that it waits for approval.

        Args:
            attempt: The request.
            parse: Turns its octets into a template, checking proof of possession.

        Raises:
            KeyworksError: By cause; nothing was issued.
        """
        admitted = await self.admit(attempt)
        channel, authenticated = admitted.channel, admitted.authenticated
        template = None
        try:
            template = parse(attempt.request)
            return await self._issue(attempt, template, channel, admitted.register, authenticated)
        except (RequestError, NotAuthorized) as error:
            located = replace(attempt, label=channel.label)
            await self._store.write(enter, seal(self._refusal(located, template, authenticated, error)))
            raise

    async def admit(self, attempt: Attempt) -> Admitted:
        """Say who attempts, where a protocol has to know before it knows what is asked; strangers are counted.

        Raises:
            AuthenticationFailed: Who asks is not proven.
            NotFound: There is no such channel.
        """
        try:
            return await self.identify(attempt)
        except (AuthenticationFailed, RequestError) as error:
            self.count_refusal(attempt.source, error)
            raise

    async def identify(self, attempt: Attempt) -> Admitted:
        """Say who attempts, counting nobody: of credentials besides those of somebody already admitted.

        Raises:
            AuthenticationFailed: Who asks is not proven.
            NotFound: There is no such channel.
        """
        register, epoch = await self._registers.current()
        channel = register.channel(attempt.label)
        return Admitted(register, channel, await self._authenticate(attempt, channel, register, epoch))

    async def give_up(self, attempt: Attempt, admitted: Admitted, wanted: Surrender) -> None:
        """Revoke a certificate at its holder's own request.

        Raises:
            KeyworksError: By cause; nothing was revoked.
        """
        authenticated, at = admitted.authenticated, self._clock.now()
        try:
            held = await self._store.read(
                lambda tx: find_surrendered(tx, wanted, admitted.channel, authenticated)
            )
        except (RequestError, NotAuthorized) as error:
            await self.enter_refusal(attempt, admitted, "revoke", error)
            raise
        received = hashlib.sha256(attempt.request).digest()
        requester = Requester(authenticated.principal.text, attempt.source, received)
        await self._store.write(revoke, Revocation(held.id, held.owner, wanted.reason, requester, at))

    async def enter_refusal(
        self, attempt: Attempt, admitted: Admitted, operation: str, error: KeyworksError
    ) -> None:
        """Enter that somebody admitted was refused before anything was asked that could be issued."""
        located = replace(attempt, label=admitted.channel.label)
        refused = self._refusal(located, None, admitted.authenticated, error)
        detail = (("operation", operation), ("reason", error.detail))
        await self._store.write(enter, seal(replace(refused, detail=detail)))

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
    ) -> Issued | Pending:
        generation = register.current_generation(channel.authority_id)
        generation.check_issues(self._clock.now())
        ask = Ask(
            channel,
            generation.issuer,
            attempt.operation,
            authenticated,
            template,
            attempt.source,
            register.accounts,
        )
        order = await self._store.read(lambda tx: authorize(tx, ask))
        if not _is_for_another(order, authenticated):
            check_binding(channel.policy.channel_binding, template.challenge_password, attempt.binding)
        credential = authenticated.credential
        if isinstance(credential, SecretCredential):
            await self._store.write(bind_secret, (credential.secret_id, template.public_key.fingerprint))
        approved = await await_approval(self._store, order, channel, template.der, self._clock.now())
        return approved if isinstance(approved, Pending) else await self._path.issue(approved)

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


def _is_for_another(order: Order, authenticated: Authenticated) -> bool:
    """Return whether a registration authority asks: the request was made on another connection than its own.

    Source: RFC 7030 §3.5, §3.7.
    """
    principal = authenticated.principal
    return principal.kind is not Kind.DEVICE and order.owner != f"{principal.kind.value}:{principal.name}"
