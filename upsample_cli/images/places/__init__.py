"""Where pictures are read and written: files, standard streams, objects in stores."""
