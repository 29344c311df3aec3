"""The audit trail: verification of its chain of hashes, signed heads, and what of a request is kept."""
