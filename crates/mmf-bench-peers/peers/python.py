"""The peers for Python: lmdb, UltraDict, shared-memory-dict and Manager().dict.

One system and one row a call; the contract is in the documentation of mmf-bench-peers.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "python"))
sys.dont_write_bytecode = True

import rows

rows.run_one(dict(argument.split("=", 1) for argument in sys.argv[1:]))
