"""``keyworks.toml``: strict, and every complaint says where and what."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from keyworks.errors import OperatorError
from keyworks.settings.node import (
    Database,
    Keys,
    Limits,
    Listen,
    Log,
    Node,
    NodeSettings,
    read_node_settings,
    render_node_settings,
    split_address,
)
from keyworks.settings.toml import MAX_FILE_OCTETS

SMALLEST = """[node]
name = "line-1"
workers = 2

[keys]
passphrase_env = "PASSPHRASE"
"""
EVERYTHING = NodeSettings(
    node=Node(name="a.b-c_1", names=("pki.example", "::1"), workers=3),
    listen=Listen(enrollment="[::1]:0", console="pki.example:443", publication="0.0.0.0:80"),
    database=Database(file="../elsewhere/some file.db"),
    keys=Keys(passphrase_file="secret/pass"),
    log=Log(level="debug", format="text"),
    limits=Limits(handshake_seconds=0.5, max_connections=7),
)


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str], NodeSettings]:
    """Reads a text as ``node.toml``."""

    def read(text: str) -> NodeSettings:
        file = tmp_path / "node.toml"
        file.write_text(text, encoding="utf-8")
        return read_node_settings(file)

    return read


def test_what_is_not_said_has_its_default(read: Callable[[str], NodeSettings]) -> None:
    assert read(SMALLEST) == NodeSettings(
        node=Node(name="line-1", workers=2), keys=Keys(passphrase_env="PASSPHRASE")
    )


def test_what_is_written_is_read_back(read: Callable[[str], NodeSettings]) -> None:
    assert read(render_node_settings(EVERYTHING)) == EVERYTHING


def test_a_written_file_names_every_setting() -> None:
    """So that an operator finds them where they are changed."""
    text = render_node_settings(EVERYTHING)
    for section in (Node, Listen, Database, Log, Limits):
        for name in section.__struct_fields__:
            assert re.search(rf"^(# )?{name} = ", text, re.MULTILINE)


def test_text_that_no_file_can_hold_is_not_written() -> None:
    odd = NodeSettings(node=Node(name="\ud800"), keys=Keys(passphrase_env="X"))
    with pytest.raises(OperatorError, match="not Unicode"):
        render_node_settings(odd)


def test_a_file_that_the_first_release_wrote_is_read(read: Callable[[str], NodeSettings]) -> None:
    """It said there whose installation it is; an upgrade does not begin with an editor."""
    former = SMALLEST.replace("workers", 'organization = "Example Plant"\nworkers')
    assert read(former) == read(SMALLEST)


def test_a_file_from_an_editor_that_marks_utf_8_is_read(read: Callable[[str], NodeSettings]) -> None:
    assert read(f"\ufeff{SMALLEST}") == read(SMALLEST)


def test_a_file_without_a_section_that_has_to_be_there_is_told(read: Callable[[str], NodeSettings]) -> None:
    with pytest.raises(OperatorError, match=r"node\.toml:1: the file lacks 'node', which has to be there\.$"):
        read("")


def test_none_of_the_cores_means_all(read: Callable[[str], NodeSettings]) -> None:
    assert read(SMALLEST.replace("2", "0")).node.worker_count == os.cpu_count()
    assert EVERYTHING.node.worker_count == 3


@pytest.mark.parametrize(
    ("added", "line", "complaint"),
    [
        ("[lisen]", 7, "there is no setting 'lisen'; did you mean 'listen'?"),
        ("[listen]\nenrolment = 'x:1'", 8, "no setting 'listen.enrolment'; did you mean 'enrollment'?"),
        ("[ log ]  # comment\n\n'levle' = 'info'", 9, "no setting 'log.levle'; did you mean 'level'?"),
        ("[limits]\nzzz = 1", 8, "no setting 'limits.zzz'; known are handshake_seconds, "),
        ("[keys.more]", 7, "no setting 'keys.more'; known are passphrase_file, passphrase_env."),
        ("[[log]]", 7, "log has to be a section, not a list."),
        ("[log]\nlevel = 3", 8, "log.level has to be text in quotes, not a whole number."),
        ("[limits]\nmax_headers = 1.5", 8, "limits.max_headers has to be a whole number, not a number with"),
        (
            "[limits]\n# a comment\nmax_headers = '5'",
            9,
            "max_headers has to be a whole number, not text in quotes.",
        ),
        ("[limits]\nidle_seconds = true", 8, "idle_seconds has to be a number, not true or false."),
    ],
)
def test_unknown_names_and_wrong_types_are_told_with_line_and_remedy(
    read: Callable[[str], NodeSettings], added: str, line: int, complaint: str
) -> None:
    with pytest.raises(OperatorError) as refused:
        read(SMALLEST + added)
    assert f"node.toml:{line}: " in refused.value.detail
    assert complaint in refused.value.detail


@pytest.mark.parametrize(
    ("old", "new", "line", "complaint"),
    [
        ('name = "line-1"\n', "", 1, "node lacks 'name', which has to be there."),
        ('"line-1"', '""', 2, "node.name has to be 1 to 64 letters"),
        ('"line-1"', '"line 1"', 2, "node.name has to be 1 to 64 letters"),
        ('"line-1"', '"line+1"', 2, "node.name has to be 1 to 64 letters"),
        ('"line-1"', f'"{"x" * 65}"', 2, "node.name has to be 1 to 64 letters"),
        ("workers = 2", "workers = 2\nnames = []", 4, "node.names has to hold at least one"),
        ("workers = 2", 'workers = 2\nnames = ["a b"]', 4, "'a b' is neither a host name nor an IP address"),
        (
            "workers = 2",
            'workers = 2\nnames = [\n"x",\n3]',
            4,
            "an entry of node.names has to be text in quotes, not a whole",
        ),
        ("workers = 2", "workers = -1", 3, "node.workers has to be between 0"),
        ("workers = 2", "workers = 257", 3, "node.workers has to be between 0"),
        ('passphrase_env = "PASSPHRASE"', "", 5, "keys needs exactly one of"),
        ('"PASSPHRASE"', '"X"\npassphrase_file = "y"', 5, "keys needs exactly one of"),
        ('"PASSPHRASE"', '""', 5, "keys needs exactly one of"),
        ("[keys]", '[database]\nfile = ""\n[keys]', 6, "database.file has to be the path"),
        ("[keys]", '[database]\nfile = "a\\u0000b"\n[keys]', 6, "database.file has to be the path"),
        ("[keys]", '[log]\nlevel = "loud"\n[keys]', 6, "log.level has to be one of debug, info"),
        ("[keys]", '[log]\nformat = "xml"\n[keys]', 6, "log.format has to be one of json, text"),
        ("[keys]", "[limits]\nidle_seconds = 0\n[keys]", 6, "limits.idle_seconds has to be greater than 0"),
        ("[keys]", "[limits]\nidle_seconds = nan\n[keys]", 6, "limits.idle_seconds has to be greater than 0"),
        ("[keys]", "[limits]\nbody_seconds = inf\n[keys]", 6, "limits.body_seconds has to be greater than 0"),
        ("[keys]", "[limits]\nmax_headers = -1\n[keys]", 6, "limits.max_headers has to be greater than 0"),
    ],
)
def test_what_cannot_be_is_told_with_its_line(
    read: Callable[[str], NodeSettings], old: str, new: str, line: int, complaint: str
) -> None:
    with pytest.raises(OperatorError) as refused:
        read(SMALLEST.replace(old, new))
    assert f"node.toml:{line}: " in refused.value.detail
    assert complaint in refused.value.detail


@pytest.mark.parametrize(
    "address", ["", "8443", ":8443", "host", "host:", "host:x", "host:65536", "::1:8443", "a/b:1", "host:1 "]
)
@pytest.mark.parametrize("name", Listen.__struct_fields__)
def test_an_address_is_a_host_and_a_port(read: Callable[[str], NodeSettings], name: str, address: str) -> None:
    with pytest.raises(OperatorError, match=rf"node.toml:8: listen.{name} has to be HOST:PORT"):
        read(f'{SMALLEST}[listen]\n{name} = "{address}"')


@pytest.mark.parametrize(("host", "other"), [("127.0.0.1", "127.0.0.1"), ("PKI.example", "pki.example")])
def test_two_listeners_have_two_addresses(read: Callable[[str], NodeSettings], host: str, other: str) -> None:
    listen = f'{SMALLEST}[listen]\nenrollment = "{host}:443"\npublication = "{other}:PORT"'
    with pytest.raises(
        OperatorError, match=r"toml:9: listen\.publication is the address of listen\.enrollment;"
    ):
        read(listen.replace("PORT", "443"))
    read(listen.replace("PORT", "80"))
    read(listen.replace("443", "0").replace("PORT", "0"))


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("[::1]:65535", ("::1", 65535)),
        ("pki.example:443", ("pki.example", 443)),
    ],
)
def test_an_address_falls_into_host_and_port(
    read: Callable[[str], NodeSettings], address: str, parts: tuple[str, int]
) -> None:
    settings = read(f'{SMALLEST}[listen]\nconsole = "{address}"')
    assert split_address(settings.listen.console) == parts


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"[node\n", id="syntax"),
        pytest.param(b"[node]\n[node]\n", id="twice"),
        pytest.param(b"\xff\xfe", id="no UTF-8"),
        pytest.param(b"x = " + b"9" * 5000, id="huge number"),
        pytest.param(b"x = " + b"[" * 100_000, id="deep nesting"),
    ],
)
def test_what_is_no_toml_is_told_with_the_file(tmp_path: Path, octets: bytes) -> None:
    file = tmp_path / "node.toml"
    file.write_bytes(octets)
    with pytest.raises(OperatorError, match=r"node\.toml(:1|:2)?:?( this)? is not TOML"):
        read_node_settings(file)


def test_a_file_that_is_too_large_is_not_looked_at(read: Callable[[str], NodeSettings]) -> None:
    padding = "#" * (MAX_FILE_OCTETS - len(SMALLEST))
    assert read(SMALLEST + padding).node.name == "line-1"
    with pytest.raises(OperatorError, match="is larger than"):
        read(SMALLEST + padding + "#")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=r"none\.toml cannot be read: No such file"):
        read_node_settings(tmp_path / "none.toml")
