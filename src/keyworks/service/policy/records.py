"""Tables and statements of the policy as a whole: whose factory it is, and each version of its document."""

from typing import Final

from sqlalchemy import Column, Integer, Table, Text, bindparam, func, select

from keyworks.authority.records import certificate
from keyworks.store.schema import metadata
from keyworks.store.statement import Statement, insert

factory: Final = Table(
    "factory",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("organization", Text, nullable=False),
    Column("publication_url", Text, nullable=False),
)
policy_version: Final = Table(
    "policy_version",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", Integer, nullable=False),
    Column("actor", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("document", Text, nullable=False),
)
"""Each version of the policy, with the document that was composed when it came into force."""

SELECT_FACTORY: Final = Statement(select(factory.c.organization, factory.c.publication_url))
_put_factory: Final = insert(factory).values(
    id=1, organization=bindparam("organization"), publication_url=bindparam("publication_url")
)
PUT_FACTORY: Final = Statement(
    _put_factory.on_conflict_do_update(
        index_elements=[factory.c.id],
        set_={name: _put_factory.excluded[name] for name in ("organization", "publication_url")},
    )
)
SELECT_NUMBER: Final = Statement(select(func.coalesce(func.max(policy_version.c.number), 0)))
INSERT_VERSION: Final = Statement(insert(policy_version))
SELECT_VERSIONS: Final = Statement(
    select(
        policy_version.c.number,
        policy_version.c.at,
        policy_version.c.actor,
        policy_version.c.what,
        policy_version.c.sha256,
    ).order_by(policy_version.c.number)
)
SELECT_VERSION: Final = Statement(
    select(*policy_version.c).where(policy_version.c.number == bindparam("number"))
)

_live: Final = select(
    certificate.c.channel_id, func.count(), func.coalesce(func.max(certificate.c.not_after), 0)
).where(certificate.c.state != "revoked", certificate.c.not_after >= bindparam("at"))
SELECT_LIVE_BY_CHANNEL: Final = Statement(
    _live.where(certificate.c.channel_id.is_not(None)).group_by(certificate.c.channel_id)
)
"""Looks at every certificate: for people, who have time, and only where a change concerns what is live."""

SELECT_LIVE_OF_OWNER: Final = Statement(
    _live.where(certificate.c.owner == bindparam("owner")).group_by(certificate.c.channel_id)
)
