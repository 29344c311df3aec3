"""Cuts the network of a unit whose reactor is running, heals it, and counts what that cost.

Run: python -m bench.network_cut [--cut-s 30] [--speed 20] [--kinds "link down,silent,one way"] [--json FILE], as root.

Broker, web server and database writer live in one network namespace, the unit with its reactor in another one, with a
router in between (`netns`). The unit stirs, reads OD, estimates growth, keeps 37 °C and doses once in a minute of
its time. At the middle of every cut an LED automation ends, or begins, so that what the leader knew before is not the
truth any more. What the unit's journal holds at the end is what the leader's database is compared with.
"""
