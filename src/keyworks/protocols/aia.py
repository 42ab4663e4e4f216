"""The authorities' certificates, where authorityInfoAccess says they are.

Source: RFC 5280 §4.2.2.1 (a DER certificate over HTTP, application/pkix-cert).
"""

from typing import Final

from keyworks import errors
from keyworks.authority.register import Registers
from keyworks.protocols.exchange import Reply, Request, method_not_allowed, refuse

PREFIX: Final = "/aia/"
_SUFFIX: Final = ".cer"


class AIA:
    """Answers requests for CA certificates on the publication listener."""

    def __init__(self, registers: Registers) -> None:
        self._registers = registers

    async def respond(self, request: Request) -> Reply:
        """Answer one request."""
        if request.method not in ("GET", "HEAD"):
            return method_not_allowed("GET")
        try:
            register, _ = await self._registers.current()
        except errors.Unavailable as error:
            return refuse(error)
        name = request.path.removeprefix(PREFIX)
        for generation in register.generations.values():
            if name == generation.issuer.file_name + _SUFFIX:
                headers = (("Cache-Control", "public, max-age=86400"),)
                return Reply(200, headers, generation.certificate.der, "application/pkix-cert")
        return refuse(errors.NotFound(f"There is no CA certificate '{name}' here."))
