"""Who asks: the only place where a presented chain or a one-time secret becomes a credential.

It is done for every request, not once per connection: the result is remembered only as long as neither the
trust epoch nor the revocation epoch moves, so no kept-alive connection outlives a revocation.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from keyworks.access.anchor import Anchor, identity_of
from keyworks.access.credential import (
    BasicCredentials,
    CertificateCredential,
    Credential,
    PresentedChain,
    SecretCredential,
)
from keyworks.access.principal import DeviceIdentity, Kind, Principal
from keyworks.access.records import find_secret
from keyworks.authority import records
from keyworks.authority.channel import Channel
from keyworks.authority.register import Register
from keyworks.devices.records import get_device
from keyworks.errors import AuthenticationFailed, InvalidPath, RequestError
from keyworks.store.clock import Clock
from keyworks.store.engine import Store, Transaction
from keyworks.x509.certificate import Certificate
from keyworks.x509.path import validate

_REMEMBERED: Final = 10_000
"""Chains whose authentication is remembered per worker; a full memory is emptied."""


@dataclass(frozen=True, slots=True)
class OwnCertificate:
    """What we recorded about a certificate that we issued ourselves.

    Args:
        certificate_id: Opaque.
        channel_id: The channel it came through.
        profile: Its profile's name.
        owner: Whose it is.
    """

    certificate_id: str
    channel_id: str
    profile: str
    owner: str


@dataclass(frozen=True, slots=True)
class Authenticated:
    """Who asks, and what proved it.

    Args:
        principal: Who.
        credential: What proved it.
        own: Our record of the credential, where it is a certificate of ours.
        until: The last instant at which the proof holds.
    """

    principal: Principal
    credential: Credential
    own: OwnCertificate | None
    until: int


class Authenticator:
    """Makes credentials of what requesters show.

    Args:
        store: Where our own certificates and the one-time secrets are recorded.
        mac: Turns a secret into what is stored of it.
        clock: Tells the time.
    """

    def __init__(self, store: Store, mac: Callable[[bytes], bytes], clock: Clock) -> None:
        self._store = store
        self._mac = mac
        self._clock = clock
        self._remembered: dict[tuple[bytes, frozenset[Kind]], Authenticated] = {}
        self._epoch = (-1, -1)

    async def by_chain(
        self, presented: PresentedChain, channel: Channel, register: Register, epoch: tuple[int, int]
    ) -> Authenticated:
        """Authenticate the holder of a certificate chain, whose possession of the key TLS has proven.

        Raises:
            AuthenticationFailed: Revoked, expired, or nobody whom this channel trusts vouches for it.
        """
        if epoch != self._epoch or len(self._remembered) >= _REMEMBERED:
            self._remembered.clear()
            self._epoch = epoch
        at = self._clock.now()
        key = (presented.fingerprint, channel.accepts)
        known = self._remembered.get(key)
        if known is None or at > known.until:
            own = await self._store.read(lambda tx: _find_own(tx, presented.certificates[0], register, at))
            known = own or _by_anchor(presented, register, channel.accepts, at)
            if epoch == self._epoch:
                self._remembered[key] = known
        return known

    async def by_secret(self, basic: BasicCredentials, channel: Channel) -> Authenticated:
        """Authenticate the holder of a one-time secret.

        Raises:
            AuthenticationFailed: Unknown, replaced, expired, or made for another channel or user.

        Source: RFC 7030 §3.2.3 (HTTP-based client authentication).
        """
        at = self._clock.now()
        mac = self._mac(basic.password.encode())
        secret = await self._store.read(lambda tx: find_secret(tx, mac))
        if secret is None or secret.principal_name != basic.user or secret.channel_label != channel.label:
            raise AuthenticationFailed("User name or one-time secret is wrong for this channel.")
        if secret.replaced:
            raise AuthenticationFailed(
                "The one-time secret was replaced by a newer one before it was used; use the newest."
            )
        if secret.expires_at < at:
            raise AuthenticationFailed("The one-time secret has expired; ask the operator for a new one.")
        principal = Principal(secret.principal_kind, secret.principal_name)
        return Authenticated(principal, SecretCredential(secret.id, secret.bound_key), None, secret.expires_at)


def _find_own(tx: Transaction, leaf: bytes, register: Register, at: int) -> Authenticated | None:
    """Return who holds a certificate of ours, by our own record of exactly these bytes.

    Knowing the bytes says more than a path: they are what we signed, and this is their present state.
    """
    certificate = parse_presented(leaf)
    serial_number = records.serial_octets(certificate.serial_number)
    names = {"serial_number": serial_number, "fingerprint": certificate.fingerprint}
    rows = tx.execute(records.SELECT_OWN, names)
    if not rows:
        return None
    certificate_id, channel_id, profile, owner, state = rows[0]
    if state != "valid":
        raise AuthenticationFailed(
            f"The client certificate is {state}; it can no longer be used. Enroll anew or ask the operator."
        )
    _check_time(certificate, at)
    known = register.profiles.get(profile)
    if known is None or not known.accepts:
        raise AuthenticationFailed(f"A certificate of profile {profile} does not authenticate a requester.")
    credential = CertificateCredential(certificate)
    principal = _own_principal(tx, owner)
    own = OwnCertificate(certificate_id, channel_id, profile, owner)
    return Authenticated(principal, credential, own, certificate.not_after)


def _own_principal(tx: Transaction, owner: str) -> Principal:
    word, _, identifier = owner.partition(":")
    kind = Kind(word)
    if kind is not Kind.DEVICE:
        return Principal(kind, identifier)
    device = get_device(tx, identifier)
    if device is None:
        raise AuthenticationFailed("The device of this certificate is no longer in the inventory.")
    identity = DeviceIdentity(device.manufacturer, device.product, device.serial_number)
    return Principal(kind, device.serial_number, identity)


def _check_time(certificate: Certificate, at: int) -> None:
    if not certificate.not_before <= at <= certificate.not_after:
        raise AuthenticationFailed("The client certificate has expired, or its time has not come yet.")


def parse_presented(leaf: bytes) -> Certificate:
    """Return the end-entity certificate of a presented chain.

    Raises:
        AuthenticationFailed: It cannot be read.
    """
    try:
        return Certificate.parse(leaf)
    except RequestError as error:
        raise AuthenticationFailed(f"The client certificate cannot be read: {error.detail}") from error


def _by_anchor(
    presented: PresentedChain, register: Register, accepted: frozenset[Kind], at: int
) -> Authenticated:
    """Return whom a trust anchor vouches for; an anchor for one kind says nothing about another."""
    eligible = [anchor for anchor in register.anchors if anchor.vouches_for in accepted]
    if not eligible:
        raise InvalidPath(
            "The client certificate is not known here: this installation has not issued it, "
            "and this channel has no trust anchor for certificates of others."
        )
    path = validate(presented.certificates, [anchor.certificate for anchor in eligible], at=at)
    leaf, *above = path.certificates
    _check_foreign(above, register)
    found = [anchor for anchor in eligible if anchor.certificate.der == above[-1].der]
    principal = _agreed(found, leaf)
    until = min(certificate.not_after for certificate in path.certificates)
    return Authenticated(principal, CertificateCredential(leaf), None, until)


def _check_foreign(above: Sequence[Certificate], register: Register) -> None:
    """Refuse what our own authorities seem to have signed: everything they did sign is in our record.

    An ECDSA signature can be rewritten by anybody into another one that verifies. Were an anchor of ours
    enough, such a copy of a revoked certificate would be as good as new.
    """
    own = {generation.certificate.public_key.fingerprint for generation in register.generations.values()}
    if any(certificate.public_key.fingerprint in own for certificate in above):
        raise AuthenticationFailed(
            "The client certificate names an authority of ours, which has not recorded it; "
            "present the certificate exactly as it was issued."
        )


def _agreed(anchors: Sequence[Anchor], leaf: Certificate) -> Principal:
    """Return whom the anchors with one CA certificate vouch for, if they agree: no order decides who it is."""
    found: set[Principal] = set()
    failure: AuthenticationFailed = InvalidPath("No trust anchor of this channel vouches for the certificate.")
    for anchor in anchors:
        try:
            found.add(identity_of(anchor, leaf))
        except AuthenticationFailed as error:
            failure = error
    if len(found) > 1:
        raise AuthenticationFailed(
            "Several trust anchors with one CA certificate say different things about the client certificate; "
            "the operator has to remove all but one."
        )
    if not found:
        raise failure
    return found.pop()
