"""requests"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it so."""
    op.create_table(
        "pending_request",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("channel_id", sa.Text(), nullable=False),
        sa.Column("request_key", sa.LargeBinary(), nullable=True),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("profile_version", sa.Integer(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("subject_alt_name", sa.LargeBinary(), nullable=True),
        sa.Column("key_type", sa.Text(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("der", sa.LargeBinary(), nullable=False),
        sa.Column("requester", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("certificate_id", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state IN ('pending', 'rejected', 'issued', 'expired')", name=op.f("pending_request_known_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pending_request_key")),
        sa.UniqueConstraint("request_key", name=op.f("pending_request_request_key_unique")),
    )
    with op.batch_alter_table("pending_request", schema=None) as batch_op:
        batch_op.create_index("pending_request_requester", ["requester", "state"], unique=False)
        batch_op.create_index("pending_request_end", ["state", "expires_at"], unique=False)
    op.create_table(
        "request_decision",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("approves", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"], ["pending_request.id"], name=op.f("request_decision_request_id_reference")
        ),
        sa.PrimaryKeyConstraint("request_id", "actor", name=op.f("request_decision_key")),
    )
    op.create_table(
        "rollover",
        sa.Column("certificate_id", sa.Text(), nullable=False),
        sa.Column("generation_id", sa.Text(), nullable=False),
        sa.Column("issuer_generation_id", sa.Text(), nullable=False),
        sa.Column("der", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["generation_id"], ["generation.id"], name=op.f("rollover_generation_id_reference")
        ),
        sa.ForeignKeyConstraint(
            ["issuer_generation_id"], ["generation.id"], name=op.f("rollover_issuer_generation_id_reference")
        ),
        sa.PrimaryKeyConstraint("certificate_id", name=op.f("rollover_key")),
    )
