"""The library: what a certificate of each built-in profile looks like."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import pytest

from keyworks import oids
from keyworks.access.principal import Kind
from keyworks.authority.library import PROFILES
from keyworks.authority.profile import YEAR, Holder
from keyworks.lint import profiles as rules
from keyworks.x509 import extensions as x

CLIENT, SERVER, RA = oids.KP_CLIENT_AUTH, oids.KP_SERVER_AUTH, oids.KP_CMC_RA
DEVICE, STATION, SERVICE, PERSON = Kind.DEVICE, Kind.STATION, Kind.SERVICE, Kind.PERSON
CERTIFIES: Final = {"keyCertSign", "cRLSign"}
SIGNS: Final = {"digitalSignature"}
COMMITS: Final = {"digitalSignature", "nonRepudiation"}
ENCIPHERS: Final = {*COMMITS, "keyEncipherment", "dataEncipherment"}


@dataclass(frozen=True, slots=True)
class Looks:
    """What a profile's certificates look like, and who may ask for one."""

    key_usage: set[str]
    purposes: tuple[str, ...]
    lifetime: timedelta | None
    asks: tuple[Kind, ...] = ()
    path_length: int | None = None


TABLE: Final[Mapping[str, Looks]] = {
    "root": Looks(CERTIFIES, (), 25 * YEAR, path_length=2),
    "issuing": Looks(CERTIFIES, (), 10 * YEAR, path_length=0),
    "idevid-root": Looks(CERTIFIES, (), None, path_length=2),
    "idevid-issuing": Looks(CERTIFIES, (), None, path_length=0),
    "idevid": Looks(SIGNS, (), None, (STATION,)),
    "ldevid": Looks(SIGNS, (CLIENT, SERVER), 2 * YEAR, (DEVICE, STATION)),
    "https-device": Looks(SIGNS, (SERVER,), YEAR, (DEVICE, STATION)),
    "tls-client": Looks(SIGNS, (CLIENT,), YEAR, (DEVICE, STATION)),
    "mqtt-client": Looks(SIGNS, (CLIENT,), YEAR, (DEVICE, STATION)),
    "opcua-application": Looks(COMMITS, (SERVER, CLIENT), 3 * YEAR, (DEVICE, STATION)),
    "opcua-application-rsa": Looks(ENCIPHERS, (SERVER, CLIENT), 3 * YEAR, (DEVICE, STATION)),
    "ipsec": Looks(COMMITS, (oids.KP_IPSEC_IKE,), 2 * YEAR, (DEVICE, STATION)),
    "vpn-client": Looks(SIGNS, (CLIENT,), YEAR, (DEVICE, STATION)),
    "safety": Looks(SIGNS, (oids.KP_SAFETY_COMMUNICATION,), 2 * YEAR, (DEVICE, STATION)),
    "tls-server": Looks(SIGNS, (SERVER,), YEAR),
    "tls-service": Looks(SIGNS, (SERVER, CLIENT), YEAR, (SERVICE,)),
    "ipsec-gateway": Looks(COMMITS, (oids.KP_IPSEC_IKE,), 2 * YEAR, (SERVICE,)),
    "ocsp-responder": Looks(SIGNS, (oids.KP_OCSP_SIGNING,), timedelta(days=30), (SERVICE,)),
    "code-signing": Looks(SIGNS, (oids.KP_CODE_SIGNING,), 2 * YEAR, (SERVICE,)),
    "firmware": Looks(SIGNS, (oids.KP_UPDATE_PACKAGE_SIGNING,), 3 * YEAR, (SERVICE,)),
    "configuration": Looks(SIGNS, (oids.KP_CONFIG_SIGNING,), 2 * YEAR, (SERVICE,)),
    "trust-configuration": Looks(SIGNS, (oids.KP_TRUST_ANCHOR_CONFIG_SIGNING,), 2 * YEAR, (SERVICE,)),
    "timestamping": Looks(SIGNS, (oids.KP_TIME_STAMPING,), 10 * YEAR, (SERVICE,)),
    "cmp-ra": Looks(SIGNS, (RA, CLIENT), YEAR, (SERVICE,)),
    "est-ra": Looks(SIGNS, (RA, SERVER, CLIENT), YEAR, (SERVICE,)),
    "registrar": Looks(SIGNS, (RA, SERVER, CLIENT), YEAR, (SERVICE,)),
    "kga": Looks(SIGNS, (oids.KP_CM_KGA,), YEAR, (SERVICE,)),
    "masa": Looks(SIGNS, (), 10 * YEAR, (SERVICE,)),
    "station": Looks(SIGNS, (CLIENT,), YEAR, (STATION,)),
    "user": Looks(SIGNS, (CLIENT,), 2 * YEAR, (PERSON,)),
    "staff": Looks(SIGNS, (CLIENT,), YEAR, (PERSON,)),
}


