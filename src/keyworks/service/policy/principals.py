"""Whether the sites, trust anchors and accounts of a document can be."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from keyworks.access.principal import Kind
from keyworks.authority.name_rules import nearest
from keyworks.devices.device import check_identity
from keyworks.errors import KeyworksError, RejectedName
from keyworks.service.policy.document import ACCOUNT_KINDS, NAMES, parse_anchor
from keyworks.settings.complaint import Complaint, about
from keyworks.settings.factory import AccountSection, AnchorSection, FactoryDocument
from keyworks.x509.certificate import Certificate, ders_of
from keyworks.x509.general_name import certifiable

_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
_MAX_TEXT: Final = 200
_MAX_NAMED: Final = 8
"""More known names than these are not listed in a sentence."""


def named(path: tuple[str, ...], name: str, known: Iterable[str], what: str, which: str = "") -> Complaint:
    """Return the complaint about a name that refers to nothing, with the one that was probably meant."""
    names = sorted(known)
    meant = nearest(name, names)
    if not meant and len(names) <= _MAX_NAMED:
        meant = f"; there is {', '.join(names) or 'none'}"
    return about(f"there is no {what} '{name}'{which}{meant}.", *path)


def _check_name(path: tuple[str, ...]) -> Iterator[Complaint]:
    if not _NAME.fullmatch(path[-1]):
        a = "an" if path[0] == "anchor" else "a"
        yield about(f"it cannot be {a} {path[0]}'s name: use 1 to 64 letters, digits and inner . _ -", *path)


def about_sites(document: FactoryDocument) -> Iterator[Complaint]:
    """Yield what is wrong with sites."""
    for name, site in document.site.items():
        yield from _check_name(("site", name))
        for field in ("description", "zone"):
            text = getattr(site, field)
            if len(text) > _MAX_TEXT or not (text.isprintable() or not text):
                yield about(f"it has to be at most {_MAX_TEXT} printable characters.", "site", name, field)


def about_anchors(document: FactoryDocument) -> Iterator[Complaint]:
    """Yield what is wrong with trust anchors."""
    owners: dict[tuple[bytes, str], tuple[str, AnchorSection]] = {}
    for name, anchor in document.anchor.items():
        path = ("anchor", name)
        yield from _check_name(path)
        kinds = [kind.value for kind in Kind]
        if anchor.vouches_for not in kinds:
            yield named((*path, "vouches_for"), anchor.vouches_for, kinds, "kind of principal")
        yield from _manufacturer(name, anchor)
        problem = _problem(anchor)
        if problem:
            yield about(problem, *path, "certificate")
            continue
        key = parse_anchor(anchor).public_key.fingerprint, anchor.vouches_for
        other, same = owners.setdefault(key, (name, anchor))
        if same.manufacturer != anchor.manufacturer:
            yield about(
                f"trust anchor '{other}' has the same CA already, for devices of "
                f"{same.manufacturer}; a CA's devices have one manufacturer. Remove the anchor that is wrong.",
                *(*path, "manufacturer"),
            )


def _manufacturer(name: str, anchor: AnchorSection) -> Iterator[Complaint]:
    path = ("anchor", name, "manufacturer")
    if anchor.vouches_for not in [kind.value for kind in Kind]:
        return  # that is said of itself
    if anchor.vouches_for == Kind.DEVICE.value and anchor.manufacturer is None:
        yield about("it vouches for devices; say whose (manufacturer), as in the inventory.", *path)
    elif anchor.vouches_for != Kind.DEVICE.value and anchor.manufacturer is not None:
        yield about(f"it vouches for a {anchor.vouches_for}, which has none; take it away.", *path)
    elif anchor.manufacturer is not None:
        try:
            check_identity(anchor.manufacturer, "any", "0")
        except RejectedName as error:
            yield about(error.detail, *path)


def _problem(anchor: AnchorSection) -> str:
    try:
        ders = ders_of((anchor.certificate or "").encode())
        certificate = Certificate.parse(ders[0])
    except KeyworksError as error:
        return f"The trust anchor cannot be read: {error.detail}"
    if len(ders) > 1:
        return "The PEM text holds several certificates; put the one CA certificate alone into it."
    if not certificate.is_ca:
        return f"'{certificate.subject.text}' is not the certificate of a CA."
    return ""


def about_accounts(document: FactoryDocument) -> Iterator[Complaint]:
    """Yield what is wrong with stations, services and people."""
    taken: dict[str, str] = {}
    for kind in ACCOUNT_KINDS:
        accounts: dict[str, AccountSection] = getattr(document, kind.value)
        for name, account in accounts.items():
            yield from _check_name((kind.value, name))
            if taken.setdefault(name, kind.value) != kind.value:
                yield about(f"there is a {taken[name]} of this name already; choose another.", kind.value, name)
            yield from _account(document, (kind.value, name), account)
            yield from _names((kind.value, name), account)


def _account(document: FactoryDocument, path: tuple[str, str], account: AccountSection) -> Iterator[Complaint]:
    kind = path[0]
    serving = [label for label, one in document.channel.items() if kind in (one.accepts or ())]
    for label in account.channels:
        if label not in serving:
            yield named((*path, "channels"), label, serving, "channel", f" that serves a {kind}")
    if account.site is not None and account.site not in document.site:
        yield named((*path, "site"), account.site, document.site, "site")


def _names(path: tuple[str, str], account: AccountSection) -> Iterator[Complaint]:
    for kind in NAMES:
        for name in getattr(account, kind):
            try:
                certifiable(kind, name)
            except RejectedName as error:
                yield about(error.detail, *path, kind)
