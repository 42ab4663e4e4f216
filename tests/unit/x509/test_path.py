"""Path validation on hand-made good and bad chains; ``openssl verify`` judges the same files.

Source: RFC 5280 §6.1.
"""

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from keyworks import oids
from keyworks.errors import InvalidPath
from keyworks.x509.path import MAX_CHAIN, validate
from tests.unit.x509.chains import GOOD_CA, GOOD_LEAF, NOON, NOW, Made, Plan, made, resigned_with_sha_1
from tests.unit.x509.verdicts import ROOT, judged, openssl_accepts

SECOND = timedelta(seconds=1)
CRITICAL_UNKNOWN = (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.1"), b"\x05\x00"), True)
HARMLESS_UNKNOWN = (CRITICAL_UNKNOWN[0], False)
POLICY = (
    x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier("1.3.6.1.4.1.55555.2"), None)]),
    True,
)
DEMAND = (x509.PolicyConstraints(require_explicit_policy=0, inhibit_policy_mapping=None), True)
ISSUING = made("issuing", GOOD_CA, ROOT)
LEAF = made("leaf", GOOD_LEAF, ISSUING)
OTHER = made("other root")
Case = tuple[list[Made], list[Made]]


def leaf(issuer: Made = ISSUING, **changes: Any) -> Made:
    return made("leaf", dataclasses.replace(GOOD_LEAF, **changes), issuer)


def authority(name: str, issuer: Made | None = ROOT, **changes: Any) -> Made:
    return made(name, dataclasses.replace(GOOD_CA, **changes), issuer)


def through(**changes: Any) -> Case:
    """Return a chain whose issuing CA differs from a good one."""
    issuing = authority("changed", **changes)
    return [leaf(issuing), issuing], [ROOT]


def chain_of(length: int) -> list[Made]:
    """Return a leaf and the CAs above it, the anchor last: ``length`` certificates."""
    made_so_far = [ROOT]
    for depth in range(length - 2):
        made_so_far.append(authority(f"depth {depth}", made_so_far[-1]))
    return [leaf(made_so_far[-1]), *reversed(made_so_far)]


def all_of_type(key: str) -> Case:
    root = authority(f"{key} root", None, key=key)
    issuing = authority(f"{key} issuing", root, key=key)
    return [leaf(issuing, key=key), issuing], [root]


FOREVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
ENDLESS = authority("endless root", None, not_after=FOREVER)
ONLY_LEAVES = authority("only leaves", path_length=0)
BELOW = authority("below", ONLY_LEAVES)
SHORT_ROOT = authority("short root", None, path_length=0)
BELOW_SHORT = authority("below short", SHORT_ROOT)
OLD = authority("old", None, not_after=NOW - SECOND)
YOUNG = authority("young", None, not_before=NOW + SECOND)
MISTAKEN = made("leaf as issuer", GOOD_LEAF, ISSUING)

ACCEPTED: dict[str, Case] = {
    "a chain of three": ([LEAF, ISSUING], [ROOT]),
    "the root sent along": ([LEAF, ISSUING, ROOT], [ROOT]),
    "the rest in any order": ([LEAF, ROOT, ISSUING], [ROOT]),
    "something foreign sent along": ([LEAF, OTHER, ISSUING], [ROOT]),
    "several anchors": ([LEAF, ISSUING], [OTHER, ROOT]),
    "an intermediate as anchor": ([LEAF], [ISSUING]),
    "an intermediate as anchor, its root sent along": ([LEAF, ISSUING, ROOT], [ISSUING]),
    "an unknown extension that is not critical": through(extensions=(HARMLESS_UNKNOWN,)),
    "valid from this second": through(not_before=NOW),
    "one second left": ([leaf(not_after=NOW + SECOND), ISSUING], [ROOT]),
    "never expiring": ([leaf(ENDLESS, not_after=FOREVER)], [ENDLESS]),
    "as deep as pathLenConstraint allows": ([leaf(ONLY_LEAVES), ONLY_LEAVES], [ROOT]),
    "the longest chain": (chain_of(MAX_CHAIN + 1)[:-1], [ROOT]),
    "an issuer for this purpose": through(
        extensions=((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False),)
    ),
    "an issuer for any purpose": through(
        extensions=((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]), False),)
    ),
    "a policy that nobody demands": through(extensions=(POLICY,)),
    **{key: all_of_type(key) for key in ("P-384", "P-521", "Ed25519", "Ed448", "rsa-2048")},
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_a_good_chain_is_accepted_by_us_and_by_openssl(case: str, tmp_path: Path) -> None:
    chain, anchors = ACCEPTED[case]
    path = judged(chain, anchors)
    assert path[0].der == chain[0].der
    assert path[-1].der in [anchor.der for anchor in anchors]
    assert openssl_accepts(tmp_path, chain, anchors)


