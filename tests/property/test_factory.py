"""Any policy that can be in force survives being exported, and no file does harm."""

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keyworks.errors import OperatorError
from keyworks.service.installation import Installation, open_installation
from keyworks.service.policy.apply import apply, propose
from keyworks.service.policy.document import resolve, written
from keyworks.service.policy.history import export_policy, present_policy
from keyworks.settings.factory import (
    AccountSection,
    AnchorSection,
    ChannelSection,
    Draft,
    FactoryDocument,
    ProfileSection,
    SiteSection,
    read_factory,
)
from keyworks.settings.toml import Source
from keyworks.testing import FixedClock
from keyworks.x509.certificate import pem_of

_ON_A_COPY = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25
)
_NAMES = st.from_regex(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,10}[A-Za-z0-9])?", fullmatch=True)
_LABELS = st.from_regex(r"[a-z0-9](?:[a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True).filter(
    lambda one: one not in ("p", "crl", "aia", "ocsp")
)
_TEXT = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=20)
_HOSTS = st.lists(st.from_regex(r"[a-z]{1,8}(?:\.[a-z]{1,8}){0,2}", fullmatch=True), max_size=3).map(tuple)
_SITES = st.dictionaries(_NAMES, st.builds(SiteSection, description=_TEXT, zone=_TEXT), max_size=3)
_PROFILES = st.dictionaries(
    _LABELS.map("own-{}".format),
    st.builds(
        ProfileSection,
        based_on=st.sampled_from(["ldevid", "tls-client", "mqtt-client"]),
        lifetime=st.sampled_from([None, "90d", "365d", "1y", "8760h", "48h"]),
        keys=st.sampled_from([None, ("P-256",), ("P-384", "Ed25519")]),
        renewable=st.sampled_from([None, True]),
    ),
    max_size=3,
)


@st.composite
def changes(draw: st.DrawFn) -> dict[str, Any]:
    """Return sections that can be added to an operator's policy."""
    profiles = draw(_PROFILES)
    channel = st.builds(
        ChannelSection,
        authority=st.just("issuing"),
        profile=st.sampled_from(["ldevid", "https-device", *profiles]),
        accepts=st.sampled_from([None, ("device",), ("station", "device")]),
        enabled=st.booleans(),
        approvals=st.integers(0, 9),
        encoding=st.sampled_from(["auto", "one-line", "wrapped"]),
        server_keys=st.sampled_from([None, "P-256"]),
    )
    sites = draw(_SITES)
    accounts = st.builds(
        AccountSection,
        channels=st.sampled_from([(), ("stations",)]),
        site=st.sampled_from([None, *sites]),
        enabled=st.booleans(),
        dns=_HOSTS,
    )
    return {
        "site": sites,
        "profile": {name: one for name, one in profiles.items() if one.keys is None or "P-256" in one.keys},
        "channel": draw(st.dictionaries(_LABELS.map("own-{}".format), channel, max_size=3)),
        "station": draw(st.dictionaries(_NAMES, accounts, max_size=3)),
        "anchor": draw(st.sets(_NAMES, max_size=2)),
    }


async def _added(operator: Installation, added: dict[str, Any]) -> FactoryDocument:
    present = await present_policy(operator)
    register, _ = await operator.registers.current()
    root = register.current_generation(register.authority("root").id).certificate
    anchor = AnchorSection(vouches_for="station", certificate=pem_of(root.der))
    usable = {*added["profile"], "ldevid", "https-device"}
    channels = {label: one for label, one in added["channel"].items() if one.profile in usable}
    return msgspec.structs.replace(
        present,
        site=added["site"],
        profile=added["profile"],
        channel={**present.channel, **channels},
        station=added["station"],
        anchor=dict.fromkeys(added["anchor"], anchor),
    )


async def _round_trip(home: Path, added: dict[str, Any]) -> None:
    async with open_installation(home, FixedClock()) as operator:
        wanted = await _added(operator, added)
        proposal = await propose(operator, Draft(wanted))
        if proposal.steps:
            await apply(operator, proposal, "apply")
        assert await present_policy(operator) == resolve(wanted)
        source = Source("factory.toml", await export_policy(operator))
        again = await propose(operator, read_factory(source, home))
        assert again.steps == ()
        assert written(again.wanted) == source.text


@given(added=changes())
@_ON_A_COPY
def test_what_is_exported_and_applied_again_changes_nothing(
    operator_template: Path, added: dict[str, Any]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(shutil.copytree(operator_template, Path(folder) / "operator"))
        asyncio.run(_round_trip(home, added))


@given(
    text=st.text(alphabet="[]{}factorysite.channel='\"\n#,=\\ \u2028", max_size=200),
    octets=st.binary(max_size=60),
)
def test_no_file_does_harm(text: str, octets: bytes) -> None:
    for one in (text.encode(), octets, b"[factory]\n" + octets):
        try:
            read_factory(Source.parse("f.toml", one), Path("/nonexistent"))
        except OperatorError as error:
            assert "f.toml" in error.detail  # noqa: PT017 - what else would be a sentence about the file
