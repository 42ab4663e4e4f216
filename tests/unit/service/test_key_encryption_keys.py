"""Key-encryption keys, added and removed by operators."""

import pytest

from keyworks.access.key_encryption_key import KeyEncryptionKey, KeyEncryptionKeys
from keyworks.errors import OperatorError
from keyworks.service.installation import Installation
from keyworks.service.key_encryption_keys import NewKey, add_key, keys_of, make_key, remove_key
from keyworks.service.policy.apply import amend
from keyworks.service.policy.document import without_section
from keyworks.service.stations import add_station
from keyworks.testing import ledger_entries

KEY = KeyEncryptionKey(b"\x0a\x1b", "station:line-1", bytes(range(24)))


@pytest.mark.parametrize("bits", [128, 192, 256])
def test_what_an_operator_leaves_open_is_random(bits: int) -> None:
    first, second = (make_key("device:1", NewKey(bits=bits)) for _ in range(2))
    assert (len(first.octets), first.bits, first.owner) == (bits // 8, bits, "device:1")
    assert len(first.identifier) == 16
    assert (first.octets, first.identifier) != (second.octets, second.identifier)


def test_a_key_that_is_taken_over_stays_as_it_is() -> None:
    taken = make_key("station:line-1", NewKey(KEY.identifier, KEY.octets))
    assert taken == KEY
    assert repr(KEY.octets) not in repr(NewKey(None, KEY.octets))


async def test_what_was_done_is_entered_without_the_key(operator: Installation) -> None:
    await add_station(operator, "line-1", [])
    await add_key(operator, KEY)
    await remove_key(operator, KEY.owner, KEY.identifier)
    entries = await ledger_entries(operator.store)
    added, removed = entries[-2:]
    assert (added["action"], added["object"]) == ("key.shared", "station:line-1")
    assert added["detail"] == {"identifier": "0a1b", "bits": "192"}
    assert (removed["action"], removed["object"]) == ("key.forgotten", "station:line-1")
    assert removed["detail"] == {"identifier": "0a1b"}
    assert KEY.octets.hex() not in str(entries)


async def test_an_identifier_is_unique_whoever_the_owner_is(operator: Installation) -> None:
    await add_station(operator, "line-1", [])
    await add_key(operator, KEY)
    before = await ledger_entries(operator.store)
    for owner in (KEY.owner, "device:1"):
        with pytest.raises(OperatorError, match="is a key-encryption key 0a1b already"):
            await add_key(operator, KeyEncryptionKey(KEY.identifier, owner, bytes(16)))
    assert await ledger_entries(operator.store) == before
    keys = KeyEncryptionKeys(operator.store, operator.keystore)
    assert await keys.find(KEY.owner, KEY.identifier) == KEY.octets


async def test_nobody_removes_another_s_key(operator: Installation) -> None:
    await add_station(operator, "line-1", [])
    await add_key(operator, KEY)
    before = await ledger_entries(operator.store)
    for owner, identifier in (("device:1", KEY.identifier), (KEY.owner, b"other")):
        with pytest.raises(OperatorError, match="has no key-encryption key"):
            await remove_key(operator, owner, identifier)
    assert await ledger_entries(operator.store) == before
    assert [one.identifier for one in await keys_of(operator, KEY.owner)] == [KEY.identifier]


async def test_an_account_s_keys_go_with_it(operator: Installation) -> None:
    """Another account of its name must not inherit them."""
    await add_station(operator, "line-1", [])
    await add_key(operator, KEY)
    await amend(operator, "test", lambda document: without_section(document, "station", "line-1"))
    assert await keys_of(operator, KEY.owner) == []
    with pytest.raises(OperatorError, match="There is no station 'line-1' any more"):
        await add_key(operator, KEY)
