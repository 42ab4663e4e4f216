"""TOML files: every complaint at once and in its place; equal values give equal files."""

from pathlib import Path

import msgspec
import pytest

from keyworks.errors import OperatorError
from keyworks.settings.complaint import Complaint
from keyworks.settings.toml import MAX_COMPLAINTS, MAX_FILE_OCTETS, Section, Source, render


class Inner(Section, frozen=True):
    a: int = 0
    text: str = ""
    names: tuple[str, ...] = ()
    map: dict[str, tuple[str, ...]] | None = None


class Outer(Section, frozen=True):
    first: Inner
    second: dict[str, Inner] = msgspec.field(default_factory=dict)


TEXT = """# a comment with [second.x]
first.a = 1 # "

[ second . "x.y" ]
text = '''
[second.z]
a = 2
'''
'names' = [
  "]", # [
  "a = 3",
]
map = { dns = ["{", "="],
 }
[second]
z.a = 4
"""


def _complaints(text: str) -> list[str]:
    with pytest.raises(OperatorError) as refused:
        Source("f.toml", text).read(Outer)
    return refused.value.detail.split("\n")


def test_a_file_becomes_a_value() -> None:
    assert Source("f.toml", TEXT.replace(",\n }", "}")).read(Outer) == Outer(
        first=Inner(a=1),
        second={
            "x.y": Inner(text="[second.z]\na = 2\n", names=("]", "a = 3"), map={"dns": ("{", "=")}),
            "z": Inner(a=4),
        },
    )


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("first",), 2),
        (("first", "a"), 2),
        (("second", "x.y"), 4),
        (("second", "x.y", "text"), 5),
        (("second", "x.y", "names"), 9),
        (("second", "x.y", "map"), 13),
        (("second", "x.y", "map", "dns"), 13),
        (("second", "x.y", "a"), 4),
        (("second", "z", "a"), 16),
        (("second", "x"), 4),
        (("third",), 1),
        ((), 1),
    ],
)
def test_a_setting_is_found_where_it_stands_or_else_its_section(path: tuple[str, ...], line: int) -> None:
    assert Source("f.toml", TEXT).line_of(path) == line


def test_every_mistake_is_told_at_once_in_the_order_of_the_file() -> None:
    text = "zzz = 1\n[second.x]\ntext = 3\nnmaes = []\nnames = ['a', 1]\n[first]\na = 'x'\n[second]\ny = 1\n"
    assert _complaints(text) == [
        "f.toml:1: there is no setting 'zzz'; known are first, second.",
        "f.toml:3: second.x.text has to be text in quotes, not a whole number.",
        "f.toml:4: there is no setting 'second.x.nmaes'; did you mean 'names'?",
        "f.toml:5: an entry of second.x.names has to be text in quotes, not a whole number.",
        "f.toml:7: first.a has to be a whole number, not text in quotes.",
        "f.toml:9: second.y has to be a section, not a whole number.",
    ]


def test_of_very_many_mistakes_the_first_are_told_and_the_others_counted() -> None:
    told = _complaints("[first]\n" + "".join(f"zz{number} = 1\n" for number in range(MAX_COMPLAINTS + 3)))
    assert len(told) == MAX_COMPLAINTS + 1
    assert told[-1] == "... and 3 more."


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "[first]\n[second.x]\n[first]\n",
            "f.toml:3: this is not TOML: 'first' is there twice, first in line 1;",
        ),
        (
            "[second.x]\na = 1\na = 2\n",
            "f.toml:3: this is not TOML: 'second.x.a' is there twice, first in line 2;",
        ),
        ("[first]\na = 1\n\na =\n", "f.toml:4: this is not TOML: Invalid value."),
    ],
)
def test_what_is_there_twice_is_told_with_both_lines(text: str, told: str) -> None:
    assert _complaints(text)[0].startswith(told)


def test_what_people_complain_about_later_is_placed_the_same_way() -> None:
    said = [Complaint(("second", "z"), "late."), Complaint(("first",), "early."), Complaint((), "all.")]
    told = Source("f.toml", TEXT).refusal([*said, *said]).detail
    assert told == "f.toml:1: all.\nf.toml:2: early.\nf.toml:16: late."


@pytest.mark.parametrize(
    ("octets", "told"), [(b"\xff\xfe", "is not TOML"), (b"#" * (MAX_FILE_OCTETS + 1), "is larger than")]
)
def test_what_is_no_text_or_too_much_is_refused(tmp_path: Path, octets: bytes, told: str) -> None:
    (tmp_path / "f.toml").write_bytes(octets)
    with pytest.raises(OperatorError, match=told):
        Source.of(tmp_path / "f.toml")


def test_a_value_is_written_so_that_it_reads_the_same() -> None:
    odd = 'a "b" \\ \n\n[first]\n"""\t\x7f\r\u2028 é'
    value = Outer(
        first=Inner(a=-1, text=odd, names=("x", odd), map={odd: (odd,), "dns": ()}),
        second={odd: Inner(), "a": Inner(text="x")},
    )
    assert Source("f.toml", render(value)).read(Outer) == value


def test_equal_values_are_written_equally_and_without_what_goes_without_saying() -> None:
    one = Outer(first=Inner(), second={"b": Inner(a=1), "a": Inner(a=0)})
    other = msgspec.structs.replace(one, second=dict(sorted(one.second.items())))
    assert render(one) == render(other) == "[first]\n\n[second.a]\n\n[second.b]\na = 1\n"
