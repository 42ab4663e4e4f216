"""An enrollment from the first byte to the released certificate, the same for every protocol.

::

    authenticate → parse → authorize ──────────────────────► [Pending: approval] → issue
                              └─► make the key ─► all of it anew ─┘

A key that is made here is made for who may have it: a refused request costs none. As that may take seconds, the
request is looked at once more afterwards.

Whoever is refused before being authenticated is counted; whoever is refused afterwards is entered in the
ledger.
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from keyworks.access.credential import (
    BasicCredentials,
    ConnectionBinding,
    PresentedChain,
    SecretCredential,
)
from keyworks.access.principal import Kind, Principal
from keyworks.access.records import bind_secret
from keyworks.access.secret import USED
from keyworks.algorithms.public_key import PublicKey
from keyworks.authority.authenticate import Authenticated, Authenticator
from keyworks.authority.authorize import Ask, Grant, Operation, authorize, order_for
from keyworks.authority.binding import check_binding
from keyworks.authority.channel import Channel, ChannelPolicy
from keyworks.authority.issue import Issued, IssuingPath
from keyworks.authority.naming import organization_of
from keyworks.authority.order import Order, Requester
from keyworks.authority.pending import Pending, await_approval
from keyworks.authority.register import Register, Registers
from keyworks.authority.revoke import Revocation, revoke
from keyworks.authority.surrender import Surrender, find_surrendered
from keyworks.errors import (
    AuthenticationFailed,
    KeyworksError,
    NotAuthorized,
    NotFound,
    RequestError,
    Unavailable,
)
from keyworks.ledger.entry import Entry, seal
from keyworks.ledger.records import enter
from keyworks.ledger.refusals import RefusalCounter
from keyworks.store.clock import Clock
from keyworks.store.engine import Store
from keyworks.x509.template import KeyedTemplate, Template


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


@dataclass(frozen=True, slots=True)
class KeyToMake:
    """A request for a certificate over a key that is made here.

    Args:
        template: What is asked for.
        policy: How the channel serves, by which a key is made at all.
        make: Makes the key for who asks, such as ``device:ID``, once it may have it; returns the public half.
    """

    template: Template
    policy: ChannelPolicy
    make: Callable[[str], Awaitable[PublicKey]]


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

    async def enroll(
        self, attempt: Attempt, parse: Callable[[bytes], KeyedTemplate | KeyToMake]
    ) -> Issued | Pending:
        """Issue what the attempt asks for, if it may be issued; or say that it waits for approval.

        Args:
            attempt: The request.
            parse: Turns its octets into a template, checking proof of possession unless the key is made here.

        Raises:
            KeyworksError: By cause; nothing was issued.
        """
        admitted = await self.admit(attempt)
        channel, authenticated = admitted.channel, admitted.authenticated
        template: Template | None = None
        try:
            wanted = parse(attempt.request)
            if isinstance(wanted, KeyToMake):
                template = wanted.template
                order = await self._order_with_made_key(attempt, wanted, admitted)
            else:
                template = wanted
                order = await self._order_with_own_key(attempt, wanted, admitted)
            approved = await await_approval(self._store, order, channel, template.der, self._clock.now())
            return approved if isinstance(approved, Pending) else await self._path.issue(approved)
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

    async def _order_with_own_key(self, attempt: Attempt, template: KeyedTemplate, admitted: Admitted) -> Order:
        """Return the order over the requester's own key; a one-time secret is bound to it, for retries."""
        ask, grant = await self._decide(attempt, template, admitted)
        order = order_for(ask, grant, template.public_key)
        credential = admitted.authenticated.credential
        if isinstance(credential, SecretCredential):
            await self._store.write(bind_secret, (credential.secret_id, template.public_key.fingerprint))
        return order

    async def _order_with_made_key(self, attempt: Attempt, wanted: KeyToMake, admitted: Admitted) -> Order:
        """Return the order over a key that is made now, in which time trust and permission may have ended."""
        authenticated = admitted.authenticated
        _, grant = await self._decide(attempt, wanted.template, admitted)
        if isinstance(authenticated.credential, SecretCredential) and authenticated.credential.bound_key:
            raise NotAuthorized(USED)
        public_key = await wanted.make(_asking(authenticated.principal, grant))
        ask, grant = await self._decide(attempt, wanted.template, await self.admit(attempt))
        if ask.channel.policy != wanted.policy:
            raise Unavailable("The channel is being changed; ask again.")
        return order_for(ask, grant, public_key)

    async def _decide(self, attempt: Attempt, template: Template, admitted: Admitted) -> tuple[Ask, Grant]:
        """Say what may be issued of what is asked, whatever key it will be over."""
        register, channel, authenticated = admitted.register, admitted.channel, admitted.authenticated
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
        grant = await self._store.read(lambda tx: authorize(tx, ask))
        # What a registration authority asks for was made on another connection than its own (RFC 7030 §3.7).
        if grant.owner == _asking(authenticated.principal, grant):
            check_binding(channel.policy.channel_binding, template.challenge_password, attempt.binding)
        return ask, grant

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


def _asking(principal: Principal, grant: Grant) -> str:
    """Return who asks in the words of owners; a device asks for itself alone."""
    return grant.owner if principal.kind is Kind.DEVICE else principal.text
