"""Enrollment over Secure Transport: cacerts, simpleenroll, simplereenroll on labels.

A reply with a certificate that takes the place of others says which, in a header of our own::

    Keyworks-Superseded: 6b1d…, 6b20…

Source: RFC 7030 §3, §4.1, §4.2; RFC 8951 §3 (base64 without Content-Transfer-Encoding).
"""

from dataclasses import replace
from typing import Final

from keyworks import errors
from keyworks.access.credential import BasicCredentials
from keyworks.authority.authorize import Operation
from keyworks.authority.enrollment import Attempt, Enrollment
from keyworks.authority.issue import Issued
from keyworks.authority.pending import Pending
from keyworks.protocols.est.basic import parse_basic
from keyworks.protocols.est.body import PKCS7, certificates, decode_base64, encoded
from keyworks.protocols.est.csrattrs import CSRAttributesAnswers
from keyworks.protocols.est.fullcmc import FullCMC
from keyworks.protocols.est.serverkeygen import ServerKeyGeneration
from keyworks.protocols.exchange import Reply, Request, method_not_allowed, postponed, refuse
from keyworks.x509.template import parse_certification_request

PREFIX: Final = "/.well-known/est/"
_PKCS10: Final = "application/pkcs10"
_OPERATIONS: Final = {"simpleenroll": Operation.ENROLL, "simplereenroll": Operation.REENROLL}
SUPERSEDED: Final = "Keyworks-Superseded"
MAX_SUPERSEDED: Final = 32
"""Serial numbers in that header, the newest ones: who renews often leaves many, and a header has its limits."""


class EST:
    """Answers EST requests on the enrollment listener.

    Args:
        enrollment: Issues.
        key_generation: Makes keys for who asks the server to; ``None`` makes none.
        full_cmc: Answers Full PKI Requests; ``None`` answers none.
    """

    def __init__(
        self,
        enrollment: Enrollment,
        key_generation: ServerKeyGeneration | None = None,
        full_cmc: FullCMC | None = None,
    ) -> None:
        self._enrollment = enrollment
        self._full_cmc = full_cmc
        self._key_generation = key_generation
        self._csr_attributes = CSRAttributesAnswers(enrollment)

    async def respond(self, request: Request) -> Reply:
        """Answer one request; a refusal is an answer too.

        Raises:
            InternalError: Our fault; the server's outermost layer logs it and says no more than that.
        """
        try:
            label, operation = _locate(request.path)
            # Before what is done: so both are decided by one look into the database.
            policy = await self._enrollment.policy(label)
            reply = await self._dispatch(label, operation, request)
            if policy is None or reply.status != 200:
                return reply
            return encoded(reply, policy.encoding, request.headers.get("user-agent", ""))
        except errors.InternalError:
            raise
        except errors.KeyworksError as error:
            return refuse(error)

    async def _dispatch(self, label: str | None, operation: str, request: Request) -> Reply:
        if operation == "cacerts":
            return await self._cacerts(label, request)
        if operation == "csrattrs":
            if request.method not in ("GET", "HEAD"):
                return method_not_allowed("GET")
            return await self._csr_attributes.reply(label)
        if operation == "serverkeygen" and self._key_generation is not None:
            return await self._generate_key(self._key_generation, label, request)
        if operation == "fullcmc" and self._full_cmc is not None:
            return await self._full_cmc.answer(self._attempt(label, Operation.ENROLL, request), request)
        if operation in _OPERATIONS:
            return await self._enroll(label, _OPERATIONS[operation], request)
        raise errors.NotFound(
            f"There is no EST operation '{operation}' here; known are cacerts, csrattrs, simpleenroll, "
            "simplereenroll, serverkeygen, fullcmc."
        )

    async def _cacerts(self, label: str | None, request: Request) -> Reply:
        """RFC 7030 §4.1: the CA certificates, for anybody; in no order, being a SET (RFC 5652 §10.2.3)."""
        if request.method not in ("GET", "HEAD"):
            return method_not_allowed("GET")
        return certificates(await self._enrollment.ca_certificates(label), PKCS7)

    async def _enroll(self, label: str | None, operation: Operation, request: Request) -> Reply:
        """RFC 7030 §4.2: a PKCS#10 request in, the certificate out."""
        refusal = _unlike_pkcs10(request)
        if refusal is not None:
            return refusal
        attempt = self._attempt(label, operation, request)
        issued = await self._enrollment.enroll(
            attempt, lambda body: parse_certification_request(decode_base64(body))
        )
        if isinstance(issued, Pending):
            return postponed(issued.retry_after, issued.sentence)
        reply = certificates((issued.der,), f"{PKCS7}; smime-type=certs-only")
        return _with_superseded(reply, issued) if issued.superseded else reply

    async def _generate_key(
        self, key_generation: ServerKeyGeneration, label: str | None, request: Request
    ) -> Reply:
        """RFC 7030 §4.4: a PKCS#10 request in, key and certificate out."""
        refusal = _unlike_pkcs10(request)
        if refusal is not None:
            return refusal
        attempt = self._attempt(label, Operation.ENROLL, request)
        reply, issued = await key_generation.answer(attempt, secure=request.secure)
        return _with_superseded(reply, issued) if issued.superseded else reply

    def _attempt(self, label: str | None, operation: Operation, request: Request) -> Attempt:
        return Attempt(
            label=label,
            operation=operation,
            presented=request.presented,
            basic=self._basic_credentials(request),
            request=request.body,
            source=request.source,
            binding=request.binding or _nothing,
        )

    def _basic_credentials(self, request: Request) -> BasicCredentials | None:
        header = request.headers.get("authorization")
        try:
            return parse_basic(header) if header is not None else None
        except errors.AuthenticationFailed as error:
            self._enrollment.count_refusal(request.source, error)
            raise


def _nothing() -> None:
    """Identify no connection: of a request that came without TLS."""


def _unlike_pkcs10(request: Request) -> Reply | None:
    """Return the refusal of what cannot be a request for a certificate, by its method or media type."""
    if request.method != "POST":
        return method_not_allowed("POST")
    media_type = request.headers.get("content-type", _PKCS10).partition(";")[0].strip().lower()
    if media_type != _PKCS10:
        return Reply(415, body=f"Send the request as {_PKCS10}, not as {media_type}.\n".encode())
    return None


def _locate(path: str) -> tuple[str | None, str]:
    """Return label and operation; RFC 7030 §3.2.2 has paths without a label, for the default channel."""
    parts = path.removeprefix(PREFIX).split("/")
    if len(parts) == 1 and parts[0]:
        return None, parts[0]
    if len(parts) != 2 or not all(parts):
        raise errors.NotFound(f"EST paths look like {PREFIX}LABEL/simpleenroll.")
    return parts[0], parts[1]


def _with_superseded(reply: Reply, issued: Issued) -> Reply:
    """Say that other certificates were revoked for this one: a typing error must not go unnoticed."""
    listed = ", ".join(issued.superseded[-MAX_SUPERSEDED:])
    more = f" and {omitted} more" if (omitted := len(issued.superseded) - MAX_SUPERSEDED) > 0 else ""
    return replace(
        reply,
        headers=(*reply.headers, (SUPERSEDED, listed)),
        notice=f"certificate {issued.certificate_id} supersedes {listed}{more}, revoked now",
    )
