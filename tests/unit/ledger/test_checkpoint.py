"""Checkpoints: C2SP signed-note and tlog-checkpoint."""

import base64

import pytest

from keyworks.errors import IntegrityFailure, OperatorError
from keyworks.ledger.checkpoint import (
    MAX_NOTE_OCTETS,
    Checkpoint,
    NoteKey,
    parse_checkpoint,
    sign_checkpoint,
    verify_checkpoint,
)
from keyworks.testing import software_signer

ORIGIN = "keyworks/line/0011aabb"
ROOT = bytes(range(32))
ROOT_TEXT = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
STATED = Checkpoint(ORIGIN, 20, ROOT)
LEDGER = software_signer("Ed25519")
KEY = NoteKey.of(ORIGIN, LEDGER.public_key)

# The example of Go's golang.org/x/mod/sumdb/note, whose format C2SP signed-note describes.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = (
    b"If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
)
GO_SIGNATURE = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="


async def _note() -> str:
    return await sign_checkpoint(STATED, LEDGER)


async def test_a_checkpoint_is_a_signed_note() -> None:
    """C2SP tlog-checkpoint: origin, decimal size, base64 root; signed-note: a blank line, then signatures."""
    text, _, signatures = (await _note()).partition("\n\n")
    assert text == f"{ORIGIN}\n20\n{ROOT_TEXT}"
    assert signatures.startswith(f"— {ORIGIN} ")
    assert signatures.endswith("\n")
    octets = base64.b64decode(signatures.split()[2])
    assert (octets[:4], len(octets)) == (KEY.identifier, 4 + 64)


async def test_a_checkpoint_states_what_was_signed() -> None:
    assert verify_checkpoint(await _note(), KEY) == STATED


async def test_an_empty_ledger_has_a_checkpoint_too() -> None:
    empty = Checkpoint(ORIGIN, 0, ROOT)
    assert verify_checkpoint(await sign_checkpoint(empty, LEDGER), KEY) == empty


async def test_foreign_signatures_are_ignored_wherever_they_stand() -> None:
    """C2SP signed-note: verifiers ignore signatures by unknown keys, such as witnesses'."""
    text, _, own = (await _note()).partition("\n\n")
    witness = f"— witness.example/w1 {base64.b64encode(bytes(100)).decode()}\n"
    assert verify_checkpoint(f"{text}\n\n{witness}{own}{witness}", KEY) == STATED


async def test_lines_that_later_versions_add_are_signed_too() -> None:
    """C2SP tlog-checkpoint: extension lines may follow the root."""
    text = f"{ORIGIN}\n20\n{ROOT_TEXT}\nextension\n"
    signature = base64.b64encode(KEY.identifier + await LEDGER.sign(text.encode())).decode()
    assert verify_checkpoint(f"{text}\n— {ORIGIN} {signature}\n", KEY) == STATED
    with pytest.raises(IntegrityFailure, match="does not verify"):
        verify_checkpoint(f"{text.replace('extension', 'Extension')}\n— {ORIGIN} {signature}\n", KEY)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\n20\n", "\n21\n"),
        (ROOT_TEXT, ROOT_TEXT.replace("AAEC", "BAEC")),
        (f"{ORIGIN}\n20", f"{ORIGIN}/x\n20"),
    ],
    ids=["size", "root", "origin"],
)
async def test_whatever_is_changed_is_noticed(old: str, new: str) -> None:
    with pytest.raises(IntegrityFailure):
        verify_checkpoint((await _note()).replace(old, new), KEY)


async def test_another_key_does_not_verify_it() -> None:
    other = NoteKey.of(ORIGIN, software_signer("Ed25519").public_key)
    with pytest.raises(IntegrityFailure, match="is not signed by"):
        verify_checkpoint(await _note(), other)


async def test_a_signature_under_the_ledgers_key_id_has_to_be_the_ledgers() -> None:
    forged = base64.b64encode(KEY.identifier + await software_signer("Ed25519").sign(STATED.encode())).decode()
    with pytest.raises(IntegrityFailure, match="does not verify with this key"):
        verify_checkpoint(f"{STATED.encode().decode()}\n— {ORIGIN} {forged}\n", KEY)


async def test_a_checkpoint_of_another_ledger_does_not_count_even_if_the_key_signed_it() -> None:
    other = Checkpoint("keyworks/other/1", 20, ROOT)
    signature = base64.b64encode(KEY.identifier + await LEDGER.sign(other.encode())).decode()
    with pytest.raises(IntegrityFailure, match="keyworks/other/1"):
        verify_checkpoint(f"{other.encode().decode()}\n— {ORIGIN} {signature}\n", KEY)


SIGNED = f"\n— {ORIGIN} {base64.b64encode(bytes(68)).decode()}\n"


