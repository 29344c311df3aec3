"""Notifiers: hand one message about alarms to a mail server, a webhook, the broker or a program."""
