"""inventory"""

import sqlalchemy as sa
from alembic import op

from keyworks.store.schema import where

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it so."""
    op.create_table(
        "device_name",
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("value", "kind", name=op.f("device_name_key")),
        sqlite_with_rowid=False,
    )
    op.create_index("device_name_device", "device_name", ["device_id"])
    op.create_table(
        "production_order",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("manufacturer", sa.Text(), nullable=False),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("site", sa.Text(), nullable=True),
        sa.Column("quota", sa.Integer(), nullable=False),
        sa.Column("issued", sa.Integer(), nullable=False),
        sa.Column("open", sa.Integer(), nullable=False),
        sa.Column("added_at", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("production_order_key")),
        sa.UniqueConstraint("number", name=op.f("production_order_number_unique")),
    )
    op.add_column("device", sa.Column("site", sa.Text(), nullable=True))
    op.add_column("device", sa.Column("order_id", sa.Text(), nullable=True))
    op.add_column("device", sa.Column("counted", sa.Integer(), nullable=False, server_default="0"))
    op.create_index("device_manufacturer", "device", ["manufacturer", "id"])
    op.create_index("device_product", "device", ["product", "id"])
    op.create_index("device_site", "device", ["site", "id"], **where("site IS NOT NULL"))
    op.create_index("device_order", "device", ["order_id", "id"], **where("order_id IS NOT NULL"))
    op.add_column("entry", sa.Column("object", sa.Text(), nullable=True))
    op.create_index("entry_object", "entry", ["object"], **where("object IS NOT NULL"))
    if op.get_bind().dialect.name != "sqlite":
        return  # there were no servers before, so no entries on one
    op.execute(
        "UPDATE entry SET object = json_extract(CAST(body AS TEXT), '$.object') "
        "WHERE json_extract(CAST(body AS TEXT), '$.object') LIKE 'device:%'"
    )
