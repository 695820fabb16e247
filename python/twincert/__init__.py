"""Certified worst-case error between a neural network and its compressed twin."""

from twincert import _blas
from twincert._core import Activation, Dense, Layer
from twincert.attack import Attack, attack
from twincert.compress import prune, quantize
from twincert.errors import (
    BackendUnavailableError,
    ParseError,
    SettingsError,
    ShapeError,
    TwincertError,
    UnsupportedLayerError,
)
from twincert.io import load, save
from twincert.network import Network, Twin
from twincert.sets import Ball, Box, InputSet, Polytope

__version__ = "0.1.0"

__all__ = [
    "Activation",
    "Attack",
    "BackendUnavailableError",
    "Ball",
    "Box",
    "Dense",
    "InputSet",
    "Layer",
    "Network",
    "ParseError",
    "Polytope",
    "SettingsError",
    "ShapeError",
    "Twin",
    "TwincertError",
    "UnsupportedLayerError",
    "attack",
    "load",
    "prune",
    "quantize",
    "save",
]

_blas.register()