def test_every_profile_is_described_here() -> None:
    assert list(TABLE) == list(PROFILES)


@pytest.mark.parametrize("name", TABLE)
def test_a_built_in_profile_is_what_the_table_says(name: str) -> None:
    looks, profile = TABLE[name], PROFILES[name]
    assert (profile.name, profile.base) == (name, name)
    assert profile.key_usage == looks.key_usage
    assert profile.extended_key_usage == looks.purposes
    assert profile.lifetime == looks.lifetime
    assert profile.accepts == set(looks.asks)
    assert (profile.ca, profile.path_length) == (looks.path_length is not None, looks.path_length)


@pytest.mark.parametrize("name", TABLE)
def test_its_extensions_say_the_same(name: str) -> None:
    looks, found = TABLE[name], {one.oid: one for one in PROFILES[name].fixed_extensions}
    assert x.parse_key_usage(found[oids.KEY_USAGE].value) == looks.key_usage
    purposes = found.get(oids.EXTENDED_KEY_USAGE)
    assert (x.parse_extended_key_usage(purposes.value) if purposes else ()) == looks.purposes
    critical = {oids.KEY_USAGE}
    if looks.path_length is not None:
        constraints = found[oids.BASIC_CONSTRAINTS].value
        assert x.parse_basic_constraints(constraints) == (True, looks.path_length)
        critical.add(oids.BASIC_CONSTRAINTS)
    if name == "timestamping":
        critical.add(oids.EXTENDED_KEY_USAGE)
    assert {one.oid for one in found.values() if one.critical} == critical
    assert (oids.OCSP_NO_CHECK in found) == (name == "ocsp-responder")


@pytest.mark.parametrize("name", TABLE)
def test_no_profile_is_longer_lived_or_asks_for_fewer_names_than_its_lint_rules_allow(name: str) -> None:
    profile = PROFILES[name]
    if profile.lifetime is None:
        assert name in rules.NEVER_ENDING
    else:
        assert profile.lifetime <= rules.LONGEST[name]
    assert profile.names.needs == rules.NEEDED.get(name, ())


def test_holders_and_who_asks_fit_together() -> None:
    """A device or a station asks for a device's certificate, a principal for its own, nobody for ours."""
    for profile in PROFILES.values():
        if profile.holder is Holder.DEVICE:
            assert profile.accepts <= {DEVICE, STATION}
        elif profile.holder is Holder.PRINCIPAL:
            assert len(profile.accepts - {DEVICE}) == len(profile.accepts) == 1
        else:
            assert not profile.accepts
        assert profile.ca == (profile.holder is Holder.AUTHORITY)


def test_what_signs_things_that_are_kept_is_not_renewed_with_itself() -> None:
    signers = [name for name, one in PROFILES.items() if one.holder is Holder.PRINCIPAL and not one.renewable]
    assert signers == [
        *("ocsp-responder", "code-signing", "firmware", "configuration", "trust-configuration"),
        *("timestamping", "kga", "masa"),
    ]
