"""Keys and signatures: the registry, public keys, and the Signer interface."""
