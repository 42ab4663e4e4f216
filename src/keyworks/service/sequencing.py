"""The sequencer of an installation, with the ledger's own name and key."""

from keyworks.errors import OperatorError
from keyworks.ledger.records import SELECT_IDENTITY
from keyworks.ledger.sequencer import Sequencer
from keyworks.service.installation import Installation


async def open_sequencer(installation: Installation) -> Sequencer:
    """Return what places the installation's entries.

    Raises:
        OperatorError: The ledger has no name yet: the installation was never finished.
    """
    rows = await installation.store.read(lambda tx: tx.execute(SELECT_IDENTITY))
    if not rows:
        raise OperatorError("The ledger has no name yet; `keyworks init` has not finished. Run it anew.")
    origin, key_id = rows[0]
    signer = await installation.keystore.signer(key_id)
    return Sequencer(installation.store, signer, origin, installation.clock)
