"""Pictures and their files; the only room that knows Pillow and file formats."""
