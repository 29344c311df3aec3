"""Makes a machine a unit of a cluster: packages, account, environment, services. Root runs it as a program.

It uses the standard library only, as nothing else is on a fresh machine, and runs from a wheel that is not installed:
`sudo python3 pioreactor-….whl/pioreactor/install leader`.
"""
