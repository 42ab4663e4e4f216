"""General names: what subjectAltName, name constraints and access locations hold.

Source: RFC 5280 §4.2.1.6; RFC 4108 §5 (hardware module names); MS-WCCE §2.2.2.7.7.4 (user principal names).
"""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat import asn1
from cryptography.x509 import ObjectIdentifier

from keyworks.asn1 import rfc5280
from keyworks.asn1.rfc4108 import HardwareModuleName, OtherHardwareModuleName
from keyworks.errors import MalformedRequest, RejectedName
from keyworks.oids import HARDWARE_MODULE_NAME, USER_PRINCIPAL_NAME
from keyworks.x509.der import encode, sequence_of, values_of, wrap
from keyworks.x509.name import Name

MAX_NAMES: Final = 64
_MAX_TEXT: Final = 2048
_MAX_HOST_NAME: Final = 253
_TAGS: Final = {"other": 0xA0, "email": 0x81, "dns": 0x82, "directory": 0xA4, "uri": 0x86, "ip": 0x87}
_KINDS: Final = {tag: kind for kind, tag in _TAGS.items()}
_LABEL: Final = r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)"
DNS_NAME: Final = re.compile(rf"(?:\*\.)?(?:{_LABEL}\.)*{_LABEL}")
URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")
_EMAIL: Final = re.compile(r"[!-?A-~]+@[!-?A-~]+")
_UPN: Final = re.compile(r"[^@\s]+@[^@\s]+")
_SHAPES: Final = {"dns": DNS_NAME, "uri": URI, "email": _EMAIL, "upn": _UPN}
_SPOKEN: Final = {
    "dns": "a host name",
    "ip": "an IP address",
    "uri": "a URI",
    "email": "a mail address",
    "upn": "a user principal name",
    "hardware_module": "a hardware module name (TYPE-OID:SERIAL-NUMBER)",
}
NAMED_KINDS: Final = tuple(_SPOKEN)
"""The kinds of alternative names that are certified."""

_MODULE: Final = re.compile(r"([0-2](?:\.(?:0|[1-9][0-9]{0,8})){1,15}):([!-~]{1,64})")
_UPN_TYPE: Final = asn1.encode_der(ObjectIdentifier(USER_PRINCIPAL_NAME))


@dataclass(frozen=True, slots=True)
class HardwareModule:
    """A hardware module's type and serial number."""

    type_oid: str
    serial_number: bytes


@dataclass(frozen=True, slots=True)
class GeneralName:
    """One general name.

    Args:
        kind: dns, ip, uri, email, directory or other.
        value: Text; of directory and other names the content's octets in hexadecimal.
    """

    kind: str
    value: str

    def encode(self, *, constraint: bool = False) -> bytes:
        """Return its DER.

        Args:
            constraint: As a subtree of name constraints, where an address has a mask.
        """
        tag = _TAGS[self.kind]
        if self.kind == "ip":
            return wrap(tag, _packed(self.value, constraint=constraint))
        if self.kind in ("directory", "other"):
            return wrap(tag, bytes.fromhex(self.value))
        return wrap(tag, self.value.encode("ascii"))


def _packed(value: str, *, constraint: bool) -> bytes:
    if constraint:
        network = ipaddress.ip_network(value)
        return network.network_address.packed + network.netmask.packed
    return ipaddress.ip_address(value).packed


