"""Nothing here but `test_fuzz.py` is a test: the rest is what it runs."""

collect_ignore = ["damage.py", "kills.py", "run.py", "seeds.py", "suite.py"]
