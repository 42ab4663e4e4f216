"""What a folder holds is not passed off as what is wished."""

from pathlib import Path

import pytest

from keyworks.access.credential import BasicCredentials
from keyworks.enroll.credential import ClientCertificate, ClientCredential
from keyworks.enroll.fitness import check_is_wished, check_key_is_wished
from keyworks.enroll.identity import Identity
from keyworks.enroll.subject import parse_subject
from keyworks.errors import OperatorError
from keyworks.keys.software import SoftwareSigner
from keyworks.testing import software_signer
from keyworks.x509.certificate import Certificate
from tests.unit.enroll.small_pki import certify, common_name, issuing

FOLDER = Path("idevid")
DEVICE = Certificate.parse(certify(common_name("SN-1", "SN-1"), issuing()).der)
STATION = Certificate.parse(certify("line-1", issuing()).der)
OWN = software_signer()


def credential(name: str, serial_number: str = "") -> ClientCertificate:
    made = certify(common_name(name, serial_number), issuing())
    return ClientCertificate.of(made.chain_pem, made.key_pem)


@pytest.mark.parametrize(
    ("present", "subject"),
    [
        (DEVICE, "serialNumber=SN-2"),
        (DEVICE, "CN=SN-2"),
        (DEVICE, "serialNumber=SN-2,CN=SN-1"),
        (STATION, "CN=line-2"),
        (STATION, "serialNumber=SN-1"),
    ],
)
def test_another_name_than_the_one_that_is_there_is_refused_with_the_remedy(
    present: Certificate, subject: str
) -> None:
    with pytest.raises(OperatorError) as refused:
        check_is_wished(FOLDER, present, parse_subject(subject), None)
    assert refused.value.detail == (
        f"idevid holds the identity of '{present.subject.text}', not of '{parse_subject(subject).text}'; "
        "choose another folder (--out), or leave --subject out to keep this one."
    )


@pytest.mark.parametrize(
    ("present", "subject"),
    [
        (DEVICE, ""),
        (DEVICE, "serialNumber=SN-1"),
        (DEVICE, "CN=SN-1"),
        (DEVICE, "serialNumber=SN-1,CN=as the IDevID has it,O=Maker"),
        (DEVICE, "O=Maker"),
        (STATION, "CN=line-1"),
    ],
)
def test_the_same_name_is_kept_whatever_the_server_has_made_of_the_rest(
    present: Certificate, subject: str
) -> None:
    check_is_wished(FOLDER, present, parse_subject(subject), BasicCredentials("line-1", "secret"))


def test_a_device_that_asks_for_itself_is_not_given_another_s_identity() -> None:
    """Both have asked for their LDevIDs into the same default folder, by their IDevIDs."""
    with pytest.raises(OperatorError, match=r"of 'serialNumber=SN-1,.*--credential is that of .*SN-2.*--out"):
        check_is_wished(FOLDER, DEVICE, parse_subject(""), credential("SN-2", "SN-2"))


@pytest.mark.parametrize(
    ("present", "subject", "by"),
    [
        (DEVICE, "", credential("SN-1", "SN-1")),
        (DEVICE, "", credential("line-1")),
        (STATION, "", credential("SN-2", "SN-2")),
        (DEVICE, "serialNumber=SN-1", credential("gateway", "SN-2")),
    ],
    ids=["its own", "a station's", "no device's", "on behalf of another"],
)
def test_a_credential_that_says_nothing_else_is_no_reason_to_refuse(
    present: Certificate, subject: str, by: ClientCredential
) -> None:
    check_is_wished(FOLDER, present, parse_subject(subject), by)


def identity(generation: int) -> Identity:
    made = certify("device", issuing(), spki=OWN.public_key.spki)
    return Identity(Path(str(generation)), "idevid", ClientCertificate((made.der,), OWN))


@pytest.mark.parametrize(
    ("generation", "signer", "key_type", "says"),
    [
        (1, software_signer(), None, "another key than the one in --key"),
        (1, None, "P-384", "a P-256 key, not P-384"),
        (2, None, "Ed25519", "a P-256 key, not Ed25519"),
        (2, OWN, "Ed25519", "a P-256 key, not Ed25519"),
    ],
)
def test_another_key_than_the_one_that_is_wished_is_not_kept(
    generation: int, signer: SoftwareSigner | None, key_type: str | None, says: str
) -> None:
    with pytest.raises(OperatorError, match=rf"{says}.*--out"):
        check_key_is_wished(FOLDER, identity(generation), signer, key_type)


@pytest.mark.parametrize(
    ("generation", "signer", "key_type"),
    [
        (1, None, None),
        (1, None, "P-256"),
        (1, OWN, None),
        (1, OWN, "P-384"),
        (2, software_signer(), None),
        (2, software_signer(), "P-256"),
    ],
)
def test_the_command_that_made_an_identity_may_be_repeated_after_its_renewals_too(
    generation: int, signer: SoftwareSigner | None, key_type: str | None
) -> None:
    """--key is for the first certificate, --key-type for the keys of renewals."""
    check_key_is_wished(FOLDER, identity(generation), signer, key_type)
