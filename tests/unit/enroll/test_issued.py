"""A certificate is checked before it is used."""

import pytest

from keyworks.algorithms.public_key import PublicKey
from keyworks.enroll.answer import Granted
from keyworks.enroll.issued import check_issued
from keyworks.errors import BadSubjectKey, InvalidPath, MalformedRequest
from keyworks.testing import software_signer
from keyworks.x509.certificate import Certificate
from tests.unit.enroll.small_pki import NOW, certify, issuing, root

AT = int(NOW.timestamp())


@pytest.fixture(scope="module")
def public_key() -> PublicKey:
    return software_signer().public_key


def test_what_was_issued_comes_with_what_to_present_and_what_to_trust(public_key: PublicKey) -> None:
    other = certify("Next root", ca=True)
    leaf = certify("device", issuing(), spki=public_key.spki).der
    issued = check_issued(Granted(leaf), public_key, [other.der, root().der, issuing().der], at=AT)
    assert issued.certificate.der == leaf
    assert issued.chain == (leaf, issuing().der)
    assert issued.authorities == (issuing().der, root().der, other.der)


def test_a_certificate_for_another_key_is_not_used(public_key: PublicKey) -> None:
    leaf = certify("device", issuing()).der
    with pytest.raises(BadSubjectKey, match="another key"):
        check_issued(Granted(leaf), public_key, [root().der, issuing().der], at=AT)


def test_a_certificate_of_an_authority_that_the_channel_does_not_have_is_not_used(
    public_key: PublicKey,
) -> None:
    leaf = certify("device", certify("Test issuing", root(), ca=True), spki=public_key.spki).der
    with pytest.raises(InvalidPath):
        check_issued(Granted(leaf), public_key, [root().der, issuing().der], at=AT)


@pytest.mark.parametrize("days", [(-9, -2), (2, 9)])
def test_a_certificate_out_of_its_time_is_not_used(public_key: PublicKey, days: tuple[int, int]) -> None:
    leaf = certify("device", issuing(), spki=public_key.spki, days=days).der
    with pytest.raises(InvalidPath):
        check_issued(Granted(leaf), public_key, [root().der, issuing().der], at=AT)


def test_a_channel_without_a_root_of_its_own_is_trusted_as_far_as_it_goes(public_key: PublicKey) -> None:
    leaf = certify("device", issuing(), spki=public_key.spki).der
    assert check_issued(Granted(leaf), public_key, [issuing().der], at=AT).chain == (leaf, issuing().der)


def test_a_channel_whose_authority_has_had_many_generations_is_verified_below_any_of_them(
    public_key: PublicKey,
) -> None:
    """RFC 7030 §4.1.3: all that is needed to build a path, and more; a path has no more than eight parts."""
    roots = [certify(f"Root G{number}", ca=True) for number in (1, 2)]
    between = [certify(f"Issuing G{number}", roots[number > 5], ca=True) for number in range(1, 13)]
    listed = [one.der for one in (*reversed(between), *roots)]
    for issuer, above in ((between[0], roots[0]), (between[-1], roots[1])):
        leaf = certify("device", issuer, spki=public_key.spki).der
        issued = check_issued(Granted(leaf), public_key, listed, at=AT)
        assert issued.chain == (leaf, issuer.der)
        assert issued.authorities[:2] == (issuer.der, above.der)
        assert set(issued.authorities) == set(listed)


def test_an_authority_that_kept_its_name_with_its_new_key_is_told_by_the_key(public_key: PublicKey) -> None:
    """RFC 5280 §4.2.1.1."""
    generations = [certify("Issuing", root(), ca=True) for _ in range(12)]
    leaf = certify("device", generations[5], spki=public_key.spki).der
    listed = [root().der, *(one.der for one in generations)]
    assert check_issued(Granted(leaf), public_key, listed, at=AT).chain == (leaf, generations[5].der)


@pytest.mark.parametrize("authorities", [[], [b"\x30\x00"], [b""]])
def test_a_channel_without_authorities_issues_nothing(public_key: PublicKey, authorities: list[bytes]) -> None:
    leaf = certify("device", issuing(), spki=public_key.spki).der
    with pytest.raises(MalformedRequest):
        check_issued(Granted(leaf), public_key, authorities, at=AT)


def test_a_ca_certificate_itself_is_no_answer() -> None:
    own = Certificate.parse(issuing().der).public_key
    with pytest.raises(InvalidPath):
        check_issued(Granted(issuing().der), own, [issuing().der], at=AT)
