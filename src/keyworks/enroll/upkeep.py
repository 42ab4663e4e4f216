"""Does what an identity needs: its first certificate, its renewal, or nothing.

Run it as often as you like, from a timer too. It goes on where an interrupted run stopped. What a folder holds
is never passed off as something else that is wished: another device's identity is refused.
"""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from keyworks.authority.channel import check_label
from keyworks.enroll.answer import Granted
from keyworks.enroll.attributes import KEY_TYPE, key_type_for
from keyworks.enroll.binding import UnboundRequest
from keyworks.enroll.credential import ClientCredential
from keyworks.enroll.fitness import check_is_wished, check_key_is_wished
from keyworks.enroll.identity import Begun, Identity, IdentityFolder
from keyworks.enroll.issued import Issued
from keyworks.enroll.persistence import Persistence
from keyworks.enroll.renewal import Need, judge
from keyworks.enroll.trust import Trust, parse_url
from keyworks.errors import AuthenticationFailed, NotAuthorized, OperatorError, RequestError
from keyworks.keys.software import SoftwareSigner, make_private_key, signer_of
from keyworks.store.clock import Clock
from keyworks.x509.csr_attributes import CSRAttributes
from keyworks.x509.general_name import SubjectAltName
from keyworks.x509.name import EMPTY_NAME, Name
from keyworks.x509.request import encode_certification_request

if TYPE_CHECKING:
    from keyworks.enroll.est import EnrollmentClient


class Action(StrEnum):
    """What was done."""

    KEPT = "kept"
    REPAIRED = "repaired"
    ENROLLED = "enrolled"
    RENEWED = "renewed"


