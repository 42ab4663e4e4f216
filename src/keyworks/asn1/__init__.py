"""What goes over the wire, as declared types: one file per RFC family, no logic."""
