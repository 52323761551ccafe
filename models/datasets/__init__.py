"""Pictures with labelled plates: read, written, checked, split and looked at, in the formats that people have."""
