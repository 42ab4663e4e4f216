"""Full CMC over TLS: PKIData by pyasn1, signed and verified by `openssl cms`, sent by `curl`."""

import base64
from typing import Any

import pytest
from pyasn1.codec.der import decoder, encoder
from pyasn1.type import char, univ
from pyasn1_alt_modules import rfc2986, rfc5280, rfc6402

from keyworks.x509.certificate import pem_of
from tests.interop.est_plant import Answer, Client, Site, openssl

CMC = ("-H", "Content-Type: application/pkcs7-mime; smime-type=CMC-request")
PKI_DATA, PKI_RESPONSE = "1.3.6.1.5.5.7.12.2", "1.3.6.1.5.5.7.12.3"


def control(number: int, oid: Any, value: Any) -> Any:
    made = rfc6402.TaggedAttribute()
    made["bodyPartID"], made["attrType"] = number, oid
    made["attrValues"].append(encoder.encode(value))
    return made


def pki_data(requests: dict[int, bytes], *controls: Any) -> bytes:
    """Return PKIData with PKCS#10 requests by number, and controls."""
    content = rfc6402.PKIData()
    for part in ("controlSequence", "reqSequence", "cmsSequence", "otherMsgSequence"):
        content[part].clear()
    content["controlSequence"].extend(controls)
    for number, der in requests.items():
        tagged = rfc6402.TaggedRequest()
        tagged["tcr"]["bodyPartID"] = number
        tagged["tcr"]["certificationRequest"] = decoder.decode(der, asn1Spec=rfc2986.CertificationRequest())[0]
        content["reqSequence"].append(tagged)
    return bytes(encoder.encode(content))


def signed(site: Site, client: Client, content: bytes, *options: str) -> bytes:
    """Return the content as SignedData, by OpenSSL."""
    words = ["cms", "-sign", "-binary", "-nodetach", "-econtent_type", PKI_DATA, "-outform", "DER"]
    own = site.file(pem_of(client.der), ".pem")
    return openssl(*words, "-signer", own, "-inkey", client.key, "-in", site.file(content), *options)


def ask(site: Site, label: str, der: bytes, *options: str) -> Answer:
    return site.curl(f"/.well-known/est/{label}/fullcmc", *CMC, *options, data=base64.b64encode(der))


def answered(site: Site, answer: Answer) -> tuple[dict[int, tuple[str, str]], bytes]:
    """Return status and failInfo by part, and the nonce echoed; OpenSSL verifies the signature to the root."""
    assert answer.headers["content-type"] == "application/pkcs7-mime; smime-type=CMC-response"
    file = site.file(base64.b64decode(answer.body))
    words = ("cms", "-verify", "-inform", "DER", "-in", file, "-CAfile", site.trust, "-purpose", "any")
    content = openssl(*words, "-binary")
    assert PKI_RESPONSE in openssl("cms", "-cmsout", "-print", "-noout", "-inform", "DER", "-in", file).decode()
    read, rest = decoder.decode(content, asn1Spec=rfc6402.PKIResponse())
    assert rest == b""
    parts, nonce = {}, b""
    for one in read["controlSequence"]:
        value = bytes(one["attrValues"][0])
        if one["attrType"] == rfc6402.id_cmc_recipientNonce:
            nonce = bytes(decoder.decode(value)[0])
        elif one["attrType"] == rfc6402.id_cmc_statusInfoV2:
            status, _ = decoder.decode(value, asn1Spec=rfc6402.CMCStatusInfoV2())
            said = status["otherInfo"]["failInfo"].prettyPrint() if status["otherInfo"].hasValue() else ""
            parts[int(status["bodyList"][0]["bodyPartID"])] = (status["cMCStatus"].prettyPrint(), said)
    return parts, nonce


def keys_in(answer: Answer) -> set[bytes]:
    """Return the public keys of the certificates in an answer, as OpenSSL reads them."""
    text = openssl("pkcs7", "-inform", "DER", "-print_certs", data=base64.b64decode(answer.body)).decode()
    pems = [f"{part}-----END CERTIFICATE-----\n" for part in text.split("-----END CERTIFICATE-----")[:-1]]
    return {openssl("x509", "-noout", "-pubkey", data=pem.encode()) for pem in pems}


@pytest.mark.parametrize("options", [(), ("-keyid",), ("-md", "sha384"), ("-nosmimecap", "-nocerts")])
def test_a_station_gets_certificates_for_two_devices_with_one_message(
    supplier_site: Site, station: Client, options: tuple[str, ...]
) -> None:
    """RFC 7030 §4.3."""
    numbers = [f"CMC{''.join(options)}-{one}" for one in (1, 2)]
    supplier_site.register(*numbers)
    wishes = [supplier_site.wish(f"/serialNumber={one}") for one in numbers]
    nonce = control(9, rfc6402.id_cmc_senderNonce, univ.OctetString(b"0123456789"))
    content = pki_data({1: wishes[0].der, 2: wishes[1].der}, nonce)
    answer = ask(supplier_site, "idevid", signed(supplier_site, station, content, *options), *station.options)
    assert answer.status == 200
    assert answered(supplier_site, answer) == ({1: ("success", ""), 2: ("success", "")}, b"0123456789")
    assert {openssl("pkey", "-in", one.key, "-pubout") for one in wishes} < keys_in(answer)


def test_a_station_revokes_its_own_certificate(supplier_site: Site) -> None:
    """RFC 5272 §6.11."""
    station = supplier_site.station("cmc-line", "idevid")
    wish = supplier_site.wish("/CN=cmc-line")
    read, _ = decoder.decode(station.der, asn1Spec=rfc5280.Certificate())
    wanted = rfc6402.RevokeRequest()
    wanted["issuerName"] = read["tbsCertificate"]["issuer"]
    wanted["serialNumber"] = read["tbsCertificate"]["serialNumber"]
    wanted["reason"], wanted["comment"] = 5, char.UTF8String("taken out of service")
    content = pki_data({}, control(1, rfc6402.id_cmc_revokeRequest, wanted))
    message = signed(supplier_site, station, content)
    answer = ask(supplier_site, "stations", message, *station.options)
    assert (answer.status, answered(supplier_site, answer)[0]) == (200, {1: ("success", "")})
    again = supplier_site.enroll("stations", wish, *station.options, operation="simplereenroll")
    assert again.status == 401
    [*_, entry] = supplier_site.entries("certificate.revoked")
    assert (entry["actor"], entry["object"]) == ("station:cmc-line", "station:cmc-line")


def test_a_message_signed_by_another_station_is_refused_and_signed(
    supplier_site: Site, station: Client
) -> None:
    """RFC 7030 §4.3.2: 4xx, with the CMC response."""
    other = supplier_site.station("cmc-other", "idevid")
    wish = supplier_site.wish("/serialNumber=CMC-404")
    message = signed(supplier_site, other, pki_data({1: wish.der}))
    answer = ask(supplier_site, "idevid", message, *station.options)
    assert (answer.status, answered(supplier_site, answer)[0]) == (403, {0: ("failed", "badRequest")})
    assert ask(supplier_site, "idevid", message).status == 401
