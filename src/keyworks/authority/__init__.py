"""The certification authorities, and the one path on which a certificate is issued."""
