"""The ledger's own name and key, and the sequencer of an installation that signs with it."""

from keyworks.algorithms.signer import Signer
from keyworks.errors import OperatorError
from keyworks.ledger.records import SELECT_IDENTITY
from keyworks.ledger.sequencer import Sequencer
from keyworks.service.installation import Installation


async def ledger_signer(installation: Installation) -> tuple[str, Signer]:
    """Return the ledger's name (its origin) and the signer of its checkpoints.

    Raises:
        OperatorError: The ledger has no name yet: the installation was never finished.
    """
    rows = await installation.store.read(lambda tx: tx.execute(SELECT_IDENTITY))
    if not rows:
        raise OperatorError("The ledger has no name yet; `keyworks init` has not finished. Run it anew.")
    origin, key_id = rows[0]
    return origin, await installation.keystore.signer(key_id)


async def open_sequencer(installation: Installation) -> Sequencer:
    """Return what places the installation's entries.

    Raises:
        OperatorError: The ledger has no name yet: the installation was never finished.
    """
    origin, signer = await ledger_signer(installation)
    return Sequencer(installation.store, signer, origin, installation.clock)
