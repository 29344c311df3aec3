"""Messages between jobs: the promise, and the brokers that keep it."""
