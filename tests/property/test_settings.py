"""Settings, whatever text they hold: they come back as they were written, or are refused clearly."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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
)

_HOSTILE = st.text(st.characters(exclude_categories=[])) | st.text(
    alphabet="\"\\'\n\r\t\x00\x1f\x7f\x85\u2028=[]#u"
)
_SEEN = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=64)
_COUNT = st.integers(1, 2**62)
_SECONDS = st.floats(min_value=0, exclude_min=True, allow_nan=False, allow_infinity=False)
_SAME_FILE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])

_VALID = st.builds(
    NodeSettings,
    node=st.builds(
        Node,
        name=st.from_regex(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,20}[A-Za-z0-9])?", fullmatch=True),
        names=st.lists(st.sampled_from(["localhost", "::1", "pki.example"]), min_size=1).map(tuple),
        workers=st.integers(0, 256),
    ),
    listen=st.builds(Listen, enrollment=st.integers(0, 65535).map(lambda port: f"[::1]:{port}")),
    database=st.builds(Database, file=_SEEN),
    keys=st.builds(Keys, passphrase_file=_SEEN) | st.builds(Keys, passphrase_env=_SEEN),
    log=st.builds(Log, level=st.sampled_from(["debug", "error"]), format=st.sampled_from(["json", "text"])),
    limits=st.builds(Limits, idle_seconds=_SECONDS, body_seconds=_SECONDS, max_headers=_COUNT),
)
_ANY = st.builds(
    NodeSettings,
    node=st.builds(Node, name=_HOSTILE, names=st.lists(_HOSTILE).map(tuple)),
    listen=st.builds(Listen, enrollment=_HOSTILE, console=_HOSTILE),
    database=st.builds(Database, file=_HOSTILE),
    keys=st.builds(Keys, passphrase_file=_HOSTILE) | st.builds(Keys, passphrase_env=_HOSTILE),
    log=st.builds(Log, level=_HOSTILE),
    limits=st.builds(Limits, idle_seconds=st.floats(), max_headers=st.integers()),
)


def _through_a_file(wanted: NodeSettings, folder: Path) -> NodeSettings:
    file = folder / "node.toml"
    file.write_text(render_node_settings(wanted), encoding="utf-8")
    return read_node_settings(file)


@given(wanted=_VALID)
@_SAME_FILE
def test_whatever_may_be_set_is_read_back(tmp_path: Path, wanted: NodeSettings) -> None:
    assert _through_a_file(wanted, tmp_path) == wanted


@given(wanted=_ANY)
@_SAME_FILE
def test_no_value_becomes_another_setting(tmp_path: Path, wanted: NodeSettings) -> None:
    complaint = ""
    try:
        assert _through_a_file(wanted, tmp_path) == wanted
    except OperatorError as error:
        complaint = error.detail
    assert "is not TOML" not in complaint


@given(octets=st.binary() | st.text(alphabet="[]nodekys.='\"\n#{},0").map(str.encode))
@_SAME_FILE
def test_no_file_does_harm(tmp_path: Path, octets: bytes) -> None:
    file = tmp_path / "node.toml"
    file.write_bytes(octets)
    with pytest.raises(OperatorError):
        read_node_settings(file)


_NODE = Node(name="line-1")
_KEYS = Keys(passphrase_env="X")


@given(value=_HOSTILE)
def test_a_hostile_file_name_never_reaches_another_line(value: str) -> None:
    wanted = NodeSettings(node=_NODE, database=Database(file=value), keys=_KEYS)
    try:
        text = render_node_settings(wanted)
    except OperatorError:
        return
    plain = render_node_settings(NodeSettings(node=_NODE, keys=_KEYS))
    assert len(text.splitlines()) == len(plain.splitlines())
