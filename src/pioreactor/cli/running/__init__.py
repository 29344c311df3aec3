"""One module for the command line of each job and action."""
