"""Draw figures: heat maps, spectra, grids of numbers, crops and test pictures."""
