"""Changes of the policy, written into the tables."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import msgspec

from keyworks.access import records as access
from keyworks.access.principal import Kind
from keyworks.access.records import Account, find_account, put_account, remove_account
from keyworks.authority import records as authority
from keyworks.authority.channel import DEFAULT_POLICY, Attributes, Binding, ChannelPolicy, Encoding
from keyworks.authority.register import read_register
from keyworks.service.policy import records
from keyworks.service.policy.document import ACCOUNT_KINDS, NAMES, parse_anchor
from keyworks.service.policy.plan import Change
from keyworks.settings.factory import ProfileSection
from keyworks.store.engine import Transaction
from keyworks.store.ids import new_id


@dataclass(frozen=True, slots=True)
class _Place:
    """Where to write.

    Args:
        tx: The transaction.
        at: Now.
        authorities: Ids by name.
    """

    tx: Transaction
    at: int
    authorities: Mapping[str, str]


def write_changes(tx: Transaction, changes: Sequence[Change], at: int) -> None:
    """Write changes that were checked; new authorities were prepared before."""
    newest = read_register(tx).newest.values()
    place = _Place(tx, at, {one.authority.name: one.authority.id for one in newest})
    if any(one.section == "channel" and "default" in {row[0] for row in one.rows} for one in changes):
        tx.execute(authority.UNSET_DEFAULT)  # before another one becomes it: there is one at most
    for change in changes:
        _WRITERS[change.section](place, change)


def _factory(place: _Place, change: Change) -> None:
    place.tx.execute(records.PUT_FACTORY, msgspec.structs.asdict(_after(change)))


def _site(place: _Place, change: Change) -> None:
    if change.after is None:
        place.tx.execute(access.DELETE_SITE, {"name": change.name})
    else:
        place.tx.execute(access.PUT_SITE, {"name": change.name, **msgspec.structs.asdict(change.after)})


def _authority(place: _Place, change: Change) -> None:
    shown: Any = change.after or change.before
    row = {
        "wanted_name": change.name,
        "key_type": shown.key,
        "enabled": int(shown.enabled),
        "retired_at": place.at if change.after is None else None,
    }
    place.tx.execute(authority.CHANGE_AUTHORITY, row)


def _profile(place: _Place, change: Change) -> None:
    version = None if change.after is None else profile_version(place.tx, change.name, _after(change))
    place.tx.execute(authority.RETIRE_PROFILE, {"wanted_name": change.name, "at": place.at})
    if version is not None:
        _put_profile(place, change.name, version, _after(change), None)


def _put_profile(
    place: _Place, name: str, version: int, section: ProfileSection, retired_at: int | None
) -> None:
    row = {
        "name": name,
        "version": version,
        "document": msgspec.json.encode(section).decode(),
        "created_at": place.at,
        "retired_at": retired_at,
    }
    place.tx.execute(authority.PUT_PROFILE, row)


def profile_version(tx: Transaction, name: str, section: ProfileSection) -> int:
    """Return the version that a section is: the newest one's if it says the same, otherwise the next."""
    versions = {row[1]: row[2] for row in tx.execute(authority.SELECT_PROFILES) if row[0] == name}
    newest = max(versions, default=0)
    same = versions.get(newest) == msgspec.json.encode(section).decode()
    return newest if same else newest + 1


def prepare_profile(tx: Transaction, name: str, section: ProfileSection, at: int) -> None:
    """Write a profile that is not in force yet, for authorities that are prepared with it."""
    if name not in {row[0] for row in tx.execute(authority.SELECT_PROFILES)}:
        _put_profile(_Place(tx, at, {}), name, 1, section, at)


def _channel(place: _Place, change: Change) -> None:
    if change.after is None:
        place.tx.execute(authority.RETIRE_CHANNEL, {"wanted_label": change.name, "at": place.at})
        return
    section: Any = change.after
    policy = ChannelPolicy(
        approvals=section.approvals,
        channel_binding=Binding(section.channel_binding),
        encoding=Encoding(section.encoding),
        csrattrs=Attributes(section.csrattrs),
        server_keys=section.server_keys,
        change_names=section.change_names,
    )
    row = {
        "id": new_id(),
        "label": change.name,
        "authority_id": place.authorities[section.authority],
        "profile": section.profile,
        "accepts": ",".join(section.accepts),
        "enabled": int(section.enabled),
        "is_default": int(section.default),
        "created_at": place.at,
        "policy": None if policy == DEFAULT_POLICY else msgspec.json.encode(policy).decode(),
        "retired_at": None,
    }
    place.tx.execute(authority.PUT_CHANNEL, row)


def _anchor(place: _Place, change: Change) -> None:
    if change.after is None:
        place.tx.execute(access.DELETE_ANCHOR, {"name": change.name})
        return
    section: Any = change.after
    row = {
        "id": new_id(),
        "name": change.name,
        "der": parse_anchor(section).der,
        "vouches_for": section.vouches_for,
        "manufacturer": section.manufacturer,
        "created_at": place.at,
    }
    place.tx.execute(access.PUT_ANCHOR, row)


def _account(place: _Place, change: Change) -> None:
    known = find_account(place.tx, change.name)
    if change.after is None:
        # Another kind may have taken the name, in this very change.
        if known is not None and known.kind.value == change.section:
            remove_account(place.tx, known)
        else:
            place.tx.execute(access.VOID_SECRETS, {"kind": change.section, "name": change.name})
        return
    section: Any = change.after
    names = {kind: getattr(section, kind) for kind in NAMES if getattr(section, kind)}
    account = Account(
        id=new_id(),
        kind=Kind(change.section),
        name=change.name,
        active=section.enabled,
        channels=frozenset(section.channels),
        names=names,
        site=section.site,
    )
    put_account(place.tx, account, place.at)


def _after(change: Change) -> Any:
    return change.after


_WRITERS: Final[Mapping[str, Callable[[_Place, Change], None]]] = MappingProxyType(
    {
        "factory": _factory,
        "site": _site,
        "authority": _authority,
        "profile": _profile,
        "channel": _channel,
        "anchor": _anchor,
        **dict.fromkeys((kind.value for kind in ACCOUNT_KINDS), _account),
    }
)
