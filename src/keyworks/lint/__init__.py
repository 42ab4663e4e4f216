"""Rules that a TBS meets before it is signed; one module per source."""
