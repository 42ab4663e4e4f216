"""A register whose channels have a policy of the test's own."""

from dataclasses import replace

from keyworks.authority.channel import ChannelPolicy
from keyworks.authority.register import Register, Registers


class Policed(Registers):
    """The register in force, but for the policy of its channels."""

    policy = ChannelPolicy(server_keys="P-256")

    async def current(self) -> tuple[Register, tuple[int, int]]:
        register, epoch = await super().current()
        channels = {label: replace(one, policy=self.policy) for label, one in register.channels.items()}
        return replace(register, channels=channels), epoch
