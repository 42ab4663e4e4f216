"""Certificate Management over CMS (RFC 5272, 6402), as EST carries it."""
