"""names compare in any case"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it so."""
    op.create_index("device_name_folded", "device_name", [sa.text("lower(value)"), "kind"])
