"""The output guard of a unit: switches off outputs that no process owns. It uses no broker, network or plugins."""
