"""What nothing can be faster than: the raw cryptography, and the disk."""

import os
import statistics
import time
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_TBS = bytes(500)
"""About as long as the TBS of a device's certificate."""


def issuing_limit(rounds: int = 400) -> float:
    """Return certificates/s on one core if issuing were cryptography alone.

    One verification of a request's signature, one P-256 signature, and the verification of that signature.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    name = x509.Name([x509.NameAttribute(NameOID.SERIAL_NUMBER, "SN-000001")])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    signature, signed, algorithm = request.signature, request.tbs_certrequest_bytes, ec.ECDSA(hashes.SHA256())
    begun = time.process_time()
    for _ in range(rounds):
        public.verify(signature, signed, algorithm)
        own = key.sign(_TBS, algorithm)
        public.verify(own, _TBS, algorithm)
    return rounds / (time.process_time() - begun)


def fsync_seconds(folder: Path, rounds: int = 200) -> float:
    """Return the median of one 4 KiB write with its fsync."""
    descriptor = os.open(folder / "fsync", os.O_WRONLY | os.O_CREAT)
    try:
        times = []
        for _ in range(rounds):
            begun = time.perf_counter()
            os.write(descriptor, bytes(4096))
            os.fsync(descriptor)
            times.append(time.perf_counter() - begun)
        return statistics.median(times)
    finally:
        os.close(descriptor)
