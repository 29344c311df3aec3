"""A whole cluster with simulated reactors on this computer: broker, leader, and workers, each a process of its own."""
