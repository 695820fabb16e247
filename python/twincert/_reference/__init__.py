"""Executable specification: every stage of the pipeline in plain NumPy and ``fractions.Fraction``.

Nothing here is fast and nothing imports the compiled core: tests compare the C++ against it, and readers learn the
method from it. Section numbers in the docstrings are those of the design note on the relaxation. A network is a list
of ``(W, b)`` pairs with one :class:`~twincert._reference.network.Activation` between consecutive pairs and none after
the last.
"""
