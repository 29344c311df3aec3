"""What the software says about itself while it runs."""
