"""The server's own TLS certificate: issued on the one path like every other, renewed by itself."""

from dataclasses import dataclass, field
from typing import Final

from keyworks.algorithms.signer import Signer
from keyworks.authority.channel import Channel
from keyworks.authority.naming import certified, principal_facts
from keyworks.authority.order import Order, Replacement, Requester, digest_of
from keyworks.authority.profile import Wanted
from keyworks.authority.register import Register
from keyworks.authority.status import CertificateRecord, Filter, find_certificate, list_certificates
from keyworks.errors import OperatorError
from keyworks.keys.purpose import Purpose
from keyworks.keys.records import key_id_of
from keyworks.service.installation import Installation
from keyworks.service.keymaking import key_to_certify
from keyworks.x509.certificate import Certificate
from keyworks.x509.general_name import server_names

KEY_TYPE: Final = "P-256"


@dataclass(frozen=True, slots=True)
class ServerCertificate:
    """What a TLS listener serves with.

    Args:
        chain: Certificate and issuers up to the root's, DER: so that a client can pin any of them.
        private_key: PEM; never shown.
    """

    chain: tuple[bytes, ...]
    private_key: bytes = field(repr=False)


async def server_certificate(installation: Installation) -> ServerCertificate:
    """Return the server's certificate, renewing it where it is due or its names changed.

    Raises:
        OperatorError: No channel issues server certificates.
    """
    register, _ = await installation.registers.current()
    channel = _channel(register)
    if channel is None:
        raise OperatorError(
            "There is no channel with profile tls-server for this server's own certificate; add one."
        )
    wanted = _wanted(installation, register, channel)
    present = await _newest(installation)
    if present is None or _is_due(present, wanted, installation.clock.now()):
        present = await _issue(installation, register, channel, wanted, present)
    return await _with_key(installation, register, present)


async def valid_server_certificate(installation: Installation) -> ServerCertificate | None:
    """Return the server's certificate as long as it is valid, due or not; ``None`` if there is none."""
    register, _ = await installation.registers.current()
    present = await _newest(installation)
    if present is None or present.state_at(installation.clock.now()) != "valid":
        return None
    return await _with_key(installation, register, present)


async def server_signer(installation: Installation) -> tuple[Signer, tuple[bytes, ...]]:
    """Return what this server signs messages with: the signer of its certificate, and that with its issuers.

    Raises:
        OperatorError: There is no valid certificate.
    """
    register, _ = await installation.registers.current()
    present = await _newest(installation)
    if present is None or present.state_at(installation.clock.now()) != "valid":
        raise OperatorError("The server has no valid certificate to sign with; restart it, or see its log.")
    key_id = await _key_id(installation, present)
    chain = register.generations[present.generation_id].issuer.chain
    return await installation.keystore.signer(key_id), (present.der, *chain)


async def server_root(installation: Installation) -> Certificate | None:
    """Return the root above the server's certificate: what clients pin who have no trust anchor yet.

    It is not always that of the newest generations: the certificate may be a former one's until it is renewed.

    Returns:
        ``None`` where no channel issues server certificates.
    """
    register, _ = await installation.registers.current()
    channel = _channel(register)
    present = await _newest(installation)
    if channel is None:
        return None
    if present is None or present.state_at(installation.clock.now()) != "valid":
        return Certificate.parse(register.current_generation(channel.authority_id).issuer.chain[-1])
    return Certificate.parse(register.generations[present.generation_id].issuer.chain[-1])


def _channel(register: Register) -> Channel | None:
    return next((one for one in register.channels.values() if one.profile.base == "tls-server"), None)


async def _with_key(
    installation: Installation, register: Register, present: CertificateRecord
) -> ServerCertificate:
    key_id = await _key_id(installation, present)
    chain = register.generations[present.generation_id].issuer.chain
    return ServerCertificate((present.der, *chain), await installation.keystore.private_key_pem(key_id))


async def _key_id(installation: Installation, present: CertificateRecord) -> str:
    public_key = Certificate.parse(present.der).public_key
    key_id = await installation.store.read(lambda tx: key_id_of(tx, public_key))
    if key_id is None:
        raise OperatorError("The key of the server's certificate is gone; revoke that certificate and restart.")
    return key_id


def _owner(installation: Installation) -> str:
    return f"service:{installation.settings.node.name}"


def _wanted(installation: Installation, register: Register, channel: Channel) -> Wanted:
    node = installation.settings.node
    issuer = register.current_generation(channel.authority_id).issuer
    names = server_names(node.names)
    return certified(
        channel.profile, principal_facts(issuer.name, node.name, {"dns": names.dns, "ip": names.ip})
    )


async def _newest(installation: Installation) -> CertificateRecord | None:
    register, _ = await installation.registers.current()
    wanted = Filter(state="valid", owner=_owner(installation), most=1000)
    listed = await installation.store.read(lambda tx: list_certificates(tx, wanted))
    found = [one for one in listed if _is_servers(register, one.profile)]
    return found[-1] if found else None


def _is_servers(register: Register, profile: str) -> bool:
    """Return whether a profile is this server's own, or a factory's that derives from it."""
    known = register.profiles.get(profile)
    return known is not None and known.base == "tls-server"


def _is_due(present: CertificateRecord, wanted: Wanted, at: int) -> bool:
    certificate = Certificate.parse(present.der)
    same = certificate.subject == wanted.subject and certificate.subject_alt_name == wanted.subject_alt_name
    return at >= certificate.renewal_due or not same


async def _issue(
    installation: Installation,
    register: Register,
    channel: Channel,
    wanted: Wanted,
    former: CertificateRecord | None,
) -> CertificateRecord:
    """Issue the next one, or return the one that another worker was issued at the same time."""
    if not channel.enabled:
        raise OperatorError(
            f"The server's certificate is due, and channel {channel.label} is disabled; enable it first."
        )
    generation = register.current_generation(channel.authority_id)
    generation.check_issues(installation.clock.now())
    owner = _owner(installation)
    async with key_to_certify(installation, Purpose.TLS, KEY_TYPE, owner) as key:
        order = Order(
            issuer=generation.issuer,
            profile=channel.profile,
            wanted=wanted,
            public_key=key.public_key,
            owner=owner,
            replacement=Replacement.KEEP,
            requester=Requester(owner, "local"),
            channel_id=channel.id,
            request_key=_succession(channel, wanted, owner, former),
        )
        issued = await installation.path.issue(order)
    return await installation.store.read(lambda tx: find_certificate(tx, issued.certificate_id))


def _succession(channel: Channel, wanted: Wanted, owner: str, former: CertificateRecord | None) -> bytes:
    """Return what only one certificate can have: with these names, it follows the former one (or none)."""
    return digest_of((channel.id.encode(), wanted.key, owner.encode(), (former.id if former else "").encode()))
