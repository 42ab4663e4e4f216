"""Profiles: what a certificate of each kind looks like."""

import asyncio
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from keyworks import oids
from keyworks.authority.library import PROFILES
from keyworks.authority.profile import Issuer, Profile, Wanted, make_tbs
from keyworks.errors import BadSubjectKey
from keyworks.service.installation import open_installation
from keyworks.testing import NOON, FixedClock, software_signer
from keyworks.x509 import extensions as x
from keyworks.x509.general_name import SubjectAltName
from keyworks.x509.name import EMPTY_NAME, Name
from keyworks.x509.tbs import TBSCertificate

SUBJECT: Final = Name.of((oids.ORGANIZATION_NAME, "Example"), (oids.COMMON_NAME, "one"))
KEY: Final = software_signer().public_key
CLIENT, SERVER = oids.KP_CLIENT_AUTH, oids.KP_SERVER_AUTH


async def _issuer(home: Path, name: str) -> Issuer:
    async with open_installation(home, FixedClock()) as installation:
        register, _ = await installation.registers.current()
        return register.current_generation(register.authority(name).id).issuer


@pytest.fixture(scope="session")
def issuer(supplier_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Issuer:
    """The supplier's idevid-issuing authority, which never ends."""
    home = shutil.copytree(supplier_template, tmp_path_factory.mktemp("profile") / "supplier")
    return asyncio.run(_issuer(Path(home), "idevid-issuing"))


def made(profile: str, issuer: Issuer, wanted: Wanted | None = None) -> TBSCertificate:
    return make_tbs(PROFILES[profile], wanted or Wanted(SUBJECT), KEY, issuer, 1 << 100, NOON)


def extension(tbs: TBSCertificate, oid: str) -> x.Extension | None:
    return next((one for one in tbs.extensions if one.oid == oid), None)


def value(tbs: TBSCertificate, oid: str) -> bytes:
    found = extension(tbs, oid)
    assert found is not None
    return found.value


@pytest.mark.parametrize("name", PROFILES)
def test_every_certificate_names_its_keys_and_where_its_status_is_published(issuer: Issuer, name: str) -> None:
    tbs = made(name, issuer)
    assert x.parse_subject_key_identifier(value(tbs, oids.SUBJECT_KEY_IDENTIFIER)) == KEY.key_identifier
    named = x.parse_authority_key_identifier(value(tbs, oids.AUTHORITY_KEY_IDENTIFIER))
    assert named == issuer.key_identifier
    url = "http://pki.supplier.example"
    points = x.parse_crl_distribution_points(value(tbs, oids.CRL_DISTRIBUTION_POINTS))
    assert points == (f"{url}/crl/idevid-issuing-1.crl",)
    access = x.parse_authority_information_access(value(tbs, oids.AUTHORITY_INFORMATION_ACCESS))
    assert access == ((oids.ACCESS_CA_ISSUERS, f"{url}/aia/idevid-issuing-1.cer"),)


@pytest.mark.parametrize("name", PROFILES)
def test_a_certificate_never_outlives_its_issuer(issuer: Issuer, name: str) -> None:
    soon = NOON + 3600
    assert made(name, replace(issuer, not_after=soon)).not_after == soon


@pytest.mark.parametrize(("minutes", "skew"), [(1, 5), (2, 11), (30, 179), (50, 299), (60, 300), (525600, 300)])
def test_a_short_life_does_not_begin_in_its_last_third(issuer: Issuer, minutes: int, skew: int) -> None:
    """A holder that renews after two thirds of the validity would renew without end."""
    life = timedelta(minutes=minutes)
    profile = replace(PROFILES["ldevid"], lifetime=life)
    tbs = make_tbs(profile, Wanted(SUBJECT), KEY, issuer, 1 << 100, NOON)
    assert (NOON - tbs.not_before, tbs.not_after - NOON) == (skew, minutes * 60 - 1)
    due = tbs.not_before + (tbs.not_after - tbs.not_before) * 2 // 3
    assert due - NOON > 0.6 * life.total_seconds() - 1


@pytest.mark.parametrize("name", ["root", "idevid-root"])
def test_a_root_needs_no_address_for_its_own_status(issuer: Issuer, name: str) -> None:
    tbs = made(name, replace(issuer, certificate=None))
    assert extension(tbs, oids.CRL_DISTRIBUTION_POINTS) is None
    assert extension(tbs, oids.AUTHORITY_INFORMATION_ACCESS) is None


def test_alternative_names_are_critical_only_without_a_subject(issuer: Issuer) -> None:
    """RFC 5280 §4.2.1.6."""
    names = SubjectAltName(dns=("one.example",))
    named = extension(made("tls-server", issuer, Wanted(SUBJECT, names)), oids.SUBJECT_ALT_NAME)
    nameless = extension(made("tls-server", issuer, Wanted(EMPTY_NAME, names)), oids.SUBJECT_ALT_NAME)
    assert named is not None
    assert nameless is not None
    assert (named.critical, nameless.critical) == (False, True)
    assert extension(made("tls-server", issuer), oids.SUBJECT_ALT_NAME) is None


def test_wishes_are_equal_only_if_all_names_are() -> None:
    plain, named = Wanted(SUBJECT), Wanted(SUBJECT, SubjectAltName(dns=("one.example",)))
    assert plain.key == Wanted(Name.parse(SUBJECT.der)).key
    assert len({plain.key, named.key, Wanted(EMPTY_NAME).key}) == 3


@pytest.mark.parametrize("key_type", ["P-256", "P-384", "P-521", "Ed25519", "Ed448", "ML-DSA-44", "ML-DSA-87"])
@pytest.mark.parametrize("name", ["idevid", "root"])
def test_a_profile_certifies_modern_keys(name: str, key_type: str) -> None:
    PROFILES[name].check_key(software_signer(key_type).public_key)


def rsa(bits: int) -> Profile:
    return replace(PROFILES["ldevid"], name="strict", smallest_rsa_bits=bits)


def test_a_profile_certifies_rsa_keys_only_of_its_own_least_size() -> None:
    key = software_signer("rsa-2048").public_key
    PROFILES["ldevid"].check_key(key)
    for profile in (PROFILES["issuing"], rsa(3072), rsa(0)):
        with pytest.raises(BadSubjectKey, match=profile.name):
            profile.check_key(key)


def test_a_profile_certifies_no_key_of_a_type_it_does_not_know() -> None:
    with pytest.raises(BadSubjectKey, match="does not certify X25519 keys"):
        PROFILES["ldevid"].check_key(replace(KEY, key_type="X25519"))
