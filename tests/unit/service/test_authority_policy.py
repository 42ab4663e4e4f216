"""What commands change of authorities."""

import pytest

from keyworks.errors import OperatorError
from keyworks.service.authorities import find_generation
from keyworks.service.authority_policy import NewAuthority, create_authority, set_key_type
from keyworks.service.installation import Installation
from keyworks.service.policy.history import present_policy
from keyworks.testing import next_generation


async def test_what_is_not_said_is_the_factory_s(operator: Installation) -> None:
    generation = await create_authority(operator, NewAuthority("second", "issuing", "root"))
    assert generation.authority.publication_url == "http://pki.operator.example"
    assert generation.certificate.subject.text == "CN=Example Operator second G1,O=Example Operator"


async def test_another_key_type_waits_for_the_next_generation(operator: Installation) -> None:
    await set_key_type(operator, "issuing", "P-384")
    assert (await find_generation(operator, "issuing")).certificate.public_key.key_type == "P-256"
    assert (await present_policy(operator)).authority["issuing"].key == "P-384"
    started = await next_generation(operator, "issuing")
    assert started.certificate.public_key.key_type == "P-384"
    assert (await next_generation(operator, "issuing")).certificate.public_key.key_type == "P-384"


async def test_a_name_that_is_taken_or_unknown_is_told(operator: Installation) -> None:
    with pytest.raises(OperatorError, match="There is an authority 'root' already"):
        await create_authority(operator, NewAuthority("root", "root"))
    with pytest.raises(OperatorError, match="no authority 'none'"):
        await set_key_type(operator, "none", "P-384")