@dataclass(frozen=True, slots=True)
class Wish:
    """The identity that somebody wants to have.

    Args:
        url: The server, ``https://host:port``.
        label: Its channel.
        trust: Says which certificates vouch for the server.
        subject: The name asked for in the first request; renewals keep the certificate's.
        key_type: Of new keys; ``None`` for the usual one.
        signer: Holds the key for the first certificate, if there is one already.
        server_key: Have the server make the keys. Where it has made one it makes the next one too, unless
            ``key_type`` says which to make here.
        credential: Who asks for the first certificate; renewals are asked for with the certificate itself.
        bind: Bind requests to their TLS connections, though the channel does not say that it wants that.
        force: Renew before it is due.
        patience: How long to wait where the server says "later".

    Raises:
        OperatorError: URL or label cannot be one, or the key is to be made here and there.
    """

    url: str
    label: str
    trust: Trust
    subject: Name = EMPTY_NAME
    key_type: str | None = None
    signer: SoftwareSigner | None = field(default=None, repr=False)
    server_key: bool = False
    credential: ClientCredential | None = field(default=None, repr=False)
    bind: bool = False
    force: bool = False
    patience: timedelta = timedelta(0)

    def __post_init__(self) -> None:
        """Refuse at once what could not be asked for."""
        parse_url(self.url)
        check_label(self.label)
        if self.server_key and (self.signer is not None or self.key_type is not None):
            raise OperatorError("Where the server makes the key, its channel says which; wish for no other.")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done, and when something is due again.

    Args:
        action: What was done.
        identity: The pair in use now.
        renew_at: Epoch seconds; ``None``: never.
        superseded: Serial numbers of the certificates that were revoked for a new one, as the server says.
    """

    action: Action
    identity: Identity
    renew_at: int | None
    superseded: tuple[str, ...] = ()


async def keep_identity(folder: IdentityFolder, wish: Wish, clock: Clock) -> Outcome:
    """Bring the identity in a folder to what is wished.

    Raises:
        KeyworksError: By cause; the folder holds the pair that it held before.
    """
    with folder.locked():
        present = folder.current()
        if present is not None and present.label != wish.label:
            raise OperatorError(
                f"{folder.folder} holds an identity from channel '{present.label}', not '{wish.label}'; "
                "choose another folder."
            )
        if present is not None:
            check_is_wished(folder.folder, present.certificate, wish.subject, wish.credential)
        need = _need(present, clock, force=wish.force)
        if present is not None and need is Need.NOTHING:
            check_key_is_wished(folder.folder, present, wish.signer, wish.key_type)
            return _outcome(Action.REPAIRED if folder.repair(present) else Action.KEPT, present, clock)
        if present is not None and present.is_server_key and wish.key_type is None:
            wish = replace(wish, server_key=True, signer=None)
        renewing = present if need is Need.RENEWAL and _proves_itself(present, wish) else None
        begun, issued = await _obtain(folder, wish, renewing, clock)
        identity = folder.complete(begun, issued)
        return _outcome(Action.RENEWED if renewing else Action.ENROLLED, identity, clock, issued.superseded)


def _outcome(action: Action, identity: Identity, clock: Clock, superseded: tuple[str, ...] = ()) -> Outcome:
    return Outcome(action, identity, judge(identity.certificate, clock.now()).renew_at, superseded)


def _need(present: Identity | None, clock: Clock, *, force: bool) -> Need:
    verdict = judge(present.certificate if present else None, clock.now())
    if not force or verdict.need is not Need.NOTHING:
        return verdict.need
    if verdict.renew_at is None:
        raise OperatorError(
            "This certificate is valid for ever and never renewed (IEEE 802.1AR IDevID); leave --force out."
        )
    return Need.RENEWAL


def _proves_itself(present: Identity | None, wish: Wish) -> bool:
    """Return whether the certificate itself asks for its renewal: not if TLS cannot use it and another can."""
    return present is None or present.credential.is_fit_for_tls or wish.credential is None


async def _obtain(
    folder: IdentityFolder, wish: Wish, renewing: Identity | None, clock: Clock
) -> tuple[Begun, Issued]:
    # Late, so that a run with nothing to do does not import an HTTP client.
    from keyworks.enroll.est import EnrollmentClient

    credential = renewing.credential if renewing else wish.credential
    if credential is None:
        raise OperatorError(
            "A first certificate needs a proof of who asks: a one-time secret, or a certificate with its key "
            "(--secret-file or --credential). An expired certificate is no proof any more."
        )
    persistence = Persistence(connections=1, patience=wish.patience)
    async with EnrollmentClient(wish.url, wish.label, wish.trust, credential, persistence) as client:
        authorities = await client.cacerts()
        wanted = await _wanted(client)
        key_type = KEY_TYPE if wish.server_key else key_type_for(wish.key_type, wanted)
        begun = await _begin(folder, wish, renewing, key_type)
        bind = wish.bind or (wanted is not None and wanted.challenge_password)
        if wish.server_key and not begun.is_server_key:
            begun, granted = await _server_key(folder, client, begun, bind=bind)
        else:
            ask = client.simplereenroll if renewing and not wish.server_key else client.simpleenroll
            granted = await ask(_request_of(begun, bind=bind))
        issued = await client.check(granted, begun.signer.public_key, authorities, at=clock.now())
    return begun, issued


async def _wanted(client: "EnrollmentClient") -> CSRAttributes | None:
    try:
        return await client.csrattrs()
    except (RequestError, AuthenticationFailed, NotAuthorized):
        # A server may keep this to itself, or say it in a way of its own (RFC 7030 §4.5 is optional).
        return None


def _request_of(begun: Begun, *, bind: bool) -> bytes | UnboundRequest:
    """Return the request that is on disk, or the same yet to be bound to its connection."""
    template = begun.template
    if not bind:
        return template.der
    return UnboundRequest(template.subject, begun.signer, template.subject_alt_name)


async def _server_key(
    folder: IdentityFolder, client: "EnrollmentClient", begun: Begun, *, bind: bool
) -> tuple[Begun, Granted]:
    """Have the server make the key, and put it on disk before anything else can go wrong.

    What was begun shows, while nothing is lost yet, that the folder can be written; its own key only signs the
    request. Interrupted later, the next run asks by simpleenroll for what was issued for the key that is here.
    A renewal is asked for by the present certificate, too: it is the one that is not revoked for the new one.
    """
    made = await client.serverkeygen(_request_of(begun, bind=bind))
    template = begun.template
    request = await encode_certification_request(template.subject, made.signer, template.subject_alt_name)
    return folder.begin(begun.label, made.signer, request, server_key=True), made.granted


async def _begin(folder: IdentityFolder, wish: Wish, renewing: Identity | None, key_type: str) -> Begun:
    """Return a request that is on disk: the one an interrupted run began if it still fits, or a new one."""
    subject, names = wish.subject, None
    if renewing is not None:
        subject, names = renewing.certificate.subject, renewing.certificate.subject_alt_name
    begun = folder.begun()
    given = wish.signer if renewing is None else None
    signer = await _signer(wish, begun, given, key_type)
    if begun is not None and begun.signer is signer and _asks_for(begun, wish.label, subject, names):
        return begun
    request = await encode_certification_request(subject, signer, names)
    kept = begun is not None and begun.signer is signer and begun.is_server_key
    return folder.begin(wish.label, signer, request, server_key=kept)


def _asks_for(begun: Begun, label: str, subject: Name, names: SubjectAltName | None) -> bool:
    template = begun.template
    return begun.label == label and template.subject == subject and template.subject_alt_name == names


async def _signer(
    wish: Wish, begun: Begun | None, given: SoftwareSigner | None, key_type: str
) -> SoftwareSigner:
    if begun is not None:
        own = begun.signer.public_key
        if given is not None:
            fits = given.public_key.spki == own.spki
        else:
            right = wish.server_key if begun.is_server_key else own.key_type == key_type
            fits = begun.label == wish.label and right
        if fits:
            return begun.signer
    return given or signer_of(await asyncio.to_thread(make_private_key, key_type))
