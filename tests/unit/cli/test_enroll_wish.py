"""What ``keyworks enroll`` is asked for, and who asks."""

from pathlib import Path

import pytest

from tests.unit.cli.shop import NOWHERE, Shop, enrolled, typed


@pytest.mark.parametrize("way", ["standard input", "environment"])
def test_a_secret_may_come_from_elsewhere_than_a_file(shop: Shop, tmp_path: Path, way: str) -> None:
    station = shop.station()
    user = ("--user", station.name)
    if way == "environment":
        enrolled(shop, tmp_path / "station", *user, KEYWORKS_SECRET=station.secret)
    else:
        enrolled(shop, tmp_path / "station", *user, "--secret-file", "-", stdin=station.secret)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--credential-key", "key.pem"), "--credential-key goes with --credential"),
        (("--credential", "c.pem", "--secret-file", "s"), "not both"),
        (("--secret-file", "-"), "Say whose secret it is"),
        (("--wait", "-1"), "--wait"),
        (("--key-type", "P-255"), "P-256"),
        (("--secret", "word"), "No such option"),
        (("--server-key", "--key", "device.key"), "--key does not go with --server-key"),
        (("--server-key", "--key-type", "P-256"), "--key-type does not go with --server-key"),
    ],
)
def test_a_wrong_command_line_is_exit_status_2(words: tuple[str, ...], says: str) -> None:
    result = typed(*NOWHERE, *words, stdin="secret")
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--subject", "line-1"), "no part of a subject"),
        (("--label", "Idevid"), "cannot be a label"),
        (("--key", "missing.key"), "missing.key cannot be read"),
        (("--credential", "missing.pem"), "missing.pem cannot be read"),
        (("--user", "line-1", "--secret-file", "-"), "no secret in --secret-file"),
        (("--label", "cacerts"), "word of an enrollment protocol"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_sent(
    tmp_path: Path, words: tuple[str, ...], says: str
) -> None:
    given = (*NOWHERE, "--out", str(tmp_path / "x"), *words)
    result = typed(*given, stdin=" \n")
    assert (result.exit_code, result.stdout) == (1, ""), result.output
    assert says in result.stderr
    assert not (tmp_path / "x").exists()
