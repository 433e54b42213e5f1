"""The HTTP side of the agent: who may ask, and in what form the answer goes out."""
