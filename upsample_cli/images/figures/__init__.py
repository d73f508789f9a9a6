"""Pictures about pictures: maps, spectra, grids."""