NOT_YET, OVER, SIGNATURE = "time has not come yet", "has expired", "a signature in it does not verify"
UNKNOWN, NO_CA, DEPTH = (
    "unknown critical extension",
    "no CA, or its keyUsage lacks",
    "pathLenConstraint is exceeded",
)
NO_ANCHOR = "no trust anchor of this channel vouches for its issuer"
REFUSED: dict[str, tuple[Case, str]] = {
    "issuer not sent": (([LEAF], [ROOT]), NO_ANCHOR),
    "foreign root": (([LEAF, ISSUING], [OTHER]), NO_ANCHOR),
    "foreign root sent along": (([LEAF, ISSUING, ROOT], [OTHER]), "its root is not a trust anchor"),
    "self-signed": (([made("alone", GOOD_LEAF)], [ROOT]), "self-signed and not a trust anchor"),
    "expired": (([leaf(not_after=NOW - SECOND), ISSUING], [ROOT]), "has expired on 2026-09-21T14:13:19Z"),
    "issuer expired": (through(not_after=NOW - SECOND), "a certificate has expired"),
    "not yet valid": (([leaf(not_before=NOW + SECOND), ISSUING], [ROOT]), NOT_YET),
    "issuer not yet valid": (through(not_before=NOW + SECOND), NOT_YET),
    "anchor expired": (
        (
            [leaf(authority("old", None, not_after=NOW - SECOND))],
            [authority("old", None, not_after=NOW - SECOND)],
        ),
        "no trust anchor in force",
    ),
    "anchor not yet in force": (
        ([leaf(YOUNG)], [YOUNG]),
        "no trust anchor in force",
    ),
    "signed by somebody else": (([made("leaf", GOOD_LEAF, ISSUING, OTHER), ISSUING], [ROOT]), SIGNATURE),
    "issuer signed by somebody else": (([LEAF, made("issuing", GOOD_CA, ROOT, OTHER)], [ROOT]), SIGNATURE),
    "unknown critical extension": (([leaf(extensions=(CRITICAL_UNKNOWN,)), ISSUING], [ROOT]), UNKNOWN),
    "unknown critical extension of the issuer": (through(extensions=(CRITICAL_UNKNOWN,)), UNKNOWN),
    "issuer is no CA": (through(ca=False), NO_CA),
    "issuer without basicConstraints": (through(ca=None), NO_CA),
    "issuer may not sign certificates": (through(usages=("crl_sign",)), NO_CA),
    "issuer without keyUsage": (through(usages=None), "an issuer in it lacks keyUsage"),
    "issuer is an end entity": (([leaf(MISTAKEN), MISTAKEN, ISSUING], [ROOT]), NO_CA),
    "anchor is an end entity": (([leaf(MISTAKEN)], [MISTAKEN]), NO_CA),
    "deeper than pathLenConstraint": (([leaf(BELOW), BELOW, ONLY_LEAVES], [ROOT]), DEPTH),
    "deeper than the anchor's pathLenConstraint": (([leaf(BELOW_SHORT), BELOW_SHORT], [SHORT_ROOT]), DEPTH),
    "no policy, where its issuer demands one": (through(extensions=(DEMAND,)), "demands a certificate policy"),
    "a policy that its issuer demands": (
        ([leaf(stern := authority("stern", extensions=(DEMAND, POLICY)), extensions=(POLICY,)), stern], [ROOT]),
        "demands a certificate policy",
    ),
    "malformed policies": (
        through(extensions=((x509.UnrecognizedExtension(POLICY[0].oid, b"\x05\x00"), False),)),
        "its policy extensions are malformed",
    ),
    "no authorityKeyIdentifier": (([leaf(identifiers=False), ISSUING], [ROOT]), "lacks authorityKeyIdentifier"),
    "no subjectKeyIdentifier": (through(identifiers=False), "lacks"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_chain_is_refused_by_us_and_by_openssl(case: str, tmp_path: Path) -> None:
    (chain, anchors), complaint = REFUSED[case]
    with pytest.raises(InvalidPath, match=complaint):
        judged(chain, anchors)
    assert not openssl_accepts(tmp_path, chain, anchors)


RSA_ROOT = authority("rsa root", None, key="rsa-2048")
WEAK = authority("weak", key="rsa-1024")
STRICTER: dict[str, tuple[Case, str]] = {
    "RSA-1024": (([leaf(WEAK), WEAK], [ROOT]), "modulus has 1024 bits"),
    "brainpool": (through(key="brainpoolP256r1"), "use P-256, P-384 or P-521"),
    "another curve": (through(key="secp256k1"), "use P-256, P-384 or P-521"),
    "longer than we look at": (
        (chain_of(MAX_CHAIN + 2)[:-1], [ROOT]),
        f"has {MAX_CHAIN + 1} certificates; 1 to",
    ),
    "an anchor itself": (([ROOT], [ROOT]), "a trust anchor does not authenticate as itself"),
    "an anchor below another": (([ISSUING], [ISSUING, ROOT]), "a trust anchor does not authenticate as itself"),
    "a self-signed anchor that is no CA": (([LONER := made("loner", GOOD_LEAF)], [LONER]), "as itself"),
    "issuer for another purpose": (
        through(extensions=((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), False),)),
        "extKeyUsage of an issuer in it does not allow this purpose",
    ),
}


@pytest.mark.parametrize("case", STRICTER)
def test_what_openssl_would_accept_and_we_refuse(case: str, tmp_path: Path) -> None:
    (chain, anchors), complaint = STRICTER[case]
    with pytest.raises(InvalidPath, match=complaint):
        judged(chain, anchors)
    assert openssl_accepts(tmp_path, chain, anchors)


def test_sha_1_in_a_chain_is_refused() -> None:
    under_rsa = made("leaf", GOOD_LEAF, RSA_ROOT)
    assert judged([under_rsa], [RSA_ROOT])
    with pytest.raises(InvalidPath, match="algorithm that is not accepted"):
        validate([resigned_with_sha_1(under_rsa, RSA_ROOT)], [RSA_ROOT.parsed], at=NOON)


@pytest.mark.parametrize("key", ["ML-DSA-44", "ML-DSA-65", "ML-DSA-87"])
def test_chains_with_ml_dsa_are_accepted(key: str) -> None:
    """OpenSSL before 3.5 does not know ML-DSA, so there is no second opinion here."""
    chain, anchors = all_of_type(key)
    assert len(judged(chain, anchors)) == 3
    forged = made("leaf", dataclasses.replace(GOOD_LEAF, key=key), chain[1], anchors[0])
    with pytest.raises(InvalidPath, match=SIGNATURE):
        judged([forged, chain[1]], anchors)


def test_a_path_runs_from_the_end_entity_to_the_anchor() -> None:
    path = judged([LEAF, OTHER, ROOT, ISSUING], [OTHER, ROOT])
    assert [one.der for one in path] == [LEAF.der, ISSUING.der, ROOT.der]
    partial = judged([LEAF, ISSUING, ROOT], [ISSUING])
    assert [one.der for one in partial] == [LEAF.der, ISSUING.der]


def test_a_certificate_is_good_in_its_last_second() -> None:
    """RFC 5280 §4.1.2.5: notAfter is inclusive; OpenSSL before 4.0 stops a second early."""
    last = int(GOOD_LEAF.not_after.timestamp())
    assert judged([LEAF, ISSUING], [ROOT], at=last)
    with pytest.raises(InvalidPath, match="The certificate has expired on"):
        judged([LEAF, ISSUING], [ROOT], at=last + 1)


def test_the_purpose_can_be_another() -> None:
    chain, anchors = through(extensions=((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), False),))
    ders, trusted = [one.der for one in chain], [one.parsed for one in anchors]
    assert validate(ders, trusted, at=NOON, purpose=oids.KP_CODE_SIGNING).certificates
    with pytest.raises(InvalidPath, match="does not allow this purpose"):
        validate(ders, trusted, at=NOON, purpose=oids.KP_SERVER_AUTH)


@pytest.mark.parametrize("chain", [[], [b""], [b"no DER"], [LEAF.der, b"no DER"], [LEAF.der[:-1]]])
def test_what_is_no_chain_is_refused(chain: list[bytes]) -> None:
    with pytest.raises(InvalidPath, match=r"certificate chain (has 0|is not accepted)"):
        validate(chain, [ROOT.parsed], at=NOON)


def test_without_an_anchor_nothing_is_accepted() -> None:
    with pytest.raises(InvalidPath, match="no trust anchor in force"):
        judged([LEAF, ISSUING], [])


def test_an_anchor_that_is_not_in_force_does_not_stop_another() -> None:
    old = made("root", dataclasses.replace(GOOD_CA, not_after=NOW - SECOND))
    assert judged([LEAF, ISSUING], [old, ROOT])[-1].der == ROOT.der


def test_an_anchor_counts_by_its_key_not_by_its_name() -> None:
    namesake = made("root", Plan(key="P-384"))
    with pytest.raises(InvalidPath):
        judged([LEAF, ISSUING], [namesake])
