"""What keys are for."""

from keyworks.keys.purpose import Purpose


def test_a_purpose_keeps_its_word_for_ever() -> None:
    """It is associated data of every sealed key: under another word no stored key would open."""
    assert {purpose.name: purpose.value for purpose in Purpose} == {
        "CA": "ca",
        "LEDGER": "ledger",
        "TLS": "tls",
        "SECRETS": "secrets",
    }
