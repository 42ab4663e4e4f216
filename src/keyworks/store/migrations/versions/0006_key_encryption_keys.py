"""key-encryption keys"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it so."""
    op.create_table(
        "key_encryption_key",
        sa.Column("identifier", sa.LargeBinary(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("bits", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("added_at", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("identifier", name=op.f("key_encryption_key_key")),
    )
    with op.batch_alter_table("key_encryption_key", schema=None) as batch_op:
        batch_op.create_index("key_encryption_key_owner", ["owner"], unique=False)
