"""From a picture, an animation or arrays to a larger one."""
