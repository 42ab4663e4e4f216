"""``keyworks request``."""

from typing import TYPE_CHECKING, Any, Final

import click

from keyworks.cli.command import Group, Session
from keyworks.cli.paging import Pages, paged, print_pages
from keyworks.cli.table import Listing, print_one, report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keyworks.service.installation import Installation
    from keyworks.service.requests import PendingRequest

STATES: Final = ("pending", "approved", "rejected", "issued", "expired")
_COLUMNS: Final = {
    "ID": "id",
    "CHANNEL": "channel",
    "STATE": "state",
    "APPROVALS": "approvals",
    "REQUESTER": "requester",
    "SUBJECT": "subject",
}


@click.group(
    "request",
    cls=Group,
    examples=("keyworks request list --state pending", "keyworks request approve 0198f1c2-…"),
)
def request() -> None:
    """Requests that wait for approval: list, show, approve, reject."""


@request.command(
    "list",
    examples=("keyworks request list --state pending", "keyworks request list --after 0198f1c2-… --json"),
)
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@paged
@click.pass_obj
def list_(session: Session, state: str | None, limit: int | None, after: str) -> None:
    """List requests in the order in which they came."""
    from keyworks.service.requests import list_requests

    async def work(installation: "Installation") -> None:
        async def read(last: str, most: int) -> "Sequence[PendingRequest]":
            return await list_requests(installation, state or "", last, most)

        await print_pages(Listing(session, _COLUMNS), Pages(limit, after), read, _row)

    session.run(work)


@request.command(
    "show", examples=("keyworks request show 0198f1c2-…", "keyworks request show 0198f1c2-… --json")
)
@click.argument("request_id", metavar="ID")
@click.pass_obj
def show(session: Session, request_id: str) -> None:
    """Show a request: who asks, the certificate it would lead to now, and what was decided."""
    from keyworks.service.requests import find_request

    print_one(session, _document(session.run(lambda installation: find_request(installation, request_id))))


@request.command("approve", examples=("keyworks request approve 0198f1c2-…",))
@click.argument("request_id", metavar="ID")
@click.pass_obj
def approve(session: Session, request_id: str) -> None:
    """Approve a request.

    With the approvals that its channel asks for, each of another account, the requester gets its certificate
    when it asks next.
    """
    from keyworks.service.requests import approve_request

    one = session.run(lambda installation: approve_request(installation, request_id))
    missing = one.needed - one.asked.approvals
    next_step = (
        "The certificate is issued when the requester asks next."
        if missing <= 0
        else f"{missing} more, of another account, needed."
    )
    report(
        session,
        _document(one),
        f"Approved {one.id} for {one.asked.requester} ({one.asked.approvals} of {one.needed}): "
        f"{one.asked.profile} for {one.asked.subject}.",
        next_step,
    )


@request.command("reject", examples=("keyworks request reject 0198f1c2-… --reason 'not on the delivery note'",))
@click.argument("request_id", metavar="ID")
@click.option("--reason", required=True, help="Why; the requester is told, and the ledger keeps it.")
@click.pass_obj
def reject(session: Session, request_id: str, reason: str) -> None:
    """Reject a request, even one that was approved, as long as nothing was issued for it."""
    from keyworks.service.requests import reject_request

    one = session.run(lambda installation: reject_request(installation, request_id, reason))
    report(session, _document(one), f"Rejected {one.id} of {one.asked.requester}; it is told why.")


def _row(one: "PendingRequest") -> dict[str, Any]:
    return {
        "id": one.id,
        "channel": one.channel,
        "state": one.state,
        "approvals": f"{one.asked.approvals} of {one.needed}",
        "requester": one.asked.requester,
        "subject": one.asked.subject,
    }


def _document(one: "PendingRequest") -> dict[str, Any]:
    from keyworks.x509.certificate import time_text

    asked = one.asked
    return {
        **_row(one),
        "subject_alt_name": list(one.names),
        "profile": f"{asked.profile}/{asked.profile_version}",
        "key": asked.key_type,
        "public_key": asked.public_key.hex(),
        "not_before": time_text(one.not_before),
        "not_after": time_text(one.not_after),
        "owner": asked.owner,
        "source": asked.source,
        "asked": time_text(asked.created_at),
        "waits_until": time_text(asked.expires_at),
        "certificate": asked.certificate_id,
        "decisions": [
            f"{'approved' if made.approves else 'rejected'} by {made.actor} at {time_text(made.at)}"
            + (f": {made.reason}" if made.reason else "")
            for made in asked.decisions
        ],
    }
