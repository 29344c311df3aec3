"""Updates of the software that a unit runs: a new environment beside the present one, checked before it is used."""
