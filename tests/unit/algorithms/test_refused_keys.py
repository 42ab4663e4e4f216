"""Subject keys that are weak or malformed, made by hand; each is refused with what is wrong."""

import math
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keyworks.algorithms.public_key import MAX_SPKI_OCTETS, PublicKey
from keyworks.errors import BadSubjectKey
from keyworks.x509.der import sequence_of, wrap
from tests.unit.x509.chains import private_key

RSA = bytes.fromhex("06092a864886f70d010101")
RSASSA_PSS = bytes.fromhex("06092a864886f70d01010a")
NULL = b"\x05\x00"
ON_P256 = bytes.fromhex("301306072a8648ce3d020106082a8648ce3d030107")
ED25519 = bytes.fromhex("300506032b6570")
ED448 = bytes.fromhex("300506032b6571")
ML_DSA_65 = bytes.fromhex("300b0609608648016503040312")
ORDER_8 = int.from_bytes(
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"
)
P25519, P448 = 2**255 - 19, 2**448 - 2**224 - 1
PRIMES = [n for n in range(2, 752) if all(n % d for d in range(2, math.isqrt(n) + 1))]


def modulus_of(bits: int) -> int:
    """Return a number of this length that could be a modulus: no factor below 752."""
    return next(n for n in range((1 << bits - 1) + 1, 1 << bits, 2) if all(n % prime for prime in PRIMES))


def spki(algorithm: bytes, key: bytes, unused_bits: int = 0) -> bytes:
    return sequence_of([algorithm, wrap(0x03, bytes((unused_bits,)) + key)])


