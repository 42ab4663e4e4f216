"""A desk whose channels have a policy of the test's own."""

from dataclasses import replace

from keyworks.authority.channel import ChannelPolicy
from keyworks.authority.enrollment import Enrollment
from keyworks.authority.register import Register, Registers
from keyworks.service.installation import Installation
from keyworks.store.engine import Store
from keyworks.testing import EnrollmentDesk


class Policed(Registers):
    """The register in force, but for the policy of one channel.

    Args:
        store: Where the register is read.
        label: The channel's.
        policy: As the channel has it here; may be set anew.
    """

    def __init__(self, store: Store, label: str, policy: ChannelPolicy) -> None:
        super().__init__(store)
        self.label = label
        self.policy = policy

    async def current(self) -> tuple[Register, tuple[int, int]]:
        register, epoch = await super().current()
        channel = replace(register.channels[self.label], policy=self.policy)
        return replace(register, channels={**register.channels, self.label: channel}), epoch


def policed(
    desk: EnrollmentDesk, label: str, policy: ChannelPolicy
) -> tuple[EnrollmentDesk, Installation, Policed]:
    """Return a desk and its operators' installation, where the channel ``label`` has the policy."""
    registers = Policed(desk.store, label, policy)
    own = EnrollmentDesk(replace(desk.installation, registers=registers), desk.store)
    own.registers = registers
    own.enrollment = Enrollment(
        own.store, registers, own.authenticator, own.path, own.refusals, desk.installation.clock
    )
    return own, own.installation, registers
