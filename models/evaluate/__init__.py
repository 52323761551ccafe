"""What the networks are worth: figures, curves and drawn errors on labelled pictures."""
