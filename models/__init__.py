"""The networks: what they are, and how to run them."""
