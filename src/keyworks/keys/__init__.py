"""Where signers live."""
