"""The classical reader: a plate is cut into characters, each of which a small network names."""