@pytest.mark.parametrize(
    "note",
    [
        pytest.param("", id="nothing"),
        pytest.param(f"{ORIGIN}\n20\n{ROOT_TEXT}\n", id="no signature"),
        pytest.param(f"{ORIGIN}\n20\n{ROOT_TEXT}\n\n", id="no signature after the blank line"),
        pytest.param(f"\n20\n{ROOT_TEXT}\n{SIGNED}", id="no origin"),
        pytest.param(f"{ORIGIN}\n{ROOT_TEXT}\n{SIGNED}", id="no size"),
        pytest.param(f"{ORIGIN}\n020\n{ROOT_TEXT}\n{SIGNED}", id="leading zero"),
        pytest.param(f"{ORIGIN}\n+20\n{ROOT_TEXT}\n{SIGNED}", id="sign"),
        pytest.param(f"{ORIGIN}\n-1\n{ROOT_TEXT}\n{SIGNED}", id="negative"),
        pytest.param(f"{ORIGIN}\n2_0\n{ROOT_TEXT}\n{SIGNED}", id="underscore"),
        pytest.param(f"{ORIGIN}\n٢٠\n{ROOT_TEXT}\n{SIGNED}", id="other digits"),
        pytest.param(f"{ORIGIN}\n{2**63}\n{ROOT_TEXT}\n{SIGNED}", id="larger than a database counts"),
        pytest.param(f"{ORIGIN}\n{'9' * 5000}\n{ROOT_TEXT}\n{SIGNED}", id="absurdly large"),
        pytest.param(f"{ORIGIN}\n20\n{ROOT_TEXT[:-4]}\n{SIGNED}", id="short root"),
        pytest.param(f"{ORIGIN}\n20\nnot base64\n{SIGNED}", id="root not base64"),
        pytest.param(f"{ORIGIN}\n20\nä{ROOT_TEXT}\n{SIGNED}", id="root not ASCII"),
        pytest.param(f"{ORIGIN}\r\n20\n{ROOT_TEXT}\n{SIGNED}", id="control character"),
        pytest.param(f"{ORIGIN}\ud800\n20\n{ROOT_TEXT}\n{SIGNED}", id="not Unicode"),
        pytest.param(f"{ORIGIN}\n20\n{ROOT_TEXT}\n\n- {ORIGIN} AAAAAAAA\n", id="wrong dash"),
        pytest.param(f"{ORIGIN}\n20\n{ROOT_TEXT}\n\n—  AAAAAAAA\n", id="unnamed signature"),
        pytest.param(f"{ORIGIN}\n20\n{ROOT_TEXT}\n\n— {ORIGIN} AAAA\n", id="short signature"),
        pytest.param(f"{ORIGIN}\n20\n{ROOT_TEXT}\n{SIGNED}\n{SIGNED}", id="blank line between signatures"),
        pytest.param(f"{ORIGIN}\n20\n{ROOT_TEXT}\n{'x' * MAX_NOTE_OCTETS}{SIGNED}", id="too large"),
    ],
)
def test_what_is_no_checkpoint_is_refused(note: str) -> None:
    with pytest.raises(IntegrityFailure, match="not a checkpoint"):
        parse_checkpoint(note)


def test_the_key_string_is_the_one_that_other_tools_use() -> None:
    """C2SP signed-note: name, key hash, and base64 of the type octet and the key, with plus signs between."""
    key = NoteKey.parse(GO_KEY)
    assert (key.name, key.identifier.hex(), key.text) == ("PeterNeumann", "c74f20a3", GO_KEY)


def test_a_note_that_another_tool_signed_verifies() -> None:
    octets = base64.b64decode(GO_SIGNATURE)
    key = NoteKey.parse(GO_KEY)
    assert octets[:4] == key.identifier
    key.verify(octets[4:], GO_TEXT)
    with pytest.raises(IntegrityFailure):
        key.verify(octets[4:], GO_TEXT + b"\n")


def test_a_key_string_survives_being_written_and_read() -> None:
    assert NoteKey.parse(f" {KEY.text}\n") == KEY


@pytest.mark.parametrize(
    "text",
    [
        "",
        "PeterNeumann",
        GO_KEY.replace("PeterNeumann", "PaulNeumann"),
        GO_KEY.replace("c74f20a3", "c74f20a4"),
        GO_KEY.replace("c74f20a3", "C74F20A3"),
        GO_KEY[:-4],
        GO_KEY + "AAAA",
        GO_KEY.replace("+AR", "+AB"),
        GO_KEY.replace("ARpc", "ÄRpc"),
        GO_KEY.replace("ARpc", "A*pc"),
        GO_KEY.replace("PeterNeumann", "\ud800"),
    ],
)
def test_what_is_no_key_is_told_to_the_operator(text: str) -> None:
    with pytest.raises(OperatorError, match="no ledger key"):
        NoteKey.parse(text)
