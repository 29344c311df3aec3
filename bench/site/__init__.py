"""Load of a site: a real leader, simulated units that speak the units' protocol, and browsers that look."""
