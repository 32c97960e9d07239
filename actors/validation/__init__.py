"""`bin/pt-validate`: the mission's five tests before production, against the program as it is used.

The program runs as a process of its own. What is judged comes from its event lines, from its store
and from /proc: nothing in here looks into a running trader.
"""