def rsa_key(modulus: int, exponent: int = 65537) -> bytes:
    integers = [wrap(0x02, n.to_bytes(n.bit_length() // 8 + 1, "big")) for n in (modulus, exponent)]
    return spki(sequence_of([RSA, NULL]), sequence_of(integers))


def on_curve(curve: ec.EllipticCurve) -> bytes:
    key = ec.generate_private_key(curve).public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def octets_of(key: dsa.DSAPublicKey | x25519.X25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def point(form: PublicFormat = PublicFormat.UncompressedPoint) -> bytes:
    return private_key("P-256").public_key().public_bytes(Encoding.X962, form)


def refusal_of(octets: bytes) -> str:
    with pytest.raises(BadSubjectKey) as refused:
        PublicKey.parse(octets)
    return refused.value.detail


@pytest.mark.parametrize("bits", [2048, 2049, 8191, 8192])
def test_rsa_moduli_from_2048_to_8192_bits_are_accepted(bits: int) -> None:
    assert PublicKey.parse(rsa_key(modulus_of(bits))).key_type == f"rsa-{bits}"


@pytest.mark.parametrize("bits", [1024, 2047, 8193])
def test_other_rsa_moduli_are_refused(bits: int) -> None:
    assert refusal_of(rsa_key(modulus_of(bits))) == (
        f"The RSA modulus has {bits} bits; 2048 to 8192 are certified."
    )


@pytest.mark.parametrize("exponent", [65537, 65539, (1 << 256) - 1], ids=int.bit_length)
def test_odd_exponents_from_65537_to_256_bits_are_accepted(exponent: int) -> None:
    """NIST SP 800-89 §5.3.3."""
    assert PublicKey.parse(rsa_key(modulus_of(2048), exponent)).key_type == "rsa-2048"


@pytest.mark.parametrize("exponent", [3, 17, 65535, (1 << 256) + 1, (1 << 2047) - 1], ids=int.bit_length)
def test_small_and_costly_exponents_are_refused(exponent: int) -> None:
    assert "exponent has to be odd, at least 65537" in refusal_of(rsa_key(modulus_of(2048), exponent))


@pytest.mark.parametrize("exponent", [0, 1, 2, 65536, 65538])
def test_exponents_that_are_none_are_refused(exponent: int) -> None:
    assert refusal_of(rsa_key(modulus_of(2048), exponent)) == "The public key is no valid RSA key."


@pytest.mark.parametrize("factor", [2, 3, 743, 751])
def test_a_modulus_with_a_small_factor_is_refused(factor: int) -> None:
    """NIST SP 800-89 §5.3.3: no prime factor smaller than 752."""
    modulus = modulus_of(2048) * factor
    assert "small factor" in refusal_of(rsa_key(modulus))


def test_a_negative_modulus_is_refused() -> None:
    negative = sequence_of([wrap(0x02, b"\x80" + bytes(255)), wrap(0x02, b"\x01\x00\x01")])
    assert refusal_of(spki(sequence_of([RSA, NULL]), negative)) == "The public key is no valid RSA key."


@pytest.mark.parametrize(
    "algorithm",
    [
        pytest.param(sequence_of([RSA]), id="rsa without NULL"),
        pytest.param(sequence_of([RSA, b"\x02\x01\x01"]), id="rsa with an integer"),
        pytest.param(sequence_of([RSASSA_PSS]), id="RSASSA-PSS"),
        pytest.param(sequence_of([RSASSA_PSS, NULL]), id="RSASSA-PSS with NULL"),
    ],
)
def test_an_rsa_key_under_another_identifier_is_refused(algorithm: bytes) -> None:
    """RFC 3279 §2.3.1: rsaEncryption, whose parameters MUST be NULL."""
    key = sequence_of([wrap(0x02, b"\0" + modulus_of(2048).to_bytes(256, "big")), wrap(0x02, b"\x01\x00\x01")])
    assert "or with these parameters, are not certified" in refusal_of(spki(algorithm, key))


@pytest.mark.parametrize(
    "curve", [ec.SECP224R1(), ec.SECP256K1(), ec.BrainpoolP256R1(), ec.BrainpoolP384R1()], ids=lambda c: c.name
)
def test_other_curves_are_refused(curve: ec.EllipticCurve) -> None:
    assert "use P-256, P-384 or P-521 by its name" in refusal_of(on_curve(curve))


def test_a_curve_spelled_out_by_its_parameters_is_refused(tmp_path: Path) -> None:
    """RFC 5480 §2.1.1: specifiedCurve MUST NOT be used."""
    private, public = tmp_path / "key.pem", tmp_path / "public.der"
    explicit = ("-param_enc", "explicit")
    make = ("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", *explicit, "-out", private)
    convert = ("openssl", "ec", "-in", private, "-pubout", "-outform", "DER", *explicit, "-out", public)
    for command in (make, convert):
        subprocess.run(command, check=True, capture_output=True)
    assert "or with these parameters, are not certified" in refusal_of(public.read_bytes())


@pytest.mark.parametrize("key", [x25519.X25519PrivateKey.generate().public_key(), None], ids=["X25519", "DSA"])
def test_keys_that_do_not_sign_today_are_refused(key: x25519.X25519PublicKey | None) -> None:
    octets = octets_of(key or dsa.generate_private_key(2048).public_key())
    assert "Keys of this type" in refusal_of(octets)


@pytest.mark.parametrize("form", ["compressed", "hybrid"])
def test_a_point_that_is_not_uncompressed_is_refused(form: str) -> None:
    """RFC 5480 §2.2: uncompressed MUST be supported, compressed MAY be; hybrid MUST NOT be used."""
    whole = point()
    sent = (
        point(PublicFormat.CompressedPoint) if form == "compressed" else bytes((6 | whole[-1] & 1,)) + whole[1:]
    )
    assert "send it uncompressed" in refusal_of(spki(ON_P256, sent))


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(spki(ON_P256, point()[:-1] + bytes((point()[-1] ^ 1,))), id="off the curve"),
        pytest.param(spki(ON_P256, b"\0"), id="at infinity"),
        pytest.param(spki(ON_P256, b""), id="empty"),
        pytest.param(spki(ON_P256, point()[:-1]), id="short"),
        pytest.param(spki(ON_P256, point() + b"\0"), id="long"),
        pytest.param(spki(ON_P256, b"\x04" + b"\xff" * 64), id="beyond the field"),
    ],
)
def test_a_point_that_is_none_of_the_curves_is_refused(octets: bytes) -> None:
    assert refusal_of(octets) == "The public key is no valid P-256 key."


@pytest.mark.parametrize(
    ("algorithm", "key", "name"),
    [(ED25519, bytes(31), "Ed25519"), (ED448, bytes(58), "Ed448"), (ML_DSA_65, bytes(1312), "ML-DSA-65")],
    ids=["Ed25519", "Ed448", "ML-DSA-65"],
)
def test_a_key_of_the_wrong_length_is_refused(algorithm: bytes, key: bytes, name: str) -> None:
    assert refusal_of(spki(algorithm, key)) == f"The public key is no valid {name} key."


SMALL_ORDER = {
    **{f"Ed25519 {name}": (ED25519, y) for name, y in {"0": 0, "1": 1, "p-1": P25519 - 1}.items()},
    **{f"Ed25519 {name}": (ED25519, y) for name, y in {"p": P25519, "p+1": P25519 + 1}.items()},
    "Ed25519 order 8": (ED25519, ORDER_8),
    "Ed25519 order 8, negative": (ED25519, P25519 - ORDER_8),
    **{f"Ed448 {name}": (ED448, y) for name, y in {"0": 0, "1": 1, "p-1": P448 - 1}.items()},
    **{f"Ed448 {name}": (ED448, y) for name, y in {"p": P448, "p+1": P448 + 1}.items()},
}


@pytest.mark.parametrize("sign", [0, 0x80])
@pytest.mark.parametrize("case", SMALL_ORDER)
def test_a_point_of_small_order_is_refused(case: str, sign: int) -> None:
    algorithm, y = SMALL_ORDER[case]
    key = bytearray(y.to_bytes(32 if algorithm == ED25519 else 57, "little"))
    key[-1] |= sign
    detail = refusal_of(spki(algorithm, bytes(key)))
    assert "small order" in detail or "no valid" in detail


def test_with_a_key_of_small_order_anybody_could_sign() -> None:
    """So the refusal above is not for beauty: this signature was made without any private key."""
    identity = (1).to_bytes(32, "little")
    ed25519.Ed25519PublicKey.from_public_bytes(identity).verify(identity + bytes(32), b"any message")


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x30\x00", id="empty sequence"),
        pytest.param(on_curve(ec.SECP256R1()) + b"\0", id="trailing octet"),
        pytest.param(on_curve(ec.SECP256R1())[:-1], id="truncated"),
        pytest.param(spki(ON_P256, point()[:-1] + b"\0", unused_bits=1), id="unused bits"),
        pytest.param(b"\x30\x80" + on_curve(ec.SECP256R1())[2:] + b"\0\0", id="indefinite length"),
    ],
)
def test_what_is_no_subject_public_key_info_is_refused(octets: bytes) -> None:
    detail = refusal_of(octets)
    assert detail in {
        "The public key is malformed (RFC 5280 §4.1.2.7).",
        "The public key is no valid P-256 key.",
    }


def test_the_size_is_looked_at_before_anything_else() -> None:
    assert refusal_of(bytes(MAX_SPKI_OCTETS + 1)) == (
        f"The public key has {MAX_SPKI_OCTETS + 1} octets; at most {MAX_SPKI_OCTETS} are looked at."
    )
    assert "malformed" in refusal_of(bytes(MAX_SPKI_OCTETS))
