"""What a unit answers about itself."""
