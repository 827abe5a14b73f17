"""How fast Cuelight is: beside bluesky-queueserver and beside what the machine itself allows, in one run.

    python -m benchmarks.speed [--peer PYTHON] [--rounds 5] [--rows add,status] [--growth] [--json FILE] [--plot FILE]

Every row is measured on all its sides in turn, round by round, so that what else the machine does meets each of them.
"""