@dataclass(frozen=True, slots=True)
class SubjectAltName:
    """Alternative names of a subject, by kind.

    Args:
        dns: Host names.
        ip: Addresses as text.
        uri: Absolute URIs.
        email: Mail addresses.
        hardware_modules: RFC 4108 names.
        directory_names: DER names.
        others: Content octets of other otherNames.
        upn: User principal names.
    """

    dns: tuple[str, ...] = ()
    ip: tuple[str, ...] = ()
    uri: tuple[str, ...] = ()
    email: tuple[str, ...] = ()
    hardware_modules: tuple[HardwareModule, ...] = ()
    directory_names: tuple[bytes, ...] = ()
    others: tuple[bytes, ...] = ()
    upn: tuple[str, ...] = ()

    @classmethod
    def of(cls, names: Sequence[GeneralName]) -> "SubjectAltName":
        """Return general names sorted by kind."""
        others = [bytes.fromhex(name.value) for name in names if name.kind == "other"]
        upns = {octets: upn for octets in others if (upn := _upn(octets)) is not None}
        modules = [(octets, _hardware_module(octets)) for octets in others if octets not in upns]
        return cls(
            dns=_values(names, "dns"),
            ip=_values(names, "ip"),
            uri=_values(names, "uri"),
            email=_values(names, "email"),
            hardware_modules=tuple(module for _, module in modules if module is not None),
            directory_names=tuple(bytes.fromhex(value) for value in _values(names, "directory")),
            others=tuple(octets for octets, module in modules if module is None),
            upn=tuple(upns[octets] for octets in others if octets in upns),
        )

    def encode(self) -> bytes:
        """Return the DER GeneralNames."""
        names = [
            GeneralName(kind, value) for kind in ("dns", "ip", "uri", "email") for value in getattr(self, kind)
        ]
        names += [GeneralName("directory", der.hex()) for der in self.directory_names]
        names += [GeneralName("other", _module_octets(module).hex()) for module in self.hardware_modules]
        names += [GeneralName("other", _upn_octets(upn).hex()) for upn in self.upn]
        names += [GeneralName("other", octets.hex()) for octets in self.others]
        return sequence_of([name.encode() for name in names])


def _values(names: Iterable[GeneralName], kind: str) -> tuple[str, ...]:
    return tuple(name.value for name in names if name.kind == kind)


def _module_octets(module: HardwareModule) -> bytes:
    name = HardwareModuleName(hw_type=ObjectIdentifier(module.type_oid), hw_serial_num=module.serial_number)
    der = encode(OtherHardwareModuleName(type_id=ObjectIdentifier(HARDWARE_MODULE_NAME), value=name))
    return bytes(asn1.decode_der(asn1.TLV, der).data)


def _hardware_module(octets: bytes) -> HardwareModule | None:
    try:
        read = asn1.decode_der(OtherHardwareModuleName, wrap(0x30, octets))
    except ValueError:
        return None
    if read.type_id.dotted_string != HARDWARE_MODULE_NAME:
        return None
    return HardwareModule(read.value.hw_type.dotted_string, bytes(read.value.hw_serial_num))


def _upn_octets(upn: str) -> bytes:
    return _UPN_TYPE + wrap(0xA0, wrap(0x0C, upn.encode()))


def _upn(octets: bytes) -> str | None:
    """Return the user principal name that an otherName is; ``None`` if it is none as we would write it."""
    if not octets.startswith(_UPN_TYPE):
        return None
    try:
        inner = asn1.decode_der(asn1.TLV, bytes(asn1.decode_der(asn1.TLV, octets[len(_UPN_TYPE) :]).data))
        upn = bytes(inner.data).decode()
    except ValueError:
        return None
    return upn if _is_text("upn", upn) and _upn_octets(upn) == octets else None


def parse_general_names(der: bytes, what: str) -> tuple[GeneralName, ...]:
    """Return the general names in a non-empty SEQUENCE.

    Args:
        der: GeneralNames.
        what: The extension's name, for the error's sentence.

    Raises:
        MalformedRequest: Too many, of a kind nobody uses, or not what the kind allows.
    """
    values = values_of(der, what)
    if len(values) > MAX_NAMES:
        raise MalformedRequest(f"{what} has {len(values)} names; at most {MAX_NAMES} are looked at.")
    return tuple(_general_name(value, what) for value in values)


