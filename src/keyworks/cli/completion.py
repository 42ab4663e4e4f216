"""``keyworks completion``."""

from typing import Final

import click
from click.shell_completion import get_completion_class

from keyworks.cli.command import Command

SHELLS: Final = ("bash", "zsh", "fish")


@click.command(
    "completion",
    cls=Command,
    examples=("keyworks completion bash",),
)
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print what lets SHELL complete commands, options and their values.

    For every session: write it to a file that the shell reads, such as /etc/bash_completion.d/keyworks.
    For this one: eval "$(keyworks completion bash)"
    """
    from keyworks.cli.root import root

    made = get_completion_class(shell)
    if made is None:
        raise click.UsageError(f"There is no completion for {shell}.")
    click.echo(made(root, {}, "keyworks", "_KEYWORKS_COMPLETE").source())
