"""Many pictures: which, by whom, and what became of them."""
