"""Roll-ups of recorded quantities: minutes and three coarser levels, kept beside the rows, so that any zoom is fast."""
