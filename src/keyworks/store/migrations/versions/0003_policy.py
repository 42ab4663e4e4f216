"""policy"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it so."""
    op.create_table(
        "factory",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("organization", sa.Text(), nullable=False),
        sa.Column("publication_url", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("factory_key")),
    )
    op.create_table(
        "policy_version",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.Integer(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("policy_version_key")),
    )
    op.create_table(
        "site",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("site_key")),
    )
    op.create_table(
        "profile",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Integer(), nullable=False),
        sa.Column("retired_at", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("name", "version", name=op.f("profile_key")),
    )
    _authorities_and_channels()
    _accounts()


def _authorities_and_channels() -> None:
    with op.batch_alter_table("authority", schema=None) as batch_op:
        batch_op.add_column(sa.Column("key_type", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("enabled", sa.Integer(), nullable=False, server_default="1"))
        batch_op.add_column(sa.Column("retired_at", sa.Integer(), nullable=True))
    with op.batch_alter_table("channel", schema=None) as batch_op:
        batch_op.add_column(sa.Column("policy", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("retired_at", sa.Integer(), nullable=True))


def _accounts() -> None:
    """A station becomes an account of its kind."""
    op.create_table(
        "account",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("active", sa.Integer(), nullable=False),
        sa.Column("names", sa.Text(), nullable=False),
        sa.Column("site", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("account_key")),
        sa.UniqueConstraint("name", name=op.f("account_name_unique")),
    )
    op.create_table(
        "account_channel",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("channel_label", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("account_channel_account_id_reference")
        ),
        sa.PrimaryKeyConstraint("account_id", "channel_label", name=op.f("account_channel_key")),
    )
    op.execute(
        "INSERT INTO account (id, name, kind, active, names, created_at) "
        "SELECT id, name, 'station', active, '{}', created_at FROM station"
    )
    op.execute(
        "INSERT INTO account_channel (account_id, channel_label) "
        "SELECT station_id, channel_label FROM station_channel"
    )
    op.drop_table("station_channel")
    op.drop_table("station")
