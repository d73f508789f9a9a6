"""What the command line says: options, names, and the request that they make."""
