"""Our client against a server that wants keys of a type, or makes them itself: over TLS, in this process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from keyworks import oids
from keyworks.access.credential import BasicCredentials
from keyworks.authority.channel import ChannelPolicy
from keyworks.authority.register import Register, Registers
from keyworks.enroll.est import EnrollmentClient
from keyworks.enroll.identity import IdentityFolder
from keyworks.enroll.trust import Anchors
from keyworks.enroll.upkeep import Wish, keep_identity
from keyworks.service.installation import Installation, open_installation
from keyworks.service.stations import add_station
from keyworks.store.clock import SystemClock
from keyworks.testing import software_signer
from keyworks.x509.name import EMPTY_NAME, Name
from keyworks.x509.request import encode_certification_request
from tests.interop.est_plant import authority_certificate, create
from tests.interop.test_est_serverkeygen import served


class Particular(Registers):
    """The register in force, but its channels prefer P-384, and make such keys."""

    async def current(self) -> tuple[Register, tuple[int, int]]:
        register, epoch = await super().current()
        channels = {
            label: replace(
                one,
                policy=ChannelPolicy(server_keys="P-384"),
                profile=replace(one.profile, keys=("P-384", "P-256")),
            )
            for label, one in register.channels.items()
        }
        return replace(register, channels=channels), epoch


@dataclass(frozen=True)
class Site:
    """A server, and what a station needs to enroll there."""

    installation: Installation
    url: str
    trust: Anchors

    async def secret(self) -> BasicCredentials:
        new = await add_station(self.installation, "line-1", ("idevid",))
        return BasicCredentials("line-1", new.secret)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    home = await asyncio.to_thread(create, tmp_path, "supplier")
    root = await asyncio.to_thread(authority_certificate, home, "root")
    async with open_installation(home) as installation, AsyncExitStack() as stack:
        urls, _ = await served(replace(installation, registers=Particular(installation.store)), stack)
        yield Site(installation, urls["enrollment"], Anchors((root,)))


@pytest.mark.parametrize(("wished", "made"), [(None, "P-384"), ("P-256", "P-256")])
async def test_the_channel_says_which_key_to_make_unless_somebody_does(
    site: Site, tmp_path: Path, wished: str | None, made: str
) -> None:
    """RFC 9908 §3.4; at the renewal, too."""
    subject = Name.of((oids.COMMON_NAME, "line-1"))
    wish = Wish(site.url, "stations", site.trust, subject, wished, credential=await site.secret())
    folder = IdentityFolder(tmp_path / "station")
    first = await keep_identity(folder, wish, SystemClock())
    second = await keep_identity(folder, replace(wish, force=True), SystemClock())
    keys = [one.identity.certificate.public_key for one in (first, second)]
    assert [one.key_type for one in keys] == [made, made]
    assert keys[0] != keys[1]


async def test_a_key_that_the_server_makes_comes_with_its_certificate(site: Site) -> None:
    """RFC 7030 §4.4: the request's own key is not the one that is certified."""
    own = software_signer()
    async with EnrollmentClient(site.url, "stations", site.trust, await site.secret()) as client:
        authorities = await client.cacerts()
        made = await client.serverkeygen(await encode_certification_request(EMPTY_NAME, own))
        at = SystemClock().now()
        issued = await client.check(made.granted, made.signer.public_key, authorities, at=at)
    assert issued.certificate.subject.values(oids.COMMON_NAME) == ("line-1",)
    assert made.signer.public_key.key_type == "P-384"
    assert issued.certificate.public_key.spki == made.signer.public_key.spki != own.public_key.spki
