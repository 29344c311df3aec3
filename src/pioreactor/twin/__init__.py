"""A reactor made of physics: one `World` per vial, and the simulated chips that look at it."""
