"""The parts of ./dev bench: each has run(options) and gives rows of the table. Servers and clients are those of the tests."""
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests"))
