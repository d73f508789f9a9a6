"""Where pictures are read and written: files, streams, objects."""
