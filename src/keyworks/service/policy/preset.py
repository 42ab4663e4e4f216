"""What an installation can start with, as documents that somebody can go on with."""

from importlib.resources import files
from typing import Final

from keyworks.errors import OperatorError
from keyworks.settings.toml import Source, quoted

PRESETS: Final = ("supplier", "operator")
"""A supplier makes devices, an operator runs them."""


def preset(name: str, organization: str, publication_url: str) -> Source:
    """Return the document of a preset.

    Args:
        name: One of ``PRESETS``.
        organization: Whose factory it is.
        publication_url: Burnt into every certificate.

    Raises:
        OperatorError: There is no such preset, or the organization is no text.
    """
    if name not in PRESETS:
        raise OperatorError(f"'{name}' is no preset; choose one of {', '.join(PRESETS)}.")
    head = f"[factory]\norganization = {quoted(organization)}\npublication_url = {quoted(publication_url)}\n\n"
    text = files(__package__).joinpath("presets", f"{name}.toml").read_text(encoding="utf-8")
    return Source(f"preset {name}", head + text)
