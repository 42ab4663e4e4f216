"""The reference of the command line, made from the commands: ``python -m keyworks.cli.reference``."""

import sys
from collections.abc import Iterator

import click

from keyworks.cli.root import root

WIDTH = 100
_HEAD = """# Command line

<!-- Made by `python -m keyworks.cli.reference` from the commands; change those, then run it again. -->
"""


def walk(command: click.Command, context: click.Context) -> Iterator[tuple[click.Command, click.Context]]:
    """Yield a command and every command below it, each with the context in which its help is shown."""
    yield command, context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None:
                yield from walk(below, context_of(below, name, context))


def context_of(command: click.Command, name: str, parent: click.Context | None = None) -> click.Context:
    """Return the context in which a command's help is shown, always equally wide."""
    settings = {**command.context_settings, "terminal_width": WIDTH, "max_content_width": WIDTH}
    return command.context_class(command, info_name=name, parent=parent, **settings)


def reference() -> str:
    """Return the whole reference, in Markdown."""
    parts = [_HEAD]
    for command, context in walk(root, context_of(root, "keyworks")):
        level = "##" if context.command_path.count(" ") < 2 else "###"
        parts.append(f"{level} {context.command_path}\n\n```text\n{command.get_help(context)}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    sys.stdout.write(reference())
