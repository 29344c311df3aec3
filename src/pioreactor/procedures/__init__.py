"""What a person starts on one unit and watches: blanks, self-tests, calibrations."""
