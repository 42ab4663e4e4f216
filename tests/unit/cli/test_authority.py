"""``keyworks authority``."""

from pathlib import Path

from keyworks.authority.profile import YEAR
from keyworks.testing import FixedClock
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


def test_an_authority_is_created_with_the_factorys_publication_address(supplier_cli: Typed) -> None:
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
    assert supplier_cli.refused(*words) == "Error: authority.x: issuing needs a parent."
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


def test_the_next_generation_of_an_issuing_authority_is_started_without_a_question(supplier_cli: Typed) -> None:
    told = supplier_cli.done("authority", "next", "issuing", "--key-type", "P-384")
    assert "Started generation 2 of issuing: CN=Example Supplier issuing G2,O=Example Supplier." in told
    assert "what generation 1 issued stays valid" in told
    assert "root" not in told
    listed = supplier_cli.json("authority", "list")
    generations = [one for one in listed if one["name"] == "issuing"]
    assert [(one["generation"], one["issues"]) for one in generations] == [(1, False), (2, True)]
    assert generations[1]["key_type"] == "P-384"


def test_a_new_root_is_explained_and_started_only_after_a_yes(supplier_cli: Typed) -> None:
    """RFC 9810 §4.4: certificates from one root to the other would spare it; there are none yet."""
    refused = supplier_cli("authority", "next", "root", stdin="n\n")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "Everybody who trusts the older root has to get the new one too" in refused.stderr
    assert "RFC 9810 §4.4) are not made yet." in refused.stderr
    assert refused.stderr.endswith("Error: No generation was started.\n")
    assert len(supplier_cli.json("authority", "show", "root")["generations"]) == 1
    told = supplier_cli.done("authority", "next", "root", stdin="y\n")
    fingerprint = supplier_cli.json("authority", "show", "root")["fingerprint"]
    assert fingerprint in told
    assert "authority export root --output root-2.pem" in told
    assert "Authorities below root stay below generation 1" in told


def test_what_comes_below_a_new_root_is_asked_about_too(supplier_cli: Typed) -> None:
    root = supplier_cli.json("authority", "next", "root", "--yes")
    assert root["root"] == root["fingerprint"]
    refused = supplier_cli("authority", "next", "issuing", stdin="")
    assert "Generation 2 of issuing stands below generation 2 of root" in refused.stderr
    started = supplier_cli.json("authority", "next", "issuing", "--yes")
    assert (started["generation"], started["root"]) == (2, root["fingerprint"])
    assert supplier_cli.json("authority", "next", "issuing")["root"] == root["root"]


def test_an_authority_is_shown_with_all_its_generations(supplier_cli: Typed) -> None:
    first = supplier_cli.json("authority", "show", "idevid-issuing")
    supplier_cli.done("authority", "next", "idevid-issuing")
    shown = supplier_cli.json("authority", "show", "idevid-issuing")
    assert (shown["generation"], shown["issues"]) == (2, True)
    assert [(one["generation"], one["issues"]) for one in shown["generations"]] == [(1, False), (2, True)]
    assert [one["fingerprint"] for one in shown["generations"]] == [first["fingerprint"], shown["fingerprint"]]
    *_, heading, former, current = supplier_cli.done("authority", "show", "idevid-issuing").splitlines()
    assert heading.split() == ["GEN", "ISSUES", "ISSUES", "UNTIL", "ENDS", "FINGERPRINT"]
    assert former.split()[:2] == ["1", "no"]
    assert current.split() == ["2", "yes", shown["issues_until"], "never", shown["fingerprint"]]


def test_no_generation_issues_past_its_period(supplier_cli: Typed, clock: FixedClock) -> None:
    clock.advance(21 * YEAR)
    assert [one["issues"] for one in supplier_cli.json("authority", "list")] == [False] * 4


def test_a_retired_authority_issues_nothing_and_can_be_exported_all_the_same(supplier_cli: Typed) -> None:
    """Whoever trusts what it issued still needs its certificate."""
    policy = supplier_cli.done("policy", "export")
    supplier_cli.done("authority", "create", "old", "--profile", "root")
    assert supplier_cli.json("authority", "show", "old")["issues"]
    supplier_cli.done("apply", "-", "--yes", stdin=policy)
    assert not supplier_cli.json("authority", "show", "old")["issues"]
    assert [one["issues"] for one in supplier_cli.json("authority", "list")] == [True, True, True, True, False]
    assert len(ders_of(supplier_cli.done("authority", "export", "old").encode())) == 1
    assert "no authority 'old'" in supplier_cli.refused("authority", "next", "old")


def test_each_generation_can_be_exported_the_current_one_unless_another_is_named(supplier_cli: Typed) -> None:
    first = supplier_cli.done("authority", "export", "root")
    supplier_cli.done("authority", "next", "root", "--yes")
    assert supplier_cli.done("authority", "export", "root", "--generation", "1") == first
    second = supplier_cli.done("authority", "export", "root")
    assert second == supplier_cli.done("authority", "export", "root", "--generation", "2") != first
    assert "has no generation 3" in supplier_cli.refused("authority", "export", "root", "--generation", "3")
    above = ders_of(supplier_cli.done("authority", "export", "issuing", "--chain").encode())[-1:]
    assert above == ders_of(first.encode())
