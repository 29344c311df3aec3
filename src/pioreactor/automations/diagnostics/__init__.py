"""Checks that compare what a reactor does with what it was told to do: numbers in, findings out."""
