"""``keyworks completion``, in a real shell."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from keyworks.cli.completion import SHELLS
from keyworks.cli.root import root

BASH = """\
eval "$(keyworks completion bash)"
COMP_WORDS=({words})
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_keyworks_completion keyworks
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_gets_a_script_for_the_command(shell: str) -> None:
    script = CliRunner().invoke(root, ["completion", shell])
    assert script.exit_code == 0
    assert "_KEYWORKS_COMPLETE" in script.output


@pytest.mark.parametrize(
    ("words", "proposed"),
    [
        ("keyworks devi", ["device"]),
        ("keyworks device na", ["name"]),
        ("keyworks device list --ma", ["--manufacturer"]),
        ("keyworks device list --state l", ["lost"]),
        ("keyworks completion ''", list(SHELLS)),
    ],
)
def test_bash_completes_commands_options_and_values(words: str, proposed: list[str], tmp_path: Path) -> None:
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    run = subprocess.run(
        ["bash", "--noprofile", "--norc", "-c", BASH.format(words=words)],
        env={"HOME": str(tmp_path), "PATH": path, "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (run.stdout.split(), run.stderr) == (proposed, "")
