"""`anpr model …`: data for the networks, and what they are worth on it; needs the extra `train`."""
