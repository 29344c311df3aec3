"""Single physical acts."""
