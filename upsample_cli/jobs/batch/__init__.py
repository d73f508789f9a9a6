"""Batches of pictures: the plan, the processes that do the work, and the run."""
