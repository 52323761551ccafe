"""What the training of all our networks shares."""
