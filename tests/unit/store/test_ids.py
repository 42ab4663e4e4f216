"""Identifiers of rows."""

import time
import uuid

from keyworks.store.ids import _Sequence, _text, new_id


def test_an_id_is_a_uuid_of_version_7() -> None:
    """RFC 9562 §5.7: version 7, variant 10, milliseconds in front; canonical text."""
    before = time.time_ns() // 1_000_000
    identifier = new_id()
    after = time.time_ns() // 1_000_000
    value = uuid.UUID(identifier)
    assert (value.version, value.variant, str(value)) == (7, uuid.RFC_4122, identifier)
    assert before <= value.int >> 80 <= after + 1


def test_the_fields_stand_where_the_rfc_has_them() -> None:
    """RFC 9562 appendix A.6: the example of a UUIDv7."""
    rand_a, rand_b = 0xCC3, 0x18C4DC0C0C07398F
    assert _text(0x017F22E279B0, rand_a << 62 | rand_b) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


def test_ids_of_one_process_ascend_however_fast_they_are_made() -> None:
    """RFC 9562 §6.2: so entries of one transaction keep their order in the ledger."""
    made = [new_id() for _ in range(5000)]
    assert made == sorted(set(made))


def test_a_clock_set_back_does_not_set_ids_back() -> None:
    """RFC 9562 §6.1."""
    sequence = _Sequence()
    made = [_text(*sequence.next(at)) for at in (5000, 5000, 4000, 5000, 5001)]
    assert made == sorted(set(made))


def test_an_exhausted_millisecond_borrows_from_the_next_one() -> None:
    sequence = _Sequence()
    sequence.next(5000)
    sequence._random = (1 << 74) - 1
    milliseconds, random = sequence.next(5000)
    assert milliseconds == 5001
    assert random < 1 << 74


def test_ids_of_two_processes_do_not_meet() -> None:
    one, other = _Sequence(), _Sequence()
    assert not {one.next(5000) for _ in range(500)} & {other.next(5000) for _ in range(500)}
