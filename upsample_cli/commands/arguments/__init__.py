"""The arguments of commands: options, file names, and the request made from them."""
