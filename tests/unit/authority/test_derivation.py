"""A factory's own profiles: what may be changed, and what may not."""

from datetime import timedelta
from typing import Any, Final

import pytest

from keyworks import oids
from keyworks.authority.derivation import ProfileChanges, derive
from keyworks.authority.library import PROFILES
from keyworks.authority.profile import Profile
from keyworks.errors import OperatorError

DAY: Final = timedelta(days=1)


def own(base: str, **changes: Any) -> Profile:
    return derive(PROFILES[base], "own", 7, ProfileChanges(**changes))


@pytest.mark.parametrize("base", PROFILES)
def test_without_changes_it_differs_from_its_base_in_name_and_version_alone(base: str) -> None:
    made = own(base)
    assert (made.name, made.version, made.base) == ("own", 7, base)
    for field in Profile.__dataclass_fields__:
        if field not in ("name", "version"):
            assert getattr(made, field) == getattr(PROFILES[base], field)


def test_what_may_be_changed_is_changed() -> None:
    made = own(
        "https-device",
        lifetime=90 * DAY,
        keys=("P-384", "P-384"),
        smallest_rsa_bits=0,
        subject=(("CN", "{serial_number}"),),
        alternative=(("dns", "{serial_number}.plant.example"), ("uri", "urn:{serial_number}")),
        needs=(("uri",),),
        extended_key_usage=(oids.KP_CLIENT_AUTH, "1.3.6.1.4.1.99999.7"),
        renewable=False,
    )
    assert made.lifetime == 90 * DAY
    assert (made.keys, made.smallest_rsa_bits, made.renewable) == (("P-384",), 0, False)
    assert made.extended_key_usage == (oids.KP_SERVER_AUTH, oids.KP_CLIENT_AUTH, "1.3.6.1.4.1.99999.7")
    assert made.names.subject == (("CN", "{serial_number}"),)
    assert made.names.needs == (("dns", "ip"), ("uri",)), "a server keeps needing a host's name"
    assert made.key_usage == PROFILES["https-device"].key_usage
    assert made.fixed_extensions != PROFILES["https-device"].fixed_extensions


def test_an_idevid_may_name_its_voucher_service_and_its_hardware_module() -> None:
    """RFC 8995 §2.3.2; RFC 4108 §5."""
    made = own(
        "idevid",
        masa_url="https://masa.example/path",
        alternative=(("hardware_module", "1.3.6.1.4.1.99999.1:{serial_number}"),),
    )
    [extension] = [one for one in made.fixed_extensions if one.oid == oids.MASA_URL]
    assert (extension.critical, extension.value) == (False, b"\x16\x19https://masa.example/path")


def test_a_profile_derives_from_a_derived_one_by_the_rules_of_the_built_in_one() -> None:
    first = own("ldevid", keys=("P-256",))
    second = derive(first, "second", 1, ProfileChanges(keys=("P-384",)))
    assert (second.base, second.keys) == ("ldevid", ("P-384",))


@pytest.mark.parametrize(
    ("base", "changes", "sentence"),
    [
        ("idevid", {"lifetime": DAY}, "lifetime: certificates of idevid never expire"),
        ("https-device", {"lifetime": 826 * DAY}, "lifetime: one minute to 825 days"),
        ("ocsp-responder", {"lifetime": 91 * DAY}, "lifetime: one minute to 90 days"),
        ("ldevid", {"lifetime": timedelta(0)}, "lifetime: one minute to 1825 days"),
        ("ldevid", {"keys": ("P-192",)}, "keys: 'P-192' is weak or unknown"),
        ("ldevid", {"keys": ("p-256",)}, r"keys: 'p-256' is weak or unknown \(did you mean 'P-256'\?\)"),
        ("ldevid", {"keys": ("rsa-3072",)}, "keys: 'rsa-3072' is an RSA key; say smallest_rsa_bits"),
        ("ldevid", {"keys": (), "smallest_rsa_bits": 0}, "keys: none is left"),
        (
            "opcua-application",
            {"keys": ("Ed25519",)},
            "keys: a profile based on opcua-application has no Ed25519",
        ),
        ("opcua-application-rsa", {"keys": ("P-256",)}, "possible are RSA keys alone"),
        ("opcua-application", {"smallest_rsa_bits": 2048}, "smallest_rsa_bits: .* has no RSA keys"),
        ("ldevid", {"smallest_rsa_bits": 1024}, "smallest_rsa_bits: 2048 to"),
        ("root", {"smallest_rsa_bits": 2048}, "smallest_rsa_bits: 3072 to"),
        ("root", {"renewable": True}, "renewable: certificates of root are never renewed"),
        ("firmware", {"renewable": True}, "renewable: certificates of firmware are never renewed"),
        ("idevid", {"renewable": True}, "renewable: certificates of idevid are never renewed"),
        ("root", {"subject": (("CN", "root"),)}, "subject: an authority is named when its key is made"),
        ("root", {"extended_key_usage": (oids.KP_CLIENT_AUTH,)}, "extended_key_usage: .* any more purposes"),
        ("timestamping", {"extended_key_usage": (oids.KP_CLIENT_AUTH,)}, "extended_key_usage: .* any more"),
        ("ldevid", {"extended_key_usage": ("clientAuth",)}, "extended_key_usage: 'clientAuth' is no object"),
        ("ldevid", {"extended_key_usage": (oids.KP_CMC_RA,)}, "extended_key_usage: .* cmp-ra or est-ra or reg"),
        (
            "ldevid",
            {"extended_key_usage": (oids.ANY_EXTENDED_KEY_USAGE,)},
            "extended_key_usage: .* no profile has it",
        ),
        ("ldevid", {"masa_url": "https://masa.example"}, "masa_url: it stands in IDevIDs"),
        ("ldevid", {"needs": (("dns",),)}, "needs: A name of kind dns is needed, but no rule yields one"),
        ("ldevid", {"subject": (("CN", "{nam}"),)}, r"subject: In '\{nam\}', \{nam\} is no placeholder"),
        (
            "ldevid",
            {"alternative": (("dns", "{url}"),)},
            r"alternative: In '\{url\}', \{url\} is no placeholder",
        ),
        ("idevid", {"masa_url": "http://masa.example"}, "masa_url: 'http://masa.example' is no https address"),
        ("ldevid", {"subject": (("CN", "{name}"),)}, r"subject: \{name\} has no value .* of a device"),
        ("station", {"alternative": (("dns", "{serial_number}.example"),)}, r"alternative: \{serial_number\}"),
        ("tls-server", {"alternative": (("dns", "{request}"),)}, r"alternative: \{request\} has no value"),
        (
            "https-device",
            {"alternative": (("uri", "urn:a:1"),)},
            "alternative: A name of kind dns or ip is needed",
        ),
        (
            "idevid",
            {"subject": (("CN", "{serial_number}"),)},
            "subject: an IDevID has exactly one serialNumber",
        ),
        ("ldevid", {"subject": ()}, "subject: with neither a subject nor needed alternative names"),
    ],
)
def test_what_may_not_be_changed_is_refused_by_the_name_of_the_field(
    base: str, changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(OperatorError, match=sentence):
        own(base, **changes)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("idevid", "is a built-in"), ("", "cannot be"), ("Own", "cannot be"), ("-a", "cannot be")],
)
def test_a_profile_has_a_name_of_its_own(name: str, sentence: str) -> None:
    with pytest.raises(OperatorError, match=f"name: '{name}' {sentence}"):
        derive(PROFILES["ldevid"], name, 1, ProfileChanges())
