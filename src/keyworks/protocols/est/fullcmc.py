"""Full CMC: several requests in one signed message, and a signed answer about each.

::

    authenticate (TLS, HTTP Basic) → read → verify every signature → issue each → revoke → answer

Who asks is authenticated as for ``simpleenroll``: a signed message can be sent again by anybody, a connection
can not. The message is signed with a certificate of the same requester, or with one of the keys to be
certified, named by its key identifier.

RFC 5272 has no operation of its own for renewals. A request is a re-enrollment where the message is signed with
a certificate that this channel issued and can renew, and asks for exactly its names; otherwise it is an initial
one. Requests come before revocations, so that a message can ask for a successor and give up the former.

The answer is signed with the key of this server's own certificate, as RFC 7030's server-generated keys are: an
authority's key signs certificates and nothing else, and its certificate's keyUsage says so.

Source: RFC 7030 §4.3; RFC 5272 §3, §4.2; RFC 8951 §3.1 (base64).
"""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from keyworks import errors, oids
from keyworks.access.credential import CertificateCredential, PresentedChain
from keyworks.access.principal import Principal
from keyworks.authority import naming
from keyworks.authority.authorize import Operation
from keyworks.authority.enrollment import Admitted, Attempt, Enrollment
from keyworks.authority.pending import Pending
from keyworks.authority.surrender import Surrender
from keyworks.cms.signing import content_info_of, signed_data
from keyworks.cms.verification import SignedMessage, SignerInfo, parse_signed_data
from keyworks.protocols.est.body import PKCS7, base64_body, decode_base64
from keyworks.protocols.est.cmc.message import (
    NO_MESSAGE,
    CertificateRequest,
    Message,
    RevocationRequest,
    parse_message,
)
from keyworks.protocols.est.cmc.status import WHOLE, Outcome, encode_response
from keyworks.protocols.est.serverkeygen import SigningCredential
from keyworks.protocols.exchange import Reply, Request, method_not_allowed, postponed, refuse
from keyworks.store.clock import Clock
from keyworks.store.randomness import random_octets
from keyworks.x509 import extensions as x
from keyworks.x509.certificate import Certificate
from keyworks.x509.name import Name
from keyworks.x509.template import KeyedTemplate

RESPONSE: Final = f"{PKCS7}; smime-type=CMC-response"
_REQUEST: Final = "cmc-request"
_NONCE_OCTETS: Final = 16


@dataclass(frozen=True, slots=True)
class _Signed:
    """An attempt whose message is signed by its maker.

    Args:
        attempt: As it is made of each request.
        admitted: Who makes it.
        by_certificate: Whether a certificate signed it, rather than a key that has none yet.
    """

    attempt: Attempt
    admitted: Admitted
    by_certificate: bool