def _general_name(value: bytes, what: str) -> GeneralName:
    kind = _KINDS.get(value[0])
    if kind is None:
        raise MalformedRequest(f"{what} has a name of a kind that is not supported (tag {value[0]:#x}).")
    content = bytes(asn1.decode_der(asn1.TLV, value).data)
    if kind == "ip":
        if len(content) not in (4, 16):
            raise MalformedRequest(f"{what} has an IP address of {len(content)} octets; 4 or 16 are right.")
        return GeneralName(kind, str(ipaddress.ip_address(content)))
    if kind == "directory":
        Name.parse(content)
    if kind == "other":
        _check_other(content, what)
    if kind in ("directory", "other"):
        return GeneralName(kind, content.hex())
    return GeneralName(kind, _text(kind, content, what))


def _check_other(content: bytes, what: str) -> None:
    try:
        asn1.decode_der(rfc5280.AnotherName, wrap(0x30, content))
    except ValueError as error:
        raise MalformedRequest(f"{what} has a malformed otherName.") from error


def _text(kind: str, content: bytes, what: str) -> str:
    try:
        text = content.decode("ascii")
    except UnicodeDecodeError as error:
        raise MalformedRequest(f"{what} has a {kind} name that is not ASCII.") from error
    if not _is_text(kind, text):
        raise MalformedRequest(f"{what} has a {kind} name that is none: {text[:80]!r}.")
    return text


def _is_text(kind: str, text: str) -> bool:
    longest = _MAX_HOST_NAME if kind == "dns" else _MAX_TEXT
    return len(text) <= longest and _SHAPES[kind].fullmatch(text) is not None and text.isprintable()


def certifiable(kind: str, text: str) -> str:
    """Return a name of a kind as it is written in certificates.

    Args:
        kind: One of ``NAMED_KINDS``.
        text: The name; of a hardware module, its type and serial number as ``1.2.3.4:SN-1``.

    Raises:
        RejectedName: It is no such name.
    """
    if kind == "ip":
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            raise RejectedName(f"{text[:80]!r} is not {_SPOKEN[kind]}.") from None
        if "%" in text:
            raise RejectedName(f"{text[:80]!r} is not {_SPOKEN[kind]} that others can reach: it has a zone.")
        return str(address)
    if not (_is_module(text) if kind == "hardware_module" else _is_text(kind, text)):
        raise RejectedName(f"{text[:80]!r} is not {_SPOKEN[kind]}.")
    return text


def _is_module(text: str) -> bool:
    if not _MODULE.fullmatch(text):
        return False
    try:
        ObjectIdentifier(text.partition(":")[0])
    except ValueError:
        return False
    return True


def named(names: Iterable[tuple[str, str]]) -> SubjectAltName | None:
    """Return names, each a kind and a text, as one value; ``None`` without any.

    Raises:
        RejectedName: One is none of its kind, or there are more than anybody looks at.
    """
    found: dict[str, dict[str, None]] = {}
    for kind, text in names:
        found.setdefault(kind, {})[certifiable(kind, text)] = None
    if sum(map(len, found.values())) > MAX_NAMES:
        raise RejectedName(f"A certificate has at most {MAX_NAMES} alternative names.")
    modules = tuple(_module_of(text) for text in found.pop("hardware_module", ()))
    texts = {kind: tuple(values) for kind, values in found.items()}
    if not texts and not modules:
        return None
    return SubjectAltName(
        dns=texts.get("dns", ()),
        ip=texts.get("ip", ()),
        uri=texts.get("uri", ()),
        email=texts.get("email", ()),
        hardware_modules=modules,
        upn=texts.get("upn", ()),
    )


def _module_of(text: str) -> HardwareModule:
    type_oid, _, serial_number = text.partition(":")
    return HardwareModule(type_oid, serial_number.encode())


def server_names(names: Iterable[str]) -> SubjectAltName:
    """Return host names and addresses, told apart, as a server's certificate carries them.

    Raises:
        RejectedName: One is neither.
    """
    dns, ip = [], []
    for name in names:
        try:
            ip.append(str(ipaddress.ip_address(name)))
        except ValueError:
            if not DNS_NAME.fullmatch(name):
                raise RejectedName(f"{name!r} is neither a host name nor an IP address.") from None
            dns.append(name)
    return SubjectAltName(dns=tuple(dns), ip=tuple(ip))
