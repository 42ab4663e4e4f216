"""The factory's policy as code: ``factory.toml`` as frozen values.

Only the shape of the file is known here: which sections and settings there are, and of which type. Whether what
they say can be is for the use case that applies them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import msgspec

from keyworks.errors import OperatorError
from keyworks.settings.complaint import Complaint
from keyworks.settings.toml import Section, Source

MAX_CERTIFICATE_OCTETS: Final = 64 * 1024


class FactorySection(Section, frozen=True):
    """Whose factory it is; exactly one section.

    Args:
        organization: The O of its authorities, where they do not say another one.
        publication_url: Where CRLs and CA certificates are published, where an authority does not say another
            address; written into every certificate, for ever.
    """

    organization: str
    publication_url: str


class SiteSection(Section, frozen=True):
    """A place of the factory.

    Args:
        description: For people.
        zone: The security zone it lies in (IEC 62443).
    """

    description: str = ""
    zone: str = ""


class AuthoritySection(Section, frozen=True):
    """A certification authority.

    Args:
        profile: What its certificate looks like: root, issuing, idevid-root, idevid-issuing, or one of the
            factory's own that is based on one of these.
        parent: The authority that certifies it; a root has none.
        organization: The O of its subject; that of the factory, if none is said.
        publication_url: Written into what it issues, for ever; that of the factory, if none is said.
        key: The type of its key, such as P-384, rsa-4096 or ML-DSA-65; a change waits for the next generation.
        enabled: Whether its channels serve; it signs status all the same.
    """

    profile: str
    parent: str | None = None
    organization: str | None = None
    publication_url: str | None = None
    key: str = "P-256"
    enabled: bool = True


class ProfileSection(Section, frozen=True):
    """A profile of the factory's own: a built-in one with changes.

    Args:
        based_on: The built-in profile; what is not changed here is as there.
        lifetime: From the moment of issue, such as 90d or 2y.
        keys: Key types that are certified, besides RSA.
        smallest_rsa_bits: RSA keys below this are refused; 0 refuses RSA.
        subject: Attributes and what they hold, in order, such as O={organization}.
        san: Kinds of alternative names (dns, ip, uri, email, upn, hardware_module), each with templates.
        needs: Groups of these kinds, of each of which a certificate needs at least one name.
        extended_key_usage: Object identifiers, in addition.
        masa_url: Where the maker of the devices gives vouchers (RFC 8995).
        renewable: Whether a holder may ask for a successor with the certificate itself.
    """

    based_on: str
    lifetime: str | None = None
    keys: tuple[str, ...] | None = None
    smallest_rsa_bits: int | None = None
    subject: tuple[str, ...] | None = None
    san: dict[str, tuple[str, ...]] | None = None
    needs: tuple[tuple[str, ...], ...] | None = None
    extended_key_usage: tuple[str, ...] | None = None
    masa_url: str | None = None
    renewable: bool | None = None


class ChannelSection(Section, frozen=True):
    """A way to a certificate; its name is the label in ``/.well-known/est/LABEL/``.

    Args:
        authority: Who issues.
        profile: What is issued.
        accepts: Who may ask (device, station, service, person); as the profile has it, if nothing is said.
        enabled: A disabled channel refuses everybody.
        default: Requests that name no channel are meant for this one; one channel at most.
        approvals: How many operators have to approve each first request.
        channel_binding: Whether a request is bound to its TLS connection: off, if-present or required.
        encoding: How base64 bodies are written: auto, one-line or wrapped.
        csrattrs: What is answered to who asks for CSR attributes: both, template, legacy or off.
        server_keys: The type of key that the server makes for who asks it to; without, it refuses to.
        change_names: Whether a re-enrollment may ask for other names, within the naming rules.
    """

    authority: str
    profile: str
    accepts: tuple[str, ...] | None = None
    enabled: bool = True
    default: bool = False
    approvals: int = 0
    channel_binding: str = "if-present"
    encoding: str = "auto"
    csrattrs: str = "both"
    server_keys: str | None = None
    change_names: bool = False


class AnchorSection(Section, frozen=True):
    """A CA certificate together with what it vouches for.

    Args:
        vouches_for: Whose certificates it issues: device, station, service or person.
        manufacturer: Whose devices; needed for devices, and only there.
        certificate: The CA's, as PEM text.
        certificate_file: Where it is instead; relative to this file. An export has the certificate itself.
    """

    vouches_for: str
    manufacturer: str | None = None
    certificate: str | None = None
    certificate_file: str | None = None


class AccountSection(Section, frozen=True):
    """A registered station, service or person.

    Args:
        channels: Labels of the channels it may use.
        site: Where it is.
        enabled: A disabled one is refused everywhere.
        dns: Host names that may stand in its certificates.
        ip: Addresses that may stand there.
        uri: URIs that may stand there.
        email: Mail addresses that may stand there.
        upn: User principal names that may stand there.
    """

    channels: tuple[str, ...] = ()
    site: str | None = None
    enabled: bool = True
    dns: tuple[str, ...] = ()
    ip: tuple[str, ...] = ()
    uri: tuple[str, ...] = ()
    email: tuple[str, ...] = ()
    upn: tuple[str, ...] = ()


class FactoryDocument(Section, frozen=True):
    """Everything in ``factory.toml``."""

    factory: FactorySection
    site: dict[str, SiteSection] = msgspec.field(default_factory=dict)
    authority: dict[str, AuthoritySection] = msgspec.field(default_factory=dict)
    profile: dict[str, ProfileSection] = msgspec.field(default_factory=dict)
    channel: dict[str, ChannelSection] = msgspec.field(default_factory=dict)
    anchor: dict[str, AnchorSection] = msgspec.field(default_factory=dict)
    station: dict[str, AccountSection] = msgspec.field(default_factory=dict)
    service: dict[str, AccountSection] = msgspec.field(default_factory=dict)
    person: dict[str, AccountSection] = msgspec.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Draft:
    """A policy as somebody wants it, which may have mistakes.

    Args:
        document: What it says; settings with a mistake are as by default, or empty where they have to be there.
        complaints: About those settings.
        source: The file, if it is in one.
    """

    document: FactoryDocument
    complaints: tuple[Complaint, ...] = ()
    source: Source | None = None

    @property
    def faulty(self) -> frozenset[tuple[str, ...]]:
        """Return the paths of the settings that are not as they were meant."""
        paths = {one.path for one in self.complaints}
        return frozenset(paths | {(*one[:-1], "certificate") for one in paths if one[-1] == "certificate_file"})

    def refusal(self, complaints: Sequence[Complaint]) -> OperatorError:
        """Return complaints as one error, with the lines of the file if there is one."""
        if self.source is not None:
            return self.source.refusal(complaints)
        return OperatorError("\n".join(dict.fromkeys(one.sentence for one in complaints)))


def read_factory(source: Source, folder: Path) -> Draft:
    """Return what a file says, with the certificates that it names in place of their files.

    Args:
        source: The file.
        folder: Where it is.

    Raises:
        OperatorError: It is not TOML, or a whole section cannot be; every reason with its line and remedy.
    """
    document, complaints = source.read_leniently(FactoryDocument)
    if document is None:
        raise source.refusal(complaints)
    anchors = {name: _with_certificate(name, one, folder, complaints) for name, one in document.anchor.items()}
    return Draft(msgspec.structs.replace(document, anchor=anchors), tuple(complaints), source)


def _with_certificate(
    name: str, anchor: AnchorSection, folder: Path, complaints: list[Complaint]
) -> AnchorSection:
    told = {one.path for one in complaints}
    if (anchor.certificate is None) == (anchor.certificate_file is None) and told.isdisjoint(
        {("anchor", name, "certificate"), ("anchor", name, "certificate_file")}
    ):
        sentence = f"anchor.{name} needs exactly one of certificate and certificate_file."
        complaints.append(Complaint(("anchor", name, "certificate_file"), sentence))
        return anchor
    if anchor.certificate_file is None:
        return anchor
    path, file = ("anchor", name, "certificate_file"), folder / anchor.certificate_file
    try:
        with file.open("rb") as stream:
            text = stream.read(MAX_CERTIFICATE_OCTETS + 1).decode()
    except OSError as error:
        complaints.append(Complaint(path, f"{file} cannot be read: {error.strerror}."))
        return anchor
    except ValueError:
        complaints.append(Complaint(path, f"{file} is no PEM file; export the certificate as PEM."))
        return anchor
    if len(text) > MAX_CERTIFICATE_OCTETS:
        complaints.append(Complaint(path, f"{file} is too large to be one CA certificate."))
    return msgspec.structs.replace(anchor, certificate=text, certificate_file=None)


_SPAN: Final = re.compile(r"(?P<count>[0-9]{1,6})(?P<unit>[ydhm])")
_UNITS: Final = {
    "y": timedelta(days=365),
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
}


def span_of(text: str) -> timedelta | None:
    """Return a time span such as 2y, 90d, 12h or 30m; ``None`` for what is none. A year has 365 days."""
    found = _SPAN.fullmatch(text)
    return int(found["count"]) * _UNITS[found["unit"]] if found is not None else None


def span_text(span: timedelta) -> str:
    """Return a time span of whole minutes as it is written, in its largest unit."""
    unit, length = next((unit, length) for unit, length in _UNITS.items() if not span % length)
    return f"{span // length}{unit}"