class FullCMC:
    """Answers Full PKI Requests.

    Args:
        enrollment: Issues.
        credential: What this server signs messages with, now.
        clock: Tells the time.
    """

    def __init__(
        self, enrollment: Enrollment, credential: Callable[[], Awaitable[SigningCredential]], clock: Clock
    ) -> None:
        self._enrollment = enrollment
        self._credential = credential
        self._clock = clock

    async def answer(self, attempt: Attempt, request: Request) -> Reply:
        """Return the Full PKI Response.

        Args:
            attempt: Who asks, and where.
            request: As received.

        Raises:
            AuthenticationFailed: Who asks is not proven.
            NotFound: There is no such channel.
            Unavailable: The answer cannot be signed now.
        """
        refusal = _unlike_cmc(request)
        if refusal is not None:
            return refusal
        admitted = await self._enrollment.admit(attempt)
        own = await self._credential()  # first: what cannot be answered is not begun
        message, outcomes = await self._outcomes(request.body, attempt, admitted)
        return _with_status(base64_body(await self._response(own, message, outcomes), RESPONSE), outcomes)

    async def _outcomes(
        self, body: bytes, attempt: Attempt, admitted: Admitted
    ) -> tuple[Message, Sequence[Outcome]]:
        """Return what was asked, as far as it could be read, and what became of it: errors are answers too."""
        message = NO_MESSAGE
        try:
            try:
                signed = parse_signed_data(decode_base64(body))
                message = _message_of(signed)
                effective = await self._verify(signed, message, attempt, admitted)
                return message, await self._carry_out(message, effective)
            except (errors.RequestError, errors.NotAuthorized) as error:
                await self._enrollment.enter_refusal(attempt, admitted, "fullcmc", error)
                raise
        except (errors.RequestError, errors.NotAuthorized, errors.Unavailable) as error:
            return message, [Outcome(WHOLE, error=error)]

    async def _carry_out(self, message: Message, signed: _Signed) -> list[Outcome]:
        """Do what the message asks for, part by part, or nothing where a part of it is at fault."""
        if message.faults:
            first = message.faults[0].error
            await self._enrollment.enter_refusal(signed.attempt, signed.admitted, "fullcmc", first)
            left = errors.MalformedRequest("Nothing was done, because another part of the message is at fault.")
            return [
                *(Outcome(one.body_part_id, error=one.error, known=one.known) for one in message.faults),
                *(Outcome(one.body_part_id, error=left) for one in message.requests),
                *(Outcome(one.body_part_id, error=left) for one in message.revocations),
            ]
        return [
            *[await self._issue(one, signed) for one in message.requests],
            *[await self._revoke(one, signed) for one in message.revocations],
        ]

    async def _issue(self, wanted: CertificateRequest, signed: _Signed) -> Outcome:
        operation = _operation(wanted, signed)
        attempt = replace(signed.attempt, operation=operation, request=wanted.der)
        try:
            issued = await self._enrollment.enroll(attempt, wanted.parse)
        except errors.KeyworksError as error:
            return Outcome(wanted.body_part_id, error=error)
        if isinstance(issued, Pending):
            return Outcome(wanted.body_part_id, pending=issued)
        return Outcome(wanted.body_part_id, issued=issued)

    async def _revoke(self, wanted: RevocationRequest, signed: _Signed) -> Outcome:
        """RFC 5272 §6.11: proof that the requester is its originator is the signature with a certificate."""
        try:
            await self._enrollment.give_up(
                signed.attempt, signed.admitted, await self._surrender_of(wanted, signed)
            )
        except errors.KeyworksError as error:
            return Outcome(wanted.body_part_id, error=error)
        return Outcome(wanted.body_part_id)

    async def _surrender_of(self, wanted: RevocationRequest, signed: _Signed) -> Surrender:
        """Return what is to be given up, if the message is signed for that; otherwise enter that it is not."""
        try:
            if not signed.by_certificate:
                raise errors.NotAuthorized("Sign a revokeRequest with a certificate of the requester's.")
            return Surrender(Name.parse(wanted.issuer), wanted.serial_number, wanted.reason)
        except (errors.RequestError, errors.NotAuthorized) as error:
            await self._enrollment.enter_refusal(signed.attempt, signed.admitted, "revoke", error)
            raise

    async def _verify(
        self, signed: SignedMessage, message: Message, attempt: Attempt, admitted: Admitted
    ) -> _Signed:
        """Verify every signature: each is the requester's, or made with a key to be certified.

        Raises:
            BadSignature: One does not verify, or nobody knows whose it is.
            NotAuthorized: One is somebody else's.
        """
        presented = attempt.presented.certificates[:1] if attempt.presented is not None else ()
        known = [*_readable(presented), *_readable(signed.certificates)]
        signers = []
        for info in signed.signer_infos:
            signer = next((one for one in known if _is_named(one, info)), None)
            if signer is not None:
                info.verify(signer.public_key)
                signers.append(signer)
            else:
                _verify_with_new_key(info, message)
        effective = _Signed(attempt, admitted, by_certificate=bool(signers))
        for signer in signers:
            if attempt.basic is None and signer.der in presented:
                continue
            effective = await self._signed_by(signer, signed, attempt, admitted)
        return effective

    async def _signed_by(
        self, signer: Certificate, signed: SignedMessage, attempt: Attempt, admitted: Admitted
    ) -> _Signed:
        """Return the attempt as the signer's, who has to be the one who opened the connection."""
        above = tuple(der for der in signed.certificates if der != signer.der)
        chain = (signer.der, *above)
        presented = PresentedChain(chain, hashlib.sha256(b"".join(chain)).digest())
        own = replace(attempt, presented=presented, basic=None)
        try:
            identified = await self._enrollment.identify(own)
        except errors.AuthenticationFailed as error:
            raise errors.BadSignature(f"The message's signer is not accepted: {error.detail}") from error
        if not _is_same(identified.authenticated.principal, admitted.authenticated.principal):
            raise errors.NotAuthorized("The message is signed by somebody else than who sends it.")
        if attempt.basic is not None:
            return _Signed(attempt, admitted, by_certificate=True)
        return _Signed(own, identified, by_certificate=True)

    async def _response(self, own: SigningCredential, message: Message, outcomes: Sequence[Outcome]) -> bytes:
        nonce = random_octets(_NONCE_OCTETS)
        content = encode_response(message.echoed, nonce, outcomes, self._clock.now())
        issued = [one.issued for one in outcomes if one.issued is not None]
        certificates = [*own.chain, *(der for one in issued for der in (one.der, *one.chain))]
        signed = await signed_data(
            oids.CCT_PKI_RESPONSE, content, own.signer, list(dict.fromkeys(certificates))
        )
        return content_info_of(oids.CMS_SIGNED_DATA, signed)


