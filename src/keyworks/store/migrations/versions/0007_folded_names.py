"""names compare in any case"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# Where two spellings are claimed, both stay as they are: whoever has them keeps them.
_FOLD = """
    UPDATE chosen_name SET value = lower(value)
    WHERE kind IN ('uri', 'email', 'upn') AND value <> lower(value) AND NOT EXISTS (
        SELECT 1 FROM chosen_name AS other
        WHERE other.kind = chosen_name.kind AND lower(other.value) = lower(chosen_name.value)
        AND other.value <> chosen_name.value
    )
"""


def upgrade() -> None:
    """Make it so."""
    op.create_index("device_name_folded", "device_name", [sa.text("lower(value)"), "kind"])
    op.execute(_FOLD)
