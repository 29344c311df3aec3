"""Export of recorded data: datasets, their rows as CSV or Parquet, and archives of several."""
