"""Certified worst-case error between a neural network and its compressed twin."""

from twincert import _blas, sdp
from twincert._core import Activation, Dense, Layer
from twincert.attack import Attack, attack
from twincert.certificate import Certificate, CheckReport
from twincert.certifier import Certifier
from twincert.certify import Progress, certify
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
from twincert.many import certify_many
from twincert.measure import Affine, AffineBound, Margin, Output
from twincert.network import Network, Twin
from twincert.sets import Ball, Box, InputSet, Polytope
from twincert.settings import Settings, settings_table

__version__ = "0.1.0"

__all__ = [
    "Activation",
    "Affine",
    "AffineBound",
    "Attack",
    "BackendUnavailableError",
    "Ball",
    "Box",
    "Certificate",
    "Certifier",
    "CheckReport",
    "Dense",
    "InputSet",
    "Layer",
    "Margin",
    "Network",
    "Output",
    "ParseError",
    "Polytope",
    "Progress",
    "Settings",
    "SettingsError",
    "ShapeError",
    "Twin",
    "TwincertError",
    "UnsupportedLayerError",
    "attack",
    "certify",
    "certify_many",
    "load",
    "prune",
    "quantize",
    "save",
    "sdp",
    "settings_table",
]

_blas.register()
