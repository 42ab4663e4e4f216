"""Presets are documents like every other one."""

import pytest

from keyworks.errors import OperatorError
from keyworks.service.policy.document import resolve
from keyworks.service.policy.preset import PRESETS, preset
from keyworks.settings.factory import FactoryDocument


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_a_document_with_the_owner_s_name(name: str) -> None:
    organization = 'Größe & "Co"\\'
    document = preset(name, organization, "http://pki.example").read(FactoryDocument)
    assert (document.factory.organization, document.factory.publication_url) == (
        organization,
        "http://pki.example",
    )
    assert {one.organization for one in resolve(document).authority.values()} == {organization}


@pytest.mark.parametrize("value", ['x"\n[authority.evil]\nprofile = "root"\n# ', "x\\", "\n"])
def test_an_owner_s_name_adds_nothing_to_a_preset(value: str) -> None:
    document = preset("operator", value, value).read(FactoryDocument)
    assert (document.factory.organization, set(document.authority)) == (value, {"root", "issuing"})


def test_what_is_no_preset_or_no_text_is_told() -> None:
    with pytest.raises(OperatorError, match="'dealer' is no preset; choose one of supplier, operator"):
        preset("dealer", "O", "http://pki.example")
    with pytest.raises(OperatorError, match="not Unicode"):
        preset("operator", "\ud800", "http://pki.example")
