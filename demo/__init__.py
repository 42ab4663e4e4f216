"""The demo: two installations that share no root, one production line, one commissioned device."""
