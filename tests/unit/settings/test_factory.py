"""``factory.toml``: its shape, and the files it names."""

from datetime import timedelta
from pathlib import Path

import pytest

from keyworks.settings.factory import MAX_CERTIFICATE_OCTETS, read_factory, span_of, span_text
from keyworks.settings.toml import Source

FACTORY = '[factory]\norganization = "Example Plant"\npublication_url = "http://pki.plant.example"\n'


def _refusal(text: str, folder: Path) -> str:
    draft = read_factory(Source("factory.toml", FACTORY + text), folder)
    return draft.refusal(draft.complaints).detail


def test_a_factory_may_be_as_small_as_its_owner(tmp_path: Path) -> None:
    document = read_factory(Source("factory.toml", FACTORY), tmp_path).document
    assert (document.factory.organization, document.channel) == ("Example Plant", {})


def test_a_certificate_file_is_found_beside_the_document(tmp_path: Path) -> None:
    (tmp_path / "root.pem").write_text("PEM")
    text = '[anchor.drives]\nvouches_for = "device"\ncertificate_file = "root.pem"\n'
    anchor = read_factory(Source("factory.toml", FACTORY + text), tmp_path).document.anchor["drives"]
    assert (anchor.certificate, anchor.certificate_file) == ("PEM", None)


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("", "factory.toml:4: anchor.a needs exactly one of certificate and certificate_file."),
        ('certificate = "x"\ncertificate_file = "y"', "factory.toml:7: anchor.a needs exactly one of"),
        ('certificate_file = "none.pem"', "none.pem cannot be read: No such file or directory."),
        ('certificate_file = "odd.pem"', "odd.pem is no PEM file; export the certificate as PEM."),
        ('certificate_file = "large.pem"', "large.pem is too large to be one CA certificate."),
    ],
)
def test_an_anchor_without_its_certificate_is_told(tmp_path: Path, setting: str, told: str) -> None:
    (tmp_path / "odd.pem").write_bytes(b"\xff")
    (tmp_path / "large.pem").write_bytes(b"x" * (MAX_CERTIFICATE_OCTETS + 1))
    assert told in _refusal(f'[anchor.a]\nvouches_for = "device"\n{setting}\n', tmp_path)


@pytest.mark.parametrize(
    ("text", "days"), [("2y", 730), ("730d", 730), ("0d", 0), ("24h", 1), ("1440m", 1), ("90d", 90)]
)
def test_a_time_span_counts_days_and_years_of_365_days(text: str, days: int) -> None:
    span = timedelta(days=days)
    assert span_of(text) == span
    assert span_of(span_text(span)) == span


@pytest.mark.parametrize("text", ["", "2", "y", "-1d", "1.5d", "1w", "2 y", "9999999d", "٣d"])
def test_what_is_no_time_span_is_none(text: str) -> None:
    assert span_of(text) is None


def test_a_time_span_is_written_in_its_largest_unit() -> None:
    assert [span_text(span) for span in map(span_of, ("730d", "48h", "90m")) if span] == ["2y", "2d", "90m"]
