"""Further names of devices: one spelling each, and one owner."""

from pathlib import Path

import pytest

from keyworks.devices.names import KINDS, add_names, checked_name, names_of, owner_of, remove_names
from keyworks.errors import RejectedName
from keyworks.store.engine import Transaction
from keyworks.testing import throwaway_store


@pytest.mark.parametrize(
    ("kind", "value", "spelled"),
    [
        ("dns", "HMI.Plant.Example", "hmi.plant.example"),
        ("ip", "2001:0DB8:0::1", "2001:db8::1"),
        ("uri", "urn:example:Pump:1", "urn:example:Pump:1"),
        ("email", "Hall3@plant.example", "Hall3@plant.example"),
        ("tag", "Halle 3 / Tür", "Halle 3 / Tür"),
    ],
)
def test_a_name_has_one_spelling(kind: str, value: str, spelled: str) -> None:
    assert checked_name(kind, value) == (kind, spelled)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", ["", " ", "\0", "a\nb", "x" * 5000])
def test_what_is_no_name_of_any_kind_is_refused(kind: str, value: str) -> None:
    with pytest.raises(RejectedName):
        checked_name(kind, value)


async def test_a_name_belongs_to_who_had_it_first(tmp_path: Path) -> None:
    async with throwaway_store(tmp_path) as store:
        names = [("dns", "a.example"), ("tag", "a.example")]

        def write(tx: Transaction, items: list[None]) -> list[list[object]]:
            added = [add_names(tx, "1", names), add_names(tx, "1", names)]
            with pytest.raises(RejectedName, match=r"dns name 'a\.example' belongs to another device"):
                add_names(tx, "2", names[:1])
            removed = [remove_names(tx, "2", names), remove_names(tx, "1", names[:1])]
            left = [dict(names_of(tx, "1")), owner_of(tx, names[0]), owner_of(tx, names[1])]
            return [[*added, *removed, *left] for _ in items]

        outcome = await store.write(write, None)  # type: ignore[arg-type]
    assert outcome == [names, [], [], names[:1], {"tag": ("a.example",)}, None, "1"]
