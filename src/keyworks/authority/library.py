"""The built-in profiles, as data: what a factory's devices, stations, services and people are certified as.

A factory's own profiles derive from these (``authority/derivation.py``).

Source: RFC 5280 §4; IEEE 802.1AR-2018 §8; RFC 4945 (IPsec); RFC 6960 §4.2.2.2 (OCSP); RFC 3161 §2.3 (time);
RFC 9809 (automation); RFC 6402 §2.10, RFC 9483 §4.1.6 (registration and key generation authorities);
RFC 8995 (BRSKI); OPC 10000-6 §6.2 (application instance certificates).
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from keyworks import oids
from keyworks.access.principal import Kind
from keyworks.authority.name_rules import NameRules
from keyworks.authority.profile import YEAR, Holder, Profile

_SIGNS: Final = frozenset({"digitalSignature"})
_COMMITS: Final = frozenset({"digitalSignature", "nonRepudiation"})
_ENCIPHERS: Final = _COMMITS | {"keyEncipherment", "dataEncipherment"}
_CERTIFIES: Final = frozenset({"keyCertSign", "cRLSign"})
_CLIENT, _SERVER = oids.KP_CLIENT_AUTH, oids.KP_SERVER_AUTH

_ANY_DEVICE: Final = frozenset({Kind.DEVICE, Kind.STATION})
_MAKERS_DEVICE: Final = (
    ("O", "{manufacturer}"),
    ("OU", "{product}"),
    ("CN", "{serial_number}"),
    ("serialNumber", "{serial_number}"),
)
_OWNERS_DEVICE: Final = (
    ("O", "{organization}"),
    ("OU", "{manufacturer}"),
    ("OU", "{product}"),
    ("CN", "{serial_number}"),
    ("serialNumber", "{serial_number}"),
)
_MEMBER: Final = (("O", "{organization}"), ("CN", "{name}"))
_HOSTS: Final = (("dns", "{dns}"), ("ip", "{ip}"))
_A_HOST: Final = (("dns", "ip"),)
_URIS: Final = (("uri", "{uri}"),)
_MAILBOXES: Final = (("upn", "{upn}"), ("email", "{email}"))
_IKE: Final = (*_HOSTS, ("email", "{email}"))
_AN_IKE_IDENTITY: Final = (("dns", "ip", "email"),)
_Needs = tuple[tuple[str, ...], ...]


def _authority(name: str, lifetime: timedelta | None, issues_for: timedelta, path_length: int) -> Profile:
    return Profile(
        name=name,
        base=name,
        version=1,
        holder=Holder.AUTHORITY,
        accepts=frozenset(),
        key_usage=_CERTIFIES,
        lifetime=lifetime,
        names=NameRules(()),
        ca=True,
        path_length=path_length,
        issues_for=issues_for,
        smallest_rsa_bits=3072,
        renewable=False,
    )


def _of_devices(
    name: str, lifetime: timedelta, purposes: tuple[str, ...], *rules: tuple[str, str], needs: _Needs = ()
) -> Profile:
    """Return a profile of devices in their owner's plant, with rules for their alternative names."""
    return Profile(
        name=name,
        base=name,
        version=1,
        holder=Holder.DEVICE,
        accepts=_ANY_DEVICE,
        key_usage=_SIGNS,
        lifetime=lifetime,
        names=NameRules(_OWNERS_DEVICE, rules, needs),
        extended_key_usage=purposes,
        smallest_rsa_bits=3072,
    )


def _of_members(
    name: str,
    asks: Kind,
    lifetime: timedelta,
    purposes: tuple[str, ...],
    *rules: tuple[str, str],
    needs: _Needs = (),
) -> Profile:
    """Return a profile of registered stations, services or people, with rules for their alternative names."""
    return Profile(
        name=name,
        base=name,
        version=1,
        holder=Holder.PRINCIPAL,
        accepts=frozenset({asks}),
        key_usage=_SIGNS,
        lifetime=lifetime,
        names=NameRules(_MEMBER, rules, needs),
        extended_key_usage=purposes,
        smallest_rsa_bits=3072,
    )


def _of_signers(name: str, lifetime: timedelta, *purposes: str) -> Profile:
    """Return a profile of services that sign what outlives a connection.

    Not renewed with itself: a key that signs firmware has no business in a TLS handshake. What the former
    certificate signed remains to be verified, so a new one does not revoke it either.
    """
    return replace(_of_members(name, Kind.SERVICE, lifetime, purposes), renewable=False)


