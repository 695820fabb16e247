"""Errors that twincert raises on purpose; each message says what was expected, what was found, and where."""


class TwincertError(Exception):
    """Base of all errors below."""


class ShapeError(TwincertError, ValueError):
    """Sizes or dimensions that do not fit together."""


class SettingsError(TwincertError, ValueError):
    """A setting or argument value outside its range."""


class ParseError(TwincertError, ValueError):
    """Data that cannot be understood or used: NaN, infinity, truncated or altered files, an empty input set."""


class UnsupportedLayerError(TwincertError, NotImplementedError):
    """A layer or operator that is not supported; the message names it and what would work."""


class BackendUnavailableError(TwincertError, RuntimeError):
    """A computing backend that is not built in or has no device."""
