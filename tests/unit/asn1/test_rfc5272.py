"""CMC: what pyasn1 encodes by its own modules is decoded and encoded again octet for octet."""

from typing import Any

from cryptography.hazmat import asn1
from pyasn1.codec.der import decoder, encoder
from pyasn1.type import univ, useful
from pyasn1_alt_modules import rfc6402

from keyworks.asn1 import rfc5272
from keyworks.x509.der import octets_of

ANY = b"\x04\x02ab"


def body(kind: type) -> univ.Sequence:
    """Return a PKIData or ResponseBody with one control."""
    value = kind()
    control = rfc6402.TaggedAttribute()
    control["bodyPartID"] = 4294967295
    control["attrType"] = rfc6402.id_cmc_senderNonce
    control["attrValues"].append(univ.Any(ANY))
    value["controlSequence"].append(control)
    for name in ("reqSequence", "cmsSequence", "otherMsgSequence"):
        if name in value.componentType:
            value[name].clear()
    return value


def test_a_request_and_a_response_come_back_octet_for_octet() -> None:
    """RFC 5272 §3.2.1, §3.2.2."""
    pairs: tuple[tuple[type, Any], ...] = (
        (rfc6402.PKIData, rfc5272.PKIData),
        (rfc6402.ResponseBody, rfc5272.PKIResponse),
    )
    for theirs, ours in pairs:
        der = encoder.encode(body(theirs))
        read = asn1.decode_der(ours, der)
        [control] = read.control_sequence
        assert control.body_part_id == 4294967295
        assert control.attr_type.dotted_string == "1.3.6.1.5.5.7.7.6"
        assert [octets_of(one) for one in control.attr_values.as_list()] == [ANY]
        assert asn1.encode_der(read) == der


def test_a_revocation_request_comes_back_octet_for_octet() -> None:
    """RFC 5272 §6.11."""
    theirs = rfc6402.RevokeRequest()
    theirs["issuerName"]["rdnSequence"] = univ.SequenceOf()
    theirs["issuerName"]["rdnSequence"].clear()
    theirs["serialNumber"] = 1 << 150
    theirs["reason"] = 1
    theirs["invalidityDate"] = useful.GeneralizedTime("20260921120000Z")
    theirs["passphrase"] = b"secret"
    theirs["comment"] = "lost"
    der = encoder.encode(theirs)
    read = asn1.decode_der(rfc5272.RevokeRequest, der)
    assert (read.serial_number, octets_of(read.reason)) == (1 << 150, b"\x0a\x01\x01")
    assert (read.shared_secret, read.comment) == (b"secret", "lost")
    assert asn1.encode_der(read) == der


def test_a_status_is_what_pyasn1_reads() -> None:
    """RFC 5272 §6.1.1."""
    ours = rfc5272.CMCStatusInfoV2(cmc_status=2, body_list=[1, 7], status_string="no", other_info=9)
    theirs, rest = decoder.decode(asn1.encode_der(ours), asn1Spec=rfc6402.CMCStatusInfoV2())
    assert rest == b""
    assert (int(theirs["cMCStatus"]), str(theirs["statusString"])) == (2, "no")
    assert [int(one["bodyPartID"]) for one in theirs["bodyList"]] == [1, 7]
    assert int(theirs["otherInfo"]["failInfo"]) == 9