_AUTHORITIES: Final = (
    _authority("root", 25 * YEAR, 20 * YEAR, path_length=2),
    _authority("issuing", 10 * YEAR, 8 * YEAR, path_length=0),
    _authority("idevid-root", None, 20 * YEAR, path_length=2),
    _authority("idevid-issuing", None, 10 * YEAR, path_length=0),
)
_LDEVID: Final = replace(_of_devices("ldevid", 2 * YEAR, (_CLIENT, _SERVER)), smallest_rsa_bits=2048)
_OPCUA: Final = replace(
    _of_devices("opcua-application", 3 * YEAR, (_SERVER, _CLIENT)),
    key_usage=_COMMITS,
    names=NameRules(_OWNERS_DEVICE, (*_URIS, *_HOSTS), (("uri",), *_A_HOST), single=("uri",)),
    keys=("P-256", "P-384"),
    smallest_rsa_bits=0,
)
_OF_DEVICES: Final = (
    replace(
        _LDEVID,
        name="idevid",
        base="idevid",
        accepts=frozenset({Kind.STATION}),
        lifetime=None,
        names=NameRules(_MAKERS_DEVICE),
        extended_key_usage=(),
        renewable=False,
    ),
    _LDEVID,
    _of_devices("https-device", YEAR, (_SERVER,), *_HOSTS, needs=_A_HOST),
    _of_devices("tls-client", YEAR, (_CLIENT,), *_HOSTS, *_URIS),
    _of_devices("mqtt-client", YEAR, (_CLIENT,), *_URIS),
    _OPCUA,
    replace(
        _OPCUA,
        name="opcua-application-rsa",
        base="opcua-application-rsa",
        key_usage=_ENCIPHERS,
        keys=(),
        smallest_rsa_bits=2048,
    ),
    replace(
        _of_devices("ipsec", 2 * YEAR, (oids.KP_IPSEC_IKE,), *_IKE, needs=_AN_IKE_IDENTITY), key_usage=_COMMITS
    ),
    _of_devices("vpn-client", YEAR, (_CLIENT,), *_HOSTS),
    _of_devices("safety", 2 * YEAR, (oids.KP_SAFETY_COMMUNICATION,), *_HOSTS, *_URIS),
)
_SERVICE: Final = _of_members("tls-service", Kind.SERVICE, YEAR, (_SERVER, _CLIENT), *_HOSTS, needs=_A_HOST)
_OF_SERVICES: Final = (
    replace(
        _SERVICE,
        name="tls-server",
        base="tls-server",
        holder=Holder.NODE,
        accepts=frozenset(),
        extended_key_usage=(_SERVER,),
        smallest_rsa_bits=2048,
    ),
    _SERVICE,
    replace(
        _of_members(
            "ipsec-gateway", Kind.SERVICE, 2 * YEAR, (oids.KP_IPSEC_IKE,), *_IKE, needs=_AN_IKE_IDENTITY
        ),
        key_usage=_COMMITS,
    ),
    replace(_of_signers("ocsp-responder", timedelta(days=30), oids.KP_OCSP_SIGNING), ocsp_no_check=True),
    _of_signers("code-signing", 2 * YEAR, oids.KP_CODE_SIGNING),
    _of_signers("firmware", 3 * YEAR, oids.KP_UPDATE_PACKAGE_SIGNING),
    _of_signers("configuration", 2 * YEAR, oids.KP_CONFIG_SIGNING),
    _of_signers("trust-configuration", 2 * YEAR, oids.KP_TRUST_ANCHOR_CONFIG_SIGNING),
    replace(_of_signers("timestamping", 10 * YEAR, oids.KP_TIME_STAMPING), critical_purposes=True),
    _of_members("cmp-ra", Kind.SERVICE, YEAR, (oids.KP_CMC_RA, _CLIENT)),
    _of_members("est-ra", Kind.SERVICE, YEAR, (oids.KP_CMC_RA, _SERVER, _CLIENT), *_HOSTS, needs=_A_HOST),
    _of_members("registrar", Kind.SERVICE, YEAR, (oids.KP_CMC_RA, _SERVER, _CLIENT), *_HOSTS, needs=_A_HOST),
    _of_signers("kga", YEAR, oids.KP_CM_KGA),
    _of_signers("masa", 10 * YEAR),
)
_OF_PEOPLE: Final = (
    replace(_of_members("station", Kind.STATION, YEAR, (_CLIENT,)), smallest_rsa_bits=2048),
    _of_members("user", Kind.PERSON, 2 * YEAR, (_CLIENT,), *_MAILBOXES, needs=(("upn", "email"),)),
    _of_members("staff", Kind.PERSON, YEAR, (_CLIENT,), *_MAILBOXES),
)
PROFILES: Final[Mapping[str, Profile]] = MappingProxyType(
    {profile.name: profile for profile in (*_AUTHORITIES, *_OF_DEVICES, *_OF_SERVICES, *_OF_PEOPLE)}
)
"""The built-in profiles by name."""
