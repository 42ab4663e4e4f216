"""``keyworks authority``."""

from pathlib import Path

from keyworks.x509.certificate import Certificate, ders_of
from tests.unit.cli.typed import Typed


def test_authorities_are_listed_with_those_above_them(supplier_cli: Typed) -> None:
    listed = supplier_cli.json("authority", "list")
    assert [(one["name"], one["parent"]) for one in listed] == [
        ("root", None),
        ("issuing", "root"),
        ("idevid-root", None),
        ("idevid-issuing", "idevid-root"),
    ]


def test_an_authority_is_created_with_its_parents_publication_address(supplier_cli: Typed) -> None:
    made = supplier_cli.json("authority", "create", "plant-2", "--profile", "issuing", "--parent", "root")
    assert made["publication_url"] == "http://pki.supplier.example"
    assert made["subject"] == "CN=Example Supplier plant-2 G1,O=Example Supplier"


def test_a_root_is_created_with_what_is_asked_for(supplier_cli: Typed) -> None:
    address = ("--publication-url", "http://other.example", "--organization", "Other", "--key-type", "P-384")
    made = supplier_cli.json("authority", "create", "r2", "--profile", "root", *address)
    assert (made["publication_url"], made["key_type"]) == ("http://other.example", "P-384")
    assert made["subject"] == "CN=Other r2 G1,O=Other"


def test_what_does_not_fit_is_refused_in_a_sentence(supplier_cli: Typed) -> None:
    words = ("authority", "create", "x", "--profile", "issuing")
    assert supplier_cli.refused(*words) == "Error: issuing needs a --parent."
    assert "no authority 'nobody'" in supplier_cli.refused(*words, "--parent", "nobody")


def test_people_see_that_an_idevid_root_never_ends(supplier_cli: Typed) -> None:
    lines = supplier_cli.done("authority", "show", "idevid-root").splitlines()
    assert "not after        never" in lines
    assert supplier_cli.json("authority", "show", "idevid-root")["not_after"] == "9999-12-31T23:59:59Z"


def test_a_root_is_exported_alone_for_those_who_trust_it(supplier_cli: Typed, tmp_path: Path) -> None:
    file = tmp_path / "root.pem"
    assert supplier_cli.done("authority", "export", "idevid-root", "--output", str(file)) == ""
    [der] = ders_of(file.read_bytes())
    shown = supplier_cli.json("authority", "show", "idevid-root")
    assert f"sha256:{Certificate.parse(der).fingerprint.hex()}" == shown["fingerprint"]


def test_a_chain_is_exported_up_to_the_root(supplier_cli: Typed) -> None:
    ders = ders_of(supplier_cli.done("authority", "export", "issuing", "--chain").encode())
    certificates = [Certificate.parse(der) for der in ders]
    assert [one.subject.text for one in certificates] == [
        "CN=Example Supplier issuing G1,O=Example Supplier",
        "CN=Example Supplier root G1,O=Example Supplier",
    ]
