"""Software for small bioreactors: a cluster of reactors, or a simulated one on your desk."""