def _unlike_cmc(request: Request) -> Reply | None:
    """Return the refusal of what cannot be a Full PKI Request, by its method or media type (§4.3.1)."""
    if request.method != "POST":
        return method_not_allowed("POST")
    media_type, *parameters = request.headers.get("content-type", PKCS7).lower().split(";")
    named = [
        text.partition("=")[2].strip(' "') for text in parameters if text.strip().startswith("smime-type=")
    ]
    if media_type.strip() != PKCS7 or named not in ([], [_REQUEST]):
        return Reply(415, body=f"Send the request as {PKCS7}; smime-type=CMC-request.\n".encode())
    return None


def _message_of(signed: SignedMessage) -> Message:
    if signed.content_type != oids.CCT_PKI_DATA:
        raise errors.MalformedRequest(
            "The message is signed, but its content is not PKIData (RFC 5272 §3.2.1)."
        )
    return parse_message(signed.content)


def _operation(wanted: CertificateRequest, signed: _Signed) -> Operation:
    own, channel = signed.admitted.authenticated.own, signed.admitted.channel
    credential = signed.admitted.authenticated.credential
    renewable = own is not None and own.channel_id == channel.id and channel.profile.renewable
    if not (
        renewable
        and signed.by_certificate
        and wanted.template is not None
        and isinstance(credential, CertificateCredential)
    ):
        return Operation.ENROLL
    current = credential.certificate
    try:
        naming.check_unchanged(wanted.template, current.subject, current.subject_alt_name)
    except errors.RejectedName:
        return Operation.ENROLL
    return Operation.REENROLL


def _readable(ders: Sequence[bytes]) -> list[Certificate]:
    """Return the certificates that can be read; of the others, nobody can be the signer."""
    found = []
    for der in ders:
        try:
            found.append(Certificate.parse(der))
        except errors.RequestError:
            continue
    return found


def _is_named(certificate: Certificate, info: SignerInfo) -> bool:
    if info.certificate is not None:
        return info.certificate == (certificate.issuer.der, certificate.serial_number)
    return info.key_identifier == certificate.subject_key_identifier


def _verify_with_new_key(info: SignerInfo, message: Message) -> None:
    """RFC 7030 §4.3 by RFC 5272 §4.2: signed with a key of the message's own, which has no certificate yet."""
    templates = [one.template for one in message.requests if one.template is not None]
    for template in templates if info.key_identifier is not None else ():
        if info.key_identifier in _identifiers(template):
            info.verify(template.public_key)
            return
    raise errors.BadSignature(
        "The message's signer is not known: put its certificate into the message, or, where a new key signs, "
        "name that key by the subjectKeyIdentifier that its request asks for."
    )


def _identifiers(template: KeyedTemplate) -> tuple[bytes, ...]:
    """Return how a key without a certificate is called: as its request says, or as it is usually derived."""
    asked = (one.value for one in template.extensions if one.oid == oids.SUBJECT_KEY_IDENTIFIER)
    return (*map(x.parse_subject_key_identifier, asked), *template.public_key.usual_identifiers)


def _is_same(one: Principal, other: Principal) -> bool:
    """Return whether two credentials are of one requester; not every device certificate names its product."""
    if (one.kind, one.name) != (other.kind, other.name):
        return False
    if one.device is None or other.device is None:
        return one.device is other.device
    products = {one.device.product, other.device.product} - {None}
    return one.device.manufacturer == other.device.manufacturer and len(products) <= 1


def _with_status(reply: Reply, outcomes: Sequence[Outcome]) -> Reply:
    """Return the reply with HTTP's status: an error only where nothing was done or taken (RFC 7030 §4.3.2)."""
    failed = [one.error for one in outcomes if one.error is not None]
    waiting = [one.pending for one in outcomes if one.pending is not None]
    said = " ".join(f"Part {one.body_part_id}: {one.sentence}" for one in outcomes if one.sentence is not None)
    private = " ".join([said, *(one.private for one in failed if one.private)])
    if len(failed) + len(waiting) < len(outcomes):
        return replace(reply, notice=private)
    like = postponed(waiting[0].retry_after, "") if waiting else refuse(failed[0])
    headers = (*reply.headers, *like.headers)
    return replace(reply, status=like.status, headers=headers, private=private, cause=like.cause)
