"""What an operator looks for in a column of text: the whole of it or, before a ``*``, its beginning.

A beginning is a range, which an index answers; ``LIKE`` would look at every row, and take ``%`` and ``_`` for
more than they are. Texts have to compare by their code points for it: SQLite's BINARY, PostgreSQL's "C".
"""

from typing import Final

from keyworks.errors import OperatorError

ANY: Final = "*"
"""What follows the beginning, in a pattern."""

_LAST: Final = "\U0010ffff"
"""Greater than every character that a stored text can have: it is none itself (Unicode §23.7)."""


def bounds(pattern: str) -> tuple[str, str]:
    """Return the first and the last text that a pattern stands for; they are the same where it is a whole text.

    Raises:
        OperatorError: It has a ``*`` that is not its end.
    """
    beginning = pattern.removesuffix(ANY)
    if ANY in beginning:
        raise OperatorError(
            f"'{pattern}' cannot be searched for: a * stands at the end, once, and finds what begins so; "
            f"try '{beginning[: beginning.index(ANY)]}*'."
        )
    return (beginning, beginning + _LAST) if pattern.endswith(ANY) else (pattern, pattern)
