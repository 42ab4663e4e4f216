"""General names: what subjectAltName, name constraints and access locations hold.

Source: RFC 5280 §4.2.1.6; RFC 4108 §5 (hardware module names).
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
from keyworks.oids import HARDWARE_MODULE_NAME
from keyworks.x509.der import encode, sequence_of, values_of, wrap
from keyworks.x509.name import Name

MAX_NAMES: Final = 64
_MAX_TEXT: Final = 2048
_TAGS: Final = {"other": 0xA0, "email": 0x81, "dns": 0x82, "directory": 0xA4, "uri": 0x86, "ip": 0x87}
_KINDS: Final = {tag: kind for kind, tag in _TAGS.items()}
_LABEL: Final = r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)"
DNS_NAME: Final = re.compile(rf"(?:\*\.)?(?:{_LABEL}\.)*{_LABEL}")
URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")
_EMAIL: Final = re.compile(r"[!-?A-~]+@[!-?A-~]+")


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
    """

    dns: tuple[str, ...] = ()
    ip: tuple[str, ...] = ()
    uri: tuple[str, ...] = ()
    email: tuple[str, ...] = ()
    hardware_modules: tuple[HardwareModule, ...] = ()
    directory_names: tuple[bytes, ...] = ()
    others: tuple[bytes, ...] = ()

    @classmethod
    def of(cls, names: Sequence[GeneralName]) -> "SubjectAltName":
        """Return general names sorted by kind."""
        others = [bytes.fromhex(name.value) for name in names if name.kind == "other"]
        modules = [(octets, _hardware_module(octets)) for octets in others]
        return cls(
            dns=_values(names, "dns"),
            ip=_values(names, "ip"),
            uri=_values(names, "uri"),
            email=_values(names, "email"),
            hardware_modules=tuple(module for _, module in modules if module is not None),
            directory_names=tuple(bytes.fromhex(value) for value in _values(names, "directory")),
            others=tuple(octets for octets, module in modules if module is None),
        )

    def encode(self) -> bytes:
        """Return the DER GeneralNames."""
        names = [
            GeneralName(kind, value) for kind in ("dns", "ip", "uri", "email") for value in getattr(self, kind)
        ]
        names += [GeneralName("directory", der.hex()) for der in self.directory_names]
        names += [GeneralName("other", _module_octets(module).hex()) for module in self.hardware_modules]
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
    shape = {"dns": DNS_NAME, "uri": URI, "email": _EMAIL}[kind]
    if len(text) > _MAX_TEXT or not shape.fullmatch(text) or (kind == "dns" and len(text) > 253):
        raise MalformedRequest(f"{what} has a {kind} name that is none: {text[:80]!r}.")
    return text


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
