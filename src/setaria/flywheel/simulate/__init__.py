"""Simulated households: by the model itself (`branching`), and by a world that is not the model (`world`)."""
