"""Why a layer of a network cannot be audited."""


class UnreadableError(Exception):
    """What an audit needs is not in the file; the text says what, and becomes the layer's reason.

    It never leaves this room: a layer that cannot be read is a finding, not a failure.
    """
