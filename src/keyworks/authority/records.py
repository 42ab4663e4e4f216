"""Tables and statements of the authorities, their channels and certificates."""

from typing import Final

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    and_,
    bindparam,
    delete,
    func,
    null,
    or_,
    select,
    update,
)

from keyworks.store.schema import metadata, where
from keyworks.store.statement import Statement, insert

authority: Final = Table(
    "authority",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("profile", Text, nullable=False),
    Column("parent_id", Text, ForeignKey("authority.id")),
    Column("publication_url", Text, nullable=False),
    Column("created_at", Integer, nullable=False),
    Column("key_type", Text),
    Column("enabled", Integer, nullable=False, server_default="1"),
    Column("retired_at", Integer),
)
"""``key_type``: of the next generation, NULL for the same. ``retired_at``: not in force since, or not yet."""

generation: Final = Table(
    "generation",
    metadata,
    Column("id", Text, primary_key=True),
    Column("authority_id", Text, ForeignKey("authority.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("certificate_id", Text, nullable=False),
    Column("parent_id", Text, ForeignKey("generation.id")),
    Column("der", LargeBinary, nullable=False),
    Column("issues_until", Integer, nullable=False),
    UniqueConstraint("authority_id", "number"),
)
channel: Final = Table(
    "channel",
    metadata,
    Column("id", Text, primary_key=True),
    Column("label", Text, nullable=False, unique=True),
    Column("authority_id", Text, ForeignKey("authority.id"), nullable=False),
    Column("profile", Text, nullable=False),
    Column("accepts", Text, nullable=False),
    Column("enabled", Integer, nullable=False),
    Column("is_default", Integer, nullable=False),
    Column("created_at", Integer, nullable=False),
    Column("policy", Text),
    Column("retired_at", Integer),
    Index("channel_default", "is_default", unique=True, **where("is_default = 1")),
)
"""``is_default``: serves requests that name no channel; one at most. ``policy``: JSON; NULL for the defaults.

A channel that is taken away is retired and keeps its row: certificates refer to it. Its label can come back.
"""

profile: Final = Table(
    "profile",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("document", Text, nullable=False),
    Column("created_at", Integer, nullable=False),
    Column("retired_at", Integer),
)
"""The factory's own profiles: of each the newest version is in force, unless it is retired."""

certificate: Final = Table(
    "certificate",
    metadata,
    Column("id", Text, primary_key=True),
    Column("generation_id", Text, nullable=False),
    Column("serial_number", LargeBinary, nullable=False),
    Column("channel_id", Text),
    Column("profile", Text, nullable=False),
    Column("profile_version", Integer, nullable=False),
    Column("owner", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("not_before", Integer, nullable=False),
    Column("not_after", Integer, nullable=False),
    Column("issued_at", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("revoked_at", Integer),
    Column("revocation_reason", Text),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("request_key", LargeBinary),
    Column("der", LargeBinary, nullable=False),
    CheckConstraint("state IN ('unconfirmed', 'valid', 'held', 'revoked')", name="known_state"),
    UniqueConstraint("serial_number", "generation_id"),
    UniqueConstraint("owner", "request_key"),
)
"""``request_key`` is what makes a request identical; NULL once it may no longer answer a repetition.

Every index starts with something that grows with time (ids, serial numbers, owners), so that inserting touches
few pages however many certificates there are. Fingerprints would not: a presented certificate is found by its
serial number and then compared.
"""

_SERIAL_OCTETS: Final = 20

key_owner: Final = Table(
    "key_owner",
    metadata,
    Column("public_key", LargeBinary, primary_key=True),
    Column("owner", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""Which device or principal a public key belongs to, for ever: one key on two devices is refused."""

chosen_name: Final = Table(
    "chosen_name",
    metadata,
    Column("value", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""Who got the last certificate with a name that its request alone chose; written for such profiles only."""

slot: Final = Table(
    "slot",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("slot", Text, primary_key=True),
    Column("algorithm", Text, primary_key=True),
    Column("certificate_id", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""The one certificate an owner currently uses in a slot, per algorithm."""

pending_request: Final = Table(
    "pending_request",
    metadata,
    Column("id", Text, primary_key=True),
    Column("channel_id", Text, nullable=False),
    Column("request_key", LargeBinary, unique=True),
    Column("owner", Text, nullable=False),
    Column("profile", Text, nullable=False),
    Column("profile_version", Integer, nullable=False),
    Column("subject", Text, nullable=False),
    Column("subject_alt_name", LargeBinary),
    Column("key_type", Text, nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("der", LargeBinary, nullable=False),
    Column("requester", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("created_at", Integer, nullable=False),
    Column("expires_at", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("certificate_id", Text),
    CheckConstraint("state IN ('pending', 'rejected', 'issued', 'expired')", name="known_state"),
    Index("pending_request_requester", "requester", "state"),
    Index("pending_request_end", "state", "expires_at"),
)
"""Requests that wait, or waited, for approval.

``request_key`` makes a repetition identical; NULL once the request no longer answers one.
"""

request_decision: Final = Table(
    "request_decision",
    metadata,
    Column("request_id", Text, ForeignKey("pending_request.id"), primary_key=True),
    Column("actor", Text, primary_key=True),
    Column("approves", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Integer, nullable=False),
)
"""What each operator decided about a request, once."""

rollover: Final = Table(
    "rollover",
    metadata,
    Column("certificate_id", Text, primary_key=True),
    Column("generation_id", Text, ForeignKey("generation.id"), nullable=False),
    Column("issuer_generation_id", Text, ForeignKey("generation.id"), nullable=False),
    Column("der", LargeBinary, nullable=False),
)
"""Certificates that lead from one generation of a root to another: over one's key, signed by the other's."""

CERTIFICATE_COLUMNS: Final = tuple(column for column in certificate.c if column.name != "request_key")

INSERT_AUTHORITY: Final = Statement(insert(authority).on_conflict_do_nothing().returning(authority.c.id))
INSERT_ROLLOVER: Final = Statement(insert(rollover))
SELECT_ROLLOVERS: Final = Statement(select(*rollover.c).order_by(rollover.c.certificate_id))
INSERT_GENERATION: Final = Statement(
    insert(generation)
    .on_conflict_do_nothing(index_elements=[generation.c.authority_id, generation.c.number])
    .returning(generation.c.id)
)
SELECT_GENERATION: Final = Statement(
    select(generation.c.der, generation.c.parent_id).where(generation.c.id == bindparam("id"))
)
CHANGE_AUTHORITY: Final = Statement(
    update(authority)
    .where(authority.c.name == bindparam("wanted_name"))
    .values(key_type=bindparam("key_type"), enabled=bindparam("enabled"), retired_at=bindparam("retired_at"))
)
_put_channel: Final = insert(channel)
PUT_CHANNEL: Final = Statement(
    _put_channel.on_conflict_do_update(
        index_elements=[channel.c.label],
        set_={
            **{
                name: _put_channel.excluded[name]
                for name in ("authority_id", "profile", "accepts", "enabled", "is_default", "policy")
            },
            "retired_at": null(),
        },
    )
)
RETIRE_CHANNEL: Final = Statement(
    update(channel)
    .where(channel.c.label == bindparam("wanted_label"))
    .values(enabled=0, is_default=0, retired_at=bindparam("at"))
)
UNSET_DEFAULT: Final = Statement(update(channel).values(is_default=0).where(channel.c.is_default == 1))
_put_profile: Final = insert(profile)
PUT_PROFILE: Final = Statement(
    _put_profile.on_conflict_do_update(
        index_elements=[profile.c.name, profile.c.version],
        set_={"retired_at": _put_profile.excluded.retired_at},
    )
)
RETIRE_PROFILE: Final = Statement(
    update(profile)
    .where(profile.c.name == bindparam("wanted_name"), profile.c.retired_at.is_(None))
    .values(retired_at=bindparam("at"))
)
SELECT_PROFILES: Final = Statement(
    select(profile.c.name, profile.c.version, profile.c.document, profile.c.retired_at).order_by(
        profile.c.name, profile.c.retired_at.is_(None), profile.c.version
    )
)
"""Of each profile, the version in force comes last; of one that has none, the newest."""

SELECT_AUTHORITIES: Final = Statement(select(*authority.c).order_by(authority.c.created_at, authority.c.id))
SELECT_GENERATIONS: Final = Statement(
    select(*generation.c).order_by(generation.c.authority_id, generation.c.number)
)
SELECT_CHANNELS: Final = Statement(select(*channel.c).order_by(channel.c.label))

CLAIM_KEY: Final = Statement(insert(key_owner).on_conflict_do_nothing().returning(key_owner.c.owner))
"""Claim a key that is nobody's; no row is returned of one that somebody owns already."""

SELECT_KEY_OWNER: Final = Statement(
    select(key_owner.c.owner).where(key_owner.c.public_key == bindparam("public_key"))
)
DISCLAIM_KEY: Final = Statement(delete(key_owner).where(key_owner.c.public_key == bindparam("public_key")))

BLOCK_KEY: Final = Statement(
    update(key_owner)
    .where(
        key_owner.c.public_key
        == select(certificate.c.public_key).where(certificate.c.id == bindparam("wanted_id")).scalar_subquery()
    )
    .values(owner=bindparam("nobody"))
)
"""Take a key away from its owner: nobody can claim it any more."""

INSERT_CERTIFICATE: Final = Statement(
    insert(certificate)
    .on_conflict_do_nothing(index_elements=[certificate.c.owner, certificate.c.request_key])
    .returning(certificate.c.id)
)
FORGET_REQUEST: Final = Statement(
    update(certificate)
    .where(
        certificate.c.owner == bindparam("wanted_owner"), certificate.c.request_key == bindparam("wanted_key")
    )
    .values(request_key=null())
)
"""An expired certificate no longer answers a repeated request."""

TAKE_EMPTY_SLOT: Final = Statement(insert(slot).on_conflict_do_nothing().returning(slot.c.certificate_id))
_take_slot: Final = insert(slot)
TAKE_SLOT: Final = Statement(
    _take_slot.on_conflict_do_update(
        index_elements=[slot.c.owner, slot.c.slot, slot.c.algorithm],
        set_={"certificate_id": _take_slot.excluded.certificate_id},
    )
)
SELECT_LIVE: Final = Statement(
    select(certificate.c.id, certificate.c.der)
    .where(
        certificate.c.owner == bindparam("owner"),
        func.coalesce(certificate.c.channel_id, certificate.c.profile) == bindparam("slot"),
        certificate.c.state != "revoked",
        certificate.c.not_after >= bindparam("at"),
        certificate.c.id != bindparam("new"),
    )
    .order_by(certificate.c.id)
)
"""An owner's live certificates in a slot besides the new one, of any algorithm."""

SELECT_REPEATED: Final = Statement(
    select(certificate.c.id, certificate.c.der, certificate.c.not_after, certificate.c.generation_id).where(
        certificate.c.owner == bindparam("owner"),
        certificate.c.request_key == bindparam("request_key"),
        certificate.c.profile == bindparam("profile"),
        certificate.c.profile_version == bindparam("profile_version"),
    )
)
SELECT_OWN: Final = Statement(
    select(
        certificate.c.id,
        certificate.c.channel_id,
        certificate.c.profile,
        certificate.c.owner,
        certificate.c.state,
    ).where(
        certificate.c.serial_number == bindparam("serial_number"),
        certificate.c.fingerprint == bindparam("fingerprint"),
    )
)
_listed: Final = (
    select(*CERTIFICATE_COLUMNS)
    .where(
        or_(bindparam("state") == "", certificate.c.state == bindparam("state")),
        certificate.c.profile.between(bindparam("profile"), bindparam("profile_last")),
        certificate.c.not_after <= bindparam("ends_by"),
        certificate.c.id > bindparam("after"),
    )
    .order_by(certificate.c.id)
    .limit(bindparam("most"))
)
SELECT_CERTIFICATES: Final = Statement(_listed)
SELECT_CERTIFICATES_OF: Final = Statement(_listed.where(certificate.c.owner == bindparam("owner")))
SELECT_ONE: Final = Statement(
    select(*CERTIFICATE_COLUMNS)
    .where(
        or_(
            certificate.c.id == bindparam("id"),
            certificate.c.serial_number == bindparam("serial_number"),
        )
    )
    .limit(2)
)
SELECT_BY_FINGERPRINT: Final = Statement(
    select(*CERTIFICATE_COLUMNS).where(certificate.c.fingerprint == bindparam("fingerprint")).limit(2)
)
"""Looks at every certificate: for people, who have time."""
SELECT_DER: Final = Statement(select(certificate.c.der).where(certificate.c.id == bindparam("id")))
REVOKE: Final = Statement(
    update(certificate)
    .where(
        certificate.c.id == bindparam("wanted_id"),
        or_(
            certificate.c.state != "revoked",
            and_(
                bindparam("reason") == bindparam("compromise"),
                certificate.c.revocation_reason != bindparam("compromise"),
            ),
        ),
    )
    .values(
        state="revoked",
        revoked_at=func.coalesce(certificate.c.revoked_at, bindparam("at")),
        revocation_reason=bindparam("reason"),
        request_key=null(),
    )
    .returning(certificate.c.id)
)


def serial_octets(serial_number: int) -> bytes:
    """Return a serial number as it is stored, so that octets sort like numbers; nothing of one not ours."""
    possible = 0 <= serial_number < 1 << 8 * _SERIAL_OCTETS
    return serial_number.to_bytes(_SERIAL_OCTETS, "big") if possible else b""
